/**
 * Rtnetlink messages as octets (rtnetlink(7)): link, address, route. Pure: builds requests and reads
 * answers, opens nothing.
 *
 * A message is a header of 16 octets, a fixed part that depends on its type, and attributes of 4 octets
 * and a value each, all padded to 4 and in the machine's (little-endian) order; addresses are octets.
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../../core/bytes.ts";
import type { AddressPrefix, IpAddress } from "../../core/wire/address.ts";

/** Message types. */
export const NetlinkType = {
  ERROR: 2,
  DONE: 3,
  NEWLINK: 16,
  NEWADDR: 20,
  DELADDR: 21,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
} as const;

/** Header flags. */
export const NetlinkFlag = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  REPLACE: 0x100,
  EXCLUSIVE: 0x200,
  DUMP: 0x300,
  CREATE: 0x400,
} as const;

/** Attribute numbers. */
const Attribute = {
  IFLA_MTU: 4,
  IFLA_TXQLEN: 13,
  IFLA_AF_SPEC: 26,
  IFLA_INET6_ADDR_GEN_MODE: 8,
  IFA_ADDRESS: 1,
  IFA_LOCAL: 2,
  RTA_DST: 1,
  RTA_OIF: 4,
  RTA_GATEWAY: 5,
  RTA_PRIORITY: 6,
  RTA_PREFSRC: 7,
  RTA_TABLE: 15,
} as const;

const headerBytes = 16;
const routeBytes = 12;
const addressFamily = { 4: 2, 6: 10 } as const;
const afInet6 = 10;
const interfaceUp = 1;
const addressNoDad = 2;
const tableMain = 254;
const protocolStatic = 4;
const scopeUniverse = 0;
const scopeLink = 253;
const typeUnicast = 1;
const addressGenerationNone = 1;

/** A route as we set it or as the kernel tells it. */
export interface Route {
  /** Destination. */
  readonly destination: AddressPrefix;
  /** Interface. */
  readonly interfaceIndex: number;
  /** Next hop; `undefined` when the destination is on the link. */
  readonly gateway?: IpAddress;
  /** Source address that the kernel prefers. */
  readonly source?: IpAddress;
  /** Metric; smaller wins. */
  readonly priority?: number;
}

/** A route that the kernel told us. */
export interface ToldRoute extends Route {
  /** A unicast route of the main table: one of those that `wayOutside` may choose from. */
  readonly isOrdinary: boolean;
}

/** A message taken apart. */
export interface NetlinkMessage {
  /** `NetlinkType`. */
  readonly type: number;
  /** Number of the request that it answers. */
  readonly sequence: number;
  /** What follows the header. */
  readonly body: Bytes;
}

/** Brings an interface up, with an MTU and a queue length. */
export function buildLinkUp(index: number, mtu: number, queueLength: number): OwnedBytes {
  return concatBytes(
    linkHeader(index, interfaceUp),
    attribute(Attribute.IFLA_MTU, u32(mtu)),
    attribute(Attribute.IFLA_TXQLEN, u32(queueLength)),
  );
}

/** Tells the kernel to make up no link-local IPv6 address, and so to send nothing by itself. */
export function buildNoLinkLocal(index: number): OwnedBytes {
  const mode = attribute(Attribute.IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(addressGenerationNone));
  const family = attribute(afInet6, mode);
  return concatBytes(linkHeader(index, 0), attribute(Attribute.IFLA_AF_SPEC, family));
}

/** Body of NEWADDR and DELADDR. */
export function buildAddress(index: number, prefix: AddressPrefix): OwnedBytes {
  const { family, octets } = prefix.address;
  return concatBytes(
    Uint8Array.of(addressFamily[family], prefix.length, addressNoDad, scopeUniverse),
    u32(index),
    attribute(Attribute.IFA_LOCAL, octets),
    attribute(Attribute.IFA_ADDRESS, octets),
  );
}

/** Body of NEWROUTE and DELROUTE in the main table. */
export function buildRoute(route: Route): OwnedBytes {
  const { destination, gateway, source } = route;
  const family = addressFamily[destination.address.family];
  const scope = gateway === undefined && family !== afInet6 ? scopeLink : scopeUniverse;
  return concatBytes(
    Uint8Array.of(family, destination.length, 0, 0, tableMain, protocolStatic, scope, typeUnicast),
    u32(0),
    attribute(Attribute.RTA_DST, networkOf(destination)),
    attribute(Attribute.RTA_OIF, u32(route.interfaceIndex)),
    gateway === undefined ? new Uint8Array(0) : attribute(Attribute.RTA_GATEWAY, gateway.octets),
    source === undefined ? new Uint8Array(0) : attribute(Attribute.RTA_PREFSRC, source.octets),
  );
}

/** Body of GETROUTE: which way to one address? */
export function buildRouteQuestion(address: IpAddress): OwnedBytes {
  const fixed = new Uint8Array(routeBytes);
  fixed[0] = addressFamily[address.family];
  fixed[1] = address.octets.length * 8;
  return concatBytes(fixed, attribute(Attribute.RTA_DST, address.octets));
}

/** Body of GETROUTE for a dump of all routes of a family. */
export function buildRouteDump(family: 4 | 6): OwnedBytes {
  const fixed = new Uint8Array(routeBytes);
  fixed[0] = addressFamily[family];
  return fixed;
}

/** A whole message. */
export function buildMessage(
  type: number,
  flags: number,
  sequence: number,
  body: Bytes,
): OwnedBytes {
  const message = new Uint8Array(headerBytes + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  message.set(body, headerBytes);
  return message;
}

/** The messages in one answer; stops at the first that does not fit. */
export function parseMessages(bytes: Bytes): NetlinkMessage[] {
  const view = viewOf(bytes);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + headerBytes <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < headerBytes || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + headerBytes, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The error number of an ERROR message; 0 is success. */
export function parseError(body: Bytes): number {
  return body.length < 4 ? 0 : -viewOf(body).getInt32(0, true);
}

/** The route in a NEWROUTE message; `undefined` when it is not one of IPv4 or IPv6. */
export function parseRoute(body: Bytes): ToldRoute | undefined {
  if (body.length < routeBytes) return undefined;
  const family = body[0] === addressFamily[4] ? 4 : body[0] === addressFamily[6] ? 6 : undefined;
  if (family === undefined) return undefined;
  let table = body[4] ?? 0;
  let destination: Bytes = new Uint8Array(family === 4 ? 4 : 16);
  let interfaceIndex = 0;
  let priority = 0;
  let gateway: IpAddress | undefined;
  let source: IpAddress | undefined;
  for (const { type, value } of attributes(body.subarray(routeBytes))) {
    if (type === Attribute.RTA_DST) destination = value.slice();
    else if (type === Attribute.RTA_OIF) interfaceIndex = viewOf(value).getUint32(0, true);
    else if (type === Attribute.RTA_PRIORITY) priority = viewOf(value).getUint32(0, true);
    else if (type === Attribute.RTA_TABLE) table = viewOf(value).getUint32(0, true);
    else if (type === Attribute.RTA_GATEWAY) gateway = { family, octets: value.slice() };
    else if (type === Attribute.RTA_PREFSRC) source = { family, octets: value.slice() };
  }
  return {
    isOrdinary: table === tableMain && body[7] === typeUnicast,
    destination: { address: { family, octets: destination }, length: body[1] ?? 0 },
    interfaceIndex,
    priority,
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
  };
}

function* attributes(bytes: Bytes): Generator<{ readonly type: number; readonly value: Bytes }> {
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) return;
    const value = bytes.subarray(at + 4, at + length);
    yield { type: view.getUint16(at + 2, true) & 0x3fff, value };
    at += align(length);
  }
}

function attribute(type: number, value: Bytes): OwnedBytes {
  const bytes = new Uint8Array(align(4 + value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

function linkHeader(index: number, flags: number): OwnedBytes {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, flags, true);
  return bytes;
}

/** The address with the bits behind the prefix cleared, as the kernel demands of a destination. */
function networkOf(prefix: AddressPrefix): OwnedBytes {
  return prefix.address.octets.map((octet, i) => {
    const bits = Math.min(8, Math.max(0, prefix.length - 8 * i));
    return octet & (0xff00 >>> bits);
  });
}

function u32(value: number): OwnedBytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function align(length: number): number {
  return (length + 3) & ~3;
}
