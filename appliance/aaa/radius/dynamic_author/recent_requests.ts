/**
 * Requests of the last while, so that one that comes again is answered and not obeyed again (RFC 5176
 * §2.3, §6.3): a repetition because an answer was lost, or a recording that somebody plays back.
 */
import type { Bytes } from "../../../../core/mod.ts";

/** Requests that are remembered; at the most the oldest is forgotten. */
const mostRequests = 10_000;

/** A request that came before. */
export interface RecentRequest {
  /** What was answered; `undefined` while it is worked on, and where there was no answer. */
  answer: Bytes | undefined;
}

interface Entry extends RecentRequest {
  readonly until: number;
}

/** The requests. */
export class RecentRequests {
  readonly #nowMs: () => number;
  /** Oldest first. BOUNDED by `mostRequests`. */
  readonly #entries = new Map<string, Entry>();

  /** None yet, by a steady clock in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** One that came before and is still remembered. */
  find(key: string): RecentRequest | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > this.#nowMs() ? entry : undefined;
  }

  /** Remembers a new one for so many milliseconds. */
  add(key: string, lifeMs: number): RecentRequest {
    const now = this.#nowMs();
    if (this.#entries.size >= mostRequests) this.#makeRoom(now);
    const entry: Entry = { answer: undefined, until: now + lifeMs };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #makeRoom(now: number): void {
    for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= mostRequests) this.#entries.delete(oldest);
  }
}
