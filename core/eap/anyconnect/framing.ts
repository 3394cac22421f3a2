/**
 * AnyConnect-EAP below its documents: an expanded EAP type of vendor Cisco whose data are TLVs (type
 * 16 bits, length of the value 16 bits, value; no padding).
 *
 * A message holds each known TLV once at most, in any order. Unknown types are skipped. Octets that
 * do not form a TLV are a fault, and so is a known TLV that comes twice, because two readers could
 * pick different ones. What the values mean is for the neighbours of this file.
 */
import type { Bytes, OwnedBytes } from "../../bytes.ts";
import type { Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { type EapMethodId, EapType } from "../packet.ts";

/** SMI enterprise number of Cisco. */
const VENDOR_CISCO = 9;
/** "DBRP". */
const VENDOR_TYPE = 0x44425250;

/** The type of AnyConnect-EAP packets. */
export const ANYCONNECT_METHOD: EapMethodId = {
  type: EapType.EXPANDED,
  expanded: { vendor: VENDOR_CISCO, vendorType: VENDOR_TYPE },
};

/** TLV types; 2 has never been seen. */
export const TlvType = { XML: 0, SIGN: 1, PKCS7: 3 } as const;

/** What one EAP packet carries. */
export interface AnyConnectMessage {
  /** A `config-auth` document. */
  readonly xml?: Bytes;
  /** The client's signature. */
  readonly sign?: Bytes;
  /** The client's certificates. */
  readonly pkcs7?: Bytes;
}

const fieldOf: ReadonlyMap<number, keyof AnyConnectMessage> = new Map([
  [TlvType.XML, "xml"],
  [TlvType.SIGN, "sign"],
  [TlvType.PKCS7, "pkcs7"],
]);

/** A message from the data of an EAP packet; its values are views. */
export function parseTlvs(data: Bytes): Result<AnyConnectMessage, WireFault> {
  const reader = new Reader(data, 0, "AnyConnect-EAP");
  const message: { -readonly [K in keyof AnyConnectMessage]: Bytes } = {};
  while (reader.remaining > 0) {
    const at = reader.offset;
    const type = reader.u16("type");
    const value = reader.bytes(reader.u16("length"), "value");
    const field = fieldOf.get(type);
    if (reader.fault !== undefined || field === undefined) continue;
    if (message[field] !== undefined) reader.fail("unexpected", field, { offset: at, had: type });
    message[field] = value;
  }
  return reader.result(message);
}

/** The data of an EAP packet, in the order that clients use: certificates, signature, document. */
export function buildTlvs({ pkcs7, sign, xml }: AnyConnectMessage): OwnedBytes {
  const writer = new Writer();
  const parts = [[TlvType.PKCS7, pkcs7], [TlvType.SIGN, sign], [TlvType.XML, xml]] as const;
  for (const [type, value] of parts) {
    if (value === undefined) continue;
    writer.u16(type);
    writer.u16(value.length);
    writer.bytes(value);
  }
  return writer.finish();
}
