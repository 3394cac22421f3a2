/**
 * PKCS #8 private keys (RFC 5208, RFC 5958), unencrypted: RSA (RFC 8017 A.1.2, two primes) and keys on
 * named curves (RFC 5915). The arithmetic of an RSA key is checked, so that a damaged file is refused when it
 * is read and not by a peer.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { integerOf, minimalOctets } from "./big_octets.ts";
import { type CurveFacts, curveOfOid, isScalarOf } from "./curves.ts";
import {
  contextTag,
  derBitString,
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  DerReader,
  derSequence,
} from "./der.ts";
import { EC_OID, isUsableRsa, parseKeyAlgorithm, RSA_OID } from "./public_key.ts";

/** An RSA private key; names as in RFC 8017 A.1.2. */
export interface RsaPrivateKey {
  /** RSA. */
  readonly kind: "rsa";
  /** n. */
  readonly modulus: bigint;
  /** e. */
  readonly publicExponent: bigint;
  /** d. */
  readonly privateExponent: bigint;
  /** p. */
  readonly prime1: bigint;
  /** q. */
  readonly prime2: bigint;
  /** d mod (p - 1). */
  readonly exponent1: bigint;
  /** d mod (q - 1). */
  readonly exponent2: bigint;
  /** The inverse of q modulo p. */
  readonly coefficient: bigint;
}

/** A private key on a named curve. */
export interface EcPrivateKey {
  /** Elliptic curve. */
  readonly kind: "ec";
  /** Which. */
  readonly curve: CurveFacts;
  /** The secret, as long as the order. */
  readonly scalar: OwnedBytes;
  /** The public point that the file has beside it, 4 | x | y. */
  readonly point: OwnedBytes | undefined;
}

/** The parts of a PKCS #8 key; `undefined` when it is malformed, inconsistent or not supported. */
export function parsePrivateKey(pkcs8: Bytes): RsaPrivateKey | EcPrivateKey | undefined {
  const outer = new DerReader(pkcs8, "pkcs8");
  const info = outer.sequence("info");
  const version = info.smallInteger("version"); // 1 has a public key behind the attributes
  const algorithm = parseKeyAlgorithm(info.sequence("algorithm"));
  const octets = info.octetString("privateKey");
  info.optional(contextTag(0, "constructed"), "attributes");
  if (version === 1) info.optional(contextTag(1, "primitive"), "publicKey");
  if (info.end() ?? outer.end()) return undefined;
  if (version > 1 || algorithm === undefined) return undefined;
  return algorithm === "rsa" ? parseRsa(octets) : parseEc(algorithm, octets);
}

function parseRsa(octets: Bytes): RsaPrivateKey | undefined {
  const outer = new DerReader(octets, "rsaPrivateKey");
  const key = outer.sequence("key");
  const version = key.smallInteger("version"); // 1 would be more than two primes
  const read = (field: string): bigint => integerOf(key.unsigned(field));
  const parsed: RsaPrivateKey = {
    kind: "rsa",
    modulus: read("modulus"),
    publicExponent: read("publicExponent"),
    privateExponent: read("privateExponent"),
    prime1: read("prime1"),
    prime2: read("prime2"),
    exponent1: read("exponent1"),
    exponent2: read("exponent2"),
    coefficient: read("coefficient"),
  };
  if (key.end() ?? outer.end()) return undefined;
  return version === 0 && isConsistent(parsed) ? parsed : undefined;
}

/** RFC 8017 §3.2, primality taken on trust. */
function isConsistent(key: RsaPrivateKey): boolean {
  const { prime1: p, prime2: q, publicExponent: e } = key;
  return isUsableRsa(key.modulus, e) && p > 2n && q > 2n && p !== q && p * q === key.modulus &&
    key.privateExponent < key.modulus &&
    key.exponent1 === key.privateExponent % (p - 1n) &&
    key.exponent2 === key.privateExponent % (q - 1n) &&
    (e * key.exponent1) % (p - 1n) === 1n && (e * key.exponent2) % (q - 1n) === 1n &&
    key.coefficient < p && (key.coefficient * q) % p === 1n;
}

function parseEc(curve: CurveFacts, octets: Bytes): EcPrivateKey | undefined {
  const outer = new DerReader(octets, "ecPrivateKey");
  const key = outer.sequence("key");
  const version = key.smallInteger("version");
  const scalar = key.octetString("privateKey").slice();
  const parameters = key.enterOptional(contextTag(0, "constructed"), "parameters");
  const named = parameters === undefined ? curve : curveOfOid(parameters.oid("namedCurve"));
  parameters?.end();
  const wrapped = key.enterOptional(contextTag(1, "constructed"), "publicKey");
  const point = wrapped?.bitString("point").slice();
  wrapped?.end();
  if (key.end() ?? outer.end()) return undefined;
  if (version !== 1 || named !== curve || !isScalarOf(curve, scalar)) return undefined;
  return { kind: "ec", curve, scalar, point };
}

/** The PKCS #8 form of a key, version 0 and without attributes. */
export function buildPrivateKey(key: RsaPrivateKey | EcPrivateKey): OwnedBytes {
  if (key.kind === "ec") {
    const { curve, scalar, point } = key;
    const publicKey = point === undefined
      ? []
      : [derElement(contextTag(1, "constructed"), derBitString(point))];
    return derSequence(
      derInteger(0),
      derSequence(derOid(EC_OID), derOid(curve.oid)),
      derOctetString(derSequence(derInteger(1), derOctetString(scalar), ...publicKey)),
    );
  }
  const numbers = [
    key.modulus,
    key.publicExponent,
    key.privateExponent,
    key.prime1,
    key.prime2,
    key.exponent1,
    key.exponent2,
    key.coefficient,
  ];
  return derSequence(
    derInteger(0),
    derSequence(derOid(RSA_OID), derNull()),
    derOctetString(
      derSequence(derInteger(0), ...numbers.map((number) => derInteger(minimalOctets(number)))),
    ),
  );
}
