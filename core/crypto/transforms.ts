/**
 * Facts behind transform numbers: which algorithm, and how long its key, salt, IV and ICV are.
 *
 * RFC 4106, RFC 5282 and RFC 7634 (AEAD ciphers), RFC 3602 (AES-CBC), RFC 4868 (HMAC-SHA-2), RFC 3526
 * (MODP groups), RFC 5903 (ECP groups), RFC 8031 (Curve25519). All sizes are octets. What is not in these
 * tables is not supported, and every lookup then gives `undefined`.
 */
import { Encr, Group, Integ, PrfId } from "../message/constants.ts";
import type { AeadName, HashName } from "./provider.ts";

/** An encryption transform with its key length. */
export interface EncryptionFacts {
  /** The AEAD cipher, or `undefined` for AES-CBC, which needs an integrity transform. */
  readonly aead: AeadName | undefined;
  /** Key, without the salt. */
  readonly keyLength: number;
  /** What is taken from the key material behind the key: the fixed part of the nonce. */
  readonly saltLength: number;
  /** What every message carries in front of the ciphertext. */
  readonly ivLength: number;
  /** The ciphertext is a multiple of this (before the alignment to 4 that ESP adds). */
  readonly blockLength: number;
  /** The AEAD tag; 0 for AES-CBC. */
  readonly icvLength: number;
}

/** An integrity transform. */
export interface IntegrityFacts {
  /** The hash under the HMAC. */
  readonly hash: HashName;
  /** Key length, which is the length of the hash (RFC 4868 §2.1.1). */
  readonly keyLength: number;
  /** Length after truncation. */
  readonly icvLength: number;
}

/** A pseudorandom function. */
export interface PrfFacts {
  /** The hash under the HMAC. */
  readonly hash: HashName;
  /** Preferred key length: SK_d, SK_pi and SK_pr have it (RFC 7296 §2.14). */
  readonly keyLength: number;
  /** Length of one output. */
  readonly outputLength: number;
}

/** A key exchange group. */
export interface GroupFacts {
  /** How it computes. */
  readonly kind: "modp" | "ecp" | "x25519";
  /** Key exchange data of the KE payload. */
  readonly publicLength: number;
  /** The secret exponent or scalar as a key pair stores it. */
  readonly privateLength: number;
  /** g^ir. */
  readonly sharedLength: number;
}

function aead(name: AeadName, keyLength: number): EncryptionFacts {
  return { aead: name, keyLength, saltLength: 4, ivLength: 8, blockLength: 1, icvLength: 16 };
}

function cbc(keyLength: number): EncryptionFacts {
  return {
    aead: undefined,
    keyLength,
    saltLength: 0,
    ivLength: 16,
    blockLength: 16,
    icvLength: 0,
  };
}

const ENCRYPTIONS: ReadonlyMap<number, ReadonlyMap<number, EncryptionFacts>> = new Map([
  [Encr.AES_GCM_16, new Map([[128, aead("aes-128-gcm", 16)], [256, aead("aes-256-gcm", 32)]])],
  [Encr.CHACHA20_POLY1305, new Map([[256, aead("chacha20-poly1305", 32)]])],
  [Encr.AES_CBC, new Map([[128, cbc(16)], [192, cbc(24)], [256, cbc(32)]])],
]);

const INTEGRITIES: ReadonlyMap<number, IntegrityFacts> = new Map([
  [Integ.HMAC_SHA2_256_128, { hash: "sha256", keyLength: 32, icvLength: 16 }],
  [Integ.HMAC_SHA2_384_192, { hash: "sha384", keyLength: 48, icvLength: 24 }],
  [Integ.HMAC_SHA2_512_256, { hash: "sha512", keyLength: 64, icvLength: 32 }],
]);

const PRFS: ReadonlyMap<number, PrfFacts> = new Map([
  [PrfId.HMAC_SHA2_256, { hash: "sha256", keyLength: 32, outputLength: 32 }],
  [PrfId.HMAC_SHA2_384, { hash: "sha384", keyLength: 48, outputLength: 48 }],
  [PrfId.HMAC_SHA2_512, { hash: "sha512", keyLength: 64, outputLength: 64 }],
]);

/** Secret exponents of the MODP groups: more than twice the strength of the largest (RFC 3526 §8). */
const MODP_EXPONENT_LENGTH = 48;

function modp(length: number): GroupFacts {
  return {
    kind: "modp",
    publicLength: length,
    privateLength: MODP_EXPONENT_LENGTH,
    sharedLength: length,
  };
}

function ecp(length: number): GroupFacts {
  return {
    kind: "ecp",
    publicLength: 2 * length,
    privateLength: length,
    sharedLength: length,
  };
}

const GROUPS: ReadonlyMap<number, GroupFacts> = new Map<number, GroupFacts>([
  [Group.MODP_2048, modp(256)],
  [Group.MODP_3072, modp(384)],
  [Group.MODP_4096, modp(512)],
  [Group.ECP_256, ecp(32)],
  [Group.ECP_384, ecp(48)],
  [Group.ECP_521, ecp(66)],
  [Group.CURVE25519, { kind: "x25519", publicLength: 32, privateLength: 32, sharedLength: 32 }],
]);

/**
 * The facts of an `Encr` with a key of `keyBits`.
 *
 * ChaCha20-Poly1305 is negotiated without the key length attribute (RFC 7634 §5), so 0 means 256 there.
 */
export function encryptionOf(encryption: number, keyBits: number): EncryptionFacts | undefined {
  const isImplied = encryption === Encr.CHACHA20_POLY1305 && keyBits === 0;
  return ENCRYPTIONS.get(encryption)?.get(isImplied ? 256 : keyBits);
}

/** The facts of an `Integ`; `Integ.NONE` has none. */
export function integrityOf(integrity: number): IntegrityFacts | undefined {
  return INTEGRITIES.get(integrity);
}

/** The facts of a `PrfId`. */
export function prfOf(prf: number): PrfFacts | undefined {
  return PRFS.get(prf);
}

/** The facts of a `Group`. */
export function groupOf(group: number): GroupFacts | undefined {
  return GROUPS.get(group);
}

/** Every encryption transform and key length that can be negotiated. */
export const supportedEncryptions: readonly {
  readonly encryption: number;
  readonly keyBits: number;
}[] = [...ENCRYPTIONS].flatMap(([encryption, lengths]) =>
  [...lengths.keys()].map((keyBits) => ({ encryption, keyBits }))
);

/** Every integrity transform that can be negotiated. */
export const supportedIntegrities: readonly number[] = [...INTEGRITIES.keys()];

/** Every pseudorandom function that can be negotiated. */
export const supportedPrfs: readonly number[] = [...PRFS.keys()];

/** Every key exchange group that can be negotiated. */
export const supportedGroups: readonly number[] = [...GROUPS.keys()];
