/** Adds up what several packet loops have counted, each in its direction. */
import type { LoopCounters } from "./command.ts";
import { type CounterName, counterNames } from "./counters.ts";
import type { ChildSaCounters } from "./dataplane.ts";

/** The totals and pairs of all readings; a pair is there if any loop has it. */
export function sumReadings(
  readings: readonly LoopCounters[],
): Pick<LoopCounters, "totals" | "perSa"> {
  const pairs = new Map<number, ChildSaCounters>();
  for (const pair of readings.flatMap(({ perSa }) => perSa)) {
    const other = pairs.get(pair.inboundSpi);
    pairs.set(pair.inboundSpi, other === undefined ? pair : sumPairs(other, pair));
  }
  const totals = Object.fromEntries(
    counterNames.map((name) => [name, readings.reduce((sum, it) => sum + it.totals[name], 0)]),
  ) as Record<CounterName, number>;
  return { totals, perSa: [...pairs.values()] };
}

/** What two loops have counted on one pair. */
export function sumPairs(a: ChildSaCounters, b: ChildSaCounters): ChildSaCounters {
  const causes = counterNames.filter((name) => name in a.drops || name in b.drops);
  return {
    inboundSpi: a.inboundSpi,
    packetsIn: a.packetsIn + b.packetsIn,
    bytesIn: a.bytesIn + b.bytesIn,
    packetsOut: a.packetsOut + b.packetsOut,
    bytesOut: a.bytesOut + b.bytesOut,
    dropsIn: a.dropsIn + b.dropsIn,
    dropsOut: a.dropsOut + b.dropsOut,
    drops: Object.fromEntries(
      causes.map((name) => [name, (a.drops[name] ?? 0) + (b.drops[name] ?? 0)]),
    ),
  };
}
