/** What the halves of a packet loop stand on together: one table, one forwarder, one set of counters. */
import type { Arena } from "./buffers.ts";
import type { LoopStart } from "./command.ts";
import { newCounters } from "./counters.ts";
import { EdgeReports, type Reporter } from "./edge_reports.ts";
import type { EspCiphers } from "./esp/cipher.ts";
import { Forwarder } from "./forwarder.ts";
import { PathProbe } from "./io/path_probe_linux.ts";
import { TunQueue, tunQueueBytes } from "./io/tun_queue_linux.ts";
import { ecnMask } from "./ip/ecn.ts";
import { sends } from "./loop_direction.ts";
import { PathWatch } from "./path_watch.ts";
import { SaTable } from "./sa_table.ts";
import { Stage, StageClock } from "./stage_clock.ts";
import { TunWriter } from "./tun_writer.ts";

/** All bits of a traffic class. */
const wholeClass = 0xff;

/** Octets of the arena that the ground takes. */
export function loopGroundBytes(mtu: number): number {
  return tunQueueBytes(mtu);
}

/** The ground. */
export class LoopGround {
  /** What the loop was given. */
  readonly start: LoopStart;
  /** Where packets lie. */
  readonly arena: Arena;
  /** Tells the control plane. */
  readonly report: Reporter;
  /** By `Counter`. */
  readonly counters: Float64Array = newCounters();
  /** Child SA pairs. */
  readonly table: SaTable;
  /** What is done to one packet. */
  readonly forwarder: Forwarder;
  /** The TUN device. */
  readonly tun: TunQueue;
  /** The way to it. */
  readonly writer: TunWriter;
  /** The ways to peers. */
  readonly paths: PathWatch;
  /** What the loop tells by itself. */
  readonly edges: EdgeReports;
  /** Where the time goes. */
  readonly clock: StageClock;
  readonly #probe: PathProbe | undefined;

  /** Lays out buffers in an arena that has `loopGroundBytes` left, in which `ciphers` work too. */
  constructor(start: LoopStart, arena: Arena, ciphers: EspCiphers, report: Reporter) {
    const { features, mtu, clampsMss } = start;
    this.start = start;
    this.arena = arena;
    this.report = report;
    this.table = new SaTable(ciphers, start.replayWindow);
    const rules = {
      outerClassMask: start.copiesDscp ? wholeClass : ecnMask,
      clampMtu: clampsMss ? mtu : 0,
    };
    this.clock = new StageClock(start.profiles);
    this.forwarder = new Forwarder(arena.view, this.table, this.counters, rules);
    this.edges = new EdgeReports(report, this.forwarder, this.counters);
    this.tun = new TunQueue(arena, start.tunFd, mtu, features.includes("tun-tso"));
    const { counters, edges, clock } = this;
    this.writer = new TunWriter(arena, this.tun, counters, features, edges, clock);
    // Who only receives has no use for paths, but for the segment size in SYNs.
    this.#probe = sends(start.direction) || clampsMss ? new PathProbe() : undefined;
    this.paths = new PathWatch(this.table, this.#probe, start.fragments === "discover");
  }

  /** Lets the ciphers finish what they have put off. */
  flushCiphers(): void {
    const stage = this.clock.enter(Stage.cipher);
    this.table.ciphers.flush();
    this.clock.enter(stage);
  }

  /** Adds to a counter. */
  count(slot: number, count = 1): void {
    this.counters[slot] = (this.counters[slot] as number) + count;
  }

  /** Frees keys and closes what it has opened. */
  close(): void {
    for (const sa of [...this.table.all()]) this.table.remove(sa.inboundSpi);
    this.#probe?.close();
  }
}
