/**
 * Packets that are too long for the way to a peer: which of them may not be cut, and the ICMP message that
 * tells their sender (RFC 1191 §4, RFC 8201 §3, RFC 4443 §3.2).
 *
 * The message seems to come from the packet's destination: from there it passes the reverse path filter of
 * the host, which has no other address of which that is sure.
 */
import type { Arena } from "../buffers.ts";
import {
  storeChecksum,
  sumNumber,
  sumOctets,
  sumPseudoHeader,
  writeIpv4Checksum,
} from "./checksum.ts";
import type { InnerHeader } from "./header.ts";

/** What every way must carry, in pieces where it cannot do otherwise (RFC 791 §3.1, RFC 8200 §5). */
const least4 = 576;
const least6 = 1280;

/** Octets of a message at most (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c). */
export const tooBigBytes = 1280;
const most4 = 576;

const dontFragment = 0x4000;
const icmp4 = 1;
const icmp6 = 58;
const messageHeader = 8;

/** RFC 1812 §4.3.2.5: precedence "internetwork control". */
const errorTos = 0xc0;
const timeToLive = 64;

/** The smallest limit that is told for a version; shorter packets are sent in pieces. */
export function leastMtu(version: number): number {
  return version === 4 ? least4 : least6;
}

/** Whether the packet must not be carried in pieces: DF in IPv4, always in IPv6 (RFC 4301 §8.2.1). */
export function mayNotBeCut(view: DataView, at: number, header: InnerHeader): boolean {
  if (header.totalLength <= leastMtu(header.version)) return false;
  return header.version === 6 || (view.getUint16(at + 6) & dontFragment) !== 0;
}

/** Whether its sender may be told of a fault: RFC 1122 §3.2.2, RFC 4443 §2.4 e. */
export function mayBeTold(view: DataView, at: number, header: InnerHeader): boolean {
  const { version, protocol, upperAt, fragmentOffset } = header;
  const hasUpper = fragmentOffset === 0 && upperAt < at + header.totalLength;
  if (version === 4) {
    const first = view.getUint8(at + 12);
    if (first === 0 || first === 127 || first >= 224) return false;
    if (fragmentOffset !== 0) return false;
    return protocol !== icmp4 || (hasUpper && isIcmp4Query(view.getUint8(upperAt)));
  }
  const isNobody = header.source.every((word) => word === 0);
  if (isNobody || view.getUint8(at + 8) === 0xff) return false;
  return protocol !== icmp6 || (hasUpper && view.getUint8(upperAt) >= 128);
}

/** Not one of: unreachable, source quench, redirect, time exceeded, parameter problem. */
function isIcmp4Query(type: number): boolean {
  return type !== 3 && type !== 4 && type !== 5 && type !== 11 && type !== 12;
}

/**
 * Writes the message about the packet at `at` to `to`, a multiple of 4 with room for `tooBigBytes`: no more
 * than `mtu` octets pass. Its length.
 */
export function buildTooBig(
  arena: Arena,
  at: number,
  header: InnerHeader,
  to: number,
  mtu: number,
): number {
  return header.version === 4
    ? buildForIpv4(arena, at, header.totalLength, to, mtu)
    : buildForIpv6(arena, at, header.totalLength, to, mtu);
}

function buildForIpv4(arena: Arena, at: number, length: number, to: number, mtu: number): number {
  const { bytes, view } = arena;
  const message = to + 20;
  const quoted = Math.min(length, most4 - 20 - messageHeader);
  const total = 20 + messageHeader + quoted;
  bytes.copyWithin(message + messageHeader, at, at + quoted);
  view.setUint16(to, 0x4500 | errorTos);
  view.setUint16(to + 2, total);
  view.setUint32(to + 4, dontFragment);
  view.setUint16(to + 8, (timeToLive << 8) | icmp4);
  view.setUint32(to + 12, view.getUint32(at + 16));
  view.setUint32(to + 16, view.getUint32(at + 12));
  writeIpv4Checksum(arena, to, 20);
  view.setUint32(message, 0x0304_0000); // destination unreachable, fragmentation needed
  view.setUint32(message + 4, mtu);
  storeChecksum(arena, message + 2, sumOctets(arena, message, messageHeader + quoted));
  return total;
}

function buildForIpv6(arena: Arena, at: number, length: number, to: number, mtu: number): number {
  const { bytes, view } = arena;
  const message = to + 40;
  const quoted = Math.min(length, tooBigBytes - 40 - messageHeader);
  const upper = messageHeader + quoted;
  bytes.copyWithin(message + messageHeader, at, at + quoted);
  view.setUint32(to, 0x6000_0000 | (errorTos << 20));
  view.setUint16(to + 4, upper);
  view.setUint16(to + 6, (icmp6 << 8) | timeToLive);
  bytes.copyWithin(to + 8, at + 24, at + 40);
  bytes.copyWithin(to + 24, at + 8, at + 24);
  view.setUint32(message, 0x0200_0000); // packet too big
  view.setUint32(message + 4, mtu);
  const pseudo = sumPseudoHeader(arena, to, 6, icmp6) + sumNumber(upper);
  storeChecksum(arena, message + 2, sumOctets(arena, message, upper) + pseudo);
  return 40 + upper;
}
