/**
 * The wall clock beside the monotonic one: sessions end by the wall clock, which may jump at any time, while
 * timers go by the other.
 */
import type { Moment, Monotonic, Wall } from "../moment.ts";
import { after, monotonic } from "../moment.ts";

/** A jump by more than this, milliseconds, counts as one. */
const JUMP_MS = 500;
/** How often the wall clock is looked at where anything ends by it, milliseconds. */
const LOOK_MS = 1_000;

/** How the clocks stand to each other. */
export class WallClock {
  #offset: number;
  #isUsed = false;

  /** As they stand now. */
  constructor(now: Moment) {
    this.#offset = offsetOf(now);
  }

  /** Whether it has jumped since it did last: what was reckoned before is to be reckoned anew. */
  hasJumped(at: Moment): boolean {
    const offset = offsetOf(at);
    if (Math.abs(offset - this.#offset) <= JUMP_MS) return false;
    this.#offset = offset;
    return true;
  }

  /** When it will be that time, unless the clock jumps; at once for what is past. */
  reach(time: Wall, at: Moment): Monotonic {
    this.#isUsed = true;
    return monotonic(Math.ceil(at.monotonic + Math.max(0, time - at.wall)));
  }

  /** When to look at it again, though nothing is due; never where nothing ends by it. */
  nextLook(now: Monotonic): Monotonic | undefined {
    return this.#isUsed ? after(now, LOOK_MS) : undefined;
  }
}

function offsetOf({ wall, monotonic }: Moment): number {
  return wall - monotonic;
}
