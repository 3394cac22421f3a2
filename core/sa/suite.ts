/** The algorithms one SA uses, after negotiation. Numbers are those of `message/constants.ts`. */
import type { Bytes } from "../bytes.ts";

/** What protects an IKE SA. */
export interface IkeSuite {
  /** `Encr`. */
  readonly encryption: number;
  /** Key length in bits (ChaCha20: 256). */
  readonly keyBits: number;
  /** `Integ`, or `Integ.NONE` with an AEAD cipher. */
  readonly integrity: number;
  /** `PrfId`. */
  readonly prf: number;
  /** `Group`. */
  readonly group: number;
}

/** What protects a Child SA. */
export interface EspSuite {
  /** `Encr`. */
  readonly encryption: number;
  /** Key length in bits. */
  readonly keyBits: number;
  /** `Integ`, or `Integ.NONE` with an AEAD cipher. */
  readonly integrity: number;
  /** Extended sequence numbers (RFC 4303 §2.2.1). */
  readonly esn: boolean;
}

/**
 * Keys of one direction of a Child SA (RFC 7296 §2.17; AEAD salts are the tail of `encryption`).
 */
export interface EspKeys {
  /** Encryption key, with the 4-octet salt behind it for AEAD ciphers. */
  readonly encryption: Bytes;
  /** Integrity key, empty with an AEAD cipher. */
  readonly integrity: Bytes;
}
