import assert from "node:assert/strict";
import { extendedHigh, OutboundSequence } from "../../../dataplane/esp/sequence.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const max = 0xffff_ffff;

function taken(sequence: OutboundSequence): [boolean, number, number] {
  return [sequence.take(), sequence.high, sequence.low];
}

Deno.test("the first sequence number is 1", () => {
  assert.deepEqual(taken(new OutboundSequence(false)), [true, 0, 1]);
});

Deno.test("RFC 4303 §3.3.3: a 32-bit sequence number never cycles", () => {
  const sequence = new OutboundSequence(false);
  sequence.skipTo(0, max - 1);
  assert.deepEqual(taken(sequence), [true, 0, max]);
  assert.deepEqual(taken(sequence), [false, 0, max]);
  assert.deepEqual(taken(sequence), [false, 0, max]);
});

Deno.test("RFC 4303 §2.2.1: an extended sequence number carries into its upper half", () => {
  const sequence = new OutboundSequence(true);
  sequence.skipTo(6, max);
  assert.deepEqual(taken(sequence), [true, 7, 0]);
  sequence.skipTo(max, max);
  assert.equal(sequence.take(), false);
});

Deno.test("the end is near 2^28 packets before it", () => {
  const short = new OutboundSequence(false);
  short.skipTo(0, 0xefff_ffff);
  assert.equal(short.nearEnd, false);
  short.take();
  assert.equal(short.nearEnd, true);
  const long = new OutboundSequence(true);
  long.skipTo(1, max);
  assert.equal(long.nearEnd, false);
});

Deno.test("a sequence number is never set back", () => {
  const sequence = new OutboundSequence(true);
  sequence.skipTo(1, 10);
  assert.throws(() => sequence.skipTo(1, 9), RangeError);
  assert.throws(() => sequence.skipTo(0, 11), RangeError);
});

const window = 2048;
const highs: readonly (readonly [text: string, number, number, number, number])[] = [
  ["right behind the top", 0, 5000, 4999, 0],
  ["the lowest of the window", 0, 5000, 5000 - window + 1, 0],
  ["below the window, so of the next subspace", 0, 5000, 5000 - window, 1],
  ["far ahead in the same subspace", 3, 5000, max, 3],
  ["the window starts at 0", 3, window - 1, 0, 3],
  ["the window reaches back", 3, window - 2, max, 2],
  ["the window reaches back, its lowest", 3, 0, max - window + 2, 2],
  ["just not in the part that reaches back", 3, 0, max - window + 1, 3],
  ["at the start nothing lies before", 0, 0, max, -1],
  ["the next after a full lower half", 3, max, 0, 4],
  ["no subspace is left", max, max, 0, -1],
];

for (const [text, topHigh, topLow, low, wanted] of highs) {
  Deno.test(`RFC 4303 appendix A2: ${text}`, () => {
    assert.equal(extendedHigh(topHigh, topLow, low, window), wanted);
  });
}

Deno.test("the upper half is found for every number within reach of the top", () => {
  const random = new SeededRandom(4303);
  for (let i = 0; i < 50_000; i++) {
    const top = (BigInt(random.between(1, 5)) << 32n) +
      BigInt(random.pick([0, 1, 2046, 2047, 2048, max, max - 1, random.u32()]));
    const number = top + BigInt(random.between(1 - window, 100_000));
    const [topHigh, topLow] = [Number(top >> 32n), Number(top & 0xffff_ffffn)];
    const low = Number(number & 0xffff_ffffn);
    const found = extendedHigh(topHigh, topLow, low, window);
    assert.equal(found, Number(number >> 32n), `top ${top}, number ${number}`);
  }
});
