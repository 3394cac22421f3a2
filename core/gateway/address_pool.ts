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
import type { AddressKey, IpAddress } from "../wire/address.ts";
import { addressFromBigInt, addressKey, addressToBigInt } from "../wire/address.ts";
import type { PoolRange } from "./policy.ts";
import type { PoolSnapshot } from "./snapshot.ts";

/** Whoever holds an address: a session number. */
export type LeaseHolder = number;

/** Where an address may come from: the ranges of these names, in this order; else those without one. */
export type PoolChoice = readonly string[] | undefined;

interface Range {
  readonly range: PoolRange;
  readonly family: 4 | 6;
  readonly first: AddressKey;
  readonly last: AddressKey;
  /** Addresses in it, as far as there are numbers for that. */
  readonly size: number;
  /** The lowest address that was never given out. */
  fresh: AddressKey;
  /** Addresses given back, oldest first. BOUNDED by `limits.restingAddresses`, and by the holders. */
  readonly returned: Set<AddressKey>;
  /** BOUNDED by `limits` on sessions: one entry a held address. */
  readonly holders: Map<AddressKey, LeaseHolder>;
}

/** The leases over some ranges. */
export class AddressPool {
  readonly #ranges: readonly Range[];
  /** Fixed addresses of AAA that are in no range. BOUNDED like `Range.holders`. */
  readonly #outside = {
    4: new Map<AddressKey, LeaseHolder>(),
    6: new Map<AddressKey, LeaseHolder>(),
  };

  /** Ranges of either family; they must not overlap. */
  constructor(ranges: readonly PoolRange[]) {
    this.#ranges = ranges.map((range) => ({
      range,
      family: range.first.family,
      first: addressKey(range.first),
      last: addressKey(range.last),
      size: sizeOf(range),
      fresh: addressKey(range.first),
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
    const range = this.#rangeOf(address.family, addressKey(address));
    return range !== undefined && isChosen(range, choice);
  }

  /** The next free address of a family for `holder`, or `undefined` when all are held. */
  lease(family: 4 | 6, choice: PoolChoice, holder: LeaseHolder): IpAddress | undefined {
    for (const range of this.#chosen(family, choice)) {
      const key = nextFree(range);
      if (key === undefined) continue;
      range.holders.set(key, holder);
      return addressFromBigInt(family, BigInt(key));
    }
    return undefined;
  }

  /** Takes one given address, inside or outside of the ranges. False when another holds it. */
  reserve(address: IpAddress, holder: LeaseHolder): boolean {
    return this.reserveKey(addressKey(address), holder);
  }

  /** The same for the key of an address. */
  reserveKey(key: AddressKey, holder: LeaseHolder): boolean {
    const family = typeof key === "number" ? 4 : 6;
    const range = this.#rangeOf(family, key);
    const holders = range?.holders ?? this.#outside[family];
    const now = holders.get(key);
    if (now !== undefined) return now === holder;
    range?.returned.delete(key);
    holders.set(key, holder);
    return true;
  }

  /** Gives an address back. Does nothing unless `holder` holds it. */
  release(address: IpAddress, holder: LeaseHolder): void {
    const key = addressKey(address);
    const range = this.#rangeOf(address.family, key);
    const holders = range?.holders ?? this.#outside[address.family];
    if (holders.get(key) !== holder) return;
    holders.delete(key);
    range?.returned.add(key);
  }

  /** Who holds an address. */
  holderOf(address: IpAddress): LeaseHolder | undefined {
    const key = addressKey(address);
    const range = this.#rangeOf(address.family, key);
    return (range?.holders ?? this.#outside[address.family]).get(key);
  }

  /** Whether `lease` would find an address. */
  hasFree(family: 4 | 6, choice: PoolChoice): boolean {
    return this.#chosen(family, choice)
      .some(({ size, holders }) => holders.size < size);
  }

  /** Who holds an address of the ranges to choose. */
  *holders(family: 4 | 6, choice: PoolChoice): Iterable<LeaseHolder> {
    for (const range of this.#chosen(family, choice)) yield* range.holders.values();
  }

  /** Each range with its size and use. */
  snapshot(): readonly PoolSnapshot[] {
    return this.#ranges.map(({ range, size, holders }) => ({ range, size, inUse: holders.size }));
  }

  #chosen(family: 4 | 6, choice: PoolChoice): readonly Range[] {
    const ranges = this.#ranges.filter((range) => range.family === family);
    const named = (name: string | undefined): readonly Range[] =>
      ranges.filter(({ range }) => range.name === name);
    return choice === undefined ? named(undefined) : [...new Set(choice)].flatMap(named);
  }

  #rangeOf(family: 4 | 6, key: AddressKey): Range | undefined {
    return this.#ranges.find((range) =>
      range.family === family && range.first <= key && key <= range.last
    );
  }
}

function sizeOf({ first, last }: PoolRange): number {
  const size = addressToBigInt(last) - addressToBigInt(first) + 1n;
  return Math.min(Number(size), Number.MAX_SAFE_INTEGER);
}

function isChosen({ range: { name } }: Range, choice: PoolChoice): boolean {
  return choice === undefined ? name === undefined : name !== undefined && choice.includes(name);
}

function nextFree(range: Range): AddressKey | undefined {
  while (range.fresh <= range.last && range.returned.size < limits.restingAddresses) {
    const key = range.fresh++;
    // An address that was reserved and given back before its turn waits among the returned ones.
    if (!range.holders.has(key) && !range.returned.has(key)) return key;
  }
  const [oldest] = range.returned;
  if (oldest !== undefined) range.returned.delete(oldest);
  return oldest;
}
