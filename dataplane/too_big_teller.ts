/**
 * Tells senders inside, by ICMP through the TUN device, that a packet of theirs is too long for the way to
 * the peer. Not more often than a host would (RFC 1812 §4.3.2.8): whoever missed it sends again.
 */
import type { Arena } from "./buffers.ts";
import { Counter } from "./counters.ts";
import { InnerHeader } from "./ip/header.ts";
import { buildTooBig, mayBeTold, tooBigBytes } from "./ip/too_big.ts";

/** Messages that may come at once. */
const burst = 50;

/** Messages in a second. */
const perSecond = 1000;

/** Octets of the arena that a teller takes. */
export const tooBigTellerBytes: number = tooBigBytes;

/** Takes packets for the inside, and counts what it cannot take. */
export interface PacketWriter {
  /** Writes the `length` octets at `at` in the arena; whether that went well. */
  writePacket(at: number, length: number): boolean;
}

/** The teller. */
export class TooBigTeller {
  readonly #arena: Arena;
  readonly #writer: PacketWriter;
  readonly #counters: Float64Array;
  readonly #header = new InnerHeader();
  readonly #message: number;
  #tokens = burst;
  #filledAt = 0;

  /** Writes to `writer` from a place in an arena that has `tooBigTellerBytes` left. */
  constructor(arena: Arena, writer: PacketWriter, counters: Float64Array) {
    this.#arena = arena;
    this.#writer = writer;
    this.#counters = counters;
    this.#message = arena.reserve(tooBigTellerBytes);
  }

  /** Answers the inner packet of `length` octets at `at`: no more than `mtu` would have passed. */
  tell(at: number, length: number, mtu: number, now: number): void {
    const { view } = this.#arena;
    const header = this.#header;
    if (!header.parse(view, at, length)) return;
    header.parseUpper(view, at);
    if (!mayBeTold(view, at, header) || !this.#take(now)) return;
    const size = buildTooBig(this.#arena, at, header, this.#message, mtu);
    if (!this.#writer.writePacket(this.#message, size)) return;
    this.#counters[Counter["icmp-sent"]] = (this.#counters[Counter["icmp-sent"]] as number) + 1;
  }

  #take(now: number): boolean {
    const earned = Math.floor((now - this.#filledAt) * perSecond / 1000);
    if (earned > 0) {
      this.#tokens = Math.min(burst, this.#tokens + earned);
      this.#filledAt = now;
    }
    if (this.#tokens === 0) return false;
    this.#tokens--;
    return true;
  }
}
