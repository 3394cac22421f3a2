/**
 * AlgorithmIdentifiers of signatures (RFC 4055, RFC 5758), as certificates and RFC 7427 carry them.
 *
 * RSASSA-PSS only with MGF1 over the same hash and a salt as long as the hash (RFC 8017's default
 * practice and RFC 7427's examples); hashes older than SHA-1 are not known.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import {
  contextTag,
  derElement,
  derInteger,
  derNull,
  derOid,
  DerReader,
  derSequence,
} from "../crypto/der.ts";
import type { HashName, SignatureScheme } from "../crypto/provider.ts";

const PSS_OID = "1.2.840.113549.1.1.10";
const MGF1_OID = "1.2.840.113549.1.1.8";

interface HashFacts {
  readonly oid: string;
  readonly rsa: string;
  readonly ecdsa: string;
  readonly bytes: number;
}

const HASHES: Readonly<Record<HashName, HashFacts>> = {
  sha1: {
    oid: "1.3.14.3.2.26",
    rsa: "1.2.840.113549.1.1.5",
    ecdsa: "1.2.840.10045.4.1",
    bytes: 20,
  },
  sha256: {
    oid: "2.16.840.1.101.3.4.2.1",
    rsa: "1.2.840.113549.1.1.11",
    ecdsa: "1.2.840.10045.4.3.2",
    bytes: 32,
  },
  sha384: {
    oid: "2.16.840.1.101.3.4.2.2",
    rsa: "1.2.840.113549.1.1.12",
    ecdsa: "1.2.840.10045.4.3.3",
    bytes: 48,
  },
  sha512: {
    oid: "2.16.840.1.101.3.4.2.3",
    rsa: "1.2.840.113549.1.1.13",
    ecdsa: "1.2.840.10045.4.3.4",
    bytes: 64,
  },
};
const HASH_NAMES: readonly HashName[] = ["sha1", "sha256", "sha384", "sha512"];

/** The scheme of an AlgorithmIdentifier (DER); `undefined` when malformed or not supported. */
export function parseSignatureAlgorithm(identifier: Bytes): SignatureScheme | undefined {
  const outer = new DerReader(identifier, "signatureAlgorithm");
  const reader = outer.sequence("identifier");
  const oid = reader.oid("algorithm");
  const scheme = schemeOf(oid, reader);
  return reader.end() ?? outer.end() ? undefined : scheme;
}

function schemeOf(oid: string, reader: DerReader): SignatureScheme | undefined {
  if (oid === PSS_OID) return parsePss(reader.sequence("parameters"));
  for (const hash of HASH_NAMES) {
    if (oid === HASHES[hash].ecdsa) return { kind: "ecdsa", hash, encoding: "der" };
    if (oid === HASHES[hash].rsa) {
      if (!reader.atEnd) reader.null("parameters"); // some issuers leave the NULL out
      return { kind: "rsa-pkcs1", hash };
    }
  }
  return undefined;
}

/** RSASSA-PSS-params (RFC 4055 §3.1), whose defaults are SHA-1 and a salt of 20. */
function parsePss(reader: DerReader): SignatureScheme | undefined {
  const hashField = reader.enterOptional(contextTag(0, "constructed"), "hashAlgorithm");
  const hash = hashField === undefined ? "sha1" : hashIn(hashField);
  hashField?.end();
  const maskField = reader.enterOptional(contextTag(1, "constructed"), "maskGenAlgorithm");
  const mask = maskField === undefined ? "sha1" : maskHashIn(maskField);
  maskField?.end();
  const saltField = reader.enterOptional(contextTag(2, "constructed"), "saltLength");
  const salt = saltField === undefined ? 20 : saltField.smallInteger("value");
  saltField?.end();
  const trailerField = reader.enterOptional(contextTag(3, "constructed"), "trailerField");
  const trailer = trailerField === undefined ? 1 : trailerField.smallInteger("value");
  trailerField?.end();
  if (reader.end() !== undefined || hash === undefined) return undefined;
  if (mask !== hash || salt !== HASHES[hash].bytes || trailer !== 1) return undefined;
  return { kind: "rsa-pss", hash };
}

function hashIn(field: DerReader): HashName | undefined {
  const reader = field.sequence("hash");
  const oid = reader.oid("algorithm");
  if (!reader.atEnd) reader.null("parameters");
  reader.end();
  return HASH_NAMES.find((hash) => HASHES[hash].oid === oid);
}

function maskHashIn(field: DerReader): HashName | undefined {
  const reader = field.sequence("mask");
  const oid = reader.oid("algorithm");
  const hash = hashIn(reader);
  reader.end();
  return oid === MGF1_OID ? hash : undefined;
}

/** The AlgorithmIdentifier (DER) of a scheme; "raw" ECDSA has the identifier of "der". */
export function buildSignatureAlgorithm(scheme: SignatureScheme): OwnedBytes {
  const facts = HASHES[scheme.hash];
  switch (scheme.kind) {
    case "ecdsa":
      return derSequence(derOid(facts.ecdsa));
    case "rsa-pkcs1":
      return derSequence(derOid(facts.rsa), derNull());
    case "rsa-pss": {
      const hash = derSequence(derOid(facts.oid), derNull());
      const explicit = (number: number, content: Bytes): OwnedBytes =>
        derElement(contextTag(number, "constructed"), content);
      const parameters = derSequence(
        explicit(0, hash),
        explicit(1, derSequence(derOid(MGF1_OID), hash)),
        explicit(2, derInteger(facts.bytes)),
      );
      return derSequence(derOid(PSS_OID), parameters);
    }
  }
}
