/**
 * SK (RFC 7296 §3.14) and SKF (RFC 7383 §2.5): framing, padding, where IV, ciphertext and ICV lie.
 *
 * No key comes near this file. What lies inside the body depends on the cipher and is for `sa/`.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { CRITICAL_BIT } from "./codec.ts";
import { PayloadType } from "./constants.ts";
import { HEADER_LENGTH_OFFSET, type MessageHeader, writeHeader } from "./header.ts";

/** The SK or SKF payload at the end of a message. */
export interface EncryptedPart {
  /** Which of the two. */
  readonly kind: "SK" | "SKF";
  /** `PayloadType` of the first payload inside; 0 in every fragment but the first. */
  readonly firstInnerPayload: number;
  /** Absolute offset of the IV in the datagram. */
  readonly bodyOffset: number;
  /** IV, ciphertext and ICV. */
  readonly body: Bytes;
  /** Octets of the message before the IV, which the ICV also covers. */
  readonly aadLength: number;
  /** SKF: which fragment this is, from 1. */
  readonly fragmentNumber?: number;
  /** SKF: how many there are. */
  readonly totalFragments?: number;
  /** Present when the critical bit is set, which says nothing here (§3.2). */
  readonly critical?: true;
}

/** Reads the body of an SK or SKF payload whose generic header was just read. */
export function readEncrypted(
  body: Reader,
  type: number,
  firstInnerPayload: number,
  isCritical: boolean,
): EncryptedPart {
  const fragment = type === PayloadType.SKF ? readFragmentFields(body) : {};
  const bodyOffset = body.offset;
  return {
    kind: type === PayloadType.SKF ? "SKF" : "SK",
    firstInnerPayload,
    bodyOffset,
    body: body.rest(),
    aadLength: bodyOffset,
    ...fragment,
    ...(isCritical ? { critical: true } : {}),
  };
}

/** RFC 7383 §2.6: numbers run from 1, none is above the total, and the total has a limit. */
function readFragmentFields(body: Reader): { fragmentNumber: number; totalFragments: number } {
  const at = body.offset;
  const fragmentNumber = body.u16("fragmentNumber");
  const totalFragments = body.u16("totalFragments");
  if (totalFragments > limits.fragmentsPerMessage) {
    const needed = limits.fragmentsPerMessage;
    body.fail("too-many", "totalFragments", { offset: at + 2, had: totalFragments, needed });
  }
  if (fragmentNumber === 0 || fragmentNumber > totalFragments) {
    const needed = fragmentNumber === 0 ? 1 : totalFragments;
    body.fail("bad-value", "fragmentNumber", { offset: at, had: fragmentNumber, needed });
  }
  return { fragmentNumber, totalFragments };
}

/** What `layoutEncrypted` needs to know. Lengths are octets. */
export interface EncryptedShape {
  /** The message's header. */
  readonly header: MessageHeader;
  /** `PayloadType` of the first payload inside; 0 in every fragment but the first. */
  readonly firstInnerPayload: number;
  /** Present for a fragment: its number from 1, and how many there are. */
  readonly fragment?: { readonly number: number; readonly total: number };
  /** IV in the message: 8 for AES-GCM and ChaCha20-Poly1305, 16 for AES-CBC. */
  readonly ivLength: number;
  /** Ciphertext, padding and the pad length octet included. */
  readonly ciphertextLength: number;
  /** ICV. */
  readonly icvLength: number;
  /** Sets the critical bit; normally left out. */
  readonly critical?: true;
}

/** A message with everything but IV, ciphertext and ICV, whose places are named. */
export interface EncryptedLayout {
  /** The whole message; zero from `ivOffset` on. */
  readonly bytes: OwnedBytes;
  /** Octets that the ICV covers besides IV and ciphertext. Equals `ivOffset`. */
  readonly aadLength: number;
  /** Where the IV goes. */
  readonly ivOffset: number;
  /** Where the ciphertext goes. */
  readonly ciphertextOffset: number;
  /** Where the ICV goes. */
  readonly icvOffset: number;
}

/** Lays out a message that is one SK or SKF payload. */
export function layoutEncrypted(shape: EncryptedShape): EncryptedLayout {
  const bodyLength = shape.ivLength + shape.ciphertextLength + shape.icvLength;
  const writer = new Writer(64 + bodyLength);
  const { SK, SKF } = PayloadType;
  writeHeader(writer, shape.header, shape.fragment === undefined ? SK : SKF);
  const start = writer.position;
  writer.u8(shape.firstInnerPayload);
  writer.u8(shape.critical === true ? CRITICAL_BIT : 0);
  writer.u16(0);
  if (shape.fragment !== undefined) {
    writer.u16(shape.fragment.number);
    writer.u16(shape.fragment.total);
  }
  const ivOffset = writer.position;
  writer.zeros(bodyLength);
  writer.patchU16(start + 2, writer.position - start);
  writer.patchU32(HEADER_LENGTH_OFFSET, writer.position);
  const ciphertextOffset = ivOffset + shape.ivLength;
  return {
    bytes: writer.finish(),
    aadLength: ivOffset,
    ivOffset,
    ciphertextOffset,
    icvOffset: ciphertextOffset + shape.ciphertextLength,
  };
}

/**
 * Octets of padding so that plaintext, padding and the pad length octet fill whole blocks (§3.14).
 * `blockLength` is 1 for ciphers that need none.
 */
export function padTo(blockLength: number, plaintextLength: number): number {
  return (blockLength - ((plaintextLength + 1) % blockLength)) % blockLength;
}

/**
 * The payloads without padding and pad length octet; `undefined` when the pad length is a lie.
 * The values of the padding octets are the sender's choice (§3.14) and not looked at.
 */
export function stripPadding(plaintext: Bytes): Bytes | undefined {
  const padLength = plaintext.at(-1);
  if (padLength === undefined || padLength + 1 > plaintext.length) return undefined;
  return plaintext.subarray(0, plaintext.length - 1 - padLength);
}
