/**
 * IPv4 and IPv6 addresses, prefixes and ranges: octets and text.
 *
 * Read RFC 4291 §2.2 (text of IPv6), RFC 5952 (the one recommended text) and RFC 4632 (prefixes).
 * Left out: zone identifiers, octal and shortened forms of IPv4, names.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";

/** An address; `octets` has 4 or 16 of them. */
export interface IpAddress {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Network order. */
  readonly octets: Bytes;
}

/** A UDP endpoint. */
export interface Endpoint {
  /** The host. */
  readonly address: IpAddress;
  /** The UDP port. */
  readonly port: number;
}

/** All addresses from `first` to `last`, both included, of one family. */
export interface AddressRange {
  /** Lowest address. */
  readonly first: IpAddress;
  /** Highest address. */
  readonly last: IpAddress;
}

/** An address block: any address inside it and the number of leading bits that count. */
export interface AddressPrefix {
  /** Any address inside. */
  readonly address: IpAddress;
  /** Leading bits that count. */
  readonly length: number;
}

/** Bits in an address of the family: 32 or 128. */
export function bitsOf(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

// Text of one address

/** An address from its text, `undefined` when it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  const family = text.includes(":") ? 6 : 4;
  const octets = family === 6 ? parseIp6Octets(text) : parseIp4Octets(text);
  return octets === undefined ? undefined : { family, octets };
}

function parseIp4Octets(text: string): OwnedBytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const value = Number(part);
    // A leading zero would be octal to some readers, so it is no address to us.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || value > 255) return undefined;
    octets[i] = value;
  }
  return octets;
}

function parseIp6Octets(text: string): OwnedBytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const groups = head.length + tail.length;
  // RFC 4291 §2.2: "::" stands for one or more groups of zeros.
  if (halves.length === 1 ? groups !== 8 : groups > 7) return undefined;
  const octets = new Uint8Array(16);
  const view = new DataView(octets.buffer);
  head.forEach((group, i) => view.setUint16(2 * i, group));
  tail.forEach((group, i) => view.setUint16(16 - 2 * (tail.length - i), group));
  return octets;
}

/** Groups of 16 bits; the last may be an IPv4 address where `mayEndIn4` holds. */
function parseGroups(text: string, mayEndIn4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".") && mayEndIn4 && i === parts.length - 1) {
      const four = parseIp4Octets(part);
      if (four === undefined) return undefined;
      const view = viewOf(four);
      groups.push(view.getUint16(0), view.getUint16(2));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The one recommended text of an address (RFC 5952 §4; §5 for IPv4-mapped ones). */
export function formatIpAddress(address: IpAddress): string {
  if (address.family === 4) return address.octets.join(".");
  const view = viewOf(address.octets);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${address.octets.subarray(12).join(".")}`;
  }
  const gap = longestZeroRun(groups);
  const hex = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(":");
  if (gap === undefined) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.end))}`;
}

/** The first longest run of at least two zero groups (RFC 5952 §4.2.2 and §4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; end: number } | undefined {
  let best: { start: number; end: number } | undefined;
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start >= 2 && (best === undefined || end - start > best.end - best.start)) {
      best = { start, end };
    }
    if (end > start) start = end;
  }
  return best;
}

/** `192.0.2.1:500` or `[2001:db8::1]:500` (RFC 5952 §6). */
export function formatEndpoint(endpoint: Endpoint): string {
  const host = formatIpAddress(endpoint.address);
  return `${endpoint.address.family === 6 ? `[${host}]` : host}:${endpoint.port}`;
}

/** The host of a text that `formatEndpoint` made. */
export function hostOfEndpoint(text: string): string {
  return text.slice(0, text.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

// Order and arithmetic

/** Negative, zero or positive as `a` is before, equal to or after `b`; IPv4 is before IPv6. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.octets.length; i++) {
    const difference = (a.octets[i] ?? 0) - (b.octets[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether both are the same address of the same family. */
export function equalAddresses(a: IpAddress, b: IpAddress): boolean {
  return compareAddresses(a, b) === 0;
}

/** Whether both are the same host and port. */
export function equalEndpoints(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && equalAddresses(a.address, b.address);
}

/** The address as an unsigned number. */
export function addressToBigInt(address: IpAddress): bigint {
  if (address.family === 4) return BigInt(ip4ToNumber(address.octets));
  const view = viewOf(address.octets);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

/** An address as a key of a map: of IPv4 a number, which costs less to find and to keep. */
export type AddressKey = number | bigint;

/** The key of an address. */
export function addressKey(address: IpAddress): AddressKey {
  return address.family === 4 ? ip4ToNumber(address.octets) : addressToBigInt(address);
}

function ip4ToNumber({ 0: a = 0, 1: b = 0, 2: c = 0, 3: d = 0 }: Bytes): number {
  return (a << 24 | b << 16 | c << 8 | d) >>> 0;
}

/** The address with that number. Throws `RangeError` when the family has no such address. */
export function addressFromBigInt(family: 4 | 6, value: bigint): IpAddress {
  const bits = bitsOf(family);
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw new RangeError(
      `Cannot make an IPv${family} address: value is ${value}, needs ${bits} bits`,
    );
  }
  const octets = new Uint8Array(bits / 8);
  const view = viewOf(octets);
  if (family === 4) {
    view.setUint32(0, Number(value));
  } else {
    view.setBigUint64(0, value >> 64n);
    view.setBigUint64(8, BigInt.asUintN(64, value));
  }
  return { family, octets };
}

// Prefixes and ranges

/** `10.0.0.0/8` or `2001:db8::/32`; host bits may be set. `undefined` when it is neither. */
export function parsePrefix(text: string): AddressPrefix | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseIpAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  return length > bitsOf(address.family) ? undefined : { address, length };
}

/** The prefix's text, its address as given. */
export function formatPrefix(prefix: AddressPrefix): string {
  return `${formatIpAddress(prefix.address)}/${prefix.length}`;
}

/** All addresses of the block, network and broadcast address included. */
export function prefixToRange(prefix: AddressPrefix): AddressRange {
  const { family } = prefix.address;
  const hostBits = BigInt(bitsOf(family) - prefix.length);
  const first = (addressToBigInt(prefix.address) >> hostBits) << hostBits;
  return {
    first: addressFromBigInt(family, first),
    last: addressFromBigInt(family, first + (1n << hostBits) - 1n),
  };
}

/** `a-b`, a prefix, or one address. `undefined` when it is none of these or `a` is after `b`. */
export function parseRange(text: string): AddressRange | undefined {
  if (text.includes("/")) {
    const prefix = parsePrefix(text);
    return prefix === undefined ? undefined : prefixToRange(prefix);
  }
  const [from = "", to = from, ...more] = text.split("-");
  const first = parseIpAddress(from.trim());
  const last = parseIpAddress(to.trim());
  if (first === undefined || last === undefined || more.length > 0) return undefined;
  if (first.family !== last.family || compareAddresses(first, last) > 0) return undefined;
  return { first, last };
}

/** Whether the address lies in the range. */
export function rangeContains(range: AddressRange, address: IpAddress): boolean {
  return range.first.family === address.family && compareAddresses(range.first, address) <= 0 &&
    compareAddresses(address, range.last) <= 0;
}

/** Whether two blocks have an address in common, which is when one lies in the other. */
export function prefixesOverlap(a: AddressPrefix, b: AddressPrefix): boolean {
  const [wide, narrow] = a.length <= b.length ? [a, b] : [b, a];
  return rangeContains(prefixToRange(wide), narrow.address);
}

/** The fewest prefixes that together are exactly the range, in order. */
export function rangeToPrefixes(range: AddressRange): AddressPrefix[] {
  const { family } = range.first;
  const bits = bitsOf(family);
  const last = addressToBigInt(range.last);
  const prefixes: AddressPrefix[] = [];
  let at = addressToBigInt(range.first);
  while (at <= last) {
    // The largest block that starts here and does not go past the end.
    let hostBits = 0;
    while (hostBits < bits) {
      const size = 1n << BigInt(hostBits + 1);
      if (at % size !== 0n || at + size - 1n > last) break;
      hostBits++;
    }
    prefixes.push({ address: addressFromBigInt(family, at), length: bits - hostBits });
    at += 1n << BigInt(hostBits);
  }
  return prefixes;
}

/** The IPv4 netmask of a prefix length, 4 octets. Throws `RangeError` outside 0 to 32. */
export function netmaskOf(length: number): OwnedBytes {
  if (!Number.isInteger(length) || length < 0 || length > 32) {
    throw new RangeError(`Cannot make a netmask: prefix length is ${length}, needs 0 to 32`);
  }
  const octets = new Uint8Array(4);
  viewOf(octets).setUint32(0, length === 0 ? 0 : 0xffffffff << (32 - length));
  return octets;
}

/** The prefix length of an IPv4 netmask; `undefined` when it is not ones followed by zeros. */
export function prefixLengthOfNetmask(mask: Bytes): number | undefined {
  if (mask.length !== 4) return undefined;
  const length = Math.clz32(~viewOf(mask).getUint32(0));
  return netmaskOf(length).every((octet, i) => octet === mask[i]) ? length : undefined;
}

function viewOf(octets: Bytes): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
