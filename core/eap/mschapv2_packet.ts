/**
 * What EAP-MSCHAPv2 packets hold behind the EAP type (draft-kamath-pppext-eap-mschapv2-02 §2).
 *
 * An opcode, the MS-CHAPv2 identifier, a length and the body; the peer's answers to Success and
 * Failure are the opcode alone. Some peers get the length wrong, so only the octets that are there
 * count. Change-Password is left out: it parses as a fault.
 */
import { type Bytes, concatBytes, type OwnedBytes, textOf, utf8 } from "../bytes.ts";
import type { Result } from "../result.ts";
import type { WireFault } from "../wire/fault.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** OpCode octet (§2). */
export const MschapOpcode = { CHALLENGE: 1, RESPONSE: 2, SUCCESS: 3, FAILURE: 4 } as const;

/** What the gateway sends. */
export type MschapRequest =
  | {
    readonly kind: "challenge";
    readonly identifier: number;
    readonly challenge: Bytes;
    readonly name: string;
  }
  | { readonly kind: "success"; readonly identifier: number; readonly message: string }
  | { readonly kind: "failure"; readonly identifier: number; readonly message: string };

/** What the peer answers. */
export type MschapAnswer =
  | {
    readonly kind: "response";
    readonly identifier: number;
    readonly peerChallenge: Bytes;
    readonly ntResponse: Bytes;
    readonly name: string;
  }
  | { readonly kind: "success" }
  | { readonly kind: "failure" };

const HEADER_BYTES = 4;
const CHALLENGE_BYTES = 16;
/** Peer challenge, 8 reserved octets, NT response, flags (RFC 2759 §4). */
const RESPONSE_BYTES = 49;
/** The draft allows 256; RFC 7542 §2.2 is about the same. */
const LONGEST_NAME = 256;

/** A packet of the gateway. */
export function parseMschapRequest(data: Bytes): Result<MschapRequest, WireFault> {
  const reader = new Reader(data, 0, "MSCHAPV2");
  const opcode = reader.u8("opcode");
  const identifier = reader.u8("identifier");
  reader.u16("length");
  switch (opcode) {
    case MschapOpcode.CHALLENGE: {
      sizeOctet(reader, CHALLENGE_BYTES);
      const challenge = reader.bytes(CHALLENGE_BYTES, "challenge");
      return reader.result({ kind: "challenge", identifier, challenge, name: nameIn(reader) });
    }
    case MschapOpcode.SUCCESS:
      return reader.result({ kind: "success", identifier, message: textOf(reader.rest()) });
    case MschapOpcode.FAILURE:
      return reader.result({ kind: "failure", identifier, message: textOf(reader.rest()) });
    default:
      reader.fail("bad-value", "opcode", { offset: 0, had: opcode });
      return reader.result({ kind: "failure", identifier, message: "" });
  }
}

/** A packet of the peer. */
export function parseMschapAnswer(data: Bytes): Result<MschapAnswer, WireFault> {
  const reader = new Reader(data, 0, "MSCHAPV2");
  const opcode = reader.u8("opcode");
  switch (opcode) {
    case MschapOpcode.SUCCESS:
      return reader.result({ kind: "success" });
    case MschapOpcode.FAILURE:
      return reader.result({ kind: "failure" });
    case MschapOpcode.RESPONSE: {
      const identifier = reader.u8("identifier");
      reader.u16("length");
      sizeOctet(reader, RESPONSE_BYTES);
      const peerChallenge = reader.bytes(16, "peer-challenge");
      reader.bytes(8, "reserved");
      const ntResponse = reader.bytes(24, "nt-response");
      reader.u8("flags");
      const name = nameIn(reader);
      return reader.result({ kind: "response", identifier, peerChallenge, ntResponse, name });
    }
    default:
      reader.fail("bad-value", "opcode", { offset: 0, had: opcode });
      return reader.result({ kind: "failure" });
  }
}

/** The octets of a packet of the gateway. */
export function buildMschapRequest(request: MschapRequest): OwnedBytes {
  switch (request.kind) {
    case "challenge": {
      const { challenge, name } = request;
      const body = concatBytes(Uint8Array.of(challenge.length), challenge, utf8(name));
      return frame(MschapOpcode.CHALLENGE, request.identifier, body);
    }
    case "success":
      return frame(MschapOpcode.SUCCESS, request.identifier, utf8(request.message));
    case "failure":
      return frame(MschapOpcode.FAILURE, request.identifier, utf8(request.message));
  }
}

/** The octets of a packet of the peer. */
export function buildMschapAnswer(answer: MschapAnswer): OwnedBytes {
  switch (answer.kind) {
    case "response": {
      const { peerChallenge, ntResponse, name } = answer;
      const size = Uint8Array.of(RESPONSE_BYTES);
      const body = [size, peerChallenge, new Uint8Array(8), ntResponse, new Uint8Array(1)];
      return frame(MschapOpcode.RESPONSE, answer.identifier, concatBytes(...body, utf8(name)));
    }
    case "success":
      return Uint8Array.of(MschapOpcode.SUCCESS);
    case "failure":
      return Uint8Array.of(MschapOpcode.FAILURE);
  }
}

function sizeOctet(reader: Reader, needed: number): void {
  const { offset } = reader;
  const had = reader.u8("value-size");
  if (had !== needed) reader.fail("bad-value", "value-size", { offset, had, needed });
}

function nameIn(reader: Reader): string {
  if (reader.remaining > LONGEST_NAME) {
    reader.fail("too-many", "name", { had: reader.remaining, needed: LONGEST_NAME });
  }
  return textOf(reader.rest());
}

function frame(opcode: number, identifier: number, body: Bytes): OwnedBytes {
  const writer = new Writer();
  writer.u8(opcode);
  writer.u8(identifier);
  writer.u16(HEADER_BYTES + body.length);
  writer.bytes(body);
  return writer.finish();
}
