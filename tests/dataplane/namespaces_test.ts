/**
 * Whole packet paths in two network namespaces with keys given by the test: real TUN devices, sockets and
 * packets. Skipped where the tests may not make namespaces.
 */
import assert from "node:assert/strict";
import type { FilterRule, PacketFilter } from "../../core/gateway/packet_filter.ts";
import { Encr, Integ } from "../../core/message/constants.ts";
import { ping } from "../support/netns.ts";
import { until } from "../support/background.ts";
import { address, gcm, selector } from "./support/ends.ts";
import { RemoteEnd, RemoteError } from "./support/remote_end.ts";
import {
  configureInner,
  farSide,
  installBoth,
  joinedSpaces,
  loopsTest,
  namespaceTest,
  openEnds,
  outer4,
  outer6,
  pairOver,
  settledCounters,
} from "./support/two_ends.ts";

const listen4 = { listen: [address("0.0.0.0")] };
const listenBoth = { listen: [address("0.0.0.0"), address("::")] };
const bothFamilies = {
  localSelectors: [selector("10.0.0.1"), selector("fd00::1")],
  remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")],
};
const cbcEsn = {
  encryption: Encr.AES_CBC,
  keyBits: 256,
  integrity: Integ.HMAC_SHA2_384_192,
  esn: true,
};

const variants = [
  { name: "AES-GCM over IPv4", outer: outer4, suite: gcm, crypto: undefined },
  { name: "AES-CBC with ESN over IPv6", outer: outer6, suite: cbcEsn, crypto: undefined },
  {
    name: "AES-GCM with the portable ciphers",
    outer: outer4,
    suite: gcm,
    crypto: "noble" as const,
  },
  {
    name: "AES-GCM in two packet loops",
    outer: outer4,
    suite: gcm,
    crypto: undefined,
    workers: 2,
  },
];
for (const { name, outer, suite, crypto, workers = 1 } of variants) {
  namespaceTest(`echo requests, UDP and TCP pass through the tunnel: ${name}`, async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    const choice = crypto === undefined ? {} : { crypto };
    const opened = await Promise.all(
      [here, there].map((it) => it.open({ ...listenBoth, ...choice, workers })),
    );
    assert.deepEqual(opened[0]!.loops, workers === 1 ? ["both"] : ["inbound", "outbound"]);
    assert.equal(opened[0]!.sockets.length, 4);
    if (crypto !== undefined) assert.equal(opened[0]!.cryptoName, crypto);
    await configureInner({ spaces, here, there });
    const install = pairOver(outer, { suite, ...bothFamilies });
    await installBoth({ here, there }, install);

    assert.equal((await ping(spaces[0], "10.0.0.2", { count: 5 })).received, 5);
    assert.equal((await ping(spaces[1], "fd00::1", { count: 5 })).received, 5);
    // The longest that fit without being cut: in outer IPv6 padding and ICV of AES-CBC take ten more.
    const longest = outer === outer6 ? 1390 : 1400;
    assert.equal((await ping(spaces[0], "10.0.0.2", { size: longest - 28 })).received, 3);
    await there.call("echo", "10.0.0.2", 7007);
    await there.call("echo", "fd00::2", 7007);
    const sizes = [1, 2, 3, 4, 15, 16, 17, 1300, 1340];
    assert.equal(await here.call("udp", "10.0.0.2", 7007, sizes), sizes.length);
    assert.equal(await here.call("udp", "fd00::2", 7007, sizes), sizes.length);
    assert.equal(await here.call("tcp", "10.0.0.2", 7007, 1_000_000), true);
    assert.equal(await here.call("tcp", "fd00::2", 7007, 300_000), true);

    const [a, b] = await settledCounters({ here, there });
    for (const { totals, perSa } of [a, b]) {
      const wrong = Object.entries(totals).filter(([counter, count]) =>
        count !== 0 && !/^(packets|bytes)-(in|out)$|^mss-clamped$/.test(counter)
      );
      assert.deepEqual(wrong, []);
      assert.deepEqual(perSa.map((it) => [it.packetsIn, it.bytesIn, it.packetsOut, it.bytesOut]), [
        [totals["packets-in"], totals["bytes-in"], totals["packets-out"], totals["bytes-out"]],
      ]);
    }
    assert.equal(a.totals["packets-out"], b.totals["packets-in"]);
    assert.equal(a.totals["bytes-in"], b.totals["bytes-out"]);
    assert.ok(a.totals["bytes-out"] > 1_300_000);
    const { inboundSpis, carryingSpis } = await here.event("traffic-seen");
    assert.deepEqual([inboundSpis, carryingSpis], [[install.inboundSpi], [install.inboundSpi]]);

    const before = await here.call<number>("ticks");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.ok(await here.call<number>("ticks") - before <= 3, "an idle packet path waits");
  });
}

namespaceTest("IKE messages pass on both ports, with their endpoints", async (lab) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  await using there = new RemoteEnd(spaces[1]);
  await Promise.all([here, there].map((it) => it.open(listenBoth)));
  for (const outer of [outer4, outer6]) {
    for (const port of [500, 4500]) {
      const local = { address: address(outer.here), port };
      const remote = { address: address(outer.there), port };
      const bytes = new Uint8Array(3000).fill(port & 0xff);
      there.ike.length = 0;
      await here.call("transmit", local, remote, bytes);
      await until("the IKE message", () => there.ike[0], 5000);
      assert.deepEqual(there.ike, [{ local: remote, remote: local, bytes }]);
    }
  }
  const { totals } = await here.counters();
  assert.deepEqual([totals["ike-out"], totals["ike-in"], totals["ike-send-error"]], [4, 0, 0]);
  assert.equal((await there.counters()).totals["ike-in"], 4);
});

loopsTest(
  "a filter holds for packets and for fragments, and can be changed",
  async (lab, workers) => {
    await using ends = await openEnds(lab, { ...listen4, workers });
    const { here, there } = ends;
    const install = pairOver(outer4, bothFamilies);
    const toPort = (port: number): PacketFilter => ({
      name: `${port}`,
      rules: ([4, 6] as const).flatMap((family) =>
        [6, 17].map((protocol): FilterRule => ({
          action: "permit",
          family,
          protocol,
          destinationPorts: [{ first: port, last: port }],
        }))
      ),
    });
    await here.call("installChildSa", install);
    const far = farSide(install);
    await there.call("installChildSa", { ...far, filter: toPort(7007) });
    for (const host of ["10.0.0.2", "fd00::2"]) {
      for (const port of [7007, 7008]) await there.call("echo", host, port);
    }
    // A datagram of 3000 octets comes in three fragments, of which one has ports.
    const passes = async (port: number, sizes = [10, 3000]): Promise<number> =>
      await here.call<number>("udp", "10.0.0.2", port, sizes) +
      await here.call<number>("udp", "fd00::2", port, sizes);
    const filtered = async (): Promise<number> => (await there.counters()).totals.filtered;
    assert.equal(await passes(7007), 4);
    assert.equal(await here.call("tcp", "10.0.0.2", 7007, 1_000_000), true);
    assert.equal(await filtered(), 0);
    assert.equal(await passes(7008, [3000]), 0);
    // Of each datagram the part with ports; the rest of it is of no use.
    assert.equal(await filtered(), 2);
    assert.equal((await there.counters()).perSa[0]?.drops.filtered, 2);
    await there.call("filterChildSa", far.inboundSpi, toPort(7008));
    assert.deepEqual([await passes(7007, [10]), await passes(7008)], [0, 4]);
    assert.equal(await filtered(), 4);
    await there.call("filterChildSa", far.inboundSpi);
    assert.deepEqual([await passes(7007), await passes(7008)], [4, 4]);
    assert.equal(await filtered(), 4);
    assert.deepEqual([there.fatal, here.fatal], [[], []]);
  },
);

namespaceTest("whatever else comes to the ports is counted and harms nothing", async (lab) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  await using there = new RemoteEnd(spaces[1]);
  await there.open(listen4);
  await there.call("installChildSa", farSide(pairOver(outer4)));
  const known = [0, 0, 0x20, 0x01, 0, 0, 0, 1];
  const datagrams = [
    ...[[0xff], [0xff], [], [1], [0, 0, 0, 0], [0, 0, 0, 0, 9], [1, 2, 3, 4, 5]],
    ...[[1, 2, 3, 4, 0, 0, 0, 1, 9, 9, 9, 9], known, [...known, ...new Array(60).fill(7)]],
  ].map((octets) => Uint8Array.from(octets));
  await here.call("spray", outer4.there, 4500, datagrams);
  await until("the datagrams", async () => {
    const { totals } = await there.counters();
    return totals["bad-icv"] > 0 ? totals : undefined;
  }, 5000);
  const { totals, perSa } = await there.counters();
  assert.deepEqual(Object.fromEntries(Object.entries(totals).filter(([, count]) => count > 0)), {
    "ike-in": 1,
    "keepalive": 2,
    "too-short": 5,
    "unknown-spi": 1,
    "bad-icv": 1,
  });
  assert.deepEqual([perSa[0]?.dropsIn, perSa[0]?.packetsIn], [2, 0]);
  assert.deepEqual(there.events, []);
  assert.deepEqual(there.fatal, []);
});

loopsTest(
  "RFC 7296 §2.23: traffic follows an authenticated peer to its new address",
  async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    await spaces[0].addAddress("10.250.0.77/24", "eth0");
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await Promise.all([here, there].map((it) => it.open({ ...listen4, workers })));
    await configureInner({ spaces, here, there });
    const install = pairOver(outer4, { followPeer: true });
    await installBoth({ here, there }, install);
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 3);
    const moved = { address: address("10.250.0.77"), port: 4500 };
    await here.call("moveChildSa", install.inboundSpi, moved, install.remote);
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 3);
    assert.deepEqual(await there.event("peer-moved"), {
      kind: "peer-moved",
      inboundSpi: install.outboundSpi,
      remote: moved,
    });
    // The first end's packets come from where they always did.
    assert.deepEqual(here.events.filter((it) => it.kind === "peer-moved"), []);
  },
);

loopsTest(
  "RFC 4555 §3.7: a peer that has to prove its new address first is reported, and followed when told",
  async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await Promise.all(
      [here, there].map((it) => it.open({ ...listen4, workers })),
    );
    await configureInner({ spaces, here, there });
    const install = pairOver(outer4, { followPeer: true, followWaits: true });
    await installBoth({ here, there }, install);
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 3);
    await spaces[0].run("ip", "address", "flush", "dev", "eth0");
    await spaces[0].addAddress("10.250.0.77/24", "eth0");
    const moved = { address: address("10.250.0.77"), port: 4500 };
    await here.call("moveChildSa", install.inboundSpi, moved, install.remote);
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 0, "answers go where it was");
    assert.deepEqual(await there.event("peer-moved"), {
      kind: "peer-moved",
      inboundSpi: install.outboundSpi,
      remote: moved,
    });
    const { length: reports } = there.events.filter((it) => it.kind === "peer-moved");
    assert.ok(reports <= 3, `${reports} reports`);
    const { local } = farSide(install);
    await there.call("moveChildSa", install.outboundSpi, local, moved);
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 3);
  },
);

loopsTest(
  "a pair is there for the first packet after its installation, and gone after removal",
  async (lab, workers) => {
    await using ends = await openEnds(lab, { ...listen4, workers });
    const { here, there } = ends;
    await there.call("echo", "10.0.0.2", 7007);
    for (let round = 0; round < 20; round++) {
      const old = 0x3000 + round;
      const install = pairOver(outer4, {
        inboundSpi: old + 1,
        outboundSpi: 0x8000 + old + 1,
        replaces: old,
      });
      await there.call("installChildSa", { ...farSide(install), replaces: 0x8000 + old });
      await here.call("installChildSa", install);
      assert.equal(await here.call("udp", "10.0.0.2", 7007, [100]), 1, `round ${round}`);
      await here.call("removeChildSa", old);
      await there.call("removeChildSa", 0x8000 + old);
    }
    const [a, b] = [await here.counters(), await there.counters()];
    for (const { totals, perSa } of [a, b]) {
      assert.equal(perSa.length, 1);
      assert.deepEqual([totals["packets-in"], totals["unknown-spi"], totals["no-sa"]], [20, 0, 0]);
    }
    // What each pair had carried was told when it went, before any later reading.
    for (const end of [here, there]) {
      assert.deepEqual(end.removed.map((it) => [it.packetsIn, it.packetsOut]), [
        ...new Array(19).fill([1, 1]),
      ]);
    }
    const last = 0x8000 + 0x3000 + 20;
    assert.deepEqual((await there.counters([last - 1, last])).perSa, b.perSa);
    assert.deepEqual((await there.counters([])).perSa, []);
    await there.call("removeChildSa", last);
    await here.call("spray", "10.0.0.2", 7007, [new Uint8Array(10)]);
    await until("the drop", async () => {
      return (await there.counters()).totals["unknown-spi"] > 0 ? true : undefined;
    }, 5000);
  },
);

loopsTest(
  "NAT keepalives go out after silence, and a soft limit is reported once",
  async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await here.open({ ...listen4, natKeepaliveMs: 100, workers });
    await there.open({ ...listen4, workers });
    await configureInner({ spaces, here, there });
    const install = pairOver(outer4, { softLimitBytes: 3000 });
    await installBoth({ here, there }, install);
    await until("three keepalives", async () => {
      return (await there.counters()).totals.keepalive >= 3 ? true : undefined;
    }, 5000);
    assert.equal(here.events.some((it) => it.kind === "soft-limit"), false);
    await ping(spaces[0], "10.0.0.2", { count: 5, size: 1000 });
    assert.equal((await here.event("soft-limit")).inboundSpi, install.inboundSpi);
    // Each direction for itself: both have carried as much.
    assert.equal(here.events.filter((it) => it.kind === "soft-limit").length, workers);
    assert.equal((await there.counters()).totals["keepalive-sent"], 0);
  },
);

namespaceTest(
  "routes of a full tunnel leave the way to the gateway outside, and are taken back",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    const [space] = spaces;
    await space.run("ip", "route", "add", "default", "via", outer4.there);
    const show = async (...words: string[]): Promise<string[]> =>
      (await space.run("ip", ...words)).split("\n").map((line) => line.trim()).filter((line) =>
        line !== ""
      );
    const before = await show("route");
    await using here = new RemoteEnd(space);
    const { tunName } = await here.open(listen4);
    const gateway = address("198.51.100.7");
    assert.deepEqual(await here.call("sourceFor", gateway), address(outer4.here));
    await here.call("routeOutside", gateway);
    await here.call("configureTun", {
      addresses: [{ address: address("10.0.0.1"), length: 32 }],
      routes: [{ address: address("0.0.0.0"), length: 0 }, {
        address: address("fd00::"),
        length: 8,
      }],
    });
    const ways = async (to: string): Promise<string> => (await show("route", "get", to))[0] ?? "";
    assert.match(await ways("8.8.8.8"), new RegExp(`dev ${tunName} src 10.0.0.1`));
    assert.match(await ways("203.0.113.1"), new RegExp(`dev ${tunName} `));
    assert.match(await ways("198.51.100.7"), /via 10\.250\.0\.2 dev eth0 src 10\.250\.0\.1/);
    assert.match((await show("-6", "route")).join("\n"), new RegExp(`fd00::/8 dev ${tunName}`));
    // Said again, the way is found although the tunnel now covers it.
    await here.call("routeOutside", gateway);
    assert.match(await ways("198.51.100.7"), /via 10\.250\.0\.2 dev eth0/);
    const link = (await show("-o", "link", "show", "dev", tunName)).join();
    assert.match(link, /,UP.* mtu 1400 .*qlen 5000/);
    assert.equal((await show("-6", "address", "show", "dev", tunName)).length, 0);

    await here.call("configureTun", {
      addresses: [{ address: address("10.0.0.9"), length: 24 }],
      routes: [],
    });
    assert.match(await ways("8.8.8.8"), /dev eth0/);
    assert.match(await ways("10.0.0.5"), new RegExp(`dev ${tunName} src 10.0.0.9`));
    assert.equal((await show("-4", "-o", "address", "show", "dev", tunName)).length, 1);
    assert.equal(await here.close(), 0);
    assert.deepEqual(await show("route"), before);
    assert.equal((await show("-o", "link")).length, 2);
  },
);

namespaceTest(
  "routes into the tunnel come and go one by one, and nobody else's is touched",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    const [space] = spaces;
    await space.run("ip", "route", "add", "10.78.0.0/24", "dev", "eth0");
    await space.run("ip", "-6", "route", "add", "fd78::/64", "dev", "eth0");
    await using here = new RemoteEnd(space);
    const { tunName } = await here.open(listen4);
    const pool = { address: address("10.99.0.0"), length: 24 };
    await here.call("configureTun", { addresses: [], routes: [pool] });
    const network = (text: string, length: number): unknown => ({ address: address(text), length });
    const routes = async (): Promise<readonly string[]> => {
      const all = await Promise.all([space.run("ip", "route"), space.run("ip", "-6", "route")]);
      return all.flatMap((text) => text.split("\n")).map((line) =>
        line.split(" ").slice(0, 3).join(" ")
      ).filter((line) => /^(10\.7|10\.99|fd7)/.test(line)).sort();
    };
    const others = ["10.78.0.0/24 dev eth0", "fd78::/64 dev eth0"];
    const ofPool = `10.99.0.0/24 dev ${tunName}`;
    await here.call("addRoute", network("10.77.0.0", 24));
    await here.call("addRoute", network("fd77::", 64));
    for (const [text, length] of [["10.78.0.0", 24], ["fd78::", 64]] as const) {
      const refused = await here.call("addRoute", network(text, length)).catch((it) => it);
      assert.ok(refused instanceof RemoteError, `${text} was routed`);
      assert.match(refused.message, new RegExp(`^Cannot route ${text}/${length} into .*EEXIST`));
    }
    const added = [`10.77.0.0/24 dev ${tunName}`, `fd77::/64 dev ${tunName}`];
    assert.deepEqual(await routes(), [...others, ofPool, ...added].sort());
    await here.call("configureTun", { addresses: [], routes: [] });
    assert.deepEqual(await routes(), [...others, ...added].sort());
    for (const [text, length] of [["10.77.0.0", 24], ["10.78.0.0", 24], ["fd78::", 64]] as const) {
      await here.call("removeRoute", network(text, length));
    }
    assert.deepEqual(await routes(), [...others, `fd77::/64 dev ${tunName}`].sort());
    assert.equal(await here.close(), 0);
    assert.deepEqual(await routes(), others);
  },
);

namespaceTest("what stands in the way of a start is named, and nothing stays open", async (lab) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  await using other = new RemoteEnd(spaces[0]);
  await here.open({ ...listen4, tunName: "vpn0" });
  const refusal = async (options: object): Promise<string> => {
    const error = await other.open({ ...listen4, ...options }).catch((it) => it);
    assert.ok(error instanceof RemoteError, "opened");
    return `${error.kind}: ${error.message}`;
  };
  assert.equal(
    await refusal({ tunName: "vpn0" }),
    "tun-busy: Cannot make TUN device vpn0: another program has it",
  );
  assert.equal(
    await refusal({ tunName: "vpn1" }),
    "port-taken: Cannot listen on 0.0.0.0:500: another program has this UDP port",
  );
  assert.equal(
    await refusal({
      tunName: "vpn1",
      ikePort: 501,
      nattPort: 4501,
      listen: [address("192.0.2.1")],
    }),
    "no-address: Cannot listen on 192.0.2.1:501: this host does not have the address",
  );
  assert.match(await refusal({ tunName: "much-too-long-a-name" }), /^bad-option: .*1 to 15 octets/);
  assert.match(await refusal({ mtu: 100 }), /^bad-option: Cannot use MTU 100: needs 1280 to /);
  for (const workers of [0, 3, 1.5]) {
    assert.equal(
      await refusal({ workers }),
      `bad-option: Cannot run ${workers} packet loops: needs 1 or 2`,
    );
  }
  // After all these it opens on what is free.
  const { sockets } = await other.open({ ...listen4, tunName: "vpn1", ikePort: 0, nattPort: 0 });
  assert.ok(sockets.every((it) => it.port > 1023 && it.port !== 4500));

  await using weak = new RemoteEnd(spaces[1], [
    ...["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "--"],
  ]);
  const error = await weak.open(listen4).catch((it) => it);
  assert.equal(error.kind, "no-cap-net-admin");
});

namespaceTest("a pair that cannot work is refused where it is ordered", async (lab) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  await here.open(listen4);
  const good = pairOver(outer4);
  const bad = [
    { ...good, suite: { ...gcm, encryption: 999 } },
    { ...good, inboundKeys: { encryption: new Uint8Array(5), integrity: new Uint8Array(0) } },
    { ...good, local: { ...good.local, port: 500 } },
    { ...good, remote: { address: address("fd25::2"), port: 4500 } },
  ];
  for (const install of bad) {
    const error = await here.call("installChildSa", install).catch((it) => it);
    assert.ok(error instanceof RemoteError);
    assert.equal(error.kind, "RangeError");
  }
  assert.deepEqual((await here.counters()).perSa, []);
});

loopsTest("a TUN device that is deleted is fatal, and close still works", async (lab, workers) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  const { tunName } = await here.open({ ...listen4, workers });
  await spaces[0].run("ip", "link", "delete", tunName);
  await until("the report", () => here.fatal[0], 5000);
  assert.match(here.fatal[0]!, /^The packet loop has ended: the TUN device was removed/);
  assert.equal(await here.close(), 0);
  assert.equal(here.fatal.length, 1);
});

loopsTest("commands for very many pairs are all carried out", async (lab, workers) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0], [], ["leave-by-itself"]);
  const { startedMs } = await here.open({ ...listen4, workers });
  assert.ok(startedMs < 2000);
  const many = 1500;
  await Promise.all(Array.from({ length: many }, (_, i) => {
    const host = selector(`10.0.${1 + (i >> 8)}.${i & 255}`);
    return here.call(
      "installChildSa",
      pairOver(outer4, { inboundSpi: 0x1000 + i, remoteSelectors: [host] }),
    );
  }));
  assert.equal((await here.counters()).perSa.length, many);
  // Nothing but the packet path keeps this program alive, so it ends when that is closed.
  assert.equal(await here.close(), 0);
});
