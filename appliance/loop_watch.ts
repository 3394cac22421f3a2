/**
 * How late the event loop is: a timer that should come often says by how much it came too late. Whatever
 * the main thread does at a stretch, everybody else waits for.
 */

/** Milliseconds between two looks. */
const everyMs = 100;
/** What counts as late, milliseconds. */
const lateMs = 100;

/** What was seen so far. */
export interface LoopCounters {
  /** The latest that a look was, milliseconds. */
  readonly "loop-latest-ms": number;
  /** Looks that were late by more than a tenth of a second. */
  readonly "loop-late": number;
}

const zeros: LoopCounters = { "loop-latest-ms": 0, "loop-late": 0 };

/** Looks at the event loop until it is closed. */
export class LoopWatch {
  readonly #nowMs: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  #counters = zeros;
  #last: number;

  /** Begins; `nowMs` must not jump. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#last = nowMs();
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** What was seen so far. */
  get counters(): LoopCounters {
    return this.#counters;
  }

  /** Counts from zero again. */
  clear(): void {
    this.#counters = zeros;
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#nowMs();
    const late = Math.max(0, Math.round(now - this.#last - everyMs));
    this.#last = now;
    const { "loop-latest-ms": latest, "loop-late": count } = this.#counters;
    this.#counters = {
      "loop-latest-ms": Math.max(latest, late),
      "loop-late": late > lateMs ? count + 1 : count,
    };
  }
}
