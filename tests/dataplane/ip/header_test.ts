import assert from "node:assert/strict";
import { InnerHeader, noPort } from "../../../dataplane/ip/header.ts";
import { addressWords } from "../../../dataplane/ip/selector.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { address } from "../support/ends.ts";
import { innerPacket } from "../support/inner_packet.ts";

/** Reads a packet that lies between other octets. */
function read(packet: Uint8Array, length = packet.length): [InnerHeader, boolean] {
  const around = new Uint8Array(packet.length + 40).fill(0x45);
  around.set(packet, 12);
  const view = new DataView(around.buffer);
  const header = new InnerHeader();
  const isGood = header.parse(view, 12, length);
  if (isGood) header.parseUpper(view, 12);
  return [header, isGood];
}

for (const [source, destination] of [["10.1.2.3", "203.0.113.250"], ["fd00::1", "2001:db8::ff"]]) {
  Deno.test(`an inner header from ${source} to ${destination} is read`, () => {
    const packet = innerPacket({ source: source!, destination: destination!, content: 100 });
    const [header, isGood] = read(packet);
    assert.equal(isGood, true);
    assert.equal(header.version, address(source!).family);
    assert.equal(header.totalLength, packet.length);
    assert.deepEqual(header.source, addressWords(address(source!)));
    assert.deepEqual(header.destination, addressWords(address(destination!)));
    assert.deepEqual([header.protocol, header.sourcePort, header.destinationPort], [
      17,
      1000,
      2000,
    ]);
  });
}

Deno.test("octets behind the packet's own length are no fault", () => {
  const packet = innerPacket();
  const [header, isGood] = read(packet, packet.length + 7);
  assert.equal(isGood, true);
  assert.equal(header.totalLength, packet.length);
});

function changed(at: number, value: number, from = innerPacket()): Uint8Array {
  from[at] = value;
  return from;
}

const v6 = { source: "fd00::1", destination: "fd00::2" };
const faults: readonly (readonly [text: string, packet: Uint8Array])[] = [
  ["no octet", new Uint8Array(0)],
  ["19 octets of IPv4", innerPacket().subarray(0, 19)],
  ["39 octets of IPv6", innerPacket(v6).subarray(0, 39)],
  ["version 0", changed(0, 0x05)],
  ["version 5", changed(0, 0x55)],
  ["version 15", changed(0, 0xf5)],
  ["an IPv4 header of 16 octets", changed(0, 0x44)],
  ["an IPv4 header longer than the packet", changed(0, 0x4f)],
  ["an IPv4 packet shorter than its length", changed(3, 33)],
  ["an IPv4 length below its header", changed(3, 19)],
  ["an IPv6 packet shorter than its length", changed(5, 13, innerPacket(v6))],
];
for (const [text, packet] of faults) {
  Deno.test(`an inner header is refused: ${text}`, () => assert.equal(read(packet)[1], false));
}

Deno.test("ICMP type and code stand for both ports", () => {
  const packet = innerPacket({ protocol: 1, sourcePort: 0x0800 });
  const [header] = read(packet);
  assert.deepEqual([header.sourcePort, header.destinationPort], [0x0800, 0x0800]);
});

Deno.test("later fragments, other protocols and short packets have no ports", () => {
  for (
    const packet of [
      innerPacket({ fragmentOffset: 1480 }),
      innerPacket({ ...v6, fragmentOffset: 1480 }),
      innerPacket({ protocol: 47 }),
    ]
  ) {
    const [header, isGood] = read(packet);
    assert.equal(isGood, true);
    assert.deepEqual([header.sourcePort, header.destinationPort], [noPort, noPort]);
  }
  const short = innerPacket({ content: 0 }).subarray(0, 23);
  new DataView(short.buffer).setUint16(2, 23);
  assert.equal(read(short)[0].sourcePort, noPort);
});

/** An IPv6 packet with these extension headers, each `[number, octets]`. */
function withExtensions(...extensions: readonly (readonly [number, number])[]): Uint8Array {
  const plain = innerPacket(v6);
  const size = extensions.reduce((sum, [, octets]) => sum + octets, 0);
  const packet = new Uint8Array(plain.length + size);
  packet.set(plain.subarray(0, 40));
  packet.set(plain.subarray(40), 40 + size);
  new DataView(packet.buffer).setUint16(4, packet.length - 40);
  let nextAt = 6;
  let at = 40;
  for (const [number, octets] of extensions) {
    packet[nextAt] = number;
    packet[at + 1] = number === 51 ? octets / 4 - 2 : number === 44 ? 0 : octets / 8 - 1;
    nextAt = at;
    at += octets;
  }
  packet[nextAt] = 17;
  return packet;
}

Deno.test("RFC 8200 §4: the upper protocol is found behind extension headers", () => {
  const packet = withExtensions([0, 8], [60, 24], [43, 16], [44, 8], [51, 12], [60, 8]);
  const [header, isGood] = read(packet);
  assert.equal(isGood, true);
  assert.deepEqual([header.protocol, header.sourcePort, header.destinationPort], [17, 1000, 2000]);
});

Deno.test("extension headers that lead outside the packet end the search", () => {
  const packet = withExtensions([0, 8]);
  packet[41] = 255;
  const [header, isGood] = read(packet);
  assert.equal(isGood, true);
  assert.equal(header.sourcePort, noPort);
});

Deno.test("where the upper header starts and which fragment it is", () => {
  const facts = (packet: Uint8Array): readonly unknown[] => {
    const [{ upperAt, fragmentOffset, isAmbiguous }] = read(packet);
    return [upperAt - 12, fragmentOffset, isAmbiguous];
  };
  assert.deepEqual(facts(innerPacket()), [20, 0, false]);
  assert.deepEqual(facts(innerPacket({ fragmentOffset: 1480 })), [20, 185, false]);
  assert.deepEqual(facts(innerPacket(v6)), [40, 0, false]);
  assert.deepEqual(facts(withExtensions([0, 16], [44, 8])), [64, 0, false]);
  const later = innerPacket({ ...v6, fragmentOffset: 1480 });
  assert.deepEqual(facts(later), [later.length, 185, false]);
});

Deno.test("extension headers that a receiver may understand differently are told", () => {
  const isAmbiguous = (packet: Uint8Array): boolean => read(packet)[0].isAmbiguous;
  const innocent = withExtensions([0, 8], [60, 24], [43, 16], [51, 12], [60, 8], [44, 8]);
  assert.equal(isAmbiguous(innocent), false);
  assert.equal(isAmbiguous(withExtensions([44, 8], [60, 8])), true);
  assert.equal(isAmbiguous(withExtensions([44, 8], [44, 8])), true);
  const onward = withExtensions([43, 8]);
  onward[43] = 1; // segments left
  assert.equal(isAmbiguous(onward), true);
  for (const units of [2, 255]) {
    const outside = withExtensions([0, 8]);
    outside[41] = units;
    assert.equal(isAmbiguous(outside), true, `${units}`);
  }
  const cut = withExtensions([0, 8]);
  cut[40] = 60; // UDP, which is shorter than it would have to be as a header
  cut[49] = 9;
  assert.equal(isAmbiguous(cut), true);
});

Deno.test("a header that is used again forgets what was odd before", () => {
  const odd = withExtensions([44, 8], [60, 8]);
  const view = new DataView(odd.buffer);
  const header = new InnerHeader();
  for (const packet of [innerPacket(v6), innerPacket()]) {
    assert.ok(header.parse(view, 0, odd.length));
    header.parseUpper(view, 0);
    assert.equal(header.isAmbiguous, true);
    const plain = new DataView(packet.buffer);
    assert.ok(header.parse(plain, 0, packet.length));
    header.parseUpper(plain, 0);
    assert.deepEqual([header.isAmbiguous, header.fragmentOffset], [false, 0]);
  }
});

for (const version of [4, 6] as const) {
  Deno.test(`what repeats a flow is what reads like it, IPv${version}`, () => {
    const random = new SeededRandom(40 + version);
    const fields = version === 4 ? {} : v6;
    const seen = { repeated: 0, other: 0 };
    for (let round = 0; round < 3000; round++) {
      const protocol = [6, 17, 58, 47][random.below(8)] ?? 6;
      const first = innerPacket({ ...fields, protocol, content: 20 });
      const next = innerPacket({ ...fields, protocol, content: random.below(40) });
      for (const packet of [first, next]) {
        const changes = packet === first ? random.below(10) >> 3 : random.below(3) % 2;
        for (let i = 0; i < changes; i++) packet[random.below(48)] = random.below(256);
      }
      const [header, isGood] = read(first);
      if (!isGood) continue;
      const [expected, isSound] = read(next);
      const around = new Uint8Array(next.length + 40);
      around.set(next, 12);
      const repeats = header.repeats(new DataView(around.buffer), 12, next.length);
      seen[repeats ? "repeated" : "other"]++;
      if (!repeats) continue;
      assert.equal(isSound, true, `round ${round}`);
      assert.deepEqual(header, expected, `round ${round}`);
      assert.equal(header.fragmentOffset, 0);
      assert.equal(header.isAmbiguous, false);
    }
    assert.ok(seen.repeated > 500 && seen.other > 500, JSON.stringify(seen));
  });
}
