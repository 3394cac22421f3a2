/**
 * Notices that the way to the gateway changed: another source address, a network that is back, or a
 * machine that slept. Looks once a second; nothing else tells on every system.
 */
import { equalAddresses, type IpAddress } from "../core/mod.ts";
import type { Clock } from "./clock.ts";

/** Milliseconds between two looks. */
const intervalMs = 1_000;
/** The wall clock running ahead of the steady one by this much means that the machine slept. */
const sleepMs = 3_000;

/** What the watch looks at. */
export interface NetworkWatchOptions {
  /** The address that packets to the gateway would leave from; `undefined` without a way. */
  readonly source: () => IpAddress | undefined;
  readonly clock: Clock;
  /** Called when it is worth to come back at once. */
  readonly changed: (source: IpAddress, why: "address" | "back" | "slept") => void;
}

/** Looks at the network until it is closed. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  #source: IpAddress | undefined;
  #offset: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins with the present as what is usual. */
  constructor(options: NetworkWatchOptions) {
    this.#options = options;
    this.#source = options.source();
    this.#offset = this.#clockOffset();
  }

  /** Looks once a second from now on. */
  start(): void {
    this.#timer = setInterval(() => this.look(), intervalMs);
  }

  /** Looks once. */
  look(): void {
    const offset = this.#clockOffset();
    const slept = offset - this.#offset > sleepMs;
    this.#offset = offset;
    const before = this.#source;
    const now = this.#options.source();
    this.#source = now;
    if (now === undefined) return;
    if (before === undefined) this.#options.changed(now, "back");
    else if (!equalAddresses(before, now)) this.#options.changed(now, "address");
    else if (slept) this.#options.changed(now, "slept");
  }

  /** A connection has just come about over the way as it is now: that is no news any more. */
  settle(): void {
    this.#source = this.#options.source();
    this.#offset = this.#clockOffset();
  }

  /** Stops looking. */
  close(): void {
    clearInterval(this.#timer);
  }

  #clockOffset(): number {
    const { wall, monotonic } = this.#options.clock.now();
    return wall - monotonic;
  }
}
