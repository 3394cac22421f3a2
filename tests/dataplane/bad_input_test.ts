/**
 * Bad input and bad luck on a running packet path: counted by cause, told once, and over when it is over.
 * Skipped where the tests may not make namespaces.
 */
import assert from "node:assert/strict";
import { Errno } from "../../dataplane/ffi/errno.ts";
import { until } from "../support/background.ts";
import { ping } from "../support/netns.ts";
import { readPcap } from "../support/pcap.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { listVectors, readVector } from "../support/vectors.ts";
import { address, craftEsp, selector, Tunnel } from "./support/ends.ts";
import { innerPacket } from "./support/inner_packet.ts";
import { addressedPacket } from "./support/naive_packets.ts";
import { RemoteEnd } from "./support/remote_end.ts";
import {
  configureInner,
  farSide,
  installBoth,
  joinedSpaces,
  loopsTest,
  namespaceTest,
  openEnds,
  outer4,
  pairOver,
} from "./support/two_ends.ts";

const listen = [address("0.0.0.0"), address("::")];

/** Counters of an end that are not 0. */
async function countedBy(end: RemoteEnd): Promise<Record<string, number>> {
  const { totals } = await end.counters();
  return Object.fromEntries(Object.entries(totals).filter(([, count]) => count > 0));
}

/** Waits until an end has counted so many of something. */
function untilCounted(end: RemoteEnd, name: string, least: number): Promise<true> {
  return until(`${least} of ${name}`, async () => {
    return ((await countedBy(end))[name] ?? 0) >= least ? true : undefined;
  }, 5000);
}

/** UDP payloads of all malformed captures, and the seeds for mutations of IKE messages. */
function malformed(): Uint8Array[] {
  const folders = ["thirdparty/malformed/tcpdump", "thirdparty/malformed/zeek"];
  const captured = folders.flatMap((folder) =>
    listVectors(folder).filter((name) => /\.pcap(ng)?$/.test(name)).flatMap((name) => {
      const file = readVector(`${folder}/${name}`);
      return file === undefined ? [] : readPcap(file).map(({ payload }) => payload);
    })
  );
  const seeds = listVectors("thirdparty/fuzz/ike-seeds", ".bin")
    .map((name) => readVector(`thirdparty/fuzz/ike-seeds/${name}`))
    .filter((it) => it !== undefined);
  return [...captured, ...seeds];
}

loopsTest(
  "hostile datagrams are counted by cause and told once, and harm nobody",
  async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await there.open({ listen, workers });
    await configureInner({ spaces, here: undefined, there });
    const install = pairOver(outer4);
    await there.call("installChildSa", farSide(install));
    // A peer with keys, in the hands of the test.
    const tunnel = new Tunnel(undefined, {}, 70_000);
    tunnel.install(install);
    const wire = await here.call<number>("socketOpen", outer4.here, 4500);
    const send = (...datagrams: readonly Uint8Array[]): Promise<number> =>
      here.call("socketSend", wire, outer4.there, 4500, datagrams);

    const random = new SeededRandom(666);
    const chance = Array.from({ length: 300 }, () => {
      const packet = random.bytes(5 + random.below(1400));
      new DataView(packet.buffer).setUint32(0, random.chance() ? 0x2001 : 0x7777);
      return packet;
    });
    const strangers = [...malformed(), ...chance, random.bytes(65_507)];
    for (const packet of strangers) {
      assert.equal(
        await here.call("socketSend", wire, outer4.there, 500, [packet.slice(0, 60_000)]),
        0,
      );
      assert.equal(await send(packet), 0);
    }
    const good = craftEsp(tunnel, addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp" }), 4);
    const forged = good.slice();
    forged[30]! ^= 4;
    const cut = craftEsp(tunnel, addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp" }), 4)
      .slice(0, -1);
    await send(forged, good, good, good, cut);
    const spoofed = innerPacket({ source: "10.0.0.7" });
    const lying = innerPacket();
    new DataView(lying.buffer).setUint16(2, 9000);
    await send(
      craftEsp(tunnel, spoofed, 4),
      craftEsp(tunnel, lying, 4),
      craftEsp(tunnel, innerPacket(), 41),
      craftEsp(tunnel, innerPacket(), 17),
      craftEsp(tunnel, new Uint8Array(50), 59),
      craftEsp(tunnel, innerPacket(), 4, Uint8Array.of(9, 9)),
    );
    // Longer than any packet inside, and the longest that there is.
    await send(...[3000, 65_000].map((it) => craftEsp(tunnel, innerPacket({ content: it }), 4)));
    await untilCounted(there, "packets-in", 3);

    const counted = await countedBy(there);
    const [{ drops, packetsIn } = { drops: undefined, packetsIn: 0 }] =
      (await there.counters()).perSa;
    assert.equal(packetsIn, 3);
    const { "bad-icv": badIcv = 0, "too-short": short = 0, ...others } = drops ?? {};
    assert.deepEqual(others, {
      "bad-inner-header": 2,
      "bad-next-header": 1,
      "bad-padding": 1,
      "dummy": 1,
      "replay": 2,
      "selector": 1,
    });
    assert.ok(badIcv > 100 && short > 0);
    assert.ok((counted["unknown-spi"] ?? 0) > 100);
    const told = await until("the reports", () => {
      return there.troubles.length >= 8 ? there.troubles.map(({ cause }) => cause) : undefined;
    }, 5000);
    assert.deepEqual(told.toSorted(), [
      "bad-icv",
      "bad-inner-header",
      "bad-next-header",
      "bad-padding",
      "replay",
      "selector",
      "too-short",
      "unknown-spi",
    ]);
    assert.deepEqual([there.fatal, there.events.filter((it) => it.kind !== "traffic-seen")], [
      [],
      [],
    ]);
    // It still carries what it should.
    const inside = await there.call<number>("socketOpen", "10.0.0.2", 5201);
    await send(craftEsp(tunnel, addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp" }), 4));
    assert.equal((await there.call<unknown[]>("socketReceive", inside, 1)).length, 1);
  },
);

loopsTest(
  "RFC 7296 §2.23: neither replays, nor forgeries, nor late packets move a peer; its newest does",
  async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await there.open({ listen, workers });
    await configureInner({ spaces, here: undefined, there });
    const install = pairOver(outer4);
    await there.call("installChildSa", { ...farSide(install), followPeer: true });
    const tunnel = new Tunnel();
    tunnel.install(install);
    const inside = await there.call<number>("socketOpen", "10.0.0.2", 5201);
    const [peer, stranger] = [
      await here.call<number>("socketOpen", outer4.here, 4500),
      await here.call<number>("socketOpen", outer4.here, 7777),
    ];
    const make = (): Uint8Array =>
      tunnel.seal(tunnel.here, addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp" }))!;
    const send = (from: number, packet: Uint8Array): Promise<number> =>
      here.call("socketSend", from, outer4.there, 4500, [packet]);
    const [late, first, second] = [make(), make(), make()];
    await send(peer, first);
    await untilCounted(there, "packets-in", 1);
    // What somebody on the way could send: what it saw, what it changed, what it kept back.
    const changed = second.slice();
    changed[changed.length - 1]! ^= 1;
    await send(stranger, first);
    await send(stranger, changed);
    await send(stranger, late);
    await untilCounted(there, "packets-in", 2);
    const answered = async (at: number): Promise<boolean> => {
      await there.call("socketSend", inside, "10.0.0.1", 9, [new Uint8Array(4)]);
      return (await here.call<unknown[]>("socketReceive", at, 1)).length === 1;
    };
    assert.equal(await answered(peer), true);
    assert.deepEqual(there.events.filter((it) => it.kind === "peer-moved"), []);
    const { replay, "bad-icv": badIcv } = await countedBy(there);
    assert.deepEqual([replay, badIcv], [1, 1]);
    // The peer itself from another port, as when a NAT forgets.
    await send(stranger, second);
    assert.deepEqual(await there.event("peer-moved"), {
      kind: "peer-moved",
      inboundSpi: install.outboundSpi,
      remote: { address: address(outer4.here), port: 7777 },
    });
    assert.equal(await answered(stranger), true);
  },
);

namespaceTest("RFC 4303 §3.4.1: an ESP packet that comes in fragments is opened", async (lab) => {
  const spaces = await joinedSpaces(lab);
  for (const space of spaces) await space.run("ip", "link", "set", "eth0", "mtu", "600");
  await using here = new RemoteEnd(spaces[0]);
  await using there = new RemoteEnd(spaces[1]);
  await there.open({ listen: [address("0.0.0.0")] });
  await configureInner({ spaces, here: undefined, there });
  const install = pairOver(outer4);
  await there.call("installChildSa", farSide(install));
  const tunnel = new Tunnel();
  tunnel.install(install);
  const wire = await here.call<number>("socketOpen", outer4.here, 4500);
  const inside = await there.call<number>("socketOpen", "10.0.0.2", 5201);
  const payload = new SeededRandom(9).bytes(1300);
  const packet = addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp", payload });
  const sealed = tunnel.seal(tunnel.here, packet)!;
  assert.equal(await here.call("socketSend", wire, outer4.there, 4500, [sealed]), 0);
  const received = await there.call<{ bytes: Uint8Array }[]>("socketReceive", inside, 1);
  assert.deepEqual(received.map(({ bytes }) => bytes), [payload]);
  const snmp = await spaces[1].run("cat", "/proc/net/snmp");
  const [names, values] = snmp.split("\n").filter((it) => it.startsWith("Ip:"))
    .map((it) => it.split(" "));
  assert.equal(values?.[names?.indexOf("ReasmReqds") ?? -1], "3");
});

namespaceTest(
  "a TUN device that is down refuses packets, and takes them when it is up",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    const { tunName } = await there.open({ listen });
    await here.open({ listen });
    await configureInner({ spaces, here, there });
    const install = pairOver(outer4);
    await installBoth({ here, there }, install);
    await spaces[1].setLink(tunName, "down");
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 0);
    assert.equal((await countedBy(there))["tun-error"], 3);
    await until("the report", () => there.troubles[0], 5000);
    assert.deepEqual(there.troubles, [{ cause: "tun-error", detail: "EIO" }]);
    await spaces[1].setLink(tunName, "up");
    await configureInner({ spaces, here: undefined, there });
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 3);
    assert.deepEqual(there.fatal, []);
  },
);

namespaceTest(
  "a way that is gone refuses datagrams, and takes them when it is back",
  async (lab) => {
    await using ends = await openEnds(lab, { listen });
    const { spaces, here, there } = ends;
    const install = pairOver(outer4);
    await installBoth({ here, there }, install);
    await spaces[0].setLink("eth0", "down");
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 0);
    assert.equal((await countedBy(here))["send-error"], 3);
    await until("the report", () => here.troubles[0], 5000);
    assert.deepEqual(here.troubles, [{ cause: "send-error", detail: "ENETUNREACH" }]);
    await spaces[0].setLink("eth0", "up");
    assert.equal((await ping(spaces[0], "10.0.0.2")).received, 3);
    assert.deepEqual(here.fatal, []);
  },
);

namespaceTest(
  "datagrams that the kernel has no room for are told from those it refuses",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    // Packets wait for a neighbour that does not answer, and fill the socket's buffer meanwhile.
    await spaces[0].run("sysctl", "-q", "-w", "net.ipv4.neigh.eth0.unres_qlen_bytes=100000000");
    const wire = await here.call<number>("socketOpen", outer4.here, 4500);
    const [refused, forRoom, errno] = await here.call<number[]>(
      "socketFlood",
      ...[wire, "10.250.0.99", 4500, 20_000],
    );
    assert.ok(refused! > 0 && refused! < 20_000, `${refused}`);
    assert.deepEqual([forRoom, errno], [refused, Errno.EAGAIN]);
  },
);

loopsTest(
  "a descriptor that is closed under the packet loop ends it, and it says so",
  async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await here.open({ listen, workers });
    await here.call("closeTun");
    // A thread that waits on it hears of nothing until something else wakes it: nothing that would open a
    // descriptor, which might get the number of the one that was closed.
    await here.call("removeChildSa", 0x1001);
    await until("the report", () => here.fatal[0], 5000);
    assert.match(here.fatal[0]!, /^The packet loop has ended: /);
    await assert.rejects(here.counters(), /The packet loop is not running/);
    assert.equal(await here.close(), 0);
  },
);

namespaceTest(
  "an option of the packet path that cannot be is refused at the start",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    for (const replayWindow of [0, 63, 4097]) {
      await assert.rejects(
        here.open({ listen, replayWindow }),
        new RegExp(`Cannot use a replay window of ${replayWindow} packets: needs 64 to 4096`),
      );
    }
  },
);

namespaceTest("the size of the replay window is that of the option", async (lab) => {
  const spaces = await joinedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  for (const [replayWindow, wanted] of [[64, 64], [4096, 300]] as const) {
    await using there = new RemoteEnd(spaces[1]);
    await there.open({ listen, replayWindow });
    await configureInner({ spaces, here: undefined, there });
    const install = pairOver(outer4, { localSelectors: [selector("10.0.0.1")] });
    await there.call("installChildSa", farSide(install));
    const tunnel = new Tunnel();
    tunnel.install(install);
    const sealed = Array.from({ length: 300 }, () => tunnel.seal(tunnel.here, innerPacket())!);
    const wire = await here.call<number>("socketOpen", outer4.here, 0);
    // The last one first: of the others those within the window are not too late.
    await here.call("socketSend", wire, outer4.there, 4500, sealed.toReversed());
    await untilCounted(there, "packets-in", wanted);
    if (wanted < 300) await untilCounted(there, "replay", 300 - wanted);
    const { replay = 0, "packets-in": packetsIn } = await countedBy(there);
    assert.deepEqual([packetsIn, replay], [wanted, 300 - wanted]);
  }
});
