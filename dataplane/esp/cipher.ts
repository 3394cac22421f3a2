/**
 * What the packet loop asks of cryptography: one ESP packet sealed or opened in place.
 *
 * RFC 4303 §2 and §3 (layout, ESN), RFC 4106 (AES-GCM), RFC 7634 (ChaCha20-Poly1305), RFC 3602 and RFC 4868
 * (AES-CBC with HMAC-SHA-2). Padding, replay and selectors are the caller's work. Three implementations:
 * `portable_cipher.ts`, `ffi/libcrypto_esp.ts` and `ffi/ipsec_mb_esp.ts`; `dataplane/crypto.ts` chooses.
 *
 * All packets lie in one arena, given at the start. A packet at `offset` is
 * `SPI 4 | sequence number 4 | IV | plaintext or ciphertext | ICV`, and its `offset` is best a multiple of 4:
 * others work and are slower.
 */
import { encryptionOf, integrityOf } from "../../core/crypto/transforms.ts";
import type { EspKeys, EspSuite } from "../../core/sa/suite.ts";

/** SPI and sequence number. */
export const ESP_HEADER_LENGTH = 8;

/** Where things lie in a packet of a suite, in octets. */
export interface EspLayout {
  /** IV behind the header: 8 for AEAD ciphers, 16 for AES-CBC. */
  readonly ivLength: number;
  /** Plaintext with its padding and two trailer octets is a multiple of this: 4 or 16. */
  readonly alignment: number;
  /** ICV behind the ciphertext. */
  readonly icvLength: number;
  /** Where the plaintext starts, counted from the packet's `offset`. */
  readonly plaintextAt: number;
  /** Header, IV and ICV together: the length of a packet less that of its plaintext. */
  readonly overhead: number;
}

/** Seals packets of one outbound SA. */
export interface EspSealer {
  /** The suite's layout. */
  readonly layout: EspLayout;
  /**
   * Seals the packet at `offset`, whose header and plaintext (padding and trailer included) the caller has
   * written; writes IV and ICV and gives the length of the whole packet.
   *
   * The IV of AEAD ciphers is the 64-bit sequence number, `seqHi` and the header's lower half; so a number must
   * never be used twice under one key. `seqHi` is 0 without ESN. IV, ciphertext and ICV may be missing
   * until `EspCiphers.flush`, and the packet must stay where it is until then. Throws `InvariantError` if the
   * library fails or the length does not fit, never because of what is in the packet.
   */
  seal(offset: number, plaintextLength: number, seqHi: number): number;
  /** Frees the keys. No call may follow. */
  close(): void;
}

/** Opens packets of one inbound SA. */
export interface EspOpener {
  /** The suite's layout. */
  readonly layout: EspLayout;
  /**
   * Opens the packet of `packetLength` octets at `offset` and gives the plaintext's length, padding and trailer
   * included; it then starts at `offset + layout.plaintextAt`. -1 when the ICV is wrong or the length
   * impossible; the ciphertext may be spoilt then. `seqHi` is the guessed upper half with ESN
   * (RFC 4303 §3.3.3), else 0.
   *
   * Less than -1: put off. The packet must stay as it is until `EspCiphers.flush`, and what would have been
   * the answer stands in `EspCiphers.outcomes` then, under the number that `outcomeSlot` makes of it.
   */
  open(offset: number, packetLength: number, seqHi: number): number;
  /** Frees the keys. No call may follow. */
  close(): void;
}

/** Who seals and opens: the portable provider, libcrypto, or ipsec-mb beside libcrypto. */
export type EspCryptoName = "noble" | "libcrypto" | "ipsec-mb";

/** Makes ciphers that work in one arena. Use it only in the thread that made it. */
export interface EspCiphers {
  /** Which implementation this is. */
  readonly name: EspCryptoName;
  /** A sealer; throws `RangeError` when the suite is not supported or the keys do not have its lengths. */
  createSealer(suite: EspSuite, keys: EspKeys): EspSealer;
  /** An opener; throws as `createSealer` does. */
  createOpener(suite: EspSuite, keys: EspKeys): EspOpener;
  /** Does what sealers and openers have put off, which is cheaper for many packets than for each. */
  flush(): void;
  /** Of packets whose opening was put off, from `flush` until the next packet. */
  readonly outcomes: Int32Array;
}

/** Packets that are put off at the most before a sealer or opener flushes by itself. */
export const mostPutOff = 128;

/** The answer of an opener that puts a packet off under a number, and back: each is the other's inverse. */
export function outcomeSlot(answer: number): number {
  return -2 - answer;
}

/** The layout of a suite; `undefined` when it is not supported. */
export function espLayoutOf(suite: EspSuite): EspLayout | undefined {
  const encryption = encryptionOf(suite.encryption, suite.keyBits);
  if (encryption === undefined) return undefined;
  const icvLength = encryption.aead === undefined
    ? integrityOf(suite.integrity)?.icvLength
    : encryption.icvLength;
  if (icvLength === undefined) return undefined;
  const { ivLength, blockLength } = encryption;
  const plaintextAt = ESP_HEADER_LENGTH + ivLength;
  return {
    ivLength,
    alignment: Math.max(4, blockLength), // RFC 4303 §2.4: a multiple of 4 whatever the cipher
    icvLength,
    plaintextAt,
    overhead: plaintextAt + icvLength,
  };
}
