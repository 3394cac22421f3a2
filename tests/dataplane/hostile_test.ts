/** Whatever may come to the packet path, from strangers and from peers who have keys, without sockets. */
import assert from "node:assert/strict";
import { Encr, Integ } from "../../core/message/constants.ts";
import type { EspSuite } from "../../core/sa/suite.ts";
import { Arena } from "../../dataplane/buffers.ts";
import { counterNames } from "../../dataplane/counters.ts";
import { datagramKind } from "../../dataplane/datagram.ts";
import type { EspCiphers } from "../../dataplane/esp/cipher.ts";
import { isLibcryptoLoaded } from "../../dataplane/ffi/libcrypto.ts";
import { createLibcryptoEspCiphers } from "../../dataplane/ffi/libcrypto_esp.ts";
import { type Aggregate, Coalescer } from "../../dataplane/ip/coalescer.ts";
import { readPcap } from "../support/pcap.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { listVectors, readVector, vectorTest } from "../support/vectors.ts";
import { craftEsp, gcm, pair, portable, selector, Tunnel } from "./support/ends.ts";
import { innerPacket } from "./support/inner_packet.ts";
import { addressedPacket } from "./support/naive_packets.ts";

const folders = [
  "thirdparty/malformed/tcpdump",
  "thirdparty/malformed/zeek",
  "thirdparty/captures/tcpdump",
  "thirdparty/captures/scapy",
  "thirdparty/captures/wireshark",
];

/** Payloads of all datagrams in a folder of captures. */
function payloadsIn(folder: string): Uint8Array[] | undefined {
  const files = listVectors(folder).filter((name) => /\.pcap(ng)?$/.test(name));
  const payloads = files.flatMap((name) => {
    const file = readVector(`${folder}/${name}`);
    return file === undefined ? [] : readPcap(file).map(({ payload }) => payload);
  });
  return payloads.length === 0 ? undefined : payloads;
}

for (const folder of folders) {
  vectorTest(
    `nothing of ${folder} gets through, and all is counted`,
    payloadsIn(folder),
    (them) => {
      const tunnel = new Tunnel();
      tunnel.install(pair());
      let octets = 0;
      for (const payload of them) {
        datagramKind(new DataView(payload.buffer, payload.byteOffset), 0, payload.length);
        assert.equal(tunnel.open(tunnel.there, payload.slice(0, 8000)), undefined);
        octets += payload.length;
      }
      assert.ok(octets > 0);
      const { "too-short": short = 0, "unknown-spi": unknown = 0, ...rest } = tunnel.there.counted;
      assert.deepEqual([short + unknown, rest], [them.length, {}]);
    },
  );
}

const suites: readonly EspSuite[] = [
  gcm,
  { ...gcm, esn: true },
  { ...gcm, encryption: Encr.CHACHA20_POLY1305 },
  { ...gcm, encryption: Encr.AES_CBC, integrity: Integ.HMAC_SHA2_384_192 },
  { ...gcm, encryption: Encr.AES_CBC, integrity: Integ.HMAC_SHA2_256_128, esn: true },
];
const makers: Readonly<Record<string, (arena: Uint8Array) => EspCiphers>> = {
  noble: portable,
  ...(isLibcryptoLoaded
    ? { libcrypto: (arena) => createLibcryptoEspCiphers(arena, new SeededRandom(5))! }
    : {}),
};

for (const [name, make] of Object.entries(makers)) {
  Deno.test(`octets of chance on the SPI of a pair are refused, each for one cause: ${name}`, () => {
    const random = new SeededRandom(4303);
    for (const suite of suites) {
      const tunnel = new Tunnel(make);
      tunnel.install(pair({ suite }));
      const rounds = 1000;
      for (let i = 0; i < rounds; i++) {
        const packet = random.bytes(4 + random.below(200));
        new DataView(packet.buffer).setUint32(0, 0x2001);
        assert.equal(tunnel.open(tunnel.there, packet), undefined);
      }
      const { "too-short": short = 0, "bad-icv": icv = 0, replay = 0, ...rest } =
        tunnel.there.counted;
      assert.deepEqual([short + icv + replay, rest], [rounds, {}]);
      assert.ok(short > 0 && icv > 0);
      // Nothing has moved the window.
      assert.equal(tunnel.there.table.findInbound(0x2001)!.window.topLow, 0);
      const sealed = tunnel.seal(tunnel.here, innerPacket())!;
      assert.deepEqual(tunnel.open(tunnel.there, sealed), innerPacket());
    }
  });
}

/** Whether a packet is one that the peer of `pair()` may send, found out in another way. */
function isWellBehaved(packet: Uint8Array): boolean {
  if (packet[0]! >> 4 !== 4) return false;
  const length = packet[2]! * 256 + packet[3]!;
  const addresses = [...packet.slice(12, 20)].join(".");
  return (packet[0]! & 15) >= 5 && length === packet.length && addresses === "10.0.0.1.10.0.0.2";
}

/** Changes a packet here and there, most often near its start, where lengths and addresses are. */
function mutated(random: SeededRandom, packet: Uint8Array): Uint8Array {
  const result = packet.slice(0, random.chance(0.2) ? random.below(packet.length + 1) : undefined);
  for (let i = random.below(4); i > 0 && result.length > 0; i--) {
    const at = random.below(random.chance(0.7) ? Math.min(44, result.length) : result.length);
    result[at] = random.chance() ? random.below(256) : result[at]! ^ (1 << random.below(8));
  }
  return result;
}

Deno.test("a peer with keys may lie about anything inside: what gets out is what it may send", () => {
  const random = new SeededRandom(791);
  const tunnel = new Tunnel(undefined, { rules: { outerClassMask: 0xff, clampMtu: 1400 } });
  tunnel.install(pair());
  // Behind it the packets are joined, which must not believe them either.
  const arena = new Arena(70_000);
  const written: number[] = [];
  const coalescer = new Coalescer(arena, {
    writePacket: (_, length) => void written.push(length),
    writeAggregate: ({ total }: Aggregate) => void written.push(total),
  }, true);
  const seeds = [
    innerPacket(),
    innerPacket({ fragmentOffset: 1480 }),
    addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp", tos: 2 }),
    addressedPacket("10.0.0.1", "10.0.0.2", {
      protocol: "tcp",
      tcpOptions: Uint8Array.of(2, 4, 5, 180, 3, 3, 7, 0),
      flags: 2,
    }),
    addressedPacket("fd00::1", "fd00::2", { protocol: "tcp" }),
  ];
  let passed = 0;
  const rounds = 8000;
  for (let i = 0; i < rounds; i++) {
    const inner = mutated(random, random.pick(seeds));
    const nextHeader = random.pick([4, 4, 4, 41, 59, random.below(256)]);
    const padding = random.chance(0.9) ? undefined : random.bytes(random.below(5));
    const opened = tunnel.open(
      tunnel.there,
      craftEsp(tunnel, inner, nextHeader, padding),
      random.below(256),
    );
    if (opened === undefined) continue;
    passed++;
    assert.ok(isWellBehaved(opened), `round ${i}: ${opened}`);
    arena.bytes.set(opened, 64 + (i % 16) * 4096);
    coalescer.add(64 + (i % 16) * 4096, opened.length);
    if (i % 16 === 15) coalescer.flush();
  }
  coalescer.flush();
  const { counted } = tunnel.there;
  assert.ok(passed > 1000 && passed < rounds, `${passed}`);
  assert.equal(counted["packets-in"], passed);
  const dropped = counterNames.filter((name) => !/^(packets|bytes)-in$|^mss-clamped$/.test(name))
    .reduce((sum, name) => sum + (counted[name] ?? 0), 0);
  assert.equal(passed + dropped, rounds);
  for (const cause of ["bad-inner-header", "bad-next-header", "bad-padding", "selector"] as const) {
    assert.ok((counted[cause] ?? 0) > 0, cause);
  }
  assert.ok(written.length > 0);
});

Deno.test("a jumbo datagram of a peer is opened whole", () => {
  const tunnel = new Tunnel(undefined, {}, 70_000);
  tunnel.install(pair());
  for (const length of [9000, 20_000, 65_000]) {
    const inner = innerPacket({ content: length - 24 });
    const sealed = tunnel.seal(tunnel.here, inner)!;
    assert.deepEqual(tunnel.open(tunnel.there, sealed), inner);
  }
});

Deno.test("RFC 4301 §7: of fragments the later ones pass where ports do not matter, else none", () => {
  const first = innerPacket({ content: 1400 });
  new DataView(first.buffer).setUint16(6, 0x2000); // more fragments follow
  const tiny = innerPacket({ protocol: 6, content: 0 }).subarray(0, 23); // half a port
  new DataView(tiny.buffer).setUint16(2, 23);
  const later = innerPacket({ fragmentOffset: 1480 });
  const through = (ports: object): boolean[] => {
    const tunnel = new Tunnel();
    const local = selector("10.0.0.1");
    tunnel.install(
      pair({ localSelectors: [local], remoteSelectors: [selector("10.0.0.2", ports)] }),
    );
    // The sender does not look, the receiver must.
    tunnel.here.table.install(
      pair({ outboundSpi: 0x2001 }),
      tunnel.here.table.findInbound(0x1001)!.path,
    );
    return [first, tiny, later].map((packet) =>
      tunnel.open(tunnel.there, tunnel.seal(tunnel.here, packet)!) !== undefined
    );
  };
  assert.deepEqual(through({}), [true, true, true]);
  assert.deepEqual(through({ protocol: 17, startPort: 2000, endPort: 2000 }), [true, false, false]);
  assert.deepEqual(through({ protocol: 17 }), [true, false, true]);
});

Deno.test("extension headers of inner IPv6 may be many or broken", () => {
  const random = new SeededRandom(8200);
  const tunnel = new Tunnel();
  const remote = selector("fd00::2", { protocol: 17, startPort: 2000, endPort: 2000 });
  const install = pair({ localSelectors: [selector("fd00::1")], remoteSelectors: [remote] });
  tunnel.install(install);
  const plain = innerPacket({ source: "fd00::1", destination: "fd00::2" });
  const extended = (octets: Uint8Array, kind: number): Uint8Array => {
    const packet = new Uint8Array(plain.length + octets.length);
    packet.set(plain.subarray(0, 40));
    packet.set(octets, 40);
    packet.set(plain.subarray(40), 40 + octets.length);
    packet[6] = kind;
    new DataView(packet.buffer).setUint16(4, packet.length - 40);
    return packet;
  };
  const many = new Uint8Array(200 * 8).map((_, i) => i % 8 === 0 ? (i === 199 * 8 ? 17 : 60) : 0);
  const long = extended(many, 60);
  assert.deepEqual(tunnel.open(tunnel.there, craftEsp(tunnel, long, 41)), long);
  let passed = 0;
  for (let i = 0; i < 3000; i++) {
    const octets = random.bytes(8 * (1 + random.below(4)));
    const kinds = [0, 43, 44, 51, 60];
    if (random.chance(0.7)) octets.set([random.pick([...kinds, 17]), octets.length / 8 - 1]);
    const packet = extended(octets, random.pick(kinds));
    if (tunnel.open(tunnel.there, craftEsp(tunnel, packet, 41)) !== undefined) passed++;
  }
  const { counted } = tunnel.there;
  assert.ok(passed > 0 && passed < 3000, `${passed}`);
  assert.equal((counted.selector ?? 0) + passed, 3000);
});
