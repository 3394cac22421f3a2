/**
 * Where the packet loop's time goes, for whoever asks by `DataplaneOptions.profiles`.
 *
 * A reading of the clock costs a sixth of a microsecond. So stages begin and end around whole batches,
 * except those of `tun-read`, and a loop that is not profiled reads no clock.
 */

/** Stages of the packet loop, in slot order. */
export const stageNames = [
  "wait", // in poll, with nothing to do
  "receive", // datagrams from the sockets
  "open", // headers, replay windows, selectors, filters, and joining for the TUN device
  "seal", // cutting, headers, selectors
  "cipher", // ESP packets that were put off for the ciphers to do many at once
  "tun-read", // inner packets from the TUN device
  "tun-write", // inner packets to it
  "send", // datagrams to the sockets
  "rest", // commands, reports, keepalives, path MTUs
] as const;

/** A stage. */
export type StageName = typeof stageNames[number];

/** Milliseconds in each stage. */
export type StageTimes = Readonly<Record<StageName, number>>;

/** Slot of each stage. */
export const Stage: { readonly [Name in StageName]: number } = Object.fromEntries(
  stageNames.map((name, slot) => [name, slot]),
) as { [Name in StageName]: number };

/** The clock. */
export class StageClock {
  readonly #isRunning: boolean;
  readonly #now: () => number;
  readonly #spent = new Float64Array(stageNames.length);
  #stage = Stage.rest;
  #since: number;

  /** A clock that runs, or one that only pretends to; `now` gives milliseconds. */
  constructor(isRunning: boolean, now: () => number = () => performance.now()) {
    this.#isRunning = isRunning;
    this.#now = now;
    this.#since = isRunning ? now() : 0;
  }

  /** From now on time is spent in `stage`. Returns the one before, to go back to. */
  enter(stage: number): number {
    if (!this.#isRunning) return stage;
    const now = this.#now();
    const before = this.#stage;
    this.#spent[before] = (this.#spent[before] as number) + now - this.#since;
    this.#since = now;
    this.#stage = stage;
    return before;
  }

  /** Time so far in each stage; `undefined` when the clock does not run. */
  read(): StageTimes | undefined {
    if (!this.#isRunning) return undefined;
    this.enter(this.#stage);
    return Object.fromEntries(
      stageNames.map((name, slot) => [name, this.#spent[slot] ?? 0]),
    ) as StageTimes;
  }
}
