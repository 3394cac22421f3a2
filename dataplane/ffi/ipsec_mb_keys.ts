/** Keys of one SA and direction as ipsec-mb's bursts want them: expanded for AES, and hashed pads of the HMAC. */
import type { Bytes } from "../../core/bytes.ts";
import type { HashName } from "../../core/crypto/provider.ts";
import { bursts } from "./ipsec_mb.ts";
import { NativeMemory } from "./native_memory.ts";

const roundKeyBytes = 256;
const stateBytes = 64;
const alignmentBytes = 64;
/** Blocks of SHA-384 and SHA-512; that of SHA-256 is half of it. */
const longestBlock = 128;

/** Offsets behind the first aligned octet. */
const At = {
  ENCRYPTION: 0,
  DECRYPTION: roundKeyBytes,
  INNER_PAD: 2 * roundKeyBytes,
  OUTER_PAD: 2 * roundKeyBytes + stateBytes,
  WORK: 2 * roundKeyBytes + 2 * stateBytes,
} as const;
const allBytes = At.WORK + longestBlock;

/** One set of keys. */
export class BurstKeys {
  readonly keyBytes: number;
  readonly hash: HashName;
  /** Where they lie. */
  readonly memory: NativeMemory;
  /** Offsets in it. */
  readonly encryptionAt: number;
  readonly decryptionAt: number;
  readonly innerPadAt: number;
  readonly outerPadAt: number;
  readonly #workAt: number;

  /** Expands them. */
  constructor(key: Bytes, hash: HashName, integrityKey: Bytes) {
    this.keyBytes = key.length;
    this.hash = hash;
    this.memory = new NativeMemory(new Uint8Array(new ArrayBuffer(allBytes + alignmentBytes)));
    const start = -this.memory.address & (alignmentBytes - 1);
    this.encryptionAt = start + At.ENCRYPTION;
    this.decryptionAt = start + At.DECRYPTION;
    this.innerPadAt = start + At.INNER_PAD;
    this.outerPadAt = start + At.OUTER_PAD;
    this.#workAt = start + At.WORK;
    this.#expand(key);
    this.#hashPad(integrityKey, 0x36, this.innerPadAt);
    this.#hashPad(integrityKey, 0x5c, this.outerPadAt);
    this.memory.bytes.fill(0, this.#workAt);
  }

  /** Overwrites them. */
  wipe(): void {
    this.memory.bytes.fill(0);
  }

  #expand(key: Bytes): void {
    const { memory } = this;
    memory.bytes.set(key, this.#workAt);
    const [work, encryption, decryption] = [
      memory.newPointerAt(this.#workAt),
      memory.newPointerAt(this.encryptionAt),
      memory.newPointerAt(this.decryptionAt),
    ];
    if (key.length === 16) bursts.expand128(work, encryption, decryption);
    else if (key.length === 24) bursts.expand192(work, encryption, decryption);
    else bursts.expand256(work, encryption, decryption);
  }

  /** RFC 2104: the state of the hash after one block of key and pad. No key is longer than a block. */
  #hashPad(key: Bytes, pad: number, at: number): void {
    const { memory } = this;
    memory.bytes.fill(pad, this.#workAt, this.#workAt + longestBlock);
    key.forEach((octet, i) => memory.bytes[this.#workAt + i] = octet ^ pad);
    const [block, state] = [memory.newPointerAt(this.#workAt), memory.newPointerAt(at)];
    if (this.hash === "sha256") bursts.sha256Block(block, state);
    else if (this.hash === "sha384") bursts.sha384Block(block, state);
    else bursts.sha512Block(block, state);
  }
}
