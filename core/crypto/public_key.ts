/**
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of RSA keys (RFC 3279 §2.3.1) and of keys on named curves
 * (RFC 5480), both ways. Other algorithms, compressed points and explicit curve parameters are refused.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { bitLength, integerOf, minimalOctets } from "./big_octets.ts";
import { type CurveFacts, curveOfOid } from "./curves.ts";
import { derBitString, derInteger, derNull, derOid, DerReader, derSequence } from "./der.ts";
import type { KeyKind } from "./provider.ts";

/** rsaEncryption. */
export const RSA_OID = "1.2.840.113549.1.1.1";
/** id-ecPublicKey. */
export const EC_OID = "1.2.840.10045.2.1";

/** Shorter moduli are not secure, longer ones cost too much to check. */
const MODULUS_BITS = { least: 1024, most: 8192 } as const;
/** libcrypto's bound for public exponents of large moduli. */
const EXPONENT_BITS = 64;

/** A public key in its parts. */
export type PublicKey =
  | { readonly kind: "rsa"; readonly modulus: bigint; readonly exponent: bigint }
  /** `point` is 4 | x | y; whether it lies on the curve is not checked here. */
  | { readonly kind: "ec"; readonly curve: CurveFacts; readonly point: OwnedBytes };

/** The parts of a SubjectPublicKeyInfo; `undefined` when it is malformed or not supported. */
export function parsePublicKey(spki: Bytes): PublicKey | undefined {
  const outer = new DerReader(spki, "spki");
  const info = outer.sequence("info");
  const algorithm = parseKeyAlgorithm(info.sequence("algorithm"));
  const octets = info.bitString("subjectPublicKey");
  if (info.end() ?? outer.end()) return undefined;
  if (algorithm === undefined) return undefined;
  return algorithm === "rsa" ? parseRsa(octets) : ecPublicKey(algorithm, octets);
}

/** The AlgorithmIdentifier of a key: "rsa", or its curve. */
export function parseKeyAlgorithm(identifier: DerReader): "rsa" | CurveFacts | undefined {
  const oid = identifier.oid("algorithm");
  if (oid === RSA_OID) {
    if (!identifier.atEnd) identifier.null("parameters");
    return identifier.end() ? undefined : "rsa";
  }
  if (oid !== EC_OID) return undefined;
  const curve = curveOfOid(identifier.oid("namedCurve"));
  return identifier.end() ? undefined : curve;
}

function parseRsa(octets: Bytes): PublicKey | undefined {
  const outer = new DerReader(octets, "rsaPublicKey");
  const key = outer.sequence("key");
  const modulus = integerOf(key.unsigned("modulus"));
  const exponent = integerOf(key.unsigned("publicExponent"));
  if (key.end() ?? outer.end()) return undefined;
  return isUsableRsa(modulus, exponent) ? { kind: "rsa", modulus, exponent } : undefined;
}

/** Whether an RSA modulus and exponent have sizes and parities that we work with. */
export function isUsableRsa(modulus: bigint, exponent: bigint): boolean {
  const bits = bitLength(modulus);
  return bits >= MODULUS_BITS.least && bits <= MODULUS_BITS.most && (modulus & 1n) === 1n &&
    exponent >= 3n && (exponent & 1n) === 1n && bitLength(exponent) <= EXPONENT_BITS;
}

function ecPublicKey(curve: CurveFacts, point: Bytes): PublicKey | undefined {
  if (point.length !== 1 + 2 * curve.length || point[0] !== 4) return undefined;
  return { kind: "ec", curve, point: point.slice() };
}

/** The SubjectPublicKeyInfo of a key. */
export function buildPublicKey(key: PublicKey): OwnedBytes {
  if (key.kind === "rsa") {
    return derSequence(
      derSequence(derOid(RSA_OID), derNull()),
      derBitString(
        derSequence(
          derInteger(minimalOctets(key.modulus)),
          derInteger(minimalOctets(key.exponent)),
        ),
      ),
    );
  }
  return derSequence(
    derSequence(derOid(EC_OID), derOid(key.curve.oid)),
    derBitString(key.point),
  );
}

/** What `Signer.key` says of a key. */
export function keyKindOf(key: PublicKey): KeyKind {
  return key.kind === "rsa"
    ? { kind: "rsa", modulusBits: bitLength(key.modulus) }
    : { kind: "ec", curve: key.curve.name };
}
