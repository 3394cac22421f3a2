/**
 * How one payload's body becomes a value and a value becomes a body: both directions side by side,
 * so that they cannot drift apart. The generic header (RFC 7296 §3.2) around it is read and written by
 * `chain.ts` and `encrypted.ts`.
 */
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";

/** Octets of the generic payload header. */
export const GENERIC_HEADER_BYTES = 4;

/** The critical bit of the generic payload header; the other seven bits have no meaning. */
export const CRITICAL_BIT = 0x80;

/** Both directions of one payload. */
export interface PayloadCodec<P> {
  /** The value. It counts only if the reader has no fault afterwards. */
  parse(body: Reader): P;
  /** Appends the body. Throws `RangeError` when a value of ours does not fit its field. */
  build(writer: Writer, payload: P): void;
}
