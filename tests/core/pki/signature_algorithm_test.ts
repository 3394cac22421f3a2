/** AlgorithmIdentifiers of signatures against the octets that RFC 7427 prints. */
import { deepEqual, equal } from "node:assert/strict";
import type { SignatureScheme } from "../../../core/crypto/provider.ts";
import {
  buildSignatureAlgorithm,
  parseSignatureAlgorithm,
} from "../../../core/pki/signature_algorithm.ts";
import { hex, toHex } from "../../support/hex.ts";
import { bitFlips, truncations } from "../../support/mutate.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";

const vector = readVectorJson<{ readonly blobs: Readonly<Record<string, string>> }>(
  "own/rfc-values/rfc7427-algorithm-identifiers.json",
);
const schemes: Readonly<Record<string, SignatureScheme>> = {
  ASN1_PKCS1_1_5_RSA_SHA1_BLOB: { kind: "rsa-pkcs1", hash: "sha1" },
  ASN1_PKCS1_1_5_RSA_SHA2_256_BLOB: { kind: "rsa-pkcs1", hash: "sha256" },
  ASN1_PKCS1_1_5_RSA_SHA2_384_BLOB: { kind: "rsa-pkcs1", hash: "sha384" },
  ASN1_PKCS1_1_5_RSA_SHA2_512_BLOB: { kind: "rsa-pkcs1", hash: "sha512" },
  ASN1_ECDSA_SHA1_BLOB: { kind: "ecdsa", hash: "sha1", encoding: "der" },
  ASN1_ECDSA_SHA2_256_BLOB: { kind: "ecdsa", hash: "sha256", encoding: "der" },
  ASN1_ECDSA_SHA2_384_BLOB: { kind: "ecdsa", hash: "sha384", encoding: "der" },
  ASN1_ECDSA_SHA2_512_BLOB: { kind: "ecdsa", hash: "sha512", encoding: "der" },
  ASN1_RSASSA_PSS_SHA2_256_BLOB: { kind: "rsa-pss", hash: "sha256" },
  ASN1_RSASSA_PSS_SHA2_384_BLOB: { kind: "rsa-pss", hash: "sha384" },
  ASN1_RSASSA_PSS_SHA2_512_BLOB: { kind: "rsa-pss", hash: "sha512" },
};

vectorTest("RFC 7427 appendix A: identifiers parse and build", vector, ({ blobs }) => {
  for (const [name, scheme] of Object.entries(schemes)) {
    deepEqual(parseSignatureAlgorithm(hex(blobs[name] ?? "")), scheme, name);
    equal(toHex(buildSignatureAlgorithm(scheme)), blobs[name], name);
  }
  equal(parseSignatureAlgorithm(hex(blobs["ASN1_DSA_SHA1_BLOB"] ?? "")), undefined);
});

vectorTest("RSASSA-PSS whose parameters do not agree is not supported", vector, ({ blobs }) => {
  const good = blobs["ASN1_RSASSA_PSS_SHA2_256_BLOB"] ?? "";
  const otherSalt = good.slice(0, -2) + "14";
  equal(parseSignatureAlgorithm(hex(otherSalt)), undefined);
  const otherMask = good.replace(/(.*)0402010500/, "$10402020500");
  equal(parseSignatureAlgorithm(hex(otherMask)), undefined);
  // RFC 4055 §3.1: without parameters' fields the hash is SHA-1 and the salt has 20 octets.
  const defaults = parseSignatureAlgorithm(hex("300d06092a864886f70d01010a3000"));
  deepEqual(defaults, { kind: "rsa-pss", hash: "sha1" });
});

vectorTest("no mutant throws", vector, ({ blobs }) => {
  for (const blob of Object.values(blobs)) {
    for (const { bytes } of [...bitFlips(hex(blob)), ...truncations(hex(blob))]) {
      const scheme = parseSignatureAlgorithm(bytes);
      if (scheme !== undefined) equal(typeof scheme.hash, "string");
    }
  }
});
