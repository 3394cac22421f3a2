import assert from "node:assert/strict";
import { ReplayWindow, windowPackets } from "../../../dataplane/esp/replay_window.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** The window as the RFC says it, slow and plain. */
class PlainWindow {
  readonly #seen = new Set<bigint>();
  #top = 0n;

  isFresh(number: bigint): boolean {
    if (number === 0n || number <= this.#top - BigInt(windowPackets)) return false;
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
  1n << 16n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  1n << 40n,
];

function step(random: SeededRandom, top: bigint): bigint {
  switch (random.below(8)) {
    case 0:
      return top + 1n;
    case 1:
      return top + BigInt(random.pick(jumps));
    case 2:
      return random.chance(0.1) ? top + random.pick(hugeJumps) : top + BigInt(random.below(40));
    case 3:
      return top - BigInt(random.pick(jumps));
    default:
      return top - BigInt(random.below(2200));
  }
}

for (const start of [0n, 0xffff_f000n, (1n << 48n) - 3000n]) {
  Deno.test(`a replay window agrees with a set, from ${start} on`, () => {
    const random = new SeededRandom(Number(start % 1000n) + 7);
    const window = new ReplayWindow();
    const plain = new PlainWindow();
    if (start > 0n) {
      window.mark(...halves(start));
      plain.mark(start);
    }
    for (let i = 0; i < 60_000; i++) {
      const number = step(random, plain.top);
      if (number < 0n) continue;
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
  });
}

Deno.test("a jump of exactly 32 leaves no stale mark behind", () => {
  const window = new ReplayWindow();
  for (let low = 1; low <= 40; low++) window.mark(0, low);
  window.mark(0, 72);
  for (let low = 41; low < 72; low++) assert.equal(window.isFresh(0, low), true, `${low}`);
  for (let low = 1; low <= 40; low++) assert.equal(window.isFresh(0, low), false, `${low}`);
});

Deno.test("asking about a number changes nothing", () => {
  const window = new ReplayWindow();
  assert.equal(window.isFresh(0, 5), true);
  assert.equal(window.isFresh(0, 5), true);
  assert.deepEqual([window.topHigh, window.topLow], [0, 0]);
});

Deno.test("RFC 4303 §3.3.3: number 0 is never accepted", () => {
  assert.equal(new ReplayWindow().isFresh(0, 0), false);
});
