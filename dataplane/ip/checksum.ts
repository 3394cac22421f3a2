/**
 * The Internet checksum (RFC 1071) over octets of the arena.
 *
 * Sums are taken over 16-bit words in the machine's order, little-endian, and stored in that order:
 * one's complement addition does not mind (RFC 1071 §2 B). A sum is a number below 2^53 that is folded
 * at the end, so sums of several pieces may be added, if all but the last have an even length.
 */
import type { Arena } from "../buffers.ts";
import { sumBlockBytes } from "./checksum_kernel.ts";

/** The sum of `length` octets at `offset`; an odd last octet is followed by a zero. */
export function sumOctets(arena: Arena, offset: number, length: number): number {
  const { bytes } = arena;
  const end = offset + length;
  let at = offset;
  let low = 0;
  if ((at & 1) !== 0) return sumUnaligned(bytes, offset, end);
  if ((at & 2) !== 0 && at + 2 <= end) {
    low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    at += 2;
  }
  const blocks = (end - at) & ~(sumBlockBytes - 1);
  if (blocks > 0 && arena.sumBlocks !== undefined) {
    return low + arena.sumBlocks(at, at + blocks) + sumRest(arena, at + blocks, end);
  }
  return low + sumRest(arena, at, end);
}

/** The same for a multiple of 4 as start. */
function sumRest({ bytes, words }: Arena, start: number, end: number): number {
  let low = 0;
  let high = 0;
  // 64 KB are 2^14 words: neither half reaches 2^31.
  let i = start >>> 2;
  const last = end >>> 2;
  for (; i + 4 <= last; i += 4) {
    const a = words[i] as number;
    const b = words[i + 1] as number;
    const c = words[i + 2] as number;
    const d = words[i + 3] as number;
    low = (low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)) | 0;
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0;
  }
  for (; i < last; i++) {
    const a = words[i] as number;
    low = (low + (a & 0xffff)) | 0;
    high = (high + (a >>> 16)) | 0;
  }
  const at = Math.max(start, last * 4);
  return low + high + (at < end ? sumUnaligned(bytes, at, end) : 0);
}

function sumUnaligned(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  let at = start;
  for (; at + 1 < end; at += 2) sum += (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return at < end ? sum + (bytes[at] as number) : sum;
}

/** A 16-bit number of a header as it counts in a sum. */
export function sumNumber(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** A sum as 16 bits, still to be complemented. */
export function foldSum(sum: number): number {
  let folded = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The part of the pseudo header (RFC 793 §3.1, RFC 8200 §8.1) that all segments of a flow share. */
export function sumPseudoHeader(
  arena: Arena,
  at: number,
  version: number,
  protocol: number,
): number {
  const addresses = version === 4 ? sumOctets(arena, at + 12, 8) : sumOctets(arena, at + 8, 32);
  return addresses + sumNumber(protocol);
}

/** Stores the complement of a sum. UDP's "no checksum" is avoided; elsewhere both zeros are the same. */
export function storeChecksum(arena: Arena, offset: number, sum: number): void {
  const checksum = ~foldSum(sum) & 0xffff;
  arena.view.setUint16(offset, checksum === 0 ? 0xffff : checksum, true);
}

/** Computes and stores the header checksum of the IPv4 header of `length` octets at `at`. */
export function writeIpv4Checksum(arena: Arena, at: number, length: number): void {
  arena.view.setUint16(at + 10, 0);
  arena.view.setUint16(at + 10, ~foldSum(sumOctets(arena, at, length)) & 0xffff, true);
}

/**
 * Corrects the checksum at `offset` for one 16-bit word of what it covers that was `before` and is `after`
 * now (RFC 1624 §3, equation 3). A word at an odd place counts with its octets exchanged.
 */
export function adjustChecksum(
  view: DataView,
  offset: number,
  before: number,
  after: number,
): void {
  const sum = (~view.getUint16(offset) & 0xffff) + (~before & 0xffff) + after;
  view.setUint16(offset, ~foldSum(sum) & 0xffff);
}
