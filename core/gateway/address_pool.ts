/**
 * Inner addresses and who holds them. No address ever has two holders.
 *
 * Ranges may have names, several of them the same one. A named range is for those alone whom AAA gives
 * its name, ranges without a name are for everybody else.
 *
 * Addresses that were never used go out first, then those that have been free the longest, so that
 * a late packet for the last holder rarely meets a new one. Memory grows with leases, not with the
 * size of the ranges, nor with how often one is given back: an IPv6 /64 costs nothing.
 */
import { limits } from "../limits.ts";
import type { IpAddress } from "../wire/address.ts";
import { addressFromBigInt, addressToBigInt } from "../wire/address.ts";
import type { PoolRange } from "./policy.ts";
import type { PoolSnapshot } from "./snapshot.ts";

/** Whoever holds an address: a session number. */
export type LeaseHolder = number;

/** Where an address may come from: the ranges of these names, in this order; else those without one. */
export type PoolChoice = readonly string[] | undefined;

interface Range {
  readonly range: PoolRange;
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  /** The lowest address that was never given out. */
  fresh: bigint;
  /** Addresses given back, oldest first. BOUNDED by `limits.restingAddresses`, and by the holders. */
  readonly returned: Set<bigint>;
  /** BOUNDED by `limits` on sessions: one entry a held address. */
  readonly holders: Map<bigint, LeaseHolder>;
}

/** The leases over some ranges. */
export class AddressPool {
  readonly #ranges: readonly Range[];
  /** Fixed addresses of AAA that are in no range. BOUNDED like `Range.holders`. */
  readonly #outside = { 4: new Map<bigint, LeaseHolder>(), 6: new Map<bigint, LeaseHolder>() };

  /** Ranges of either family; they must not overlap. */
  constructor(ranges: readonly PoolRange[]) {
    this.#ranges = ranges.map((range) => ({
      range,
      family: range.first.family,
      first: addressToBigInt(range.first),
      last: addressToBigInt(range.last),
      fresh: addressToBigInt(range.first),
      returned: new Set(),
      holders: new Map(),
    }));
  }

  /** Whether any range has this name, and is of this family where one is given. */
  knows(name: string, family?: 4 | 6): boolean {
    return this.#ranges.some((known) =>
      known.range.name === name && (family === undefined || known.family === family)
    );
  }

  /** Whether there is any range of this family to choose. */
  serves(family: 4 | 6, choice: PoolChoice): boolean {
    return this.#ranges.some((range) => range.family === family && isChosen(range, choice));
  }

  /** Whether an address lies in one of the ranges to choose, so that others may have it one day. */
  isAmong(address: IpAddress, choice: PoolChoice): boolean {
    const range = this.#rangeOf(address.family, addressToBigInt(address));
    return range !== undefined && isChosen(range, choice);
  }

  /** The next free address of a family for `holder`, or `undefined` when all are held. */
  lease(family: 4 | 6, choice: PoolChoice, holder: LeaseHolder): IpAddress | undefined {
    for (const range of this.#chosen(family, choice)) {
      const value = nextFree(range);
      if (value === undefined) continue;
      range.holders.set(value, holder);
      return addressFromBigInt(family, value);
    }
    return undefined;
  }

  /** Takes one given address, inside or outside of the ranges. False when another holds it. */
  reserve(address: IpAddress, holder: LeaseHolder): boolean {
    const value = addressToBigInt(address);
    const range = this.#rangeOf(address.family, value);
    const holders = range?.holders ?? this.#outside[address.family];
    const now = holders.get(value);
    if (now !== undefined) return now === holder;
    range?.returned.delete(value);
    holders.set(value, holder);
    return true;
  }

  /** Gives an address back. Does nothing unless `holder` holds it. */
  release(address: IpAddress, holder: LeaseHolder): void {
    const value = addressToBigInt(address);
    const range = this.#rangeOf(address.family, value);
    const holders = range?.holders ?? this.#outside[address.family];
    if (holders.get(value) !== holder) return;
    holders.delete(value);
    range?.returned.add(value);
  }

  /** Who holds an address. */
  holderOf(address: IpAddress): LeaseHolder | undefined {
    const value = addressToBigInt(address);
    const range = this.#rangeOf(address.family, value);
    return (range?.holders ?? this.#outside[address.family]).get(value);
  }

  /** Whether `lease` would find an address. */
  hasFree(family: 4 | 6, choice: PoolChoice): boolean {
    return this.#chosen(family, choice)
      .some(({ first, last, holders }) => BigInt(holders.size) <= last - first);
  }

  /** Who holds an address of the ranges to choose. */
  *holders(family: 4 | 6, choice: PoolChoice): Iterable<LeaseHolder> {
    for (const range of this.#chosen(family, choice)) yield* range.holders.values();
  }

  /** Each range with its size and use. */
  snapshot(): readonly PoolSnapshot[] {
    return this.#ranges.map((range) => ({
      range: range.range,
      size: Math.min(Number(range.last - range.first + 1n), Number.MAX_SAFE_INTEGER),
      inUse: range.holders.size,
    }));
  }

  #chosen(family: 4 | 6, choice: PoolChoice): readonly Range[] {
    const ranges = this.#ranges.filter((range) => range.family === family);
    const named = (name: string | undefined): readonly Range[] =>
      ranges.filter(({ range }) => range.name === name);
    return choice === undefined ? named(undefined) : [...new Set(choice)].flatMap(named);
  }

  #rangeOf(family: 4 | 6, value: bigint): Range | undefined {
    return this.#ranges.find((range) =>
      range.family === family && range.first <= value && value <= range.last
    );
  }
}

function isChosen({ range: { name } }: Range, choice: PoolChoice): boolean {
  return choice === undefined ? name === undefined : name !== undefined && choice.includes(name);
}

function nextFree(range: Range): bigint | undefined {
  while (range.fresh <= range.last && range.returned.size < limits.restingAddresses) {
    const value = range.fresh++;
    // An address that was reserved and given back before its turn waits among the returned ones.
    if (!range.holders.has(value) && !range.returned.has(value)) return value;
  }
  const [oldest] = range.returned;
  if (oldest !== undefined) range.returned.delete(oldest);
  return oldest;
}
