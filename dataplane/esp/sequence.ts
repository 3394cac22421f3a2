/**
 * ESP sequence numbers (RFC 4303 §2.2, §3.3.3, appendix A) as two unsigned 32-bit halves.
 *
 * A bigint increment costs thirty times as much as two halves, and this runs once per packet.
 */

const halfMax = 0xffff_ffff;
/** From here on a 32-bit sequence number is "near the end": 2^28 packets are left for the rekey. */
const softLimitLow = 0xf000_0000;

/** Numbers for outbound packets. The only place that gives them out, so none is ever used twice. */
export class OutboundSequence {
  #high = 0;
  #low = 0;
  readonly #extended: boolean;

  /** Starts before 1; `extended` for 64-bit numbers. */
  constructor(extended: boolean) {
    this.#extended = extended;
  }

  /** Upper half of the number taken last. */
  get high(): number {
    return this.#high;
  }

  /** Lower half of the number taken last. */
  get low(): number {
    return this.#low;
  }

  /** Takes the next number; `false` when there is none left (RFC 4303 §3.3.3: it must not cycle). */
  take(): boolean {
    if (this.#low < halfMax) {
      this.#low++;
      return true;
    }
    if (!this.#extended || this.#high === halfMax) return false;
    this.#high++;
    this.#low = 0;
    return true;
  }

  /** Whether the numbers are running out and the SA should be rekeyed. */
  get nearEnd(): boolean {
    return this.#low >= softLimitLow && (!this.#extended || this.#high === halfMax);
  }

  /** Goes on after the given number; for tests and for taking over an SA. Never goes back. */
  skipTo(high: number, low: number): void {
    if (high < this.#high || (high === this.#high && low < this.#low)) {
      throw new RangeError("Cannot move a sequence number back");
    }
    this.#high = high;
    this.#low = low;
  }
}

/**
 * The upper half of a received 64-bit number of which only `low` was sent (RFC 4303 appendix A2),
 * given the highest number authenticated so far and the window size in packets. -1 when the number
 * would lie before the first one.
 */
export function extendedHigh(topHigh: number, topLow: number, low: number, window: number): number {
  if (topLow >= window - 1) {
    // Case A: the window lies within one subspace.
    if (low >= topLow - window + 1) return topHigh;
    return topHigh === halfMax ? -1 : topHigh + 1;
  }
  // Case B: the window reaches back into the subspace before.
  if (low >= topLow - window + 1 + 0x1_0000_0000) return topHigh - 1;
  return topHigh;
}
