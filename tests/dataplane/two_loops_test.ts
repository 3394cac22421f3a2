/**
 * A packet loop for each direction: what one finds out and the other needs, what both have counted, and that
 * neither goes on without the other. Skipped where the tests may not make namespaces.
 */
import assert from "node:assert/strict";
import type { IkeDatagram } from "../../dataplane/mod.ts";
import { until } from "../support/background.ts";
import { iperf } from "../support/netns.ts";
import { address, selector, Tunnel } from "./support/ends.ts";
import { addressedPacket } from "./support/naive_packets.ts";
import { RemoteEnd } from "./support/remote_end.ts";
import {
  configureInner,
  farSide,
  installBoth,
  joinedSpaces,
  namespaceTest,
  openEnds,
  outer4,
  pairOver,
  settledCounters,
} from "./support/two_ends.ts";

const options = { listen: [address("0.0.0.0")], workers: 2 };
const hosts = {
  localSelectors: [selector("10.0.0.1")],
  remoteSelectors: [selector("10.0.0.2")],
};

/** Drops, by cause, that no end may have had. */
async function dropsOf(end: RemoteEnd): Promise<readonly string[]> {
  const { totals } = await end.counters();
  const good = /^(packets|bytes)-(in|out)$|^mss-clamped$|^ike-(in|out)$/;
  return Object.entries(totals).filter(([name, count]) => count !== 0 && !good.test(name))
    .map(([name, count]) => `${count} ${name}`);
}

namespaceTest(
  "RFC 7296 §2.8: pairs are replaced under traffic in both directions, and nothing is lost",
  async (lab) => {
    await using ends = await openEnds(lab, options);
    const { here, there } = ends;
    const generation = (n: number) => ({ inboundSpi: 0x1000 + n, outboundSpi: 0x2000 + n });
    const first = pairOver(outer4, { ...hosts, ...generation(0) });
    await installBoth({ here, there }, first);
    await there.call("echo", "10.0.0.2", 7007);
    let isOver = false;
    const traffic = here.call<number>("streams", "10.0.0.2", 7007, 4, 30_000_000)
      .finally(() => isOver = true);
    const rounds = 8;
    for (let n = 1; n <= rounds; n++) {
      // Here answers the rekey: it sends on the new pair once a packet has come on it.
      const next = pairOver(outer4, { ...hosts, ...generation(n), replaces: 0x1000 + n - 1 });
      await here.call("installChildSa", { ...next, outboundWaits: true });
      await there.call("installChildSa", { ...farSide(next), replaces: 0x2000 + n - 1 });
      assert.equal(isOver, false, `round ${n} is under traffic`);
      await until("the loop that sends has heard of it", async () => {
        const [pair] = (await here.counters([next.inboundSpi])).perSa;
        return (pair?.packetsIn ?? 0) > 0 && (pair?.packetsOut ?? 0) > 0 ? true : undefined;
      }, 5000);
      await there.call("removeChildSa", 0x2000 + n - 1);
      await here.call("removeChildSa", 0x1000 + n - 1);
    }
    assert.equal(await traffic, 4);
    const [a, b] = await settledCounters({ here, there });
    for (const end of [here, there]) assert.deepEqual(await dropsOf(end), []);
    // Each packet was counted on one pair, in the loop of its direction, whether the pair is still there.
    for (const [{ totals, perSa }, { removed }] of [[a, here], [b, there]] as const) {
      assert.equal(removed.length, rounds);
      const all = [...removed, ...perSa];
      const sum = (of: (it: typeof all[number]) => number): number =>
        all.reduce((total, it) => total + of(it), 0);
      assert.deepEqual(
        [sum((it) => it.packetsIn), sum((it) => it.packetsOut), sum((it) => it.bytesOut)],
        [totals["packets-in"], totals["packets-out"], totals["bytes-out"]],
      );
    }
  },
);

namespaceTest(
  "RFC 4303 §3.3.3: numbers go up by one, whatever comes in, and no replay is taken",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await there.open(options);
    await configureInner({ spaces, here: undefined, there });
    const install = pairOver(outer4);
    await there.call("installChildSa", farSide(install));
    const tunnel = new Tunnel();
    tunnel.install(install);
    const wire = await here.call<number>("socketOpen", outer4.here, 4500);
    await there.call("echo", "10.0.0.2", 5201);
    const packets = Array.from({ length: 200 }, () =>
      tunnel.seal(
        tunnel.here,
        addressedPacket("10.0.0.1", "10.0.0.2", { protocol: "udp" }),
      )!);
    for (const packet of packets) {
      await here.call("socketSend", wire, outer4.there, 4500, [packet, packet]);
    }
    const answers = await here.call<{ bytes: Uint8Array }[]>("socketReceive", wire, 200);
    const numbers = answers.map(({ bytes }) => new DataView(bytes.buffer).getUint32(4));
    assert.deepEqual(numbers, packets.map((_, i) => i + 1));
    const { totals, perSa: [pair] } = await there.counters();
    assert.deepEqual([totals["packets-in"], totals.replay, totals["packets-out"]], [200, 200, 200]);
    assert.deepEqual([pair?.packetsIn, pair?.dropsIn, pair?.packetsOut], [200, 200, 200]);
  },
);

namespaceTest("a hard limit holds in each direction by itself", async (lab) => {
  await using ends = await openEnds(lab, options);
  const { here, there } = ends;
  const install = pairOver(outer4, hosts);
  await here.call("installChildSa", install);
  await there.call("installChildSa", {
    ...farSide(install),
    softLimitPackets: 10,
    hardLimitPackets: 20,
  });
  const inside = await here.call<number>("socketOpen", "10.0.0.1", 7007);
  const outside = await there.call<number>("socketOpen", "10.0.0.2", 7007);
  const datagrams = Array.from({ length: 30 }, () => new Uint8Array(10));
  await there.call("socketSend", outside, "10.0.0.1", 7007, datagrams);
  assert.equal((await here.call<unknown[]>("socketReceive", inside, 20)).length, 20);
  assert.deepEqual((await there.event("soft-limit")).inboundSpi, install.outboundSpi);
  assert.deepEqual((await there.event("hard-limit")).inboundSpi, install.outboundSpi);
  // Nothing goes out any more, and as much as that may still come in.
  await here.call("socketSend", inside, "10.0.0.2", 7007, datagrams);
  assert.equal((await there.call<unknown[]>("socketReceive", outside, 20)).length, 20);
  await until("the drops", async () => {
    return (await there.counters()).totals["hard-limit"] === 20 ? true : undefined;
  }, 5000);
  const [pair] = (await there.counters()).perSa;
  assert.deepEqual(
    [pair?.packetsIn, pair?.packetsOut, pair?.dropsIn, pair?.dropsOut, pair?.drops],
    [20, 20, 10, 10, { "hard-limit": 20 }],
  );
  // Both loops have met it, and it is told once.
  assert.deepEqual(there.troubles, [{ cause: "hard-limit" }]);
});

namespaceTest(
  "a loop that only receives and dies ends the other, and says so once",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using here = new RemoteEnd(spaces[0], [], ["leave-by-itself"]);
    await here.open(options);
    await here.call("closeSockets", 4500);
    // A thread that waits on them hears of nothing until something else wakes it.
    await here.call("installChildSa", pairOver(outer4));
    await until("the report", () => here.fatal[0], 5000);
    await assert.rejects(here.counters(), /The packet loop is not running/);
    // Nothing keeps the program alive: the loop that sends has ended, too.
    assert.equal(await here.close(), 0);
    assert.deepEqual(here.fatal, ["The packet loop has ended: Cannot receive datagrams: EBADF"]);
  },
);

namespaceTest("the control plane is answered while both loops are busy", async (lab) => {
  await using ends = await openEnds(lab, options);
  const { spaces, here, there } = ends;
  await installBoth({ here, there }, pairOver(outer4, hosts));
  const place = (i: 0 | 1) => ({ namespace: spaces[i], address: `10.0.0.${i + 1}` });
  let isOver = false;
  const load = iperf(place(0), place(1), { seconds: 3, args: ["--bidir"] })
    .finally(() => isOver = true);
  await until("traffic", async () => {
    const { totals } = await here.counters();
    return Math.min(totals["packets-in"], totals["packets-out"]) > 2000 ? true : undefined;
  }, 5000);
  const [local, remote] = [outer4.here, outer4.there]
    .map((text) => ({ address: address(text), port: 4500 }));
  const took: { readonly ike: number[]; readonly answer: number[] } = { ike: [], answer: [] };
  while (!isOver) {
    const n = took.ike.length;
    const start = performance.now();
    await here.call("transmit", local, remote, Uint8Array.of(n >> 8, n & 0xff));
    const arrived = ({ bytes: [high = 0, low] }: IkeDatagram): boolean => high * 256 + low! === n;
    await until("the IKE message", () => there.ike.find(arrived), 5000, 1);
    took.ike.push(performance.now() - start);
    const asked = performance.now();
    await here.counters();
    took.answer.push(performance.now() - asked);
  }
  const { bytes } = await load;
  assert.ok(bytes > 50_000_000, `${bytes} octets`);
  // On a machine of two processors eight threads want them; in peace it is less than one.
  for (const [what, all] of Object.entries(took)) {
    const median = all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
    assert.ok(all.length >= 10 && median < 100, `${what}: ${all.length}, median ${median} ms`);
  }
  assert.equal((await here.counters()).totals["ike-send-error"], 0);
});
