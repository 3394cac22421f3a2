/** `show ip local pool` in the layout of IOS XE. */
import type { PoolFacts } from "./facts.ts";

/** The heading and one line a range; those without a name are numbered. */
export function ipLocalPoolLines(pools: readonly PoolFacts[]): string[] {
  return [
    row("Pool", "Begin", "End", "Free", "In use"),
    ...pools.map((pool, i) =>
      row(pool.name ?? `rejoin${i}`, pool.begin, pool.end, String(pool.free), String(pool.inUse))
    ),
  ];
}

function row(pool: string, begin: string, end: string, free: string, inUse: string): string {
  return ` ${pool.padEnd(24)} ${begin.padEnd(15)} ${end.padEnd(15)} ${free.padStart(5)} ${
    inUse.padStart(7)
  }`;
}
