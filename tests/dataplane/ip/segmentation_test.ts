import assert from "node:assert/strict";
import { Arena } from "../../../dataplane/buffers.ts";
import { Upper } from "../../../dataplane/ip/header.ts";
import { completeChecksum, Segmenter } from "../../../dataplane/ip/segmentation.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { madePacket, naiveCut, shapeOf } from "../support/naive_packets.ts";

/** So large that the compiled kernel sums. */
const compiledBytes = 1 << 20;

const from = 0;
const to = 70_000 & ~3;

/** The packets that our segmenter cuts. */
function cut(arena: Arena, packet: Uint8Array, size: number, limit = 9000): Uint8Array[] {
  const segmenter = new Segmenter(arena);
  const { transport, isTcp } = shapeOf(packet);
  arena.bytes.set(packet, from);
  const protocol = isTcp ? Upper.TCP : Upper.UDP;
  if (!segmenter.start(from, packet.length, protocol, transport, size, limit)) return [];
  return Array.from({ length: segmenter.count }, (_, k) => {
    arena.bytes.fill(0xa5, to);
    const length = segmenter.cut(k, to);
    assert.equal(arena.bytes[to + length], 0xa5, "nothing is written behind");
    return arena.bytes.slice(to, to + length);
  });
}

for (const version of [4, 6] as const) {
  for (const protocol of ["tcp", "udp"] as const) {
    Deno.test(`cutting agrees with the octet-wise twin: ${protocol} over IPv${version}`, () => {
      const random = new SeededRandom(version * 100 + protocol.charCodeAt(0));
      const arena = new Arena(compiledBytes);
      const below = (limit: number): number => random.below(limit);
      for (let round = 0; round < 60; round++) {
        const size = 1 + below(1500);
        const payload = random.bytes(1 + below(Math.min(65_000, size * 70)));
        const packet = madePacket({
          version,
          protocol,
          payload,
          tcpOptions: random.bytes(4 * below(11)),
          ipOptions: random.bytes(4 * below(11)),
          flags: below(256),
          sequence: below(2 ** 32),
          id: below(65_536),
          dontFragment: below(2) === 0,
        });
        assert.deepEqual(cut(arena, packet, size), naiveCut(packet, size), `round ${round}`);
      }
    });
  }
}

Deno.test("what cannot be cut is refused", () => {
  const arena = new Arena(compiledBytes);
  const payload = new Uint8Array(3000);
  const good = madePacket({ version: 4, protocol: "tcp", payload });
  assert.equal(cut(arena, good, 1000).length, 3);
  assert.equal(cut(arena, good, 1000, 1039).length, 0, "longer than a slot");
  assert.equal(cut(arena, good, 0).length, 0, "no segment size");
  const starts: readonly (readonly [string, number, number, number])[] = [
    ["no upper header", good.length, Upper.TCP, good.length - 4],
    ["the upper header inside the lower", good.length, Upper.TCP, 16],
    ["crooked upper header", good.length, Upper.TCP, 22],
    ["something between the headers", good.length, Upper.TCP, 24],
    ["another protocol", good.length, Upper.UDP, 20],
    ["headers only", 40, Upper.TCP, 20],
  ];
  const segmenter = new Segmenter(arena);
  for (const [what, length, protocol, transport] of starts) {
    arena.bytes.set(good, from);
    assert.equal(segmenter.start(from, length, protocol, transport, 1000, 9000), false, what);
  }
  for (const first of [0x00, 0x55, 0x42]) {
    arena.bytes[from] = first;
    assert.equal(segmenter.start(from, good.length, Upper.TCP, 20, 1000, 9000), false, `${first}`);
  }
});

Deno.test("a checksum that was left at the pseudo header is completed", () => {
  const arena = new Arena(4096);
  for (const protocol of ["tcp", "udp"] as const) {
    for (const version of [4, 6] as const) {
      const packet = madePacket({ version, protocol, payload: new SeededRandom(9).bytes(333) });
      const { transport, isTcp } = shapeOf(packet);
      const field = isTcp ? 16 : 6;
      // The sum of the rest, taken away from the whole, leaves that of the pseudo header.
      const upper = packet.slice(transport);
      const partial = packet.slice();
      const view = new DataView(partial.buffer);
      const complete = view.getUint16(transport + field);
      view.setUint16(transport + field, 0);
      let rest = 0;
      upper.forEach((octet, i) => {
        if (i !== field && i !== field + 1) rest += i % 2 === 0 ? octet * 256 : octet;
      });
      view.setUint16(transport + field, (((0xffff - complete - rest) % 0xffff) + 0xffff) % 0xffff);
      arena.bytes.set(partial);
      assert.ok(completeChecksum(arena, 0, packet.length, transport, field));
      assert.deepEqual(arena.bytes.slice(0, packet.length), packet);
      assert.equal(completeChecksum(arena, 0, transport + field + 1, transport, field), false);
    }
  }
});
