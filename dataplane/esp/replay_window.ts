/**
 * Anti-replay window (RFC 4303 §3.4.3) as a ring of 32-bit words (RFC 6479).
 *
 * Asking changes nothing; a number is marked only after its packet was authenticated. Differences of
 * 64-bit numbers are taken as doubles: they are exact where exactness matters, and beyond 2^53 only
 * the order of magnitude does.
 */

/** Packets that the window reaches back: bursts of 64 from a sender that segments must not hurt. */
export const windowPackets = 2048;

/** Words of the ring; a power of two, and at least one word more than the window needs. */
const ringWords = 128;
const ringMask = ringWords - 1;
const twoTo32 = 0x1_0000_0000;
const twoTo27 = 0x800_0000;

/** The window of one inbound SA. */
export class ReplayWindow {
  #topHigh = 0;
  #topLow = 0;
  readonly #ring = new Uint32Array(ringWords);

  /** Upper half of the highest number marked; 0 at the start. */
  get topHigh(): number {
    return this.#topHigh;
  }

  /** Lower half of the highest number marked; 0 at the start. */
  get topLow(): number {
    return this.#topLow;
  }

  /** Whether a packet with this number is neither a replay nor too old. */
  isFresh(high: number, low: number): boolean {
    if (high === 0 && low === 0) return false; // RFC 4303 §3.3.3: the first is 1
    const ahead = (high - this.#topHigh) * twoTo32 + (low - this.#topLow);
    if (ahead > 0) return true;
    if (ahead <= -windowPackets) return false;
    const word = this.#ring[(low >>> 5) & ringMask] as number;
    return (word & (1 << (low & 31))) === 0;
  }

  /** Marks the number of an authenticated packet that was fresh. Returns whether it is the highest. */
  mark(high: number, low: number): boolean {
    const ahead = (high - this.#topHigh) * twoTo32 + (low - this.#topLow);
    const advances = ahead > 0;
    if (advances) {
      const words = (high - this.#topHigh) * twoTo27 + ((low >>> 5) - (this.#topLow >>> 5));
      const first = this.#topLow >>> 5;
      const count = words < ringWords ? words : ringWords;
      for (let i = 1; i <= count; i++) this.#ring[(first + i) & ringMask] = 0;
      this.#topHigh = high;
      this.#topLow = low;
    }
    const at = (low >>> 5) & ringMask;
    this.#ring[at] = (this.#ring[at] as number) | (1 << (low & 31));
    return advances;
  }
}
