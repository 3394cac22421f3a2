/**
 * The one piece of memory that packets, message headers and scratch fields live in.
 *
 * It is allocated once, so that addresses in it never change: the kernel and libcrypto are given
 * pointers that were made at the start. Parts are handed out at the start too and never come back.
 *
 * Ownership: a receive slot belongs to the packet loop from the moment the kernel filled it until its
 * burst is done; a send slot until its burst was given to the kernel. Nobody keeps a view of either.
 */

import {
  type ChecksumKernel,
  createChecksumKernel,
  portableChecksumKernel,
} from "./ip/checksum_kernel.ts";

/** Octets before an inner packet that is read for sending: ESP header and IV grow into them. */
export const headroomBytes = 64;
/** Octets behind it: padding (15), trailer (2) and ICV (32), rounded up. */
export const tailroomBytes = 64;

const cacheLineBytes = 64;

/** From here on an arena is made of pages of WebAssembly, which reserve far more addresses than they use. */
const pagedBytes = 1 << 20;
const pageBytes = 65_536;

/** Memory that never grows, so that it never moves. */
function allocatePages(
  size: number,
): { readonly buffer: ArrayBuffer; readonly kernel: ChecksumKernel | undefined } {
  const pages = Math.ceil(size / pageBytes);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return { buffer: memory.buffer as ArrayBuffer, kernel: createChecksumKernel(memory) };
}

/** Fixed memory with a bump allocator. */
export class Arena {
  /** All of it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For reading and writing single fields. */
  readonly view: DataView<ArrayBuffer>;
  /** For copying, comparing and summing, in the machine's order. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** Sums 16-bit words, quickly in all but small arenas. */
  readonly checksums: ChecksumKernel;
  #used = 0;

  /** Allocates `size` octets. */
  constructor(size: number) {
    const whole = Math.ceil(size / cacheLineBytes) * cacheLineBytes;
    const { buffer, kernel } = whole < pagedBytes
      ? { buffer: new ArrayBuffer(whole), kernel: undefined }
      : allocatePages(whole);
    this.bytes = new Uint8Array(buffer, 0, whole);
    this.view = new DataView(buffer, 0, whole);
    this.words = new Uint32Array(buffer, 0, whole / 4);
    this.checksums = kernel ?? portableChecksumKernel(this.bytes);
  }

  /** Hands out `size` octets that start on a cache line; returns their offset. */
  reserve(size: number): number {
    const offset = this.#used;
    this.#used += Math.ceil(size / cacheLineBytes) * cacheLineBytes;
    if (this.#used > this.bytes.length) {
      throw new RangeError(
        `Cannot reserve ${size} octets: ${
          this.bytes.length - offset
        } are left of ${this.bytes.length}`,
      );
    }
    return offset;
  }
}

/**
 * The distance of slots that hold `size` octets: an odd number of cache lines, so that the same field
 * of many slots does not fall into one cache set.
 */
export function slotStride(size: number): number {
  const lines = Math.ceil(size / cacheLineBytes);
  return (lines | 1) * cacheLineBytes;
}
