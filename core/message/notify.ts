/** N payload (RFC 7296 §3.10) and the typed forms of its data. */
import type { Bytes } from "../bytes.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import { NotifyType, ProtocolId } from "./constants.ts";
import type { NotifyPayload, Payload } from "./payload.ts";

const nothing = new Uint8Array(0);
/** §3.10.1: types below are errors, the others status. */
const FIRST_STATUS_TYPE = 16384;

/** N payload, both directions. */
export const notifyCodec: PayloadCodec<NotifyPayload> = {
  parse(body: Reader): NotifyPayload {
    const protocol = body.u8("protocol");
    const spiSize = body.u8("spiSize");
    const notifyType = body.u16("notifyType");
    const spi = body.bytes(spiSize, "spi");
    return { kind: "N", protocol, spi, notifyType, data: body.rest() };
  },

  build(writer: Writer, payload: NotifyPayload): void {
    writer.u8(payload.protocol);
    writer.u8(payload.spi.length);
    writer.u16(payload.notifyType);
    writer.bytes(payload.spi);
    writer.bytes(payload.data);
  },
};

/** A notify about the message or the IKE SA as a whole. */
export function notify(notifyType: number, data: Bytes = nothing): NotifyPayload {
  return { kind: "N", protocol: ProtocolId.NONE, spi: nothing, notifyType, data };
}

/** A notify about one Child SA: REKEY_SA, CHILD_SA_NOT_FOUND, INVALID_SELECTORS. */
export function notifyChildSa(notifyType: number, protocol: number, spi: Bytes): NotifyPayload {
  return { kind: "N", protocol, spi, notifyType, data: nothing };
}

/** Whether a notify type reports an error (§3.10.1). */
export function isErrorNotify(notifyType: number): boolean {
  return notifyType < FIRST_STATUS_TYPE;
}

/** The first notify of that type. */
export function findNotify(
  payloads: readonly Payload[],
  notifyType: number,
): NotifyPayload | undefined {
  for (const payload of payloads) {
    if (payload.kind === "N" && payload.notifyType === notifyType) return payload;
  }
  return undefined;
}

/** The first notify that reports an error. */
export function findErrorNotify(payloads: readonly Payload[]): NotifyPayload | undefined {
  for (const payload of payloads) {
    if (payload.kind === "N" && isErrorNotify(payload.notifyType)) return payload;
  }
  return undefined;
}

/** INVALID_KE_PAYLOAD with the group that is wanted (§1.2). */
export function buildInvalidKe(group: number): NotifyPayload {
  const writer = new Writer(2);
  writer.u16(group);
  return notify(NotifyType.INVALID_KE_PAYLOAD, writer.finish());
}

/** The group that an INVALID_KE_PAYLOAD asks for. */
export function parseInvalidKe(payload: NotifyPayload): number | undefined {
  return parseExactly(payload.data, (reader) => reader.u16("group"));
}

/** UNSUPPORTED_CRITICAL_PAYLOAD naming the payload type (§2.5). */
export function buildUnsupportedCritical(payloadType: number): NotifyPayload {
  const writer = new Writer(1);
  writer.u8(payloadType);
  return notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, writer.finish());
}

/** SIGNATURE_HASH_ALGORITHMS, in order of preference (RFC 7427 §4). */
export function buildSignatureHashes(hashes: readonly number[]): NotifyPayload {
  const writer = new Writer(2 * hashes.length);
  for (const hash of hashes) writer.u16(hash);
  return notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, writer.finish());
}

/** The hash algorithms of a SIGNATURE_HASH_ALGORITHMS, `undefined` when it is malformed. */
export function parseSignatureHashes(payload: NotifyPayload): readonly number[] | undefined {
  return parseExactly(payload.data, (reader) => {
    const hashes: number[] = [];
    while (reader.remaining > 0) hashes.push(reader.u16("hash"));
    return hashes;
  });
}

/** COOKIE (§2.6): 1 to 64 octets. Throws `RangeError` for another length. */
export function buildCookie(cookie: Bytes): NotifyPayload {
  if (!isCookieLength(cookie.length)) {
    throw new RangeError(`Cannot build COOKIE: data has ${cookie.length} octets, needs 1 to 64`);
  }
  return notify(NotifyType.COOKIE, cookie);
}

/** The cookie of a COOKIE notify, `undefined` when its length is not allowed. */
export function parseCookie(payload: NotifyPayload): Bytes | undefined {
  return isCookieLength(payload.data.length) ? payload.data : undefined;
}

function isCookieLength(length: number): boolean {
  return length >= 1 && length <= 64;
}

/** AUTH_LIFETIME: seconds until the peer has to authenticate anew (RFC 4478 §3). */
export function buildAuthLifetime(seconds: number): NotifyPayload {
  const writer = new Writer(4);
  writer.u32(seconds);
  return notify(NotifyType.AUTH_LIFETIME, writer.finish());
}

/** The seconds of an AUTH_LIFETIME, `undefined` when it is malformed. */
export function parseAuthLifetime(payload: NotifyPayload): number | undefined {
  return parseExactly(payload.data, (reader) => reader.u32("lifetime"));
}

/** REKEY_SA: `spi` is the one that the sender of the notify expects in inbound packets (§1.3.3). */
export function buildRekeySa(protocol: number, spi: Bytes): NotifyPayload {
  return notifyChildSa(NotifyType.REKEY_SA, protocol, spi);
}

/** The value, when `parse` takes all octets and finds no fault. */
function parseExactly<T>(data: Bytes, parse: (reader: Reader) => T): T | undefined {
  const reader = new Reader(data);
  const value = parse(reader);
  reader.end();
  return reader.fault === undefined ? value : undefined;
}
