/**
 * Fragments as Cisco's IKEv2 has them since IKEv1: a finished, protected IKE message cut into pieces,
 * each behind an IKE header of its own in a payload of type 132.
 *
 * They are for peers that announce no RFC 7383. Nothing protects a single piece, so anybody can send
 * some in the name of a peer: what is kept is limited in messages, octets, pieces and age, the oldest
 * message goes first, and a whole message is only then looked at, as any datagram. How many pieces
 * there are is known when the last one comes.
 */
import { type Bytes, concatBytes, copyBytes, hexOf, type OwnedBytes } from "../../bytes.ts";
import { limits } from "../../limits.ts";
import {
  HEADER_LENGTH_OFFSET,
  IKE_HEADER_BYTES,
  type IkeHeader,
  parseHeader,
  readHeader,
  writeHeader,
} from "../../message/header.ts";
import { after, type Monotonic } from "../../moment.ts";
import { invariant, type Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";

/** Payload type of a fragment. */
export const CISCO_FRAGMENT_PAYLOAD = 132;

const PAYLOAD_HEADER_BYTES = 8;
const LAST = 0x01;
const MOST_NUMBER = 255;

/** One piece. */
export interface CiscoFragment {
  /** The header in front of it; SPIs are views. */
  readonly header: IkeHeader;
  /** Chosen by the sender; the same in all pieces of a message. */
  readonly fragmentId: number;
  /** From 1. */
  readonly number: number;
  /** Whether none follows. */
  readonly isLast: boolean;
  /** The piece; a view. */
  readonly data: Bytes;
}

/** Whether a datagram (without non-ESP marker) begins like one with a fragment. */
export function isCiscoFragment(datagram: Bytes): boolean {
  return datagram.length > IKE_HEADER_BYTES && datagram[16] === CISCO_FRAGMENT_PAYLOAD;
}

/** The piece in a datagram, which holds nothing else. */
export function parseCiscoFragment(datagram: Bytes): Result<CiscoFragment, WireFault> {
  const reader = new Reader(datagram, 0, "");
  const header = readHeader(reader.sub(IKE_HEADER_BYTES, "header"), datagram.length);
  if (header.nextPayload !== CISCO_FRAGMENT_PAYLOAD) {
    reader.fail("unexpected", "header.nextPayload", { offset: 16, had: header.nextPayload });
  }
  const next = reader.u8("fragment.nextPayload");
  if (next !== 0) reader.fail("unexpected", "fragment.nextPayload", { had: next });
  reader.u8("fragment.reserved");
  const length = reader.u16("fragment.length");
  const fragmentId = reader.u16("fragment.id");
  const number = reader.u8("fragment.number");
  const flags = reader.u8("fragment.flags");
  if (number === 0) reader.fail("bad-value", "fragment.number", { had: number, needed: 1 });
  const isFitting = length === PAYLOAD_HEADER_BYTES + reader.remaining && reader.remaining > 0;
  if (!isFitting) {
    reader.fail("bad-length", "fragment.length", {
      had: length,
      needed: PAYLOAD_HEADER_BYTES + Math.max(reader.remaining, 1),
    });
  }
  const isLast = (flags & LAST) !== 0;
  return reader.result({ header, fragmentId, number, isLast, data: reader.rest() });
}

/**
 * The datagrams that carry a finished message in pieces, none longer than `datagramBytes`, which
 * counts IKE's octets only (no UDP, no non-ESP marker).
 */
export function buildCiscoFragments(
  message: Bytes,
  datagramBytes: number,
  fragmentId = 1,
): readonly OwnedBytes[] {
  const parsed = parseHeader(message);
  invariant(parsed.ok, "only whole messages are cut");
  const room = datagramBytes - IKE_HEADER_BYTES - PAYLOAD_HEADER_BYTES;
  const count = Math.ceil(message.length / room);
  invariant(
    room > 0 && count <= MOST_NUMBER,
    "a message fits in as many pieces as can be numbered",
  );
  return Array.from({ length: count }, (_, i) => {
    const data = message.subarray(i * room, (i + 1) * room);
    const writer = new Writer(IKE_HEADER_BYTES + PAYLOAD_HEADER_BYTES + data.length);
    writeHeader(writer, parsed.value, CISCO_FRAGMENT_PAYLOAD);
    writer.u8(0);
    writer.u8(0);
    writer.u16(PAYLOAD_HEADER_BYTES + data.length);
    writer.u16(fragmentId);
    writer.u8(i + 1);
    writer.u8(i + 1 === count ? LAST : 0);
    writer.bytes(data);
    writer.patchU32(HEADER_LENGTH_OFFSET, writer.position);
    return writer.finish();
  });
}

/** What became of a piece. */
export type CiscoFragmentOutcome =
  /** Others are missing. */
  | { readonly kind: "stored" }
  /** It was there already, as it is or with other octets; the first one counts. */
  | { readonly kind: "duplicate" }
  /** Impossible numbers, or over a limit. */
  | { readonly kind: "refused" }
  /** The last one missing: a datagram like any other, not yet authenticated. */
  | { readonly kind: "complete"; readonly message: OwnedBytes };

interface Pending {
  readonly since: Monotonic;
  /** BOUNDED by `limits.fragmentsPerMessage`, and in octets by `limits.messageBytes`. */
  readonly parts: Map<number, OwnedBytes>;
  bytes: number;
  /** Number of the last one, once it has come. */
  total: number | undefined;
}

/** Collects the pieces of many messages of many peers. */
export class CiscoReassembly {
  /** Oldest first. BOUNDED by `limits.ciscoFragmentedMessages`. */
  readonly #pending = new Map<string, Pending>();
  #bytes = 0;

  /** Messages of which pieces are kept. */
  get size(): number {
    return this.#pending.size;
  }

  /** Octets that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a piece, whose octets are copied. */
  add(fragment: CiscoFragment, at: Monotonic): CiscoFragmentOutcome {
    this.expire(at);
    const { number, isLast, data } = fragment;
    if (number < 1 || number > limits.fragmentsPerMessage) return { kind: "refused" };
    const key = keyOf(fragment);
    const known = this.#pending.get(key);
    const bytes = (known?.bytes ?? 0) + data.length;
    if (bytes > limits.messageBytes) return { kind: "refused" };
    if (known?.parts.has(number) === true) return { kind: "duplicate" };
    if (known !== undefined && contradicts(known, number, isLast)) return { kind: "refused" };
    const pending = known ?? this.#begin(key, at);
    pending.parts.set(number, copyBytes(data));
    pending.bytes = bytes;
    this.#bytes += data.length;
    if (isLast) pending.total = number;
    if (pending.parts.size === pending.total) return this.#finish(key, pending);
    this.#makeRoom(key);
    return { kind: "stored" };
  }

  /** Forgets what is too old; `add` does it too. */
  expire(at: Monotonic): void {
    for (const [key, { since }] of this.#pending) {
      if (after(since, limits.ciscoFragmentMs) > at) return; // those behind it are younger
      this.#forget(key);
    }
  }

  #begin(key: string, since: Monotonic): Pending {
    const pending: Pending = { since, parts: new Map(), bytes: 0, total: undefined };
    this.#pending.set(key, pending);
    return pending;
  }

  /** The oldest others go, until the limits hold again. */
  #makeRoom(newest: string): void {
    for (const key of this.#pending.keys()) {
      const isWithin = this.#pending.size <= limits.ciscoFragmentedMessages &&
        this.#bytes <= limits.ciscoFragmentBytes;
      if (isWithin) return;
      if (key !== newest) this.#forget(key);
    }
  }

  #finish(key: string, { parts }: Pending): CiscoFragmentOutcome {
    const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    this.#forget(key);
    return { kind: "complete", message: concatBytes(...inOrder) };
  }

  #forget(key: string): void {
    this.#bytes -= this.#pending.get(key)?.bytes ?? 0;
    this.#pending.delete(key);
  }
}

/** Another last one, or a number behind the last. */
function contradicts({ parts, total }: Pending, number: number, isLast: boolean): boolean {
  if (total !== undefined) return isLast || number > total;
  return isLast && [...parts.keys()].some((other) => other > number);
}

/** Peers use one fragment id for all messages, so that the message itself has to tell them apart. */
function keyOf({ header, fragmentId }: CiscoFragment): string {
  const { initiatorSpi, responderSpi, flags, messageId, exchangeType } = header;
  const direction = `${flags.initiator ? "i" : "r"}${flags.response ? "a" : "q"}`;
  const spis = `${hexOf(initiatorSpi)} ${hexOf(responderSpi)}`;
  return `${spis} ${exchangeType} ${messageId} ${direction} ${fragmentId}`;
}
