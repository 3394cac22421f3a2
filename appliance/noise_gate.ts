/** Keeps strangers from filling the log: a token bucket for every event. */

/** Lines of one event that may come at once. */
const burst = 10;
/** Milliseconds after which one more may come. */
const refillMs = 1_000;

interface Bucket {
  tokens: number;
  filledAt: number;
  suppressed: number;
}

/** Decides which events are told. */
export class NoiseGate {
  readonly #nowMs: () => number;
  /** BOUNDED by the number of event words in the program. */
  readonly #buckets = new Map<string, Bucket>();

  /** A gate by a steady clock in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** How many were held back since the last one told; `undefined` when this one is held back too. */
  pass(event: string): number | undefined {
    const now = this.#nowMs();
    const bucket = this.#buckets.get(event) ?? { tokens: burst, filledAt: now, suppressed: 0 };
    this.#buckets.set(event, bucket);
    const earned = Math.floor((now - bucket.filledAt) / refillMs);
    if (earned > 0) {
      bucket.tokens = Math.min(burst, bucket.tokens + earned);
      bucket.filledAt += earned * refillMs;
    }
    if (bucket.tokens === 0) {
      bucket.suppressed++;
      return undefined;
    }
    bucket.tokens--;
    const { suppressed } = bucket;
    bucket.suppressed = 0;
    return suppressed;
  }
}
