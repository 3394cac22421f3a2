import assert from "node:assert/strict";
import { Arena } from "../../../dataplane/buffers.ts";
import { InnerHeader } from "../../../dataplane/ip/header.ts";
import {
  buildTooBig,
  leastMtu,
  mayBeTold,
  mayNotBeCut,
  tooBigBytes,
} from "../../../dataplane/ip/too_big.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { innerPacket } from "../support/inner_packet.ts";
import { type MadeFields, madePacket, naiveSum } from "../support/naive_packets.ts";

interface Read {
  readonly view: DataView;
  readonly header: InnerHeader;
}

function read(packet: Uint8Array): Read {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const header = new InnerHeader();
  assert.ok(header.parse(view, 0, packet.length));
  header.parseUpper(view, 0);
  return { view, header };
}

/** The message about a packet. */
function message(packet: Uint8Array, mtu: number): Uint8Array {
  const arena = new Arena(8192);
  arena.bytes.fill(0xa5);
  arena.bytes.set(packet, 4);
  const header = new InnerHeader();
  assert.ok(header.parse(arena.view, 4, packet.length));
  const to = 6400;
  const length = buildTooBig(arena, 4, header, to, mtu);
  assert.ok(length <= tooBigBytes);
  assert.ok(arena.bytes.subarray(to + length).every((octet) => octet === 0xa5));
  assert.deepEqual(arena.bytes.slice(4, 4 + packet.length), packet);
  return arena.bytes.slice(to, to + length);
}

const made = (more: Partial<MadeFields>): Uint8Array =>
  madePacket({ version: 4, protocol: "udp", payload: new SeededRandom(5).bytes(1000), ...more });

Deno.test("RFC 1191 §4: fragmentation needed, with the next hop's MTU and the packet's start", () => {
  for (const size of [40, 547, 548, 549, 1400, 4001]) {
    const packet = made({ payload: new SeededRandom(size).bytes(size - 28) });
    const told = message(packet, 1344);
    const view = new DataView(told.buffer);
    assert.equal(naiveSum(told.slice(0, 20)), 0xffff, "header checksum");
    assert.equal(naiveSum(told.slice(20)), 0xffff, "ICMP checksum");
    assert.deepEqual([told[0], told[1], told[8], told[9]], [0x45, 0xc0, 64, 1]);
    assert.equal(view.getUint16(2), told.length);
    assert.deepEqual(told.slice(12, 16), packet.slice(16, 20), "from its destination");
    assert.deepEqual(told.slice(16, 20), packet.slice(12, 16), "to its source");
    assert.deepEqual([told[20], told[21], view.getUint16(24), view.getUint16(26)], [3, 4, 0, 1344]);
    assert.equal(told.length, Math.min(576, 28 + packet.length));
    assert.deepEqual(told.slice(28), packet.slice(0, told.length - 28));
  }
});

Deno.test("RFC 4443 §3.2: packet too big, with the MTU and the packet's start", () => {
  for (const size of [80, 1231, 1232, 1233, 1400, 4001]) {
    const packet = made({ version: 6, payload: new SeededRandom(size).bytes(size - 48) });
    const told = message(packet, 1380);
    const view = new DataView(told.buffer);
    const upper = told.slice(40);
    const pseudo = Uint8Array.of(
      ...told.slice(8, 40),
      0,
      0,
      upper.length >> 8,
      upper.length,
      0,
      58,
    );
    assert.equal(naiveSum(pseudo, Uint8Array.of(0, 0), upper), 0xffff, "checksum");
    assert.deepEqual([told[0], told[6], told[7]], [0x6c, 58, 64]);
    assert.equal(view.getUint16(4), upper.length);
    assert.deepEqual(told.slice(8, 24), packet.slice(24, 40), "from its destination");
    assert.deepEqual(told.slice(24, 40), packet.slice(8, 24), "to its source");
    assert.deepEqual([told[40], told[41], view.getUint32(44)], [2, 0, 1380]);
    assert.equal(told.length, Math.min(1280, 48 + packet.length));
    assert.deepEqual(told.slice(48), packet.slice(0, told.length - 48));
  }
});

Deno.test("RFC 4301 §8.2.1: what may not be cut is IPv6, and IPv4 with DF", () => {
  const cases: readonly (readonly [Partial<MadeFields>, number, boolean])[] = [
    [{ dontFragment: true }, 1000, true],
    [{ dontFragment: false }, 1000, false],
    [{ dontFragment: true }, 577, true],
    [{ dontFragment: true }, 576, false],
    [{ version: 6 }, 1281, true],
    [{ version: 6 }, 1280, false],
  ];
  for (const [fields, size, wanted] of cases) {
    const headers = fields.version === 6 ? 48 : 28;
    const { view, header } = read(made({ ...fields, payload: new Uint8Array(size - headers) }));
    assert.equal(mayNotBeCut(view, 0, header), wanted, `${JSON.stringify(fields)} ${size}`);
  }
  assert.deepEqual([leastMtu(4), leastMtu(6)], [576, 1280]);
});

const v6 = { source: "fd00::1", destination: "fd00::2" };
const icmp = (type: number): object => ({ protocol: 1, sourcePort: type << 8 });
const icmp6 = (type: number): object => ({ ...v6, protocol: 58, sourcePort: type << 8 });
const told: readonly (readonly [text: string, fields: object, wanted: boolean])[] = [
  ["UDP", {}, true],
  ["TCP over IPv6", { ...v6, protocol: 6 }, true],
  ["an echo request", icmp(8), true],
  ["an echo reply", icmp(0), true],
  ["unreachable", icmp(3), false],
  ["source quench", icmp(4), false],
  ["a redirect", icmp(5), false],
  ["time exceeded", icmp(11), false],
  ["a parameter problem", icmp(12), false],
  ["a later fragment", { fragmentOffset: 1480 }, false],
  ["from nowhere", { source: "0.0.0.0" }, false],
  ["from loopback", { source: "127.0.0.1" }, false],
  ["from a multicast group", { source: "224.0.0.5" }, false],
  ["from everybody", { source: "255.255.255.255" }, false],
  ["an echo request over IPv6", icmp6(128), true],
  ["an error over IPv6", icmp6(1), false],
  ["from nowhere in IPv6", { ...v6, source: "::" }, false],
  ["from a multicast group in IPv6", { ...v6, source: "ff02::1" }, false],
];
for (const [text, fields, wanted] of told) {
  Deno.test(`RFC 1122 §3.2.2, RFC 4443 §2.4: is the sender told: ${text}`, () => {
    const { view, header } = read(innerPacket(fields));
    assert.equal(mayBeTold(view, 0, header), wanted);
  });
}
