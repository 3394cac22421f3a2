/**
 * What outer and inner headers tell each other, on real packets: DSCP, ECN, and the time to live. Skipped
 * where the tests may not make namespaces.
 */
import assert from "node:assert/strict";
import { until } from "../support/background.ts";
import { address, selector, Tunnel } from "./support/ends.ts";
import { addressedPacket } from "./support/naive_packets.ts";
import type { PlainDatagram } from "./support/plain_socket.ts";
import { RemoteEnd } from "./support/remote_end.ts";
import {
  configureInner,
  farSide,
  installBoth,
  joinedSpaces,
  namespaceTest,
  outer4,
  outer6,
  pairOver,
} from "./support/two_ends.ts";

const listen = [address("0.0.0.0"), address("::")];
const bothFamilies = {
  localSelectors: [selector("10.0.0.1"), selector("fd00::1")],
  remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")],
};
const hosts = [["10.0.0.1", "10.0.0.2"], ["fd00::1", "fd00::2"]] as const;

for (const [family, outer] of [["IPv4", outer4], ["IPv6", outer6]] as const) {
  namespaceTest(`RFC 4301 §5.1.2.1: outer ${family} shows the inner DSCP and ECN`, async (lab) => {
    const spaces = await joinedSpaces(lab);
    await using there = new RemoteEnd(spaces[1]);
    const wire = await there.call<number>("socketOpen", outer.there, 4500);
    const classes = [0, 0x28, 0xb8, 0x01, 0x02, 0xb9, 0xba, 0x03];
    for (const copiesDscp of [true, false]) {
      await using here = new RemoteEnd(spaces[0]);
      await here.open({ listen, copiesDscp });
      await configureInner({ spaces, here, there: undefined });
      await here.call("installChildSa", pairOver(outer, bothFamilies));
      for (const [source, destination] of hosts) {
        const inside = await here.call<number>("socketOpen", source, 0);
        for (const trafficClass of classes) {
          const packets = [new Uint8Array(100), new Uint8Array(100)];
          await here.call("socketSend", inside, destination, 7007, packets, trafficClass);
        }
        const seen = await there.call<PlainDatagram[]>("socketReceive", wire, 2 * classes.length);
        const wanted = classes.flatMap((it) => [it, it]).map((it) => copiesDscp ? it : it & 3);
        assert.deepEqual(seen.map((it) => it.trafficClass), wanted, `from ${source}`);
      }
      const { totals } = await here.counters();
      assert.deepEqual([totals["packets-out"], totals["send-error"]], [4 * classes.length, 0]);
    }
  });

  namespaceTest(
    `RFC 6040 §4.2: a mark on outer ${family} reaches who must hear of it`,
    async (lab) => {
      const spaces = await joinedSpaces(lab);
      await using here = new RemoteEnd(spaces[0]);
      await using there = new RemoteEnd(spaces[1]);
      await there.open({ listen });
      await configureInner({ spaces, here: undefined, there });
      const install = pairOver(outer, bothFamilies);
      await there.call("installChildSa", farSide(install));
      // This end's packets are sealed by the test, so that their marks are the test's too.
      const tunnel = new Tunnel();
      tunnel.install(install);
      const wire = await here.call<number>("socketOpen", outer.here, 4500);
      const [notEct, ect1, ect0, ce] = [0, 1, 2, 3];
      const cases = [
        [0xb8 | ect0, 0x28 | ce, 0xb8 | ce],
        [ect1, ce, ce],
        [ect0, ect1, ect1],
        [0x88 | notEct, 0xff & ~3, 0x88],
        [ce, notEct, ce],
      ] as const;
      for (const [source, destination] of hosts) {
        const inside = await there.call<number>("socketOpen", destination, 5201);
        const send = async (inner: number, outerClass: number): Promise<void> => {
          const packet = addressedPacket(source, destination, { protocol: "udp", tos: inner });
          const sealed = tunnel.seal(tunnel.here, packet)!;
          await here.call("socketSend", wire, outer.there, 4500, [sealed], outerClass);
        };
        await send(notEct, ce); // dropped: its sender would not hear of it
        for (const [inner, outerClass] of cases) await send(inner, outerClass);
        const seen = await there.call<PlainDatagram[]>("socketReceive", inside, cases.length);
        assert.deepEqual(seen.map((it) => it.trafficClass), cases.map(([, , wanted]) => wanted));
      }
      const { totals, perSa } = await there.counters();
      assert.equal(totals["ecn-refused"], 2);
      assert.deepEqual(perSa[0]?.drops, { "ecn-refused": 2 });
      await until("the report", () => there.troubles[0], 5000);
      assert.deepEqual(there.troubles, [{ cause: "ecn-refused" }]);
    },
  );
}

namespaceTest(
  "RFC 4301 §5.1.2.1: who forwards to and from the tunnel counts the time to live down",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    const [near, middle] = spaces;
    const behind = await lab.namespace("c");
    await lab.link(
      { namespace: middle, interfaceName: "lan", addresses: ["10.1.0.1/24"] },
      { namespace: behind, interfaceName: "eth0", addresses: ["10.1.0.3/24"] },
    );
    await behind.run("ip", "route", "add", "default", "via", "10.1.0.1");
    await middle.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
    await using here = new RemoteEnd(near);
    await using there = new RemoteEnd(middle);
    await Promise.all([here, there].map((it) => it.open({ listen })));
    await configureInner({ spaces, here, there });
    const route = { address: address("10.1.0.0"), length: 24 };
    await here.call("configureTun", {
      addresses: [{ address: address("10.0.0.1"), length: 32 }],
      routes: [route, { address: address("10.0.0.2"), length: 32 }],
    });
    const remoteSelectors = [selector("10.1.0.0-10.1.0.255"), selector("10.0.0.2")];
    const install = pairOver(outer4, { remoteSelectors });
    await installBoth({ here, there }, install);
    const answer = async (hops: number): Promise<string> => {
      const words = ["ping", "-n", "-c", "1", "-W", "2", "-t", `${hops}`, "10.1.0.3"];
      return (await near.finish(words)).stdout;
    };
    assert.match(await answer(1), /From 10\.0\.0\.2 .*Time to live exceeded/);
    // The reply left with 64 and was forwarded once.
    assert.match(await answer(2), /from 10\.1\.0\.3: icmp_seq=1 ttl=63/);
  },
);
