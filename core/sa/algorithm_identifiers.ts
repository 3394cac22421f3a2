/**
 * The AlgorithmIdentifiers of RFC 7427 as octets, both ways.
 *
 * There are so few of them that each is built once and received ones are looked up whole: no parser
 * to get wrong. Besides the canonical forms of RFC 7427 Appendix A the table has the spellings that
 * RFC 4055 lets a sender choose. RSASSA-PSS with its default parameters (SHA-1) is not in it, nor
 * are salts of another length than the hash.
 */
import { type Bytes, concatBytes, equalBytes, type OwnedBytes } from "../bytes.ts";
import { contextTag, derElement, derInteger, derNull, derOid, derSequence } from "../crypto/der.ts";
import type { HashName, SignatureScheme } from "../crypto/provider.ts";

interface HashFacts {
  readonly oid: string;
  readonly length: number;
  readonly rsa: string;
  readonly ecdsa: string;
}

const hashes: Readonly<Record<HashName, HashFacts>> = {
  sha1: {
    oid: "1.3.14.3.2.26",
    length: 20,
    rsa: "1.2.840.113549.1.1.5",
    ecdsa: "1.2.840.10045.4.1",
  },
  sha256: {
    oid: "2.16.840.1.101.3.4.2.1",
    length: 32,
    rsa: "1.2.840.113549.1.1.11",
    ecdsa: "1.2.840.10045.4.3.2",
  },
  sha384: {
    oid: "2.16.840.1.101.3.4.2.2",
    length: 48,
    rsa: "1.2.840.113549.1.1.12",
    ecdsa: "1.2.840.10045.4.3.3",
  },
  sha512: {
    oid: "2.16.840.1.101.3.4.2.3",
    length: 64,
    rsa: "1.2.840.113549.1.1.13",
    ecdsa: "1.2.840.10045.4.3.4",
  },
};

const RSASSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";

interface Entry {
  readonly octets: OwnedBytes;
  readonly scheme: SignatureScheme;
}

/** Canonical form first, for each scheme. */
const entries: readonly Entry[] = (["sha1", "sha256", "sha384", "sha512"] as const).flatMap(
  (hash): Entry[] => [
    ...rsaForms(hash).map((octets): Entry => ({ octets, scheme: { kind: "rsa-pkcs1", hash } })),
    {
      octets: derSequence(derOid(hashes[hash].ecdsa)),
      scheme: { kind: "ecdsa", hash, encoding: "der" },
    },
    ...pssForms(hash).map((octets): Entry => ({ octets, scheme: { kind: "rsa-pss", hash } })),
  ],
);

/** RFC 4055 §5: the parameters are NULL; some leave them out. */
function rsaForms(hash: HashName): readonly OwnedBytes[] {
  const oid = derOid(hashes[hash].rsa);
  return [derSequence(oid, derNull()), derSequence(oid)];
}

/** RFC 4055 §3.1: NULL may be missing in both hash identifiers; the trailer is 1 by default. */
function pssForms(hash: HashName): readonly OwnedBytes[] {
  if (hash === "sha1") return [];
  const { oid, length } = hashes[hash];
  const hashForms = [derSequence(derOid(oid), derNull()), derSequence(derOid(oid))];
  const trailers = [new Uint8Array(0), explicit(3, derInteger(1))];
  return trailers.flatMap((trailer) =>
    hashForms.flatMap((own) =>
      hashForms.map((mgf) =>
        derSequence(
          derOid(RSASSA_PSS),
          derSequence(
            explicit(0, own),
            explicit(1, derSequence(derOid(MGF1), mgf)),
            concatBytes(explicit(2, derInteger(length)), trailer),
          ),
        )
      )
    )
  );
}

function explicit(number: number, element: Bytes): OwnedBytes {
  return derElement(contextTag(number, "constructed"), element);
}

/** The canonical AlgorithmIdentifier (DER) of a scheme; `undefined` where RFC 7427 has none. */
export function buildAlgorithmIdentifier(scheme: SignatureScheme): OwnedBytes | undefined {
  return entries.find(({ scheme: known }) =>
    known.kind === scheme.kind && known.hash === scheme.hash &&
    (scheme.kind !== "ecdsa" || scheme.encoding === "der")
  )?.octets;
}

/**
 * The scheme that an AlgorithmIdentifier (DER, exactly) names; `undefined` when it is not known.
 */
export function parseAlgorithmIdentifier(octets: Bytes): SignatureScheme | undefined {
  return entries.find((entry) => equalBytes(entry.octets, octets))?.scheme;
}
