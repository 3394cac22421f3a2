import assert from "node:assert/strict";
import { Encr, Integ } from "../../core/message/constants.ts";
import type { PacketFilter } from "../../core/gateway/packet_filter.ts";
import type { EspSuite } from "../../core/sa/suite.ts";
import { namedNonZero } from "../../dataplane/counters.ts";
import { SaCounter } from "../../dataplane/esp/child_sa.ts";
import { outerPath } from "../../dataplane/esp/outer_path.ts";
import { addTrailer } from "../../dataplane/esp/packet.ts";
import { createLibcryptoEspCiphers } from "../../dataplane/ffi/libcrypto_esp.ts";
import { trafficClass } from "../../dataplane/ip/ecn.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import {
  craftEsp,
  End,
  gcm,
  mirrored,
  nowhere,
  pair,
  portable,
  sealPlaintext,
  selector,
  Tunnel,
} from "./support/ends.ts";
import { type InnerFields, innerPacket } from "./support/inner_packet.ts";
import { addressedPacket, naiveFinish } from "./support/naive_packets.ts";

const suites: EspSuite[] = [];
for (const esn of [false, true]) {
  for (const [encryption, keyBits] of [[Encr.AES_GCM_16, 128], [Encr.AES_GCM_16, 256]] as const) {
    suites.push({ encryption, keyBits, integrity: Integ.NONE, esn });
  }
  suites.push({ encryption: Encr.CHACHA20_POLY1305, keyBits: 256, integrity: Integ.NONE, esn });
  for (
    const integrity of [Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA2_384_192, Integ.HMAC_SHA2_512_256]
  ) suites.push({ encryption: Encr.AES_CBC, keyBits: 256, integrity, esn });
}

/** A pair that carries both families, and the fields of a packet of the second. */
const bothFamilies = pair({
  localSelectors: [selector("10.0.0.1"), selector("fd00::1")],
  remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")],
});
const inner6 = { source: "fd00::1", destination: "fd00::2" };

function nameOf({ encryption, keyBits, integrity, esn }: EspSuite): string {
  return `encryption ${encryption}/${keyBits}, integrity ${integrity}${esn ? ", ESN" : ""}`;
}

for (const suite of suites) {
  Deno.test(`packets pass in both directions: ${nameOf(suite)}`, () => {
    const tunnel = new Tunnel();
    tunnel.install(pair({ suite }));
    for (const content of [0, 1, 2, 3, 13, 14, 15, 16, 17, 100, 1300]) {
      const there = innerPacket({ content });
      const sealed = tunnel.seal(tunnel.here, there);
      assert.ok(sealed !== undefined);
      assert.deepEqual(tunnel.open(tunnel.there, sealed), there);
      const back = innerPacket({ source: "10.0.0.2", destination: "10.0.0.1", content });
      assert.deepEqual(tunnel.open(tunnel.here, tunnel.seal(tunnel.there, back)!), back);
    }
    assert.deepEqual(Object.keys(tunnel.here.counted), [
      "packets-in",
      "bytes-in",
      "packets-out",
      "bytes-out",
    ]);
    assert.equal(tunnel.here.counted["packets-in"], 11);
    assert.equal(tunnel.here.counted["bytes-in"], tunnel.there.counted["bytes-out"]);
  });
}

Deno.test("packets pass with libcrypto, against the portable cipher too", () => {
  const fast = (arena: Uint8Array) => createLibcryptoEspCiphers(arena, new SeededRandom(3));
  if (fast(new Uint8Array(64)) === undefined) {
    console.log("skipped: libcrypto is not there");
    return;
  }
  const slow = new Tunnel();
  const quick = new Tunnel((arena) => fast(arena)!);
  for (const suite of suites) {
    slow.install(pair({ suite }));
    quick.install(pair({ suite }));
    const inner = innerPacket({ content: 333 });
    assert.deepEqual(slow.open(slow.there, quick.seal(quick.here, inner)!), inner);
    assert.deepEqual(quick.open(quick.there, slow.seal(slow.here, inner)!), inner);
  }
});

Deno.test("IPv6 packets pass and are marked as such", () => {
  const tunnel = new Tunnel();
  tunnel.install(
    pair({ localSelectors: [selector("fd00::1")], remoteSelectors: [selector("fd00::2")] }),
  );
  const inner = innerPacket({ source: "fd00::1", destination: "fd00::2" });
  assert.deepEqual(tunnel.open(tunnel.there, tunnel.seal(tunnel.here, inner)!), inner);
});

Deno.test("one flipped bit anywhere is refused, and the packet itself is still good afterwards", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const sealed = tunnel.seal(tunnel.here, innerPacket())!;
  for (let at = 4; at < sealed.length; at++) {
    const changed = sealed.slice();
    changed[at]! ^= 1 << (at & 7);
    assert.equal(tunnel.open(tunnel.there, changed), undefined, `octet ${at}`);
  }
  // A flip in the sequence number may also fall to 0, which the window refuses unseen.
  const { "bad-icv": badIcv = 0, replay = 0 } = tunnel.there.counted;
  assert.equal(badIcv + replay, sealed.length - 4);
  assert.deepEqual(tunnel.open(tunnel.there, sealed), innerPacket());
});

Deno.test("a packet is taken once", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const sealed = tunnel.seal(tunnel.here, innerPacket())!;
  assert.ok(tunnel.open(tunnel.there, sealed));
  assert.equal(tunnel.open(tunnel.there, sealed), undefined);
  assert.equal(tunnel.there.counted.replay, 1);
  assert.equal(tunnel.there.table.findInbound(0x2001)!.counters[4], 1);
});

Deno.test("only the highest number is called the newest", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const [first, second, third] = [1, 2, 3].map(() => tunnel.seal(tunnel.here, innerPacket())!);
  const newest = (packet: Uint8Array): boolean => {
    tunnel.open(tunnel.there, packet);
    return tunnel.there.forwarder.isNewest;
  };
  assert.equal(newest(second!), true);
  assert.equal(newest(first!), false);
  assert.equal(newest(second!), false);
  assert.equal(newest(third!), true);
});

const strangers = [
  { source: "10.0.0.3" },
  { destination: "10.0.0.9" },
  { source: "fd00::1", destination: "fd00::2" },
];
for (const fields of strangers) {
  const text = JSON.stringify(fields);
  Deno.test(`RFC 4301 §5.2: an inner packet outside the selectors is dropped: ${text}`, () => {
    const tunnel = new Tunnel();
    const install = pair();
    tunnel.there.table.install(mirrored(install), nowhere);
    const all = [selector("0.0.0.0-255.255.255.255"), selector("::-ffff::")];
    tunnel.here.table.install({ ...install, localSelectors: all, remoteSelectors: all }, nowhere);
    const sealed = tunnel.seal(tunnel.here, innerPacket(fields))!;
    assert.equal(tunnel.open(tunnel.there, sealed), undefined);
    assert.deepEqual(tunnel.there.counted, { selector: 1 });
  });
}

Deno.test("what does not concern any pair stays inside", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  assert.equal(tunnel.seal(tunnel.here, innerPacket({ destination: "10.0.0.9" })), undefined);
  assert.equal(tunnel.seal(tunnel.here, innerPacket({ source: "10.0.0.9" })), undefined);
  assert.equal(tunnel.seal(tunnel.here, new Uint8Array(30)), undefined);
  assert.deepEqual(tunnel.here.counted, {
    "bad-outbound-header": 1,
    "no-sa": 1,
    "selector-outbound": 1,
  });
});

/** What one UDP port may be sent to. */
function toPort(port: number): PacketFilter {
  const destinationPorts = [{ first: port, last: port }];
  return {
    name: "one",
    rules: [{ action: "permit", family: 4, protocol: 17, destinationPorts }],
  };
}

Deno.test("an inner packet that the filter does not permit is dropped and counted", () => {
  const tunnel = new Tunnel();
  const install = pair();
  tunnel.here.table.install(install, nowhere);
  tunnel.there.table.install({ ...mirrored(install), filter: toPort(2000) }, nowhere);
  const send = (destinationPort: number): Uint8Array | undefined => {
    const inner = innerPacket({ destinationPort });
    return tunnel.open(tunnel.there, tunnel.seal(tunnel.here, inner)!);
  };
  assert.deepEqual(send(2000), innerPacket());
  assert.equal(send(2001), undefined);
  // The peer lives and is where the packet came from, whatever it may send.
  assert.equal(tunnel.there.forwarder.isNewest, true);
  assert.equal(send(2001), undefined);
  const { counters, drops } = tunnel.there.table.findInbound(0x2001)!;
  assert.deepEqual(tunnel.there.counted, { "packets-in": 1, "bytes-in": 32, filtered: 2 });
  assert.deepEqual([counters[SaCounter.PACKETS_IN], counters[SaCounter.DROPS_IN]], [1, 2]);
  assert.deepEqual(namedNonZero(drops), { filtered: 2 });
});

Deno.test("a filter can be changed and taken away, and packets to the peer are none of its business", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const passes = (destinationPort: number): boolean => {
    const inner = innerPacket({ destinationPort });
    return tunnel.open(tunnel.there, tunnel.seal(tunnel.here, inner)!) !== undefined;
  };
  const { table } = tunnel.there;
  assert.deepEqual([2000, 2001].map(passes), [true, true]);
  table.setFilter(0x2001, toPort(2001));
  assert.deepEqual([2000, 2001].map(passes), [false, true]);
  const back = innerPacket({ source: "10.0.0.2", destination: "10.0.0.1" });
  assert.deepEqual(tunnel.open(tunnel.here, tunnel.seal(tunnel.there, back)!), back);
  table.setFilter(0x2001, toPort(2000));
  assert.deepEqual([2000, 2001].map(passes), [true, false]);
  table.setFilter(0x9999, undefined);
  table.setFilter(0x2001, { name: "nothing", rules: [] });
  assert.deepEqual([2000, 2001].map(passes), [false, false]);
  table.setFilter(0x2001, undefined);
  assert.deepEqual([2000, 2001].map(passes), [true, true]);
});

Deno.test("what is outside of the selectors is no matter of the filter", () => {
  const tunnel = new Tunnel();
  const install = pair();
  tunnel.there.table.install({ ...mirrored(install), filter: toPort(2000) }, nowhere);
  const all = [selector("0.0.0.0-255.255.255.255")];
  tunnel.here.table.install({ ...install, localSelectors: all, remoteSelectors: all }, nowhere);
  const sealed = tunnel.seal(tunnel.here, innerPacket({ source: "10.0.0.3" }))!;
  assert.equal(tunnel.open(tunnel.there, sealed), undefined);
  assert.deepEqual(tunnel.there.counted, { selector: 1 });
});

function trailed(inner: Uint8Array, nextHeader: number): Uint8Array {
  const bytes = new Uint8Array(inner.length + 32);
  bytes.set(inner);
  return bytes.slice(0, addTrailer(new DataView(bytes.buffer), 0, inner.length, 4, nextHeader));
}

const oddities: readonly (readonly [text: string, plaintext: Uint8Array, counter: string])[] = [
  ["RFC 4303 §2.6: a dummy", trailed(new Uint8Array(20), 59), "dummy"],
  ["a dummy whose padding is nonsense", Uint8Array.of(9, 9, 2, 59), "dummy"],
  ["wrong padding", Uint8Array.of(0, 0, 0, 1, 7, 7, 2, 4), "bad-padding"],
  ["transport mode", trailed(innerPacket(), 17), "bad-next-header"],
  [
    "IPv6 marked as IPv4",
    trailed(innerPacket({ source: "fd00::1", destination: "fd00::2" }), 4),
    "bad-inner-header",
  ],
  ["IPv4 marked as IPv6", trailed(innerPacket(), 41), "bad-inner-header"],
  [
    "an inner length beyond the packet",
    trailed(innerPacket().subarray(0, 28), 4),
    "bad-inner-header",
  ],
  ["no inner packet", trailed(new Uint8Array(0), 4), "bad-inner-header"],
];
for (const [text, plaintext, counter] of oddities) {
  Deno.test(`an authentic packet without a good inner packet is dropped: ${text}`, () => {
    const tunnel = new Tunnel();
    tunnel.install(pair());
    assert.equal(tunnel.open(tunnel.there, sealPlaintext(tunnel, plaintext)), undefined);
    assert.deepEqual(tunnel.there.counted, { [counter]: 1 });
    assert.equal(tunnel.there.forwarder.isNewest, true);
    assert.deepEqual(tunnel.there.forwarder.seen.map((sa) => sa.inboundSpi), [0x2001]);
    const [seen] = tunnel.there.forwarder.seen;
    assert.equal(seen?.takeSeen(), false, "its user has sent nothing");
  });
}

Deno.test("a report tells a user's packets from dummies, each time for itself", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const { seen } = tunnel.there.forwarder;
  const dummy = (): void => {
    tunnel.open(tunnel.there, sealPlaintext(tunnel, trailed(new Uint8Array(20), 59)));
  };
  const packet = (): void => {
    tunnel.open(tunnel.there, tunnel.seal(tunnel.here, innerPacket())!);
  };
  const report = (): boolean[] => seen.splice(0).map((sa) => sa.takeSeen());
  dummy();
  packet();
  assert.deepEqual(report(), [true]);
  assert.deepEqual(report(), []);
  dummy();
  assert.deepEqual(report(), [false]);
  packet();
  dummy();
  packet();
  assert.deepEqual(report(), [true]);
});

Deno.test("RFC 4303 §2.7: padding behind the inner packet is cut off", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const padded = new Uint8Array(100);
  padded.set(innerPacket());
  assert.deepEqual(
    tunnel.open(tunnel.there, sealPlaintext(tunnel, trailed(padded, 4))),
    innerPacket(),
  );
});

Deno.test("short and unknown packets are dropped, whatever their length", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const sealed = tunnel.seal(tunnel.here, innerPacket())!;
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(tunnel.open(tunnel.there, sealed.subarray(0, length)), undefined, `${length}`);
  }
  const { "too-short": short = 0, "bad-icv": icv = 0 } = tunnel.there.counted;
  assert.equal(short + icv, sealed.length);
  assert.ok(short >= 8 + 8 + 16);
  assert.equal(tunnel.open(tunnel.here, sealed), undefined);
  assert.equal(tunnel.here.counted["unknown-spi"], 1);
});

Deno.test("RFC 4303 §2.2.1: packets pass over the end of the lower half with ESN", () => {
  for (const suite of suites.filter((it) => it.esn)) {
    const tunnel = new Tunnel();
    tunnel.install(pair({ suite }));
    const sender = tunnel.here.table.findInbound(0x1001)!;
    sender.sequence.skipTo(0, 0xffff_fffd);
    // What is beyond the window reads as the next subspace (appendix A), so the receiver must have been near.
    tunnel.there.table.findInbound(0x2001)!.window.mark(0, 0xffff_fff0);
    const sealed = Array.from({ length: 5 }, () => tunnel.seal(tunnel.here, innerPacket())!);
    for (const i of [0, 3, 1, 4, 2]) {
      assert.deepEqual(tunnel.open(tunnel.there, sealed[i]!), innerPacket(), `packet ${i}`);
    }
    for (const packet of sealed) assert.equal(tunnel.open(tunnel.there, packet), undefined);
    const { window } = tunnel.there.table.findInbound(0x2001)!;
    assert.deepEqual([window.topHigh, window.topLow], [1, 2]);
  }
});

Deno.test("RFC 4303 §3.3.3: without ESN the last number is the last packet", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  tunnel.here.table.findInbound(0x1001)!.sequence.skipTo(0, 0xffff_fffe);
  assert.ok(tunnel.seal(tunnel.here, innerPacket()));
  assert.deepEqual(tunnel.here.forwarder.softLimited.map((sa) => sa.inboundSpi), [0x1001]);
  assert.equal(tunnel.seal(tunnel.here, innerPacket()), undefined);
  assert.equal(tunnel.here.counted["sequence-exhausted"], 1);
  assert.deepEqual(tunnel.here.forwarder.hardLimited.map((sa) => sa.inboundSpi), [0x1001]);
});

Deno.test("the soft limit of octets is reported once, whichever direction reaches it", () => {
  for (const direction of ["out", "in"] as const) {
    const tunnel = new Tunnel();
    tunnel.install(pair({ softLimitBytes: 100 }));
    const end = direction === "out" ? tunnel.here : tunnel.there;
    const reports: number[] = [];
    for (let i = 0; i < 6; i++) {
      const sealed = tunnel.seal(tunnel.here, innerPacket())!; // 32 octets
      tunnel.open(tunnel.there, sealed);
      reports.push(end.forwarder.softLimited.length);
    }
    assert.deepEqual(reports, [0, 0, 0, 1, 1, 1]);
  }
});

Deno.test("the soft limit of packets is reported once, whichever direction reaches it", () => {
  for (const direction of ["out", "in"] as const) {
    const tunnel = new Tunnel();
    tunnel.install(pair({ softLimitPackets: 4 }));
    const end = direction === "out" ? tunnel.here : tunnel.there;
    const reports: number[] = [];
    for (let i = 0; i < 6; i++) {
      tunnel.open(tunnel.there, tunnel.seal(tunnel.here, innerPacket())!);
      reports.push(end.forwarder.softLimited.length);
    }
    assert.deepEqual(reports, [0, 0, 0, 1, 1, 1]);
  }
});

const hardLimits = [{ hardLimitPackets: 3 }, { hardLimitBytes: 70 }]; // packets have 32 octets
for (const limit of hardLimits) {
  Deno.test(`RFC 4301 §4.4.2.1: a pair stops at its hard limit: ${JSON.stringify(limit)}`, () => {
    const tunnel = new Tunnel();
    const install = pair();
    tunnel.here.table.install({ ...install, ...limit }, nowhere);
    tunnel.there.table.install(mirrored(install), nowhere);
    const sealed = [1, 2, 3, 4, 5].map(() => tunnel.seal(tunnel.here, innerPacket()));
    assert.deepEqual(sealed.map((it) => it !== undefined), [true, true, true, false, false]);
    assert.deepEqual(tunnel.here.forwarder.hardLimited.map((sa) => sa.inboundSpi), [0x1001]);
    // The other direction counts for itself.
    const back = innerPacket({ source: "10.0.0.2", destination: "10.0.0.1" });
    const opened = [1, 2, 3, 4, 5].map(() =>
      tunnel.open(tunnel.here, tunnel.seal(tunnel.there, back)!)
    );
    assert.deepEqual(opened.map((it) => it !== undefined), [true, true, true, false, false]);
    assert.equal(tunnel.here.forwarder.hardLimited.length, 1, "told once");
    assert.equal(tunnel.here.counted["hard-limit"], 4);
    const sa = tunnel.here.table.findInbound(0x1001)!;
    assert.equal(sa.sequence.low, 3, "no number is taken for what is not sent");
    assert.deepEqual(namedNonZero(sa.drops), { "hard-limit": 4 });
    assert.equal(sa.window.topLow, 3, "nor is one marked");
  });
}

Deno.test("drops are counted on their pair by cause", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const sealed = tunnel.seal(tunnel.here, innerPacket())!;
  const forged = sealed.slice();
  forged[20]! ^= 1;
  for (const packet of [forged, sealed, sealed, sealed]) tunnel.open(tunnel.there, packet);
  tunnel.open(tunnel.there, sealPlaintext(tunnel, trailed(new Uint8Array(20), 59)));
  const sa = tunnel.there.table.findInbound(0x2001)!;
  assert.deepEqual(namedNonZero(sa.drops), { "bad-icv": 1, "replay": 2, "dummy": 1 });
  assert.equal(sa.counters[SaCounter.DROPS_IN], 4);
});

for (const [version, fields] of [[4, {}], [6, inner6]] as const) {
  Deno.test(`RFC 6040 §4.1: the outer header gets the inner traffic class, IPv${version}`, () => {
    const classOf = (tos: number, outerClassMask: number): number => {
      const tunnel = new Tunnel(portable, { rules: { outerClassMask, clampMtu: 0 } });
      tunnel.install(bothFamilies);
      const inner = innerPacket({ ...fields, trafficClass: tos });
      const sealed = tunnel.seal(tunnel.here, inner)!;
      assert.deepEqual(tunnel.open(tunnel.there, sealed, 0xe0), inner, "the inner DSCP stays");
      return tunnel.here.forwarder.outerClass;
    };
    for (let tos = 0; tos < 256; tos++) {
      assert.equal(classOf(tos, 0xff), tos);
      assert.equal(classOf(tos, 3), tos & 3, "without DSCP");
    }
  });

  Deno.test(`RFC 6040 §4.2: congestion outside is told inside, or dropped, IPv${version}`, () => {
    const tunnel = new Tunnel();
    tunnel.install(bothFamilies);
    const through = (inner: number, outer: number): number | undefined => {
      const packet = innerPacket({ ...fields, trafficClass: inner });
      const opened = tunnel.open(tunnel.there, tunnel.seal(tunnel.here, packet)!, outer);
      if (opened === undefined) return undefined;
      const marked = trafficClass(new DataView(opened.buffer), 0, version);
      assert.deepEqual(opened, innerPacket({ ...fields, trafficClass: marked }));
      return marked;
    };
    assert.equal(through(0xb8 | 2, 3), 0xb8 | 3);
    assert.equal(through(1, 0xb8 | 3), 3);
    assert.equal(through(0, 2), 0);
    assert.deepEqual(tunnel.there.counted["ecn-refused"], undefined);
    assert.equal(through(0xb8, 3), undefined);
    assert.equal(tunnel.there.counted["ecn-refused"], 1);
    const { drops } = tunnel.there.table.findInbound(0x2001)!;
    assert.deepEqual(namedNonZero(drops), { "ecn-refused": 1 });
    assert.equal(tunnel.there.counted["packets-in"], 3);
  });
}

/** A pair whose path takes inner packets of `innerLimit` octets here. */
function narrowTunnel(innerLimit: number, clampMtu = 0): Tunnel {
  const tunnel = new Tunnel(portable, { rules: { outerClassMask: 0xff, clampMtu } });
  const path = outerPath(0, new Uint32Array(4), new Uint32Array(0));
  path.innerLimit = innerLimit;
  tunnel.here.table.install(bothFamilies, path);
  tunnel.there.table.install(mirrored(bothFamilies), nowhere);
  return tunnel;
}

Deno.test("RFC 4301 §8.2.1: what is too long for the path and may not be cut is refused with the MTU", () => {
  const tunnel = narrowTunnel(1300);
  const { forwarder } = tunnel.here;
  const send = (fields: InnerFields, length: number): number | "sent" => {
    const headers = fields === inner6 ? 44 : 24;
    const packet = innerPacket({ ...fields, content: length - headers });
    const sent = tunnel.seal(tunnel.here, packet) !== undefined;
    assert.equal(sent, forwarder.tooBigMtu === 0);
    return sent ? "sent" : forwarder.tooBigMtu;
  };
  const df = { dontFragment: true };
  assert.deepEqual([send(df, 1300), send(df, 1301), send({}, 1400)], ["sent", 1300, "sent"]);
  assert.deepEqual([send(inner6, 1300), send(inner6, 1301)], ["sent", 1300]);
  assert.equal(tunnel.here.counted["too-big"], 2);
  const sa = tunnel.here.table.findInbound(0x1001)!;
  assert.equal(sa.sequence.low, 3, "no number is taken for what is not sent");
  assert.deepEqual(namedNonZero(sa.drops), { "too-big": 2 });
  // Whatever a router says of its link, this much is carried (RFC 8200 §5, RFC 791 §3.1).
  sa.path.innerLimit = 200;
  assert.deepEqual([send(df, 576), send(df, 577)], ["sent", 576]);
  assert.deepEqual([send(inner6, 1280), send(inner6, 1281)], ["sent", 1280]);
  // A drop for another reason is not told.
  tunnel.seal(tunnel.here, innerPacket({ destination: "10.0.0.9" }));
  assert.equal(forwarder.tooBigMtu, 0);
});

/** A TCP packet that announces a segment size. */
function tcpPacket(version: 4 | 6, flags: number, mss: number, back = false): Uint8Array {
  const tcpOptions = Uint8Array.of(2, 4, mss >> 8, mss & 0xff);
  const hosts = version === 4 ? ["10.0.0.1", "10.0.0.2"] : ["fd00::1", "fd00::2"];
  const [source = "", destination = ""] = back ? hosts.toReversed() : hosts;
  return addressedPacket(source, destination, { protocol: "tcp", tcpOptions, flags });
}

for (const version of [4, 6] as const) {
  Deno.test(`the segment size of SYNs is lowered in both directions, IPv${version}`, () => {
    const headers = version === 4 ? 40 : 60;
    const cases = [
      // [inner limit of the path, MTU inside, wanted]
      [0xffff, 1400, 1400 - headers],
      [1320, 1400, 1320 - headers],
      [1500, 1400, 1400 - headers],
      [100, 1400, (version === 4 ? 576 : 1280) - headers],
      [1320, 0, 1460],
    ] as const;
    for (const [innerLimit, clampMtu, wanted] of cases) {
      for (const flags of [0x02, 0x12]) {
        const tunnel = narrowTunnel(innerLimit, clampMtu);
        // The other end has nothing to do with it.
        const plain = new Tunnel();
        plain.install(bothFamilies);
        const lowered = tcpPacket(version, flags, wanted);
        const out = tunnel.seal(tunnel.here, tcpPacket(version, flags, 1460))!;
        assert.deepEqual(plain.open(plain.there, out), lowered, `out, limit ${innerLimit}`);
        const back = plain.seal(plain.there, tcpPacket(version, flags, 1460, true))!;
        const wantedBack = tcpPacket(version, flags, wanted, true);
        assert.deepEqual(tunnel.open(tunnel.here, back), wantedBack, `in, limit ${innerLimit}`);
        assert.equal(tunnel.here.counted["mss-clamped"], wanted === 1460 ? undefined : 2);
      }
    }
  });

  Deno.test(`only SYNs, whole and too large, are changed, IPv${version}`, () => {
    const tunnel = narrowTunnel(1320, 1400);
    const packets = [tcpPacket(version, 0x10, 1460), tcpPacket(version, 0x02, 1000)];
    for (const packet of packets) {
      assert.deepEqual(tunnel.open(tunnel.there, tunnel.seal(tunnel.here, packet)!), packet);
    }
    assert.equal(tunnel.here.counted["mss-clamped"], undefined);
  });
}

Deno.test("RFC 791 §3.2: a later fragment that looks like a SYN is none", () => {
  const tunnel = narrowTunnel(1320, 1400);
  const packet = tcpPacket(4, 0x02, 1460);
  new DataView(packet.buffer).setUint16(6, 100);
  const sealed = tunnel.seal(tunnel.here, naiveFinish(packet))!;
  assert.deepEqual(tunnel.open(tunnel.there, sealed), naiveFinish(packet));
});

Deno.test("a pair is seen once until the report is made", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const { seen } = tunnel.there.forwarder;
  for (let i = 0; i < 3; i++) tunnel.open(tunnel.there, tunnel.seal(tunnel.here, innerPacket())!);
  assert.equal(seen.length, 1);
  tunnel.open(tunnel.there, new Uint8Array(60));
  assert.equal(seen.length, 1);
});

Deno.test("RFC 7296 §2.8: the first authentic packet on a new pair moves our traffic to it", () => {
  const tunnel = new Tunnel();
  tunnel.install(pair());
  const next = pair({ inboundSpi: 0x1002, outboundSpi: 0x2002, replaces: 0x1001 });
  tunnel.here.table.install(next, nowhere);
  tunnel.there.table.install({ ...mirrored(next), replaces: 0x2001, outboundWaits: true }, nowhere);
  const back = innerPacket({ source: "10.0.0.2", destination: "10.0.0.1" });
  const spiOf = (packet: Uint8Array): number => new DataView(packet.buffer).getUint32(0);
  assert.equal(spiOf(tunnel.seal(tunnel.there, back)!), 0x1001);
  const sealed = tunnel.seal(tunnel.here, innerPacket())!;
  assert.equal(spiOf(sealed), 0x2002);
  const forged = sealed.slice();
  forged[forged.length - 1]! ^= 1;
  tunnel.open(tunnel.there, forged);
  assert.equal(spiOf(tunnel.seal(tunnel.there, back)!), 0x1001);
  tunnel.open(tunnel.there, sealed);
  assert.equal(spiOf(tunnel.seal(tunnel.there, back)!), 0x1002);
});

Deno.test("octets around a packet are left alone", () => {
  for (const suite of [gcm, ...suites]) {
    const tunnel = new Tunnel();
    tunnel.install(pair({ suite }));
    const { bytes } = tunnel.arena;
    tunnel.seal(tunnel.here, innerPacket({ content: 51 }));
    const { outOffset, outLength } = tunnel.here.forwarder;
    const around = [...bytes.subarray(tunnel.at - 64, outOffset)];
    around.push(...bytes.subarray(outOffset + outLength, tunnel.at + 75 + 64));
    assert.ok(around.length > 0 && around.every((octet) => octet === 0xa5), nameOf(suite));
  }
});

Deno.test("who knows a flow lets through what a stranger would, and drops the rest for the same cause", () => {
  const random = new SeededRandom(77);
  const install = pair({
    localSelectors: [
      selector("10.0.0.1", { protocol: 17, startPort: 900, endPort: 1100 }),
      selector("fd00::1"),
    ],
    remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")],
  });
  const tunnel = new Tunnel();
  tunnel.install(install);
  const causes = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const isV4 = random.below(8) > 2;
    const inner = isV4 ? innerPacket({ content: 20 }) : innerPacket({ ...inner6, content: 20 });
    if (random.below(3) === 0) inner[random.below(inner.length)] = random.below(256);
    const nextHeader = random.below(50) === 0 ? 4 + 37 * random.below(2) : isV4 ? 4 : 41;
    const packet = craftEsp(tunnel, inner, nextHeader);
    const stranger = new End(tunnel.arena, tunnel.there.table.ciphers);
    stranger.table.install(mirrored(install), nowhere);
    const before = tunnel.there.counted;
    const expected = tunnel.open(stranger, packet);
    const got = tunnel.open(tunnel.there, packet);
    assert.deepEqual(got, expected, `round ${round}`);
    const change = Object.entries(tunnel.there.counted).filter(([name, value]) =>
      value !== (before as Record<string, number>)[name]
    );
    assert.deepEqual(change.map(([name]) => name), Object.keys(stranger.counted), `round ${round}`);
    for (const [name] of change) causes.add(name);
  }
  assert.deepEqual([...causes].toSorted(), [
    ...["bad-inner-header", "bytes-in", "packets-in", "selector"],
  ]);
});

Deno.test("segments of one super-packet are numbered, limited and counted like any packets", () => {
  const tunnel = new Tunnel();
  const install = pair();
  tunnel.here.table.install({ ...install, hardLimitPackets: 4 }, nowhere);
  tunnel.there.table.install(mirrored(install), nowhere);
  const inner = innerPacket({ content: 60 });
  const shorter = innerPacket({ content: 9 });
  const sealed = [inner, inner, inner, shorter, inner].map((packet, i) =>
    tunnel.seal(tunnel.here, packet, i > 0)
  );
  assert.deepEqual(sealed.map((it) => it !== undefined), [true, true, true, true, false]);
  const opened = sealed.slice(0, 4).map((packet) => tunnel.open(tunnel.there, packet!));
  assert.deepEqual(opened, [inner, inner, inner, shorter]);
  assert.equal(tunnel.there.table.findInbound(0x2001)?.window.topLow, 4);
  assert.deepEqual(tunnel.here.counted, {
    "packets-out": 4,
    "bytes-out": 3 * inner.length + shorter.length,
    "hard-limit": 1,
  });
});
