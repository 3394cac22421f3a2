/**
 * EAP packets (RFC 3748 §4, §5; expanded types §5.7): octets and values.
 *
 * Octets behind the announced length are padding and are ignored (§4.1). What a method puts into a
 * packet is the method's business; here it is `data`.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Result } from "../result.ts";
import type { WireFault } from "../wire/fault.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** Code octet (RFC 3748 §4). */
export const EapCode = { REQUEST: 1, RESPONSE: 2, SUCCESS: 3, FAILURE: 4 } as const;

/** Type octet (RFC 3748 §5, IANA "EAP Registry"): the ones this gateway has to know. */
export const EapType = {
  IDENTITY: 1,
  NOTIFICATION: 2,
  NAK: 3,
  MSCHAPV2: 26,
  EXPANDED: 254,
} as const;

/** Which method a packet belongs to. */
export interface EapMethodId {
  /** Type octet; `EapType.EXPANDED` goes with `expanded`. */
  readonly type: number;
  /** Vendor and the vendor's own type (§5.7), with `EapType.EXPANDED` only. */
  readonly expanded?: { readonly vendor: number; readonly vendorType: number };
}

/** A Request or Response. */
export interface EapMethodPacket {
  /** Direction. */
  readonly kind: "request" | "response";
  /** Matches responses to requests. */
  readonly identifier: number;
  /** The method. */
  readonly method: EapMethodId;
  /** What follows the type. */
  readonly data: Bytes;
}

/** The end of a conversation. */
export interface EapResultPacket {
  /** Which end. */
  readonly kind: "success" | "failure";
  /** That of the response it answers (§4.2). */
  readonly identifier: number;
}

/** Any EAP packet. */
export type EapPacket = EapMethodPacket | EapResultPacket;

const HEADER_BYTES = 4;

/** Whether two method identifiers mean the same method. */
export function sameMethod(a: EapMethodId, b: EapMethodId): boolean {
  return a.type === b.type && a.expanded?.vendor === b.expanded?.vendor &&
    a.expanded?.vendorType === b.expanded?.vendorType;
}

/** An EAP packet from octets; `data` is a view into them. */
export function parseEapPacket(bytes: Bytes): Result<EapPacket, WireFault> {
  const outer = new Reader(bytes, 0, "EAP");
  const code = outer.u8("code");
  const identifier = outer.u8("identifier");
  const length = outer.u16("length");
  if (length < HEADER_BYTES) {
    outer.fail("bad-length", "length", { offset: 2, had: length, needed: HEADER_BYTES });
  }
  const reader = outer.sub(length - HEADER_BYTES, "");
  switch (code) {
    case EapCode.SUCCESS:
    case EapCode.FAILURE:
      reader.end();
      return outer.result({ kind: code === EapCode.SUCCESS ? "success" : "failure", identifier });
    case EapCode.REQUEST:
    case EapCode.RESPONSE: {
      const kind = code === EapCode.REQUEST ? "request" : "response";
      const method = parseMethodId(reader);
      return outer.result({ kind, identifier, method, data: reader.rest() });
    }
    default:
      outer.fail("bad-value", "code", { offset: 0, had: code });
      return outer.result({ kind: "failure", identifier });
  }
}

/** The octets of an EAP packet. */
export function buildEapPacket(packet: EapPacket): OwnedBytes {
  const writer = new Writer();
  writer.u8(codeOf(packet.kind));
  writer.u8(packet.identifier);
  writer.u16(0);
  if (packet.kind === "request" || packet.kind === "response") {
    const { method, data } = packet;
    writer.u8(method.type);
    if (method.expanded !== undefined) {
      writer.u8(method.expanded.vendor >>> 16);
      writer.u16(method.expanded.vendor & 0xffff);
      writer.u32(method.expanded.vendorType);
    }
    writer.bytes(data);
  }
  writer.patchU16(2, writer.position);
  return writer.finish();
}

function parseMethodId(reader: Reader): EapMethodId {
  const type = reader.u8("type");
  if (type !== EapType.EXPANDED) return { type };
  const vendor = (reader.u8("vendor") << 16) | reader.u16("vendor");
  return { type, expanded: { vendor, vendorType: reader.u32("vendor-type") } };
}

function codeOf(kind: EapPacket["kind"]): number {
  switch (kind) {
    case "request":
      return EapCode.REQUEST;
    case "response":
      return EapCode.RESPONSE;
    case "success":
      return EapCode.SUCCESS;
    case "failure":
      return EapCode.FAILURE;
  }
}
