/**
 * Anti-replay window (RFC 4303 §3.4.3) as a ring of 32-bit words (RFC 6479).
 *
 * Asking changes nothing; a number is marked only after its packet was authenticated. Differences of
 * 64-bit numbers are taken as doubles: they are exact where exactness matters, and beyond 2^53 only
 * the order of magnitude does.
 */

/** What sizes there are, in packets: the RFC's smallest default, and bursts over several processors. */
export const windowSizes = { least: 64, most: 4096 } as const;

const twoTo32 = 0x1_0000_0000;
const twoTo27 = 0x800_0000;

/** The window of one inbound SA. */
export class ReplayWindow {
  /** Packets that it reaches back. */
  readonly size: number;
  #topHigh = 0;
  #topLow = 0;
  readonly #ring: Uint32Array;
  readonly #ringMask: number;

  /** Reaches back `size` packets; throws `RangeError` outside of `windowSizes`. */
  constructor(size: number) {
    const { least, most } = windowSizes;
    if (!Number.isInteger(size) || size < least || size > most) {
      throw new RangeError(
        `Cannot make a replay window of ${size} packets: needs ${least} to ${most}`,
      );
    }
    this.size = size;
    // A power of two, and at least one word more than the window needs: a word is emptied as a whole.
    const words = Math.ceil(size / 32) + 1;
    const ringWords = 2 ** Math.ceil(Math.log2(words));
    this.#ring = new Uint32Array(ringWords);
    this.#ringMask = ringWords - 1;
  }

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
    if (ahead <= -this.size) return false;
    const word = this.#ring[(low >>> 5) & this.#ringMask] as number;
    return (word & (1 << (low & 31))) === 0;
  }

  /** Marks the number of an authenticated packet that was fresh. Returns whether it is the highest. */
  mark(high: number, low: number): boolean {
    const ahead = (high - this.#topHigh) * twoTo32 + (low - this.#topLow);
    const advances = ahead > 0;
    if (advances) {
      const words = (high - this.#topHigh) * twoTo27 + ((low >>> 5) - (this.#topLow >>> 5));
      const first = this.#topLow >>> 5;
      const ringWords = this.#ringMask + 1;
      const count = words < ringWords ? words : ringWords;
      for (let i = 1; i <= count; i++) this.#ring[(first + i) & this.#ringMask] = 0;
      this.#topHigh = high;
      this.#topLow = low;
    }
    const at = (low >>> 5) & this.#ringMask;
    this.#ring[at] = (this.#ring[at] as number) | (1 << (low & 31));
    return advances;
  }
}
