/**
 * Time that passes when the test says so: timers of the program under test are taken over, and the
 * clock that it is handed goes with them. Only what waits for timers and promises can be run so.
 */
import type { Clock } from "../../appliance/clock.ts";
import { moment } from "../../core/mod.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** Turns of the promise queue that nothing here is longer than. */
const turns = 40;

/** Virtual time; give it back with `using`. */
export class VirtualTime implements Disposable {
  readonly #timers = new Map<number, Timer>();
  readonly #wallMs: number;
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  #nowMs = 0;
  #order = 0;

  /** Takes the timers over; the wall clock begins at `wallMs`. */
  constructor(wallMs: number) {
    this.#wallMs = wallMs;
    const set = (act: () => void, ms = 0): number => this.after(ms, act);
    const clear = (id: number | undefined): void => void this.#timers.delete(id ?? 0);
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  }

  /** Both clocks. */
  readonly clock: Clock = { now: () => moment(this.#nowMs, this.#wallMs + this.#nowMs) };

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `act` in so many milliseconds; the number of the timer. */
  after(ms: number, act: () => void): number {
    const id = ++this.#order;
    this.#timers.set(id, { at: this.#nowMs + Math.max(0, ms), order: id, act });
    return id;
  }

  /** Nothing that was to happen will happen: what a crash does to a process. */
  forgetAll(): void {
    this.#timers.clear();
  }

  /** Lets so much time pass, one timer after the other, promises in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    for (;;) {
      const [id, next] = this.#next();
      if (next === undefined || next.at > end) break;
      this.#timers.delete(id);
      this.#nowMs = Math.max(this.#nowMs, next.at);
      next.act();
      await settle();
    }
    this.#nowMs = end;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, { setTimeout: this.#setTimeout, clearTimeout: this.#clearTimeout });
  }

  #next(): [number, Timer | undefined] {
    let first: [number, Timer | undefined] = [0, undefined];
    for (const [id, timer] of this.#timers) {
      const best = first[1];
      if (best === undefined || timer.at < best.at) first = [id, timer];
    }
    return first;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < turns; i++) await undefined;
}
