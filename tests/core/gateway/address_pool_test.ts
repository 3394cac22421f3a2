/** Leases: tables, and a twin that is an array. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { AddressPool, type PoolChoice } from "../../../core/gateway/address_pool.ts";
import type { PoolRange } from "../../../core/gateway/policy.ts";
import { limits } from "../../../core/limits.ts";
import type { IpAddress } from "../../../core/wire/address.ts";
import { addressFromBigInt, addressToBigInt, formatIpAddress } from "../../../core/wire/address.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { address, range } from "../../support/sim_settings.ts";

/** The same by looking at everything. */
class NaivePool {
  readonly #free: { readonly family: 4 | 6; readonly text: string }[] = [];
  readonly #order: string[] = [];
  readonly #held = new Map<string, number>();
  readonly #ranges: readonly PoolRange[];

  constructor(ranges: readonly PoolRange[]) {
    this.#ranges = ranges;
    for (const { first, last } of ranges) {
      for (let v = addressToBigInt(first); v <= addressToBigInt(last); v++) {
        const text = formatIpAddress(addressFromBigInt(first.family, v));
        this.#free.push({ family: first.family, text });
        this.#order.push(text);
      }
    }
  }

  /** Name by name, range by range: fresh ones, then returned ones, oldest first. */
  lease(family: 4 | 6, choice: PoolChoice, holder: number): string | undefined {
    for (const name of choice ?? [undefined]) {
      const leased = this.#leaseOf(family, name, holder);
      if (leased !== undefined) return leased;
    }
    return undefined;
  }

  #leaseOf(family: 4 | 6, wanted: string | undefined, holder: number): string | undefined {
    for (const { first, last, name } of this.#ranges) {
      if (name !== wanted) continue;
      const at = this.#free.findIndex((entry) =>
        entry.family === family && first.family === family &&
        addressToBigInt(address(entry.text)) >= addressToBigInt(first) &&
        addressToBigInt(address(entry.text)) <= addressToBigInt(last)
      );
      const [taken] = at < 0 ? [] : this.#free.splice(at, 1);
      if (taken === undefined) continue;
      this.#held.set(taken.text, holder);
      return taken.text;
    }
    return undefined;
  }

  reserve(text: string, holder: number): boolean {
    const now = this.#held.get(text);
    if (now !== undefined) return now === holder;
    const at = this.#free.findIndex((entry) => entry.text === text);
    if (at >= 0) this.#free.splice(at, 1);
    this.#held.set(text, holder);
    return true;
  }

  release(text: string, holder: number): void {
    if (this.#held.get(text) !== holder) return;
    this.#held.delete(text);
    const isInside = this.#order.includes(text);
    if (isInside) this.#free.push({ family: address(text).family, text });
  }

  get held(): number {
    return [...this.#held.keys()].filter((text) => this.#order.includes(text)).length;
  }

  holderOf(text: string): number | undefined {
    return this.#held.get(text);
  }
}

Deno.test("AddressPool equals a naive one on random leases, reservations and releases", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const ranges = [
      range("10.0.0.1-10.0.0.6"),
      range("2001:db8::1-2001:db8::5"),
      range("10.0.1.1-10.0.1.3"),
      { ...range("10.0.2.1-10.0.2.4"), name: "staff" },
      { ...range("2001:db8:2::1-2001:db8:2::3"), name: "staff" },
      { ...range("10.0.3.1-10.0.3.2"), name: "guests" },
      { ...range("10.0.4.1-10.0.4.2"), name: "staff" },
    ];
    const choices = [["staff"], ["guests", "staff"], ["guests"], ["nobody"], []];
    const pool = new AddressPool(ranges);
    const twin = new NaivePool(ranges);
    const known: string[] = ["10.0.0.3", "10.0.1.2", "2001:db8::4", "172.16.0.1", "2001:db8:1::1"];
    for (let i = 0; i < 300; i++) {
      const holder = random.below(6);
      const text = random.pick(known);
      switch (random.below(3)) {
        case 0: {
          const family = random.pick([4, 6] as const);
          const choice = random.chance() ? undefined : random.pick(choices);
          const isFree = pool.hasFree(family, choice);
          const leased = pool.lease(family, choice, holder);
          equal(isFree, leased !== undefined, `seed ${seed}`);
          const expected = twin.lease(family, choice, holder);
          equal(leased && formatIpAddress(leased), expected, `seed ${seed}`);
          if (leased !== undefined) known.push(formatIpAddress(leased));
          break;
        }
        case 1:
          equal(pool.reserve(address(text), holder), twin.reserve(text, holder));
          break;
        default:
          pool.release(address(text), holder);
          twin.release(text, holder);
      }
      equal(pool.holderOf(address(text)), twin.holderOf(text));
      equal(pool.snapshot().reduce((sum, { inUse }) => sum + inUse, 0), twin.held);
    }
  }
});

Deno.test("An address that was just given back goes out last", () => {
  const pool = new AddressPool([range("10.0.0.1-10.0.0.3")]);
  const take = (): string | undefined => {
    const leased: IpAddress | undefined = pool.lease(4, undefined, 1);
    return leased && formatIpAddress(leased);
  };
  deepEqual([take(), take()], ["10.0.0.1", "10.0.0.2"]);
  pool.release(address("10.0.0.1"), 1);
  pool.release(address("10.0.0.2"), 1);
  deepEqual([take(), take(), take(), take()], ["10.0.0.3", "10.0.0.1", "10.0.0.2", undefined]);
});

Deno.test("A /64 costs nothing and its size is capped", () => {
  const pool = new AddressPool([range("2001:db8::-2001:db8::ffff:ffff:ffff:ffff")]);
  equal(pool.snapshot()[0]!.size, Number.MAX_SAFE_INTEGER);
  ok(pool.serves(6, undefined) && !pool.serves(4, undefined));
  equal(formatIpAddress(pool.lease(6, undefined, 1)!), "2001:db8::");
  ok(pool.reserve(address("2001:db8::1"), 2));
  equal(formatIpAddress(pool.lease(6, undefined, 3)!), "2001:db8::2");
});

Deno.test("An address of a /64 rests for long after use, but not all that were ever used do", () => {
  const pool = new AddressPool([range("2001:db8::-2001:db8::ffff:ffff:ffff:ffff")]);
  const use = (): string => {
    const leased = pool.lease(6, undefined, 1)!;
    pool.release(leased, 1);
    return formatIpAddress(leased);
  };
  equal(use(), "2001:db8::");
  for (let i = 1; i < limits.restingAddresses; i++) use();
  deepEqual([use(), use()], ["2001:db8::", "2001:db8::1"]);
});

Deno.test("Holders are found by where their addresses may come from", () => {
  const pool = new AddressPool([
    range("10.0.0.1-10.0.0.9"),
    { ...range("10.0.1.1-10.0.1.9"), name: "staff" },
    { ...range("10.0.2.1-10.0.2.9"), name: "guests" },
  ]);
  const choices: readonly PoolChoice[] = [undefined, ["staff"], ["guests"]];
  choices.forEach((choice, i) => pool.lease(4, choice, i + 1));
  pool.reserve(address("10.0.1.9"), 4);
  const holders = (family: 4 | 6, choice: PoolChoice): readonly number[] => [
    ...pool.holders(family, choice),
  ];
  deepEqual(holders(4, undefined), [1]);
  deepEqual(holders(4, ["guests", "staff"]), [3, 2, 4]);
  deepEqual([holders(6, undefined), holders(4, [])], [[], []]);
});

Deno.test("design rule 14: an address reserved ahead of its turn and given back is leased once", () => {
  const pool = new AddressPool([range("10.0.0.1-10.0.0.3")]);
  ok(pool.reserve(address("10.0.0.2"), 1));
  pool.release(address("10.0.0.2"), 1);
  const leased = [2, 3, 4, 5].map((holder) => pool.lease(4, undefined, holder));
  deepEqual(leased.map((found) => found && formatIpAddress(found)), [
    "10.0.0.1",
    "10.0.0.3",
    "10.0.0.2",
    undefined,
  ]);
});

Deno.test("A named range is for those who name it, and nobody else", () => {
  const pool = new AddressPool([
    range("10.0.0.1-10.0.0.1"),
    { ...range("10.0.1.1-10.0.1.1"), name: "staff" },
    { ...range("fd00::1-fd00::1"), name: "six" },
  ]);
  const take = (choice: PoolChoice): string | undefined => {
    const leased = pool.lease(4, choice, 1);
    return leased && formatIpAddress(leased);
  };
  deepEqual([take(undefined), take(undefined)], ["10.0.0.1", undefined]);
  deepEqual([take(["staff"]), take(["staff"])], ["10.0.1.1", undefined]);
  ok(pool.knows("staff") && pool.knows("staff", 4) && !pool.knows("staff", 6));
  ok(pool.knows("six") && !pool.knows("seven"));
  ok(pool.serves(4, undefined) && !pool.serves(6, undefined) && pool.serves(6, ["x", "six"]));
  const inner = address("10.0.1.1");
  deepEqual([undefined, [], ["six"], ["six", "staff"]].map((it) => pool.isAmong(inner, it)), [
    false,
    false,
    false,
    true,
  ]);
});
