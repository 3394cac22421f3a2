/**
 * Time as the core sees it: always an argument, never read.
 *
 * `Monotonic` orders events and drives timers; `Wall` is civil time, which may jump, and is used for
 * certificates and for deadlines that must survive a restart.
 */

/** Milliseconds since an arbitrary start; never goes back. */
export type Monotonic = number & { readonly monotonic: unique symbol };

/** Milliseconds since 1970-01-01T00:00:00Z; may jump. */
export type Wall = number & { readonly wall: unique symbol };

/** One reading of both clocks. */
export interface Moment {
  /** Orders events. */
  readonly monotonic: Monotonic;
  /** Civil time. */
  readonly wall: Wall;
}

/** Brands a number of milliseconds as monotonic time. */
export function monotonic(ms: number): Monotonic {
  return ms as Monotonic;
}

/** Brands a number of milliseconds since 1970 as wall time. */
export function wall(ms: number): Wall {
  return ms as Wall;
}

/** A moment from both clocks, in milliseconds. */
export function moment(monotonicMs: number, wallMs: number): Moment {
  return { monotonic: monotonic(monotonicMs), wall: wall(wallMs) };
}

/** The earlier of two times of one clock, which may never come. */
export function earlier<Time extends Monotonic | Wall>(
  a: Time | undefined,
  b: Time | undefined,
): Time | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** The monotonic time `ms` later. */
export function after(from: Monotonic, ms: number): Monotonic {
  return (from + ms) as Monotonic;
}
