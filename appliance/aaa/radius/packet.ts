/**
 * RADIUS packets as octets (RFC 2865 §3 and §5, §5.26 for vendors' attributes): framing only, nothing
 * is hidden, signed or believed here.
 *
 * Own code: of the libraries on npm `radius` is the one that others build upon, and like `radclient`
 * and `node-radius-client`, which wrap it, it throws on hostile octets, reads dictionaries from disk
 * at run time, is untyped, and knows nothing of a required Message-Authenticator.
 */
import {
  type Bytes,
  concatBytes,
  fail,
  ok,
  type OwnedBytes,
  type Result,
} from "../../../core/mod.ts";
import { type AttributeName, isKnownVendor, nameOf, rowOf } from "./attributes.ts";

/** Packet codes. */
export const Code = {
  ACCESS_REQUEST: 1,
  ACCESS_ACCEPT: 2,
  ACCESS_REJECT: 3,
  ACCOUNTING_REQUEST: 4,
  ACCOUNTING_RESPONSE: 5,
  ACCESS_CHALLENGE: 11,
  /** RFC 5997. */
  STATUS_SERVER: 12,
  DISCONNECT_REQUEST: 40,
  DISCONNECT_ACK: 41,
  DISCONNECT_NAK: 42,
  COA_REQUEST: 43,
  COA_ACK: 44,
  COA_NAK: 45,
} as const;

/** One attribute of the table, its value as it is or is to be on the wire. */
export interface Attribute {
  readonly name: AttributeName;
  readonly value: Bytes;
}

/** A packet of attributes that the table has. */
export interface RadiusPacket {
  readonly code: number;
  readonly identifier: number;
  /** 16 octets. */
  readonly authenticator: Bytes;
  /** In order; those that the table does not have are left out. */
  readonly attributes: readonly Attribute[];
}

/** A packet as parsed. */
export interface ParsedPacket extends RadiusPacket {
  /** Numbers of what was left out: `5`, or with a vendor `26.9.2`. */
  readonly unknown: readonly string[];
}

/** Why octets are no packet. */
export type PacketFault = "too-short" | "bad-length" | "bad-attribute" | "bad-vendor-attribute";

/** Octets before the attributes. */
export const headerBytes = 20;
/** RFC 2865 §3. */
export const longestPacket = 4096;
/** One octet holds the length of an attribute, header included. */
const longestAttribute = 255;
const vendorSpecific = 26;

/** Reads a packet; octets behind its own length are padding and not looked at. */
export function parsePacket(bytes: Bytes): Result<ParsedPacket, PacketFault> {
  if (bytes.length < headerBytes) return fail("too-short");
  const [code = 0, identifier = 0, high = 0, low = 0] = bytes;
  const length = high << 8 | low;
  if (length < headerBytes || length > longestPacket || length > bytes.length) {
    return fail("bad-length");
  }
  const attributes: Attribute[] = [];
  const unknown: string[] = [];
  for (let at = headerBytes; at < length;) {
    const size = bytes[at + 1] ?? 0;
    if (at + 2 > length || size < 2 || at + size > length) return fail("bad-attribute");
    const type = bytes[at] ?? 0;
    const value = bytes.subarray(at + 2, at + size);
    at += size;
    if (type === vendorSpecific) {
      const inner = parseVendor(value);
      if (inner === undefined) return fail("bad-vendor-attribute");
      attributes.push(...inner.attributes);
      unknown.push(...inner.unknown);
      continue;
    }
    const name = nameOf(undefined, type);
    if (name !== undefined) attributes.push({ name, value });
    else unknown.push(`${type}`);
  }
  const authenticator = bytes.subarray(4, headerBytes);
  return ok({ code, identifier, authenticator, attributes, unknown });
}

/** Vendors are free in the form of their values, so only those of the table are looked into. */
function parseVendor(value: Bytes): Pick<ParsedPacket, "attributes" | "unknown"> | undefined {
  if (value.length < 4) return undefined;
  const vendor = new DataView(value.buffer, value.byteOffset).getUint32(0);
  if (!isKnownVendor(vendor)) return { attributes: [], unknown: [`26.${vendor}`] };
  const attributes: Attribute[] = [];
  const unknown: string[] = [];
  for (let at = 4; at < value.length;) {
    const [type = 0, size = 0] = value.subarray(at, at + 2);
    if (size < 2 || at + size > value.length) return undefined;
    const name = nameOf(vendor, type);
    if (name !== undefined) attributes.push({ name, value: value.subarray(at + 2, at + size) });
    else unknown.push(`26.${vendor}.${type}`);
    at += size;
  }
  return { attributes, unknown };
}

/** Frames a packet; `undefined` when an attribute or all of them are too long. */
export function buildPacket(
  { code, identifier, authenticator, attributes }: RadiusPacket,
): OwnedBytes | undefined {
  const parts: Bytes[] = [];
  for (const { name, value } of attributes) {
    const { type, vendor } = rowOf(name);
    const framed = vendor === undefined
      ? concatBytes(new Uint8Array([type, value.length + 2]), value)
      : buildVendor(vendor, type, value);
    if (framed.length > longestAttribute) return undefined;
    parts.push(framed);
  }
  const length = parts.reduce((sum, part) => sum + part.length, headerBytes);
  if (length > longestPacket) return undefined;
  const header = new Uint8Array([code, identifier, length >> 8, length & 0xff]);
  return concatBytes(header, authenticator, ...parts);
}

function buildVendor(vendor: number, type: number, value: Bytes): OwnedBytes {
  const header = new Uint8Array([
    vendorSpecific,
    value.length + 8,
    0,
    0,
    0,
    0,
    type,
    value.length + 2,
  ]);
  new DataView(header.buffer).setUint32(2, vendor);
  return concatBytes(header, value);
}

/** All values of a name, in order. */
export function valuesOf(packet: RadiusPacket, name: AttributeName): readonly Bytes[] {
  return packet.attributes.filter((one) => one.name === name).map(({ value }) => value);
}

/** Four octets, network order. */
export function number32(value: number): OwnedBytes {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, value);
  return octets;
}

/** The number in four octets; `undefined` for another length. */
export function readNumber32(value: Bytes): number | undefined {
  if (value.length !== 4) return undefined;
  return new DataView(value.buffer, value.byteOffset).getUint32(0);
}
