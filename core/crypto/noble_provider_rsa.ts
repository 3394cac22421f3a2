/**
 * RSA signatures of the portable provider, by big integers: RSASSA-PKCS1-v1_5 (RFC 8017 §8.2, RFC 7427)
 * and RSASSA-PSS (§8.1, MGF1 with the same hash, salt as long as the hash).
 *
 * Private operations use the Chinese remainder theorem and check their own result, since a single wrong bit
 * would give the key away. They are **not** constant time; a gateway that cares has libcrypto.
 */
import { type Bytes, concatBytes, equalBytes, type OwnedBytes, parseHex, utf8 } from "../bytes.ts";
import { InvariantError } from "../result.ts";
import { bitLength, integerOf, octetsOf, powerModulo } from "./big_octets.ts";
import { digest, hashLength, hmac } from "./noble_provider_hash.ts";
import type { RsaPrivateKey } from "./private_key.ts";
import type { HashName, SignatureScheme } from "./provider.ts";

/** The RSA half of `SignatureScheme`. */
export type RsaScheme = Exclude<SignatureScheme, { kind: "ecdsa" }>;

/** DigestInfo up to the hash (RFC 8017 §9.2, note 1). */
const DIGEST_INFO: Readonly<Record<HashName, Bytes>> = {
  sha1: prefix("3021300906052b0e03021a05000414"),
  sha256: prefix("3031300d060960864801650304020105000420"),
  sha384: prefix("3041300d060960864801650304020205000430"),
  sha512: prefix("3051300d060960864801650304020305000440"),
};

function prefix(hex: string): Bytes {
  return parseHex(hex) ?? new Uint8Array(0);
}

/** A signature over `data`, as long as the modulus. */
export function signRsa(key: RsaPrivateKey, scheme: RsaScheme, data: Bytes): OwnedBytes {
  const length = modulusLength(key.modulus);
  const encoded = scheme.kind === "rsa-pkcs1"
    ? encodePkcs1(scheme.hash, data, length)
    : encodePss(scheme.hash, data, bitLength(key.modulus) - 1, pssSalt(key, scheme.hash, data));
  if (encoded === undefined) {
    throw new RangeError("Cannot sign: the RSA key is too short for the hash");
  }
  return octetsOf(privateOperation(key, integerOf(encoded)), length);
}

/** Whether `signature` over `data` is good. */
export function verifyRsa(
  modulus: bigint,
  exponent: bigint,
  scheme: RsaScheme,
  data: Bytes,
  signature: Bytes,
): boolean {
  const length = modulusLength(modulus);
  const value = integerOf(signature);
  if (signature.length !== length || value >= modulus) return false;
  const message = powerModulo(value, exponent, modulus);
  if (scheme.kind === "rsa-pkcs1") {
    const expected = encodePkcs1(scheme.hash, data, length);
    return expected !== undefined && equalBytes(octetsOf(message, length), expected);
  }
  const bits = bitLength(modulus) - 1;
  return bitLength(message) <= bits &&
    isPssEncoding(scheme.hash, data, bits, octetsOf(message, Math.ceil(bits / 8)));
}

function modulusLength(modulus: bigint): number {
  return Math.ceil(bitLength(modulus) / 8);
}

/** RFC 8017 §5.1.2 with two primes, then the check that no fault happened. */
function privateOperation(key: RsaPrivateKey, message: bigint): bigint {
  const { prime1: p, prime2: q } = key;
  const m1 = powerModulo(message % p, key.exponent1, p);
  const m2 = powerModulo(message % q, key.exponent2, q);
  const difference = (((m1 - m2) % p) + p) % p;
  const signature = m2 + ((difference * key.coefficient) % p) * q;
  if (powerModulo(signature, key.publicExponent, key.modulus) !== message) {
    throw new InvariantError("an RSA signature does not verify under its own key");
  }
  return signature;
}

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2). */
function encodePkcs1(hash: HashName, data: Bytes, length: number): OwnedBytes | undefined {
  const info = concatBytes(DIGEST_INFO[hash], digest(hash, data));
  const padding = length - info.length - 3;
  if (padding < 8) return undefined;
  return concatBytes(
    Uint8Array.of(0, 1),
    new Uint8Array(padding).fill(0xff),
    Uint8Array.of(0),
    info,
  );
}

/**
 * The core has no randomness of its own, so the salt is a secret function of key and message; then the
 * same message has the same signature, as with PKCS#1 v1.5, and nothing else is lost.
 */
function pssSalt(key: RsaPrivateKey, hash: HashName, data: Bytes): OwnedBytes {
  const secret = octetsOf(key.privateExponent, modulusLength(key.modulus));
  return hmac(hash, digest(hash, utf8("rejoin PSS salt"), secret), data);
}

/** EMSA-PSS-ENCODE (RFC 8017 §9.1.1). */
function encodePss(hash: HashName, data: Bytes, bits: number, salt: Bytes): OwnedBytes | undefined {
  const length = Math.ceil(bits / 8);
  const blockLength = length - hashLength(hash) - 1;
  const zeros = blockLength - salt.length - 1;
  if (zeros < 0) return undefined;
  const seal = pssHash(hash, data, salt);
  const block = concatBytes(new Uint8Array(zeros), Uint8Array.of(1), salt);
  const masked = xor(block, mgf1(hash, seal, blockLength));
  masked[0] = (masked[0] ?? 0) & topMask(length, bits);
  return concatBytes(masked, seal, Uint8Array.of(0xbc));
}

/** EMSA-PSS-VERIFY (RFC 8017 §9.1.2), salt as long as the hash. */
function isPssEncoding(hash: HashName, data: Bytes, bits: number, encoded: Bytes): boolean {
  const saltLength = hashLength(hash);
  const blockLength = encoded.length - saltLength - 1;
  const zeros = blockLength - saltLength - 1;
  const mask = topMask(encoded.length, bits);
  if (zeros < 0 || encoded[encoded.length - 1] !== 0xbc) return false;
  if (((encoded[0] ?? 0) & ~mask) !== 0) return false;
  const seal = encoded.subarray(blockLength, blockLength + saltLength);
  const block = xor(encoded.subarray(0, blockLength), mgf1(hash, seal, blockLength));
  block[0] = (block[0] ?? 0) & mask;
  if (block.subarray(0, zeros).some((octet) => octet !== 0) || block[zeros] !== 1) return false;
  return equalBytes(seal, pssHash(hash, data, block.subarray(zeros + 1)));
}

/** H of the eight zeros, the message hash and the salt. */
function pssHash(hash: HashName, data: Bytes, salt: Bytes): OwnedBytes {
  return digest(hash, new Uint8Array(8), digest(hash, data), salt);
}

/** The bits of the first octet that a number of `bits` bits can have. */
function topMask(length: number, bits: number): number {
  return 0xff >> (8 * length - bits);
}

/** RFC 8017 B.2.1. */
function mgf1(hash: HashName, seed: Bytes, length: number): OwnedBytes {
  const blocks: Bytes[] = [];
  for (let i = 0; i * hashLength(hash) < length; i++) {
    blocks.push(digest(hash, seed, octetsOf(BigInt(i), 4)));
  }
  return concatBytes(...blocks).subarray(0, length);
}

function xor(a: Bytes, b: Bytes): OwnedBytes {
  return a.map((octet, i) => octet ^ (b[i] ?? 0));
}
