/** How often one source may fail to come back before it is refused unheard (design rule 8). */
import { hexOf } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Monotonic } from "../moment.ts";
import type { IpAddress } from "../wire/address.ts";

const WINDOW_MS = 60_000;

/** Counts failures a source and a minute. IPv6 sources count by /64. */
export class SourceLimiter {
  /** BOUNDED by `limits.failedReconnectSources`: the oldest source is forgotten first. */
  readonly #failures = new Map<string, { since: Monotonic; count: number }>();

  /** Whether this source has used up its failures. */
  isBlocked(source: IpAddress, now: Monotonic): boolean {
    const entry = this.#failures.get(keyOf(source));
    return entry !== undefined && now - entry.since < WINDOW_MS &&
      entry.count >= limits.failedReconnectsPerMinute;
  }

  /** Notes one failure. */
  fail(source: IpAddress, now: Monotonic): void {
    const key = keyOf(source);
    const entry = this.#failures.get(key);
    if (entry !== undefined && now - entry.since < WINDOW_MS) {
      entry.count++;
      return;
    }
    this.#failures.delete(key);
    if (this.#failures.size >= limits.failedReconnectSources) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { since: now, count: 1 });
  }
}

function keyOf(source: IpAddress): string {
  return hexOf(source.family === 6 ? source.octets.subarray(0, 8) : source.octets);
}
