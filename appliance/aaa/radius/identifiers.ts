/**
 * The identifiers of one socket or connection: 256 (RFC 2865 §3), each held for one question.
 *
 * A datagram belongs to the question that holds its identifier, which then decides whether to believe
 * it. What belongs to none is sorted by what became of the last question under that identifier.
 */
import type { Bytes } from "../../../core/mod.ts";

/** How many there are. */
export const identifiers = 256;

/** Why a datagram was dropped, where it is not for its content. */
export type Stray = "foreign-source" | "duplicate" | "late" | "unasked" | "bad-length";

/** How a question gave its identifier back. */
export type Outcome = "answered" | "abandoned";

/** Who holds an identifier. */
export interface Holder {
  /** A datagram came for it. */
  take(bytes: Bytes): void;
  /** What it was sent through is gone, without an answer to anybody if `inVain`. */
  lost(inVain: boolean): void;
}

/** One set of identifiers. */
export class Identifiers {
  readonly #holders = new Map<number, Holder>();
  /** What became of identifiers that are free again. */
  readonly #outcomes = new Map<number, Outcome>();
  #next = 0;

  /** Whether none is free. */
  get isFull(): boolean {
    return this.#holders.size >= identifiers;
  }

  /** The identifier that was free for longest; only when not full. */
  hold(holder: Holder): number {
    while (this.#holders.has(this.#next)) this.#next = (this.#next + 1) % identifiers;
    const identifier = this.#next;
    this.#next = (identifier + 1) % identifiers;
    this.#holders.set(identifier, holder);
    return identifier;
  }

  /** It is free again. */
  release(identifier: number, outcome: Outcome): void {
    this.#holders.delete(identifier);
    this.#outcomes.set(identifier, outcome);
  }

  /** Gives a datagram to whom it belongs; else says why to nobody. */
  deliver(bytes: Bytes): Stray | undefined {
    const identifier = bytes[1] ?? 0;
    const holder = this.#holders.get(identifier);
    if (holder === undefined) {
      const outcome = this.#outcomes.get(identifier);
      return outcome === undefined ? "unasked" : outcome === "answered" ? "duplicate" : "late";
    }
    holder.take(bytes);
    return undefined;
  }

  /** Tells everybody that no answer will come; `inVain` if none came to anybody. */
  lose(inVain: boolean): void {
    for (const holder of [...this.#holders.values()]) holder.lost(inVain);
  }
}
