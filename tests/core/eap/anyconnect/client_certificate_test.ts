/** Certificate and signature of a client: the recorded ones, every form of signature, and forgeries. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { concatBytes, utf8 } from "../../../../core/bytes.ts";
import {
  derElement,
  derInteger,
  derOid,
  derSequence,
  derSet,
} from "../../../../core/crypto/der.ts";
import { nobleProvider } from "../../../../core/crypto/noble_provider.ts";
import {
  buildClientProof,
  type ClientProof,
  verifyClientCertificate,
} from "../../../../core/eap/anyconnect/client_certificate.ts";
import { buildCertificateBag, parseCertificateBag } from "../../../../core/eap/anyconnect/pkcs7.ts";
import { limits } from "../../../../core/limits.ts";
import { wall } from "../../../../core/moment.ts";
import { purposes } from "../../../../core/pki/build.ts";
import { signAuth } from "../../../../core/sa/signature_auth.ts";
import { hex, toHex } from "../../../support/hex.ts";
import { bitFlips, truncations } from "../../../support/mutate.ts";
import { vectorTest } from "../../../support/vectors.ts";
import { certify, certifyCa, NOW, signerOf } from "../../pki/authority.ts";
import { certificatesOf, proofOf, recorded } from "./recorded.ts";

vectorTest("the recorded bag is read and built again octet by octet", recorded, (s) => {
  const bag = parseCertificateBag(hex(s.PKCS7_tlv_value));
  ok(bag.ok);
  equal(bag.value.length, 2);
  equal(toHex(bag.value[0]!), s.client_cert_der);
  equal(toHex(buildCertificateBag(bag.value)), s.PKCS7_tlv_value);
});

vectorTest("the recorded signature proves the recorded certificate", recorded, (s) => {
  const verified = verifyClientCertificate(
    hex(s.PKCS7_tlv_value),
    hex(s.SIGN_tlv_value),
    proofOf(s),
  );
  ok(verified.ok);
  equal(toHex(verified.value.certificate.der), s.client_cert_der);
});

vectorTest(
  "the recorded signature proves nothing over other octets, hashes, times or CAs",
  recorded,
  (s) => {
    const check = (changes: Partial<ClientProof>): string | undefined => {
      const { PKCS7_tlv_value, SIGN_tlv_value } = s;
      const verified = verifyClientCertificate(
        hex(PKCS7_tlv_value),
        hex(SIGN_tlv_value),
        proofOf(s, changes),
      );
      return verified.ok ? undefined : verified.fault;
    };
    equal(check({ octets: hex(`${s.initiator_octets}00`) }), "bad-signature");
    equal(check({ prfHash: "sha384" }), "bad-signature");
    equal(check({ prfHash: "sha1" }), "bad-signature");
    equal(check({ at: wall(Date.UTC(2026, 0, 1)) }), "certificate-not-yet-valid");
    equal(check({ at: wall(Date.UTC(2031, 0, 1)) }), "certificate-expired");
    equal(check({ anchors: [] }), "certificate-no-issuer");
    equal(check({ anchors: [certifyCa("Test CA")] }), "certificate-no-issuer");
    equal(check({ hasRfc7427: true }), undefined);
    equal(certificatesOf(s)[0].subject.text.includes("client1"), true);
  },
);

const octets = utf8("what the initiator signs");
const authority = certifyCa("ca");
const clientAuth = [purposes("CLIENT_AUTH")];

function proof(changes: Partial<ClientProof> = {}): ClientProof {
  return {
    crypto: nobleProvider,
    octets,
    prfHash: "sha256",
    hasRfc7427: false,
    anchors: [authority],
    at: NOW,
    allowSha1: false,
    ...changes,
  };
}

const leaf = certify("alice", "ca", clientAuth);
const bag = buildCertificateBag([leaf.der, authority.der]);

Deno.test("what our own client makes is verified, for ECDSA and every PRF hash", () => {
  const certificate = { certificates: [leaf.der], signer: signerOf("alice") };
  for (const prfHash of ["sha256", "sha384", "sha512"] as const) {
    const { pkcs7, sign } = buildClientProof(certificate, octets, prfHash);
    equal(sign.length, 64);
    ok(verifyClientCertificate(pkcs7, sign, proof({ prfHash })).ok, prfHash);
  }
});

Deno.test("ECDSA is taken as r|s and as DER, with the curve's hash and with the PRF's", () => {
  const signer = signerOf("alice");
  for (const hash of ["sha256", "sha512"] as const) {
    for (const encoding of ["raw", "der"] as const) {
      const signature = signer.sign({ kind: "ecdsa", hash, encoding }, octets);
      ok(verifyClientCertificate(bag, signature, proof({ prfHash: "sha512" })).ok);
    }
  }
  const other = signer.sign({ kind: "ecdsa", hash: "sha384", encoding: "raw" }, octets);
  ok(!verifyClientCertificate(bag, other, proof({ prfHash: "sha512" })).ok);
});

Deno.test("RFC 7427: the framed form counts only when both sides announced it", () => {
  const options = { peerHashes: [2, 3, 4], legacyRsaHash: "sha256" } as const;
  const { data } = signAuth(signerOf("alice"), octets, options);
  ok(verifyClientCertificate(bag, data, proof({ hasRfc7427: true })).ok);
  ok(!verifyClientCertificate(bag, data, proof()).ok);
  const bare = signerOf("alice").sign({ kind: "ecdsa", hash: "sha256", encoding: "raw" }, octets);
  ok(verifyClientCertificate(bag, bare, proof({ hasRfc7427: true })).ok);
});

Deno.test("RSA: a bare signature has the hash of the PRF, a framed one says its own", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
  const signer = nobleProvider.importPrivateKey(new Uint8Array(pkcs8));
  ok(signer !== undefined);
  const own = certify("rsa-user", "ca", clientAuth, { spki: signer.spki });
  const rsaBag = buildCertificateBag([own.der]);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  for (const hash of ["sha256", "sha384", "sha512"] as const) {
    const bare = new Uint8Array(sign(hash, octets, key));
    equal(verifyClientCertificate(rsaBag, bare, proof({ prfHash: hash })).ok, true);
    equal(
      verifyClientCertificate(rsaBag, bare, proof({ prfHash: "sha256" })).ok,
      hash === "sha256",
    );
    const options = { peerHashes: [{ sha256: 2, sha384: 3, sha512: 4 }[hash]] };
    const framed = signAuth(signer, octets, { ...options, legacyRsaHash: "sha256" }).data;
    ok(framed.length > 256);
    ok(verifyClientCertificate(rsaBag, framed, proof({ hasRfc7427: true })).ok);
    ok(!verifyClientCertificate(rsaBag, framed, proof()).ok);
  }
  const sha1 = new Uint8Array(sign("sha1", octets, key));
  ok(!verifyClientCertificate(rsaBag, sha1, proof({ prfHash: "sha1" })).ok);
  ok(!verifyClientCertificate(rsaBag, sha1, proof()).ok);
  ok(verifyClientCertificate(rsaBag, sha1, proof({ allowSha1: true })).ok);
});

Deno.test("a certificate for servers, of a stranger, or without a key for its signature is refused", () => {
  const signature = signerOf("alice").sign(
    { kind: "ecdsa", hash: "sha256", encoding: "raw" },
    octets,
  );
  const check = (certificates: readonly Uint8Array[]): string => {
    const verified = verifyClientCertificate(buildCertificateBag(certificates), signature, proof());
    return verified.ok ? "" : verified.fault;
  };
  const server = certify("alice", "ca", [purposes("SERVER_AUTH")]);
  equal(check([server.der]), "certificate-wrong-purpose");
  equal(check([certify("alice", "mallory", clientAuth).der]), "certificate-no-issuer");
  equal(check([certify("bob", "ca", clientAuth).der]), "bad-signature");
  equal(check([certify("bob", "ca", clientAuth).der, leaf.der]), "bad-signature");
  equal(check([derSequence(derInteger(1))]), "certificate-unreadable");
  equal(check([]), "no-client-certificate");
});

Deno.test("an intermediate may come along, in any order and beside rubbish", () => {
  const middle = certifyCa("middle", "ca");
  const deep = certify("alice", "middle", clientAuth);
  const signature = signerOf("alice").sign(
    { kind: "ecdsa", hash: "sha256", encoding: "raw" },
    octets,
  );
  const rubbish = derSequence(derInteger(7));
  for (const others of [[middle.der, rubbish], [rubbish, authority.der, middle.der]]) {
    ok(verifyClientCertificate(buildCertificateBag([deep.der, ...others]), signature, proof()).ok);
  }
  ok(!verifyClientCertificate(buildCertificateBag([deep.der]), signature, proof()).ok);
});

Deno.test("a bag is read leniently around its certificates, and their number is limited", () => {
  const content = derSequence(
    derInteger(3),
    derSet(derSequence(derOid("2.16.840.1.101.3.4.2.1"))),
    derSequence(derOid("1.2.840.113549.1.7.1")),
    derElement(0xa0, derElement(0xa1, derInteger(1)), leaf.der),
    derElement(0xa1, derSequence()),
    derSet(derSequence(derInteger(1))),
  );
  const odd = derSequence(derOid("1.2.840.113549.1.7.2"), derElement(0xa0, content));
  deepEqual(parseCertificateBag(odd), { ok: true, value: [leaf.der] });
  const full = new Array<Uint8Array>(limits.certificatesPerMessage).fill(leaf.der);
  ok(parseCertificateBag(buildCertificateBag(full)).ok);
  const over = parseCertificateBag(buildCertificateBag([...full, leaf.der]));
  ok(!over.ok && over.fault.kind === "too-many");
  const data = derSequence(derOid("1.2.840.113549.1.7.1"), derElement(0xa0, content));
  ok(!parseCertificateBag(data).ok);
});

Deno.test("no mutant of a bag or a signature throws, and no mutant of a signature is good", () => {
  const signature = signerOf("alice").sign(
    { kind: "ecdsa", hash: "sha256", encoding: "raw" },
    octets,
  );
  for (const { bytes } of [...bitFlips(bag), ...truncations(bag)]) parseCertificateBag(bytes);
  const some = [...bitFlips(signature)].filter((_, i) => i % 16 === 0);
  for (const { name, bytes } of [...some, ...truncations(signature)].slice(0, 40)) {
    ok(!verifyClientCertificate(bag, bytes, proof({ hasRfc7427: true })).ok, name);
  }
  const framed = concatBytes(Uint8Array.of(255), signature);
  ok(!verifyClientCertificate(bag, framed, proof({ hasRfc7427: true })).ok);
});
