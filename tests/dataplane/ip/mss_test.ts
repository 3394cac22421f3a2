import assert from "node:assert/strict";
import { clampMss } from "../../../dataplane/ip/mss.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { madePacket, naiveFinish, shapeOf } from "../support/naive_packets.ts";

const syn = 0x02;
const flagsWithSyn = [syn, 0x12, 0xc2];

/** The same with fresh memory for everything: options are read as a list, checksums made anew. */
function naiveClamp(packet: Uint8Array, most: number): Uint8Array {
  const result = packet.slice();
  const { transport, headers } = shapeOf(packet);
  if (((packet[transport + 13] ?? 0) & syn) === 0) return result;
  const octets = [...packet.slice(transport + 20, headers)];
  for (let i = 0; i < octets.length && octets[i] !== 0;) {
    if (octets[i] === 1) {
      i++;
      continue;
    }
    const length = octets[i + 1] ?? 0;
    if (length < 2 || i + length > octets.length) break;
    if (octets[i] === 2 && length === 4) {
      const mss = octets[i + 2]! * 256 + octets[i + 3]!;
      const at = transport + 20 + i + 2;
      if (mss > most) result.set([most >> 8, most & 0xff], at);
      break;
    }
    i += length;
  }
  return naiveFinish(result);
}

/** Clamps a packet that lies behind others. */
function clamped(packet: Uint8Array, most: number): [boolean, Uint8Array] {
  const around = new Uint8Array(packet.length + 64).fill(0xa5);
  around.set(packet, 16);
  const view = new DataView(around.buffer);
  const isChanged = clampMss(view, 16 + shapeOf(packet).transport, 16 + packet.length, most);
  const outside = [...around.slice(0, 16), ...around.slice(16 + packet.length)];
  assert.ok(outside.every((octet) => octet === 0xa5), "nothing around is touched");
  return [isChanged, around.slice(16, 16 + packet.length)];
}

const options = {
  mss: [2, 4, 0x05, 0xb4],
  scale: [3, 3, 7],
  sackPermitted: [4, 2],
  timestamps: [8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
  nop: [1],
  shortMss: [2, 3, 5],
  end: [0],
} as const;

function optionsOf(random: SeededRandom): Uint8Array {
  const octets: number[] = [];
  for (let i = random.below(6); i > 0; i--) {
    const option: number[] = [...random.pick(Object.values(options))];
    if (option[0] === 2 && option.length === 4) {
      option.splice(2, 2, random.below(8), random.below(256));
    }
    octets.push(...option);
  }
  const whole = Math.min(40, Math.ceil(octets.length / 4) * 4);
  return Uint8Array.from({ length: whole }, (_, i) => octets[i] ?? 1);
}

Deno.test("the segment size is lowered as by an octet-wise twin that makes the checksum anew", () => {
  const random = new SeededRandom(9293);
  let changed = 0;
  for (let round = 0; round < 4000; round++) {
    const packet = madePacket({
      version: random.pick([4, 6] as const),
      protocol: "tcp",
      payload: random.bytes(random.below(20)),
      tcpOptions: optionsOf(random),
      flags: random.chance(0.8) ? random.pick(flagsWithSyn) : random.below(256),
      sequence: random.u32(),
    });
    const most = random.pick([536, 1220, 1340, 1360, random.below(1500)]);
    const wanted = naiveClamp(packet, most);
    const [isChanged, result] = clamped(packet, most);
    assert.deepEqual(result, wanted, `round ${round}`);
    assert.equal(isChanged, wanted.some((octet, i) => octet !== packet[i]), `round ${round}`);
    if (isChanged) changed++;
  }
  assert.ok(changed > 400, `${changed}`);
});

Deno.test("an option at an odd place is lowered, too, and its checksum is right", () => {
  const tcpOptions = Uint8Array.of(1, 2, 4, 0x05, 0xb4, 1, 1, 1);
  const packet = madePacket({
    version: 4,
    protocol: "tcp",
    payload: new Uint8Array(0),
    tcpOptions,
    flags: syn,
  });
  const [isChanged, result] = clamped(packet, 1300);
  assert.equal(isChanged, true);
  assert.deepEqual([...result.slice(40, 48)], [1, 2, 4, 0x05, 0x14, 1, 1, 1]);
  assert.deepEqual(result, naiveFinish(result));
});

Deno.test("a checksum that was wrong stays wrong", () => {
  const packet = madePacket({
    version: 4,
    protocol: "tcp",
    payload: new Uint8Array(0),
    tcpOptions: Uint8Array.from(options.mss),
    flags: syn,
  });
  packet[37]! ^= 1;
  const [isChanged, result] = clamped(packet, 1000);
  assert.equal(isChanged, true);
  assert.notDeepEqual(result, naiveFinish(result));
});

Deno.test("headers and options that are not sound are left alone, whatever they are", () => {
  const random = new SeededRandom(66);
  for (let round = 0; round < 5000; round++) {
    const tcp = random.bytes(20 + random.below(44));
    tcp[13] = syn;
    const before = tcp.slice();
    const end = random.below(tcp.length + 1);
    const isChanged = clampMss(new DataView(tcp.buffer), 0, end, 1000);
    if (isChanged) {
      // Only two octets of one option and the checksum.
      const changes = [...tcp.keys()].filter((i) => tcp[i] !== before[i] && i !== 16 && i !== 17);
      assert.ok(changes.every((i) => i >= 22 && i < end), `${changes}`);
      assert.ok(changes.length <= 2);
    } else {
      assert.deepEqual(tcp, before);
    }
  }
  for (const length of [0, 1, 13, 19]) {
    assert.equal(clampMss(new DataView(new ArrayBuffer(64)), 0, length, 1), false);
  }
});
