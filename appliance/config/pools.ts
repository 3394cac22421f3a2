/**
 * From `--pool` to ranges. A range is given out as it stands. Of a block, the network address, an
 * IPv4 broadcast address and the first host are kept back; the first host of the first block of each
 * family is the gateway's own inner address, where clients can reach it.
 */
import {
  addressFromBigInt,
  type AddressPrefix,
  type AddressRange,
  addressToBigInt,
  bitsOf,
  type PoolRange,
  prefixToRange,
} from "../../core/mod.ts";
import type { PoolForm } from "./forms.ts";

/** What follows from the pools. */
export interface Pools {
  /** What clients get. */
  readonly ranges: readonly PoolRange[];
  /** Everything that the pools cover, for routes. */
  readonly all: readonly AddressRange[];
  /** Inner addresses of the gateway, at most one a family. */
  readonly own: readonly AddressPrefix[];
  /** Texts of pools that leave no address for a client. */
  readonly tooSmall: readonly string[];
}

/** Whether a pool has this name, and addresses of this family where one is given. */
export function hasPool(ranges: readonly PoolRange[], name: string, family?: 4 | 6): boolean {
  return ranges.some((range) =>
    range.name === name && (family === undefined || range.first.family === family)
  );
}

/** The ranges of some pools. */
export function rangesOfPools(pools: readonly PoolForm[]): Pools {
  const ranges: PoolRange[] = [];
  const all: AddressRange[] = [];
  const own: AddressPrefix[] = [];
  const tooSmall: string[] = [];
  for (const pool of pools) {
    const named = pool.name === undefined ? {} : { name: pool.name };
    if (pool.kind === "range") {
      ranges.push({ ...pool.range, ...named });
      all.push(pool.range);
      continue;
    }
    const block = prefixToRange(pool.prefix);
    all.push(block);
    const { family } = block.first;
    const first = addressToBigInt(block.first) + 1n;
    const last = addressToBigInt(block.last) - (family === 4 ? 1n : 0n);
    if (last <= first) {
      tooSmall.push(pool.text);
      continue;
    }
    if (!own.some(({ address }) => address.family === family)) {
      own.push({ address: addressFromBigInt(family, first), length: bitsOf(family) });
    }
    ranges.push({
      first: addressFromBigInt(family, first + 1n),
      last: addressFromBigInt(family, last),
      ...named,
    });
  }
  return { ranges, all, own, tooSmall };
}
