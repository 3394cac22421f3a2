/**
 * The Internet checksum (RFC 1071) over octets of the arena.
 *
 * Sums are taken over 16-bit words in the machine's order, little-endian, and stored in that order:
 * one's complement addition does not mind (RFC 1071 §2 B). A sum is a number below 2^32 that is folded
 * at the end, so sums of several pieces may be added, if all but the last have an even length.
 */
import type { Arena } from "../buffers.ts";

/** The sum of `length` octets at `offset`; an odd last octet is followed by a zero. */
export function sumOctets({ checksums }: Arena, offset: number, length: number): number {
  return checksums.sum(offset, offset + length);
}

/** Both halves of a word of the arena. */
export function sumWord(word: number): number {
  return (word & 0xffff) + (word >>> 16);
}

/** A 16-bit number of a header as it counts in a sum. */
export function sumNumber(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** A sum as 16 bits, still to be complemented. */
export function foldSum(sum: number): number {
  const folded = (sum & 0xffff) + (sum >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
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
