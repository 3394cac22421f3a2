import assert from "node:assert/strict";
import { ReplayWindow } from "../../../dataplane/esp/replay_window.ts";
import { extendedHigh } from "../../../dataplane/esp/sequence.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** The window as the RFC says it, slow and plain. */
class PlainWindow {
  readonly #size: bigint;
  readonly #seen = new Set<bigint>();
  #top = 0n;

  constructor(size: number) {
    this.#size = BigInt(size);
  }

  isFresh(number: bigint): boolean {
    if (number === 0n || number <= this.#top - this.#size) return false;
    return !this.#seen.has(number);
  }

  mark(number: bigint): boolean {
    this.#seen.add(number);
    const advances = number > this.#top;
    if (advances) this.#top = number;
    return advances;
  }

  get top(): bigint {
    return this.#top;
  }
}

function halves(number: bigint): [high: number, low: number] {
  return [Number(number >> 32n), Number(number & 0xffff_ffffn)];
}

const jumps = [1, 2, 31, 32, 33, 63, 64, 65, 1023, 1024, 2015, 2016, 2047, 2048, 2049, 4063, 4064];
const hugeJumps = [
  4095n,
  4096n,
  4097n,
  8192n,
  1n << 16n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  1n << 40n,
];
const sizes = [64, 65, 95, 96, 97, 128, 1000, 1024, 2048, 4095, 4096];
const starts = [0n, 0xffff_f000n, (1n << 48n) - 3000n];

function step(random: SeededRandom, top: bigint, size: number): bigint {
  switch (random.below(8)) {
    case 0:
      return top + 1n;
    case 1:
      return top + BigInt(random.pick([...jumps, size - 1, size, size + 1]));
    case 2:
      return random.chance(0.1) ? top + random.pick(hugeJumps) : top + BigInt(random.below(40));
    case 3:
      return top - BigInt(random.pick([...jumps, size - 1, size, size + 1, size + 31]));
    default:
      return top - BigInt(random.below(size + 150));
  }
}

/** Both windows hear of the same numbers, and `check` of each beforehand. */
function compare(
  size: number,
  start: bigint,
  steps: number,
  check: (window: ReplayWindow, number: bigint) => void = () => {},
): void {
  const random = new SeededRandom(Number(start % 1000n) + 7 + size);
  const window = new ReplayWindow(size);
  const plain = new PlainWindow(size);
  if (start > 0n) {
    window.mark(...halves(start));
    plain.mark(start);
  }
  for (let i = 0; i < steps; i++) {
    const number = step(random, plain.top, size);
    if (number < 0n) continue;
    check(window, number);
    const fresh = plain.isFresh(number);
    assert.equal(window.isFresh(...halves(number)), fresh, `step ${i}: number ${number}`);
    if (fresh && random.chance(0.8)) {
      assert.equal(
        window.mark(...halves(number)),
        plain.mark(number),
        `step ${i}: mark ${number}`,
      );
    }
    assert.equal((BigInt(window.topHigh) << 32n) | BigInt(window.topLow), plain.top);
  }
}

for (const start of starts) {
  Deno.test(`a replay window agrees with a set, from ${start} on`, () => {
    compare(2048, start, 60_000);
    for (const size of sizes) compare(size, start, 10_000);
  });
}

Deno.test("RFC 4303 appendix A2: with every size of window the upper half is found", () => {
  for (const size of sizes) {
    for (const start of [...starts, (7n << 32n) - 1n, 7n << 32n, (7n << 32n) + 5n]) {
      compare(size, start, 3000, (window, number) => {
        const top = (BigInt(window.topHigh) << 32n) | BigInt(window.topLow);
        // Farther away the lower half is ambiguous: such numbers are never authentic.
        if (number <= top - BigInt(size) || number > top + 1_000_000n) return;
        const [high, low] = halves(number);
        assert.equal(extendedHigh(window.topHigh, window.topLow, low, size), high, `${number}`);
      });
    }
  }
});

Deno.test("a replay window has 64 to 4096 packets", () => {
  for (const size of [0, 63, 64.5, 4097, Number.NaN]) {
    assert.throws(() => new ReplayWindow(size), RangeError, `${size}`);
  }
  for (const size of [64, 4096]) assert.equal(new ReplayWindow(size).size, size);
});

Deno.test("a jump of exactly 32 leaves no stale mark behind", () => {
  const window = new ReplayWindow(2048);
  for (let low = 1; low <= 40; low++) window.mark(0, low);
  window.mark(0, 72);
  for (let low = 41; low < 72; low++) assert.equal(window.isFresh(0, low), true, `${low}`);
  for (let low = 1; low <= 40; low++) assert.equal(window.isFresh(0, low), false, `${low}`);
});

Deno.test("asking about a number changes nothing", () => {
  const window = new ReplayWindow(64);
  assert.equal(window.isFresh(0, 5), true);
  assert.equal(window.isFresh(0, 5), true);
  assert.deepEqual([window.topHigh, window.topLow], [0, 0]);
});

Deno.test("RFC 4303 §3.3.3: number 0 is never accepted", () => {
  assert.equal(new ReplayWindow(64).isFresh(0, 0), false);
});
