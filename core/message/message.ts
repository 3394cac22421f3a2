/**
 * Whole messages: octets to value and back (RFC 7296 §3).
 *
 * Parsing changes nothing and knows no keys: an SK or SKF comes out as an `EncryptedPart`, and its
 * opened content goes through `parsePayloads`. Which payloads belong in which exchange is `grammar.ts`.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Result } from "../result.ts";
import type { WireFault } from "../wire/fault.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { PayloadType } from "./constants.ts";
import { firstTypeOf, readChain, writeChain } from "./chain.ts";
import type { EncryptedPart } from "./encrypted.ts";
import {
  HEADER_LENGTH_OFFSET,
  IKE_HEADER_BYTES,
  type IkeHeader,
  type MessageHeader,
  readHeader,
  writeHeader,
} from "./header.ts";
import type { Payload } from "./payload.ts";

const MAJOR_VERSION = 2;

/** A message as received. Everything in it is a view of the datagram. */
export interface ParsedMessage {
  /** The header. */
  readonly header: IkeHeader;
  /** The payloads in clear. */
  readonly payloads: readonly Payload[];
  /** The SK or SKF payload, where there is one. */
  readonly encrypted?: EncryptedPart;
}

/**
 * The message in a datagram (without the non-ESP marker of port 4500).
 *
 * A payload that is not understood and critical is the fault `unsupported-critical` with its type in
 * `had` (§2.5); a major version other than 2 is `bad-value` at `header.version`. One that begins in clear
 * and is absurdly long is not read at all: that would cost far more than to send it.
 */
export function parseMessage(bytes: Bytes): Result<ParsedMessage, WireFault> {
  const reader = new Reader(bytes);
  const header = readHeader(reader.sub(IKE_HEADER_BYTES, "header"), bytes.length);
  if (header.majorVersion !== MAJOR_VERSION) {
    const had = header.majorVersion;
    reader.fail("bad-value", "header.version", { offset: 17, had, needed: MAJOR_VERSION });
  }
  const { nextPayload } = header;
  const isSealed = nextPayload === PayloadType.SK || nextPayload === PayloadType.SKF;
  if (!isSealed && bytes.length > limits.clearMessageBytes) {
    const needed = limits.clearMessageBytes;
    reader.fail("bad-length", "header.length", { offset: 24, had: bytes.length, needed });
  }
  return reader.result({ header, ...readChain(reader, nextPayload, true) });
}

/**
 * The payloads of an opened SK, or of fragments put together. `baseOffset` is where they would stand
 * in the datagram, so that a fault's offset means something.
 */
export function parsePayloads(
  firstType: number,
  bytes: Bytes,
  baseOffset: number,
): Result<readonly Payload[], WireFault> {
  const reader = new Reader(bytes, baseOffset);
  return reader.result(readChain(reader, firstType, false).payloads);
}

/** A message in clear. */
export function buildMessage(header: MessageHeader, payloads: readonly Payload[]): OwnedBytes {
  const writer = new Writer(512);
  writeHeader(writer, header, firstTypeOf(payloads));
  writeChain(writer, payloads);
  writer.patchU32(HEADER_LENGTH_OFFSET, writer.position);
  return writer.finish();
}

/** Payloads as octets, for sealing: the type of the first one and the chain. */
export function buildPayloads(
  payloads: readonly Payload[],
): { readonly first: number; readonly bytes: OwnedBytes } {
  const writer = new Writer(1024);
  writeChain(writer, payloads);
  return { first: firstTypeOf(payloads), bytes: writer.finish() };
}
