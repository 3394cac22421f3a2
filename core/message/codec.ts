/**
 * How one payload's body becomes a value and a value becomes a body: both directions side by side,
 * so that they cannot drift apart. The generic header is the business of `chain.ts`.
 */
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";

/** Both directions of one payload. */
export interface PayloadCodec<P> {
  /** The value. It counts only if the reader has no fault afterwards. */
  parse(body: Reader): P;
  /** Appends the body. Throws `RangeError` when a value of ours does not fit its field. */
  build(writer: Writer, payload: P): void;
}
