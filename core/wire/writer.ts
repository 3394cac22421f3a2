/**
 * The one place where octets for a peer are written: a growing buffer with checked numbers.
 *
 * What is written comes from us, so a value that does not fit is our mistake and throws `RangeError`.
 * Lengths that are known only later are written as zero and patched.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";

/** A growing buffer. */
export class Writer {
  #bytes: OwnedBytes;
  #at = 0;

  /** An empty buffer with room for `capacity` octets before it has to grow. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Octets written so far, which is the offset of the next one. */
  get position(): number {
    return this.#at;
  }

  /** Appends an unsigned number of 8 bits. */
  u8(value: number): void {
    checkRange("u8", value, 0xff);
    this.#put(this.#grow(1), value);
  }

  /** Appends an unsigned number of 16 bits. */
  u16(value: number): void {
    checkRange("u16", value, 0xffff);
    this.#put16(this.#grow(2), value);
  }

  /** Appends an unsigned number of 32 bits. */
  u32(value: number): void {
    checkRange("u32", value, 0xffffffff);
    this.#put32(this.#grow(4), value);
  }

  /** Appends an unsigned number of 64 bits. */
  u64(value: bigint): void {
    if (value < 0n || value > 0xffffffffffffffffn) {
      throw new RangeError(`Cannot write u64: value is ${value}, needs 0 to 2^64 - 1`);
    }
    const at = this.#grow(8);
    this.#put32(at, Number(value >> 32n));
    this.#put32(at + 4, Number(value & 0xffffffffn));
  }

  /** Appends octets. */
  bytes(bytes: Bytes): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Appends `count` zero octets. */
  zeros(count: number): void {
    checkRange("zeros", count, 0xffff);
    this.#grow(count);
  }

  /** Overwrites the 16 bits at `position`, which must have been written already. */
  patchU16(position: number, value: number): void {
    checkRange("u16", value, 0xffff);
    this.#checkWritten(position, 2);
    this.#put16(position, value);
  }

  /** Overwrites the 32 bits at `position`, which must have been written already. */
  patchU32(position: number, value: number): void {
    checkRange("u32", value, 0xffffffff);
    this.#checkWritten(position, 4);
    this.#put32(position, value);
  }

  /** Overwrites the octet at `position`, which must have been written already. */
  patchU8(position: number, value: number): void {
    checkRange("u8", value, 0xff);
    this.#checkWritten(position, 1);
    this.#put(position, value);
  }

  /** A copy of what was written. */
  finish(): OwnedBytes {
    return this.#bytes.slice(0, this.#at);
  }

  /** Makes room and returns where it starts. */
  #grow(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#at, 2 * this.#bytes.length));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    return at;
  }

  #put(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  #put16(at: number, value: number): void {
    this.#put(at, value >>> 8);
    this.#put(at + 1, value);
  }

  #put32(at: number, value: number): void {
    this.#put16(at, value >>> 16);
    this.#put16(at + 2, value);
  }

  #checkWritten(position: number, length: number): void {
    if (!Number.isInteger(position) || position < 0 || position + length > this.#at) {
      throw new RangeError(`Cannot patch octet ${position}: only ${this.#at} octets are written`);
    }
  }
}

function checkRange(what: string, value: number, highest: number): void {
  if (!Number.isInteger(value) || value < 0 || value > highest) {
    throw new RangeError(`Cannot write ${what}: value is ${value}, needs 0 to ${highest}`);
  }
}
