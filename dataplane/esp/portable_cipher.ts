/**
 * ESP ciphers over any `CryptoProvider`: short and slow, for tests and for hosts without libcrypto.
 *
 * It allocates for every packet. RFC 4303 §3.3 and §3.4, RFC 4106 §5 and §8, RFC 7634 §2.
 */
import { type Bytes, concatBytes } from "../../core/bytes.ts";
import { equalSecrets } from "../../core/crypto/constant_time.ts";
import type { CryptoProvider } from "../../core/crypto/provider.ts";
import type { Random } from "../../core/random.ts";
import { InvariantError } from "../../core/result.ts";
import type { EspKeys, EspSuite } from "../../core/sa/suite.ts";
import {
  ESP_HEADER_LENGTH,
  type EspCiphers,
  type EspLayout,
  type EspOpener,
  type EspSealer,
} from "./cipher.ts";
import { type EspAlgorithm, espAlgorithmOf } from "./keys.ts";

/** Ciphers that work in `arena`; IVs of AES-CBC come from `random`. */
export function createPortableEspCiphers(
  provider: CryptoProvider,
  arena: Uint8Array,
  random: Random,
): EspCiphers {
  return {
    name: provider.name,
    createSealer: (suite: EspSuite, keys: EspKeys): EspSealer =>
      new PortableCipher(provider, arena, random, suite, keys),
    createOpener: (suite: EspSuite, keys: EspKeys): EspOpener =>
      new PortableCipher(provider, arena, random, suite, keys),
    flush: () => {},
    outcomes: new Int32Array(0),
  };
}

/** One SA, one direction; which one is the business of whoever made it. */
class PortableCipher implements EspSealer, EspOpener {
  readonly layout: EspLayout;
  readonly #crypto: CryptoProvider;
  readonly #arena: Uint8Array;
  readonly #random: Random;
  readonly #keys: EspKeys;
  readonly #algorithm: EspAlgorithm;

  constructor(
    crypto: CryptoProvider,
    arena: Uint8Array,
    random: Random,
    suite: EspSuite,
    keys: EspKeys,
  ) {
    this.#crypto = crypto;
    this.#arena = arena;
    this.#random = random;
    this.#keys = { encryption: keys.encryption.slice(), integrity: keys.integrity.slice() };
    this.#algorithm = espAlgorithmOf(suite, this.#keys);
    this.layout = this.#algorithm.layout;
  }

  seal(offset: number, plaintextLength: number, seqHi: number): number {
    const { layout } = this;
    const length = layout.overhead + plaintextLength;
    if (offset < 0 || plaintextLength < 0 || offset + length > this.#arena.length) {
      throw new InvariantError("an ESP packet lies outside the arena");
    }
    const packet = this.#arena.subarray(offset, offset + length);
    const plaintext = packet.subarray(layout.plaintextAt, layout.plaintextAt + plaintextLength);
    const iv = packet.subarray(ESP_HEADER_LENGTH, layout.plaintextAt);
    const algorithm = this.#algorithm;
    if (algorithm.kind === "aead") {
      iv.set(highHalf(seqHi));
      iv.set(packet.subarray(4, ESP_HEADER_LENGTH), 4);
      const { name, key } = algorithm;
      const aad = this.#aad(packet, seqHi);
      const nonce = concatBytes(algorithm.salt, iv);
      plaintextTo(packet, layout, this.#crypto.aeadSeal(name, key, nonce, aad, plaintext));
      return length;
    }
    if (plaintextLength % layout.alignment !== 0) {
      throw new InvariantError("an ESP plaintext is not whole blocks");
    }
    iv.set(this.#random.bytes(layout.ivLength));
    plaintextTo(packet, layout, this.#crypto.cbcEncrypt(algorithm.key, iv, plaintext));
    packet.set(this.#icv(packet, seqHi), length - layout.icvLength);
    return length;
  }

  open(offset: number, packetLength: number, seqHi: number): number {
    const { layout } = this;
    const length = packetLength - layout.overhead;
    if (offset < 0 || offset + packetLength > this.#arena.length) {
      throw new InvariantError("an ESP packet lies outside the arena");
    }
    if (length < 0 || length % layout.alignment !== 0) return -1;
    const packet = this.#arena.subarray(offset, offset + packetLength);
    const iv = packet.subarray(ESP_HEADER_LENGTH, layout.plaintextAt);
    const algorithm = this.#algorithm;
    if (algorithm.kind === "aead") {
      const { name, key } = algorithm;
      const nonce = concatBytes(algorithm.salt, iv);
      const sealed = packet.subarray(layout.plaintextAt);
      const opened = this.#crypto.aeadOpen(name, key, nonce, this.#aad(packet, seqHi), sealed);
      if (opened === undefined) return -1;
      plaintextTo(packet, layout, opened);
      return length;
    }
    const icvAt = packetLength - layout.icvLength;
    if (!equalSecrets(packet.subarray(icvAt), this.#icv(packet, seqHi))) return -1;
    const ciphertext = packet.subarray(layout.plaintextAt, icvAt);
    plaintextTo(packet, layout, this.#crypto.cbcDecrypt(algorithm.key, iv, ciphertext));
    return length;
  }

  close(): void {
    this.#keys.encryption.fill(0);
    this.#keys.integrity.fill(0);
  }

  /** SPI and sequence number; with ESN all 64 bits of it (RFC 4106 §5). */
  #aad(packet: Bytes, seqHi: number): Bytes {
    const header = packet.subarray(0, ESP_HEADER_LENGTH);
    if (!this.#algorithm.esn) return header;
    return concatBytes(header.subarray(0, 4), highHalf(seqHi), header.subarray(4));
  }

  /** Over everything before it; with ESN the upper half behind that (RFC 4303 §2.2.1). */
  #icv(packet: Bytes, seqHi: number): Bytes {
    const algorithm = this.#algorithm;
    if (algorithm.kind !== "cbc") throw new InvariantError("an AEAD cipher has no separate ICV");
    const { hash, icvLength } = algorithm.integrity;
    const covered = packet.subarray(0, packet.length - icvLength);
    const tail = algorithm.esn ? highHalf(seqHi) : new Uint8Array(0);
    return this.#crypto.hmac(hash, algorithm.integrityKey, covered, tail).subarray(0, icvLength);
  }
}

function highHalf(seqHi: number): Bytes {
  return Uint8Array.of(seqHi >>> 24, seqHi >>> 16, seqHi >>> 8, seqHi);
}

function plaintextTo(packet: Bytes, layout: EspLayout, octets: Bytes): void {
  packet.set(octets, layout.plaintextAt);
}
