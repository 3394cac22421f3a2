/**
 * Keeps each pair's limits in step with what the kernel learns of the path to its peer (RFC 4301 §8.2.2).
 *
 * A path is looked at when it is new, when the kernel refused something as too long for it, and now and then
 * while its pair carries packets: routes change, and the kernel forgets what routers told it after ten
 * minutes, so that a path may be found to be wider again. It believes anybody who quotes a packet from our
 * port; that is why no limit is below what `ip/too_big.ts` calls the least.
 */
import { type ChildSa, SaCounter } from "./esp/child_sa.ts";
import { anyLength, longestEsp, longestInner, type OuterPath } from "./esp/outer_path.ts";
import type { SaTable } from "./sa_table.ts";

/** Milliseconds after which a path in use is looked at again. */
const intervalMs = 2000;

/** Pairs that one turn of the packet loop looks through, so that many never make it pause. */
const pairsPerTurn = 16;

/** Knows about paths. */
export interface PathKnowledge {
  /** Largest IP packet that a path takes; `undefined` when nothing is known. */
  mtuOf(path: OuterPath): number | undefined;
}

/** The watch. */
export class PathWatch {
  readonly #table: SaTable;
  readonly #knowledge: PathKnowledge | undefined;
  readonly #limitsInner: boolean;
  #round: IterableIterator<ChildSa>;
  #dueAt: number;

  /**
   * Watches all pairs of `table`; without `knowledge` it leaves them alone. `limitsInner`: what does not fit
   * whole is not to be cut.
   */
  constructor(table: SaTable, knowledge: PathKnowledge | undefined, limitsInner: boolean) {
    this.#table = table;
    this.#knowledge = knowledge;
    this.#limitsInner = limitsInner;
    this.#round = table.all();
    this.#dueAt = knowledge === undefined ? Number.POSITIVE_INFINITY : 0;
  }

  /** Sends a pair's packets another way. */
  change(sa: ChildSa, path: OuterPath, now: number): void {
    sa.path = path;
    this.measure(sa, now);
  }

  /** Looks at the path of a pair. */
  measure(sa: ChildSa, now: number): void {
    const { path, sealer } = sa;
    const { isStale } = path;
    path.measuredAt = now;
    path.packetsThen = packetsOf(sa);
    path.isStale = false;
    const mtu = this.#knowledge?.mtuOf(path);
    if (mtu === undefined) return;
    const longest = longestEsp(mtu, path);
    // What was just refused is not asked for again at once, whatever is known.
    path.segmentLimit = isStale ? Math.min(longest, path.segmentLimit) : longest;
    path.innerLimit = this.#limitsInner ? longestInner(longest, sealer.layout) : anyLength;
  }

  /** Looks at all paths that have proved other than thought. */
  measureStale(now: number): void {
    for (const sa of this.#table.all()) if (sa.path.isStale) this.measure(sa, now);
  }

  /** Looks at a few paths whose time has come. */
  tend(now: number): void {
    if (now < this.#dueAt) return;
    for (let count = 0; count < pairsPerTurn; count++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#table.all();
        this.#dueAt = now + intervalMs;
        return;
      }
      const sa = next.value;
      const { measuredAt, packetsThen } = sa.path;
      if (now >= measuredAt + intervalMs && packetsOf(sa) !== packetsThen) this.measure(sa, now);
    }
  }
}

/** Carried in either direction: who only receives looks at paths for the segment size in SYNs. */
function packetsOf({ counters }: ChildSa): number {
  return (counters[SaCounter.PACKETS_IN] as number) + (counters[SaCounter.PACKETS_OUT] as number);
}
