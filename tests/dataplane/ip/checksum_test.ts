import assert from "node:assert/strict";
import { Arena } from "../../../dataplane/buffers.ts";
import { foldSum, storeChecksum, sumNumber, sumOctets } from "../../../dataplane/ip/checksum.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { naiveSum } from "../support/naive_packets.ts";

Deno.test("RFC 1071 §3: the example", () => {
  const arena = new Arena(64);
  arena.bytes.set([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
  assert.equal(sumNumber(foldSum(sumOctets(arena, 0, 8))), 0xddf2);
  storeChecksum(arena, 8, sumOctets(arena, 0, 8));
  assert.equal(arena.view.getUint16(8), 0x220d);
});

for (const size of [4096, 1 << 20]) {
  Deno.test(`sums agree with the octet-wise twin at every offset and length: arena of ${size}`, () => {
    const arena = new Arena(size);
    arena.bytes.set(new SeededRandom(71).bytes(4096));
    for (let offset = 0; offset < 8; offset++) {
      for (const length of [...Array(80).keys(), 1399, 1400, 1401, 1402, 4000]) {
        const expected = naiveSum(arena.bytes.slice(offset, offset + length));
        const sum = sumNumber(foldSum(sumOctets(arena, offset, length)));
        assert.equal(sum, expected, `${length} octets at ${offset}`);
      }
    }
  });
}

Deno.test("64 KB of ones do not overflow", () => {
  for (const size of [65_536, 1 << 20]) {
    const arena = new Arena(size);
    arena.bytes.fill(0xff);
    assert.equal(foldSum(sumOctets(arena, 0, 65_536)), 0xffff);
  }
});

for (const size of [4096, 1 << 20]) {
  Deno.test(`copying sums, and writes nothing else: arena of ${size}`, () => {
    const arena = new Arena(size);
    const random = new SeededRandom(72);
    for (let round = 0; round < 300; round++) {
      arena.bytes.set(random.bytes(4096));
      const length = random.below(1600);
      const from = random.below(2000 - length + 1);
      const to = 2100 + random.below(300);
      const wanted = arena.bytes.slice(0, 4096);
      wanted.copyWithin(to, from, from + length);
      const sum = arena.checksums.copy(from, from + length, to);
      const expected = naiveSum(wanted.slice(from, from + length));
      assert.equal(sumNumber(foldSum(sum)), expected, `${length} octets from ${from} to ${to}`);
      assert.deepEqual(
        arena.bytes.slice(0, 4096),
        wanted,
        `${length} octets from ${from} to ${to}`,
      );
    }
  });
}
