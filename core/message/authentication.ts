/** AUTH payload (RFC 7296 §3.8). The framing of RFC 7427 inside `data` is for `sa/`. */
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import type { AuthPayload } from "./payload.ts";

/** AUTH payload, both directions. */
export const authCodec: PayloadCodec<AuthPayload> = {
  parse(body: Reader): AuthPayload {
    const method = body.u8("method");
    body.bytes(3, "reserved");
    return { kind: "AUTH", method, data: body.rest() };
  },

  build(writer: Writer, payload: AuthPayload): void {
    writer.u8(payload.method);
    writer.zeros(3);
    writer.bytes(payload.data);
  },
};
