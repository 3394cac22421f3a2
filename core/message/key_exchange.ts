/** KE payload (RFC 7296 §3.4). Whether the value fits its group is for `crypto/` to say. */
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import type { KePayload } from "./payload.ts";

/** KE payload, both directions. */
export const keCodec: PayloadCodec<KePayload> = {
  parse(body: Reader): KePayload {
    const group = body.u16("group");
    body.u16("reserved");
    if (body.remaining === 0) body.fail("bad-length", "data", { had: 0, needed: 1 });
    return { kind: "KE", group, data: body.rest() };
  },

  build(writer: Writer, payload: KePayload): void {
    writer.u16(payload.group);
    writer.u16(0);
    writer.bytes(payload.data);
  },
};
