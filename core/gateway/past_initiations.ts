/**
 * First messages that have come to an IKE SA a moment ago. A copy of one that comes late, because it was on
 * its way or waited longer than what followed it, must not begin another IKE SA that nobody goes on with.
 *
 * BOUNDED by two generations of `limits.pastInitiations`.
 */
import { limits } from "../limits.ts";
import type { Monotonic } from "../moment.ts";

/** Remembers them by their key, for one to two times `limits.pastInitiationMs`, and less where they are many. */
export class PastInitiations {
  #current = new Set<string>();
  #previous = new Set<string>();
  #since: Monotonic | undefined;

  /** One has come to an IKE SA. */
  add(key: string, now: Monotonic): void {
    this.#rotate(now);
    if (this.#current.size >= limits.pastInitiations) this.#begin(now, this.#current);
    this.#current.add(key);
  }

  /** Whether one has. */
  has(key: string, now: Monotonic): boolean {
    this.#rotate(now);
    return this.#current.has(key) || this.#previous.has(key);
  }

  #rotate(now: Monotonic): void {
    const age = now - (this.#since ??= now);
    if (age < limits.pastInitiationMs) return;
    this.#begin(now, age < 2 * limits.pastInitiationMs ? this.#current : new Set());
  }

  #begin(now: Monotonic, previous: Set<string>): void {
    this.#previous = previous;
    this.#current = new Set();
    this.#since = now;
  }
}
