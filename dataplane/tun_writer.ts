/**
 * Writes received inner packets to the TUN device, joined where it takes super-packets, and counts what it
 * refuses.
 */
import type { Arena } from "./buffers.ts";
import { Counter } from "./counters.ts";
import type { DataplaneFeature } from "./features.ts";
import { Errno } from "./ffi/errno.ts";
import type { TunQueue } from "./io/tun_queue_linux.ts";
import { type Aggregate, Coalescer, type InnerSink } from "./ip/coalescer.ts";

/** The writer. */
export class TunWriter implements InnerSink {
  readonly #tun: TunQueue;
  readonly #counters: Float64Array;
  #coalescer: Coalescer | undefined;
  #isRefused = false;

  /** Writes packets that lie in `arena` to `tun`. */
  constructor(
    arena: Arena,
    tun: TunQueue,
    counters: Float64Array,
    features: readonly DataplaneFeature[],
  ) {
    this.#tun = tun;
    this.#counters = counters;
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

  /** Writes one packet now. */
  writePacket(at: number, length: number): void {
    if (!this.#tun.write(at, length)) this.#countRefused(1);
  }

  /** Writes an aggregate now. */
  writeAggregate(aggregate: Aggregate): void {
    const error = this.#tun.writeAggregate(aggregate);
    if (error === 0) return;
    this.#countRefused(aggregate.parts);
    // A kernel that does not take what it said it would: from now on packet by packet.
    if (error === Errno.EINVAL) this.#isRefused = true;
  }

  #countRefused(packets: number): void {
    const slot = Counter["tun-error"];
    this.#counters[slot] = (this.#counters[slot] as number) + packets;
  }
}
