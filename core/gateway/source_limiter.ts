/** How often one source may fail before it is refused unheard (design rule 8). */
import { hexOf } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Monotonic } from "../moment.ts";
import type { IpAddress } from "../wire/address.ts";

const WINDOW_MS = 60_000;

/** Counts failures a source and a minute. IPv6 sources count by /64. */
export class SourceLimiter {
  readonly #perMinute: number;
  /** BOUNDED by `limits.failedSources`: the oldest source is forgotten first. */
  readonly #failures = new Map<string, { since: Monotonic; count: number }>();

  /** A limiter that lets so many failures pass. */
  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Whether this source has used up its failures. */
  isBlocked(source: IpAddress, now: Monotonic): boolean {
    const entry = this.#failures.get(sourceOf(source));
    return entry !== undefined && now - entry.since < WINDOW_MS &&
      entry.count >= this.#perMinute;
  }

  /** Notes one failure. */
  fail(source: IpAddress, now: Monotonic): void {
    const key = sourceOf(source);
    const entry = this.#failures.get(key);
    if (entry !== undefined && now - entry.since < WINDOW_MS) {
      entry.count++;
      return;
    }
    this.#failures.delete(key);
    if (this.#failures.size >= limits.failedSources) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { since: now, count: 1 });
  }
}

/** What counts as one source: an IPv4 address, or the /64 of an IPv6 one. */
export function sourceOf(source: IpAddress): string {
  return hexOf(source.family === 6 ? source.octets.subarray(0, 8) : source.octets);
}
