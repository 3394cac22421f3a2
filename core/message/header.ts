/**
 * IKE header (RFC 7296 §3.1), 28 octets.
 *
 * The version is not judged here: a higher major version is answered, not dropped (§2.5).
 */
import type { Bytes } from "../bytes.ts";
import type { Result } from "../result.ts";
import type { WireFault } from "../wire/fault.ts";
import { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { HeaderFlag } from "./constants.ts";

/** Octets of the header. */
export const IKE_HEADER_BYTES = 28;

/** What a sender decides about the header; the rest follows from the payloads. */
export interface MessageHeader {
  /** SPI of the original initiator, 8 octets. */
  readonly initiatorSpi: Bytes;
  /** SPI of the original responder, 8 octets, zero in the first message. */
  readonly responderSpi: Bytes;
  /** `ExchangeType`. */
  readonly exchangeType: number;
  /** The flags. `version` and `reserved` are normally left out. */
  readonly flags: {
    /** Sent by the original initiator of the IKE SA. */
    readonly initiator: boolean;
    /** Whether the sender could speak a higher major version. */
    readonly version?: boolean;
    /** A response. */
    readonly response: boolean;
    /** The five bits without meaning, where a peer has set some. */
    readonly reserved?: number;
  };
  /** Message ID. */
  readonly messageId: number;
  /** 0 unless given. */
  readonly minorVersion?: number;
}

/** A header as received. */
export interface IkeHeader extends MessageHeader {
  /** `PayloadType` of the first payload. */
  readonly nextPayload: number;
  /** 2 for IKEv2. */
  readonly majorVersion: number;
  /** 0 for IKEv2 as it is. */
  readonly minorVersion: number;
  /** The flags, all of them. */
  readonly flags: {
    /** Sent by the original initiator of the IKE SA. */
    readonly initiator: boolean;
    /** Whether the sender could speak a higher major version. */
    readonly version: boolean;
    /** A response. */
    readonly response: boolean;
    /** The bits without meaning that were set; absent when none was. */
    readonly reserved?: number;
  };
  /** Octets of the whole message. */
  readonly length: number;
}

/** The header of a datagram, which must be exactly as long as the header says. */
export function parseHeader(bytes: Bytes): Result<IkeHeader, WireFault> {
  const reader = new Reader(bytes);
  return reader.result(readHeader(reader.sub(IKE_HEADER_BYTES, "header"), bytes.length));
}

/** The header at the start of a datagram of `available` octets. */
export function readHeader(reader: Reader, available: number): IkeHeader {
  const initiatorSpi = reader.bytes(8, "initiatorSpi");
  const responderSpi = reader.bytes(8, "responderSpi");
  const nextPayload = reader.u8("nextPayload");
  const version = reader.u8("version");
  const exchangeType = reader.u8("exchangeType");
  const flags = reader.u8("flags");
  const messageId = reader.u32("messageId");
  const at = reader.offset;
  const length = reader.u32("length");
  if (length !== available) {
    reader.fail("bad-length", "length", { offset: at, had: length, needed: available });
  }
  const { INITIATOR, VERSION, RESPONSE } = HeaderFlag;
  const reserved = flags & ~(INITIATOR | VERSION | RESPONSE);
  return {
    initiatorSpi,
    responderSpi,
    nextPayload,
    majorVersion: version >> 4,
    minorVersion: version & 0x0f,
    exchangeType,
    flags: {
      initiator: (flags & INITIATOR) !== 0,
      version: (flags & VERSION) !== 0,
      response: (flags & RESPONSE) !== 0,
      ...(reserved === 0 ? {} : { reserved }),
    },
    messageId,
    length,
  };
}

/** Appends a header; the length stands at `position` 24 and is for the caller to patch. */
export function writeHeader(writer: Writer, header: MessageHeader, nextPayload: number): void {
  for (const spi of [header.initiatorSpi, header.responderSpi]) {
    if (spi.length !== 8) {
      throw new RangeError(`Cannot build IKE header: SPI has ${spi.length} octets, needs 8`);
    }
    writer.bytes(spi);
  }
  writer.u8(nextPayload);
  writer.u8(0x20 | (header.minorVersion ?? 0));
  writer.u8(header.exchangeType);
  const { initiator, version, response, reserved } = header.flags;
  writer.u8(
    (initiator ? HeaderFlag.INITIATOR : 0) | (version === true ? HeaderFlag.VERSION : 0) |
      (response ? HeaderFlag.RESPONSE : 0) | (reserved ?? 0),
  );
  writer.u32(header.messageId);
  writer.u32(0);
}

/** Where the length field of the header stands. */
export const HEADER_LENGTH_OFFSET = 24;
