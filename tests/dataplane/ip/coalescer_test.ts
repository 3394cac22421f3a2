/** Joining, and its twin: what is joined and cut again is what was there, in the order of each flow. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { concatBytes } from "../../../core/bytes.ts";
import { Arena } from "../../../dataplane/buffers.ts";
import { type Aggregate, Coalescer, type InnerSink } from "../../../dataplane/ip/coalescer.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { madePacket, naiveCut, naiveFinish, naiveSum, shapeOf } from "../support/naive_packets.ts";

const slot = 2048;

/** Takes what the coalescer writes, and gives packets as the kernel would after cutting. */
class Collector implements InnerSink {
  readonly packets: Uint8Array[] = [];
  readonly aggregates: number[] = [];
  readonly #arena: Arena;
  constructor(arena: Arena) {
    this.#arena = arena;
  }
  writePacket(at: number, length: number): void {
    this.packets.push(this.#arena.bytes.slice(at, at + length));
  }
  writeAggregate({ at, length, parts, offsets, lengths, size, total, headers }: Aggregate): void {
    const { bytes } = this.#arena;
    const pieces = [bytes.slice(at, at + length)];
    for (let i = 1; i < parts; i++) {
      pieces.push(bytes.slice(offsets[i], offsets[i]! + lengths[i]!));
    }
    const packet = concatBytes(...pieces);
    assert.equal(packet.length, total);
    const { transport, isTcp, headers: found } = shapeOf(packet);
    assert.equal(headers, found);
    // Lengths are right, the IPv4 checksum too, and the upper one is that of the pseudo header.
    const whole = naiveFinish(packet);
    const field = transport + (isTcp ? 16 : 6);
    const isV4 = packet[0]! >> 4 === 4;
    const addresses = isV4 ? packet.slice(12, 20) : packet.slice(8, 40);
    const upper = total - transport;
    const pseudo = naiveSum(addresses, Uint8Array.of(0, isTcp ? 6 : 17, upper >> 8, upper & 0xff));
    const view = new DataView(whole.buffer);
    view.setUint16(field, pseudo);
    assert.deepEqual(packet, new Uint8Array(whole));
    const cut = naiveCut(packet, size);
    assert.equal(cut.length, parts);
    this.aggregates.push(parts);
    this.packets.push(...cut);
  }
}

/** So large that the compiled kernel sums. */
const compiledBytes = 1 << 20;

/** Gives packets to a coalescer and takes what comes out. */
function joined(packets: readonly Uint8Array[], joinsUdp = true): Collector {
  const arena = new Arena(Math.max(compiledBytes, packets.length * slot));
  const collector = new Collector(arena);
  const coalescer = new Coalescer(arena, collector, joinsUdp);
  packets.forEach((packet, i) => {
    arena.bytes.set(packet, i * slot);
    coalescer.add(i * slot, packet.length);
  });
  coalescer.flush();
  return collector;
}

/** Whether an IPv4 identification means nothing: RFC 6864 §4.1. */
function withoutFreeId(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if (copy[0]! >> 4 === 4 && (copy[6]! & 0x40) !== 0) copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

/** A flow's packets, by addresses, protocol and port. */
function byFlow(packets: readonly Uint8Array[]): Record<string, Uint8Array[]> {
  const flows = Object.groupBy(packets, (packet) => {
    const [addresses, protocol] = packet[0] === 0x45 ? [12, 9] : [8, 6];
    const ports = packet[0] === 0x45 ? 20 : 40;
    return `${packet[0]! >> 4} ${packet[protocol]} ${packet.slice(addresses, ports + 4)}`;
  });
  return { ...flows } as Record<string, Uint8Array[]>;
}

/** Packets of a long stream, as a sender with segmentation offload has them on the wire. */
function stream(random: SeededRandom, port: number): Uint8Array[] {
  const below = (limit: number): number => random.below(limit);
  const version = below(2) === 0 ? 4 : 6;
  const protocol = below(3) === 0 ? "udp" : "tcp";
  const size = 1 + below(1400);
  const tcpOptions = random.bytes(4 * below(4));
  const packets: Uint8Array[] = [];
  let sequence = below(2 ** 32);
  for (let burst = 0; burst < 4; burst++) {
    const payload = random.bytes(1 + below(Math.min(60_000, size * 30)));
    const flags = [0x10, 0x18, 0x18, 0x11, 0x90][below(5)]!;
    const dontFragment = below(2) === 0;
    const id = below(65_536);
    const fields = { version, protocol, payload, port, tcpOptions, sequence, id } as const;
    const cut = naiveCut(madePacket({ ...fields, flags, dontFragment }), size);
    for (const packet of cut) {
      // Now and then one is missing, twice there, damaged, or something else in its place.
      const kind = below(60);
      if (kind === 0) continue;
      if (kind === 1) packets.push(packet);
      if (kind === 2) packet[below(packet.length)]! ^= 1 << below(8);
      packets.push(packet);
    }
    sequence = (sequence + payload.length) % 2 ** 32;
  }
  return packets;
}

Deno.test("what is joined and cut again is what was there, whatever came", () => {
  let aggregates = 0;
  for (let round = 0; round < 40; round++) {
    const random = new SeededRandom(500 + round);
    const flows = Array.from({ length: 1 + round % 12 }, (_, i) => stream(random, 100 + i));
    const packets: Uint8Array[] = [];
    while (flows.some((flow) => flow.length > 0)) {
      for (const flow of flows) packets.push(...flow.splice(0, 1 + random.below(8)));
    }
    const result = joined(packets);
    aggregates += result.aggregates.length;
    assert.equal(result.packets.length, packets.length);
    const expected = byFlow(packets.map(withoutFreeId));
    assert.ok(isDeepStrictEqual(byFlow(result.packets.map(withoutFreeId)), expected), `${round}`);
  }
  assert.ok(aggregates > 500, `${aggregates} aggregates`);
});

/** Three full packets of one TCP flow. */
function three(more: object = {}): Uint8Array[] {
  const payload = new SeededRandom(3).bytes(3000);
  return naiveCut(madePacket({ version: 4, protocol: "tcp", payload, ...more }), 1000);
}

Deno.test("full packets of a flow become one, also of two flows at a time", () => {
  assert.deepEqual(joined(three()).aggregates, [3]);
  const [a, b] = [three(), three({ port: 8 })];
  assert.deepEqual(joined([0, 1, 2].flatMap((i) => [a[i]!, b[i]!])).aggregates, [3, 3]);
  const udp = three({ protocol: "udp" });
  assert.deepEqual(joined(udp).aggregates, [3]);
  assert.deepEqual(joined(udp, false).aggregates, []);
  const many = naiveCut(
    madePacket({ version: 6, protocol: "udp", payload: new Uint8Array(1500) }),
    10,
  );
  assert.deepEqual(joined(many).aggregates, [64, 64, 22]);
});

/** Changes of the second of three packets, and the aggregates then. */
const differences: readonly (readonly [string, (packet: Uint8Array) => Uint8Array, number[]])[] = [
  ["another acknowledgement", (it) => changed(it, 20 + 11, 1), []],
  ["another window", (it) => changed(it, 20 + 15, 1), []],
  ["an ECN echo", (it) => changed(it, 20 + 13, 0x40), []],
  ["an urgent pointer", (it) => changed(it, 20 + 19, 1), []],
  ["a congestion mark", (it) => changed(it, 1, 3), []],
  ["another time to live", (it) => changed(it, 8, 1), []],
  ["may be fragmented", (it) => changed(it, 6, 0x40), []],
  ["PSH ends an aggregate", (it) => changed(it, 20 + 13, 0x08), [2]],
  ["a wrong checksum", (it) => it.map((octet, i) => i === 500 ? octet ^ 1 : octet), []],
  ["a wrong IPv4 checksum", (it) => it.map((octet, i) => i === 10 ? octet ^ 1 : octet), []],
];

function changed(packet: Uint8Array, at: number, bits: number): Uint8Array {
  const copy = packet.slice();
  copy[at]! ^= bits;
  return naiveFinish(copy);
}

for (const [what, change, expected] of differences) {
  Deno.test(`packets that differ in more than they must are not joined: ${what}`, () => {
    const [first, second, third] = three();
    const packets = [first!, change(second!), third!];
    const result = joined(packets);
    assert.deepEqual(result.aggregates, expected);
    assert.deepEqual(result.packets.map(withoutFreeId), packets.map(withoutFreeId));
  });
}

Deno.test("a UDP packet without checksum stays by itself", () => {
  const packets = three({ protocol: "udp" }).map((packet) => packet.fill(0, 26, 28));
  assert.deepEqual(joined(packets).aggregates, []);
});

Deno.test("what is not understood comes after everything before it", () => {
  const odd = Uint8Array.of(0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, ...new Array(18).fill(0));
  const fragment = changed(three()[1]!, 6, 0x20);
  for (const packet of [odd, fragment, odd.slice(0, 9)]) {
    const [a, b, c] = three();
    const result = joined([a!, b!, packet, c!]);
    assert.deepEqual(result.aggregates, [2]);
    assert.deepEqual(result.packets[2], packet);
  }
});
