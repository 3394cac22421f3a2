/**
 * IDi and IDr payloads (RFC 7296 §3.5).
 *
 * AUTH covers the body as it was received (§2.15), so RESERVED octets that are not zero are kept and
 * come back when the body is built again.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import type { IdPayload } from "./payload.ts";

/** IDi or IDr payload, both directions. */
export function idCodec(kind: IdPayload["kind"]): PayloadCodec<IdPayload> {
  return {
    parse(body: Reader): IdPayload {
      const idType = body.u8("idType");
      const reserved = body.bytes(3, "reserved");
      const data = body.rest();
      const isZero = reserved.every((octet) => octet === 0);
      return isZero ? { kind, idType, data } : { kind, idType, data, reserved };
    },
    build: buildId,
  };
}

function buildId(writer: Writer, payload: Omit<IdPayload, "kind">): void {
  writer.u8(payload.idType);
  if (payload.reserved === undefined) writer.zeros(3);
  else writer.bytes(payload.reserved);
  writer.bytes(payload.data);
}

/** The body of an ID payload without its generic header: what prf(SK_p, ID') covers (§2.15). */
export function idBody(idType: number, data: Bytes, reserved?: Bytes): OwnedBytes {
  const writer = new Writer(4 + data.length);
  buildId(writer, reserved === undefined ? { idType, data } : { idType, data, reserved });
  return writer.finish();
}
