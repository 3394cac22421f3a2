/**
 * The cryptographic operations that the protocol needs, synchronous and without state.
 *
 * Two providers implement this: `noble_provider.ts` (portable) and `dataplane/ffi/libcrypto_provider.ts`.
 * They must agree on every input. Sizes are octets. Wrong sizes of *our own* making throw
 * `RangeError`; anything that a peer can cause is a returned `undefined` or `false`.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Random } from "../random.ts";

/** Hash functions; SHA-1 for key identifiers and NAT detection, MD5 never. */
export type HashName = "sha1" | "sha256" | "sha384" | "sha512";

/** AEAD ciphers with a 12-octet nonce and a 16-octet tag. */
export type AeadName = "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";

/** A key exchange key pair (numbers of `Group`). Both values are octets as RFC 7296 §3.4 sends them. */
export interface KeyPair {
  /** The `Group` number. */
  readonly group: number;
  /** Secret exponent or scalar, in the provider-independent big-endian (X25519: little-endian) form. */
  readonly privateKey: OwnedBytes;
  /** What goes into the KE payload. */
  readonly publicValue: OwnedBytes;
}

/** How a signature is made. */
export type SignatureScheme =
  | { readonly kind: "rsa-pkcs1"; readonly hash: HashName }
  /** RSASSA-PSS, MGF1 with the same hash, salt as long as the hash. */
  | { readonly kind: "rsa-pss"; readonly hash: HashName }
  /** `encoding`: "der" is the ECDSA-Sig-Value of RFC 7427 and X.509, "raw" is r|s of RFC 4754. */
  | { readonly kind: "ecdsa"; readonly hash: HashName; readonly encoding: "der" | "raw" };

/** The kind of a public or private key. */
export type KeyKind =
  | { readonly kind: "rsa"; readonly modulusBits: number }
  | { readonly kind: "ec"; readonly curve: "P-256" | "P-384" | "P-521" };

/** A private key that signs; what it holds is the provider's own business. */
export interface Signer {
  /** RSA or EC, and its size. */
  readonly key: KeyKind;
  /** SubjectPublicKeyInfo, DER: to check that a certificate belongs to it. */
  readonly spki: OwnedBytes;
  /** A signature over `data`. Throws `RangeError` when the scheme does not fit the key. */
  sign(scheme: SignatureScheme, data: Bytes): OwnedBytes;
}

/** All operations. */
export interface CryptoProvider {
  /** Which implementation this is, as `rejoin version` prints it. */
  readonly name: "noble" | "libcrypto";
  /** Hash of the parts, one after the other. */
  digest(hash: HashName, ...parts: readonly Bytes[]): OwnedBytes;
  /** HMAC of the parts under `key`, untruncated. */
  hmac(hash: HashName, key: Bytes, ...parts: readonly Bytes[]): OwnedBytes;
  /** Ciphertext followed by the 16-octet tag. */
  aeadSeal(name: AeadName, key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): OwnedBytes;
  /** Plaintext, or `undefined` when the tag is wrong. `sealed` is ciphertext and tag. */
  aeadOpen(
    name: AeadName,
    key: Bytes,
    nonce: Bytes,
    aad: Bytes,
    sealed: Bytes,
  ): OwnedBytes | undefined;
  /** AES-CBC without padding; `plaintext` is a multiple of 16 octets, key 16, 24 or 32. */
  cbcEncrypt(key: Bytes, iv: Bytes, plaintext: Bytes): OwnedBytes;
  /** AES-CBC without padding. */
  cbcDecrypt(key: Bytes, iv: Bytes, ciphertext: Bytes): OwnedBytes;
  /** A fresh pair made only from `random`, so that a seeded run repeats. */
  generateKeyPair(group: number, random: Random): KeyPair;
  /**
   * g^ir as RFC 7296 §2.14 uses it (MODP: padded to the modulus; ECP: x coordinate, RFC 5903 §7).
   * `undefined` when the peer's value fails the checks of RFC 6989 (range, on curve, not all-zero).
   */
  deriveSharedSecret(pair: KeyPair, peerPublicValue: Bytes): OwnedBytes | undefined;
  /** A signer from a PKCS #8 key (DER); `undefined` when it is not an RSA or P-256/384/521 key. */
  importPrivateKey(pkcs8: Bytes): Signer | undefined;
  /** Whether `signature` over `data` is good under a SubjectPublicKeyInfo (DER). */
  verify(spki: Bytes, scheme: SignatureScheme, data: Bytes, signature: Bytes): boolean;
}
