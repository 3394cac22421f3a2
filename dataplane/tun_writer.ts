/**
 * Writes received inner packets to the TUN device, joined where it takes super-packets, and counts what it
 * refuses.
 */
import type { Arena } from "./buffers.ts";
import { Counter, type CounterName } from "./counters.ts";
import type { DataplaneFeature } from "./features.ts";
import { Errno, isWantOfRoom } from "./ffi/errno.ts";
import type { TunQueue } from "./io/tun_queue_linux.ts";
import { type Aggregate, Coalescer, type InnerSink } from "./ip/coalescer.ts";
import { Stage, type StageClock } from "./stage_clock.ts";

/** Hears why the kernel refused something. */
export interface ErrorNotes {
  /** `errno` is the kernel's number for what was counted under `cause`. */
  noteError(cause: CounterName, errno: number): void;
}

/** Where packets and super-packets go; 0, or the error number. */
export type PacketTarget = Pick<TunQueue, "write" | "writeAggregate">;

/** The writer. */
export class TunWriter implements InnerSink {
  readonly #tun: PacketTarget;
  readonly #counters: Float64Array;
  readonly #notes: ErrorNotes;
  readonly #clock: StageClock;
  #coalescer: Coalescer | undefined;
  #isRefused = false;

  /** Writes packets that lie in `arena` to `tun`. */
  constructor(
    arena: Arena,
    tun: PacketTarget,
    counters: Float64Array,
    features: readonly DataplaneFeature[],
    notes: ErrorNotes,
    clock: StageClock,
  ) {
    this.#tun = tun;
    this.#counters = counters;
    this.#notes = notes;
    this.#clock = clock;
    if (features.includes("tun-tso")) {
      this.#coalescer = new Coalescer(arena, this, features.includes("tun-uso"));
    }
  }

  /** Takes a packet, whose octets must stay as they are until `flush`. */
  add(at: number, length: number): void {
    if (this.#coalescer === undefined) this.writePacket(at, length);
    else this.#coalescer.add(at, length);
  }

  /** Writes what was held back: at the end of each burst. */
  flush(): void {
    this.#coalescer?.flush();
    if (this.#isRefused) this.#coalescer = undefined;
  }

  /** Writes one packet now; whether the device took it. */
  writePacket(at: number, length: number): boolean {
    const stage = this.#clock.enter(Stage["tun-write"]);
    const error = this.#tun.write(at, length);
    this.#clock.enter(stage);
    if (error !== 0) this.#countRefused(1, error);
    return error === 0;
  }

  /** Writes an aggregate now. */
  writeAggregate(aggregate: Aggregate): void {
    const stage = this.#clock.enter(Stage["tun-write"]);
    const error = this.#tun.writeAggregate(aggregate);
    this.#clock.enter(stage);
    if (error === 0) return;
    this.#countRefused(aggregate.parts, error);
    // A kernel that does not take what it said it would: from now on packet by packet.
    if (error === Errno.EINVAL) this.#isRefused = true;
  }

  #countRefused(packets: number, error: number): void {
    const cause = isWantOfRoom(error) ? "tun-full" : "tun-error";
    this.#counters[Counter[cause]] = (this.#counters[Counter[cause]] as number) + packets;
    this.#notes.noteError(cause, error);
  }
}
