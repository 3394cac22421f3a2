/**
 * Super-packets on both sides of the packet path, and doing without: what goes in comes out, in every
 * combination of what the kernel may offer. Skipped where the tests may not make namespaces.
 */
import assert from "node:assert/strict";
import { Encr, Integ } from "../../core/message/constants.ts";
import { type DataplaneFeature, dataplaneFeatures } from "../../dataplane/features.ts";
import { address, gcm, selector } from "./support/ends.ts";
import { RemoteEnd } from "./support/remote_end.ts";
import {
  configureInner,
  installBoth,
  joinedSpaces,
  namespaceTest,
  outer4,
  outer6,
  pairOver,
  settledCounters,
} from "./support/two_ends.ts";

const cbc = {
  encryption: Encr.AES_CBC,
  keyBits: 256,
  integrity: Integ.HMAC_SHA2_384_192,
  esn: false,
};

interface Variant {
  readonly name: string;
  readonly without?: readonly [readonly DataplaneFeature[], readonly DataplaneFeature[]];
  readonly outer?: typeof outer4;
  readonly suite?: typeof gcm;
  /** Inner MTU of both ends. */
  readonly mtu?: readonly [number, number];
  /** MTU of the link between them. */
  readonly linkMtu?: number;
  /** What becomes of packets that are too long for it. */
  readonly fragments?: "clear";
}

const variants: readonly Variant[] = [
  { name: "with all that the kernel has" },
  { name: "AES-CBC over IPv6", outer: outer6, suite: cbc, mtu: [1390, 1390] },
  { name: "one end without anything", without: [[], dataplaneFeatures] },
  { name: "without TUN offload", without: [["tun-tso"], ["tun-tso"]] },
  { name: "without UDP segmentation", without: [["udp-gso", "tun-uso"], ["udp-gso"]] },
  { name: "without UDP joining", without: [["udp-gro"], ["udp-gro", "tun-uso"]] },
  { name: "with different MTUs, one odd", mtu: [1400, 1283] },
  { name: "over a link that is too small for runs", linkMtu: 1300, fragments: "clear" },
];

/** Names of counters that may be other than 0. */
const expected = /^(packets|bytes)-(in|out)$|^mss-clamped$/;

const nothing: Variant["without"] = [[], []];

for (const { name, without = nothing, outer = outer4, suite = gcm, ...lengths } of variants) {
  namespaceTest(`streams and datagrams come through unharmed: ${name}`, async (lab) => {
    const { mtu = [1400, 1400], linkMtu, fragments = "discover" } = lengths;
    const spaces = await joinedSpaces(lab);
    if (linkMtu !== undefined) {
      for (const space of spaces) {
        await space.run("ip", "link", "set", "eth0", "mtu", `${linkMtu}`);
      }
    }
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    const listen = [address("0.0.0.0"), address("::")];
    const opened = await Promise.all(
      [here, there].map((it, i) =>
        it.open({ listen, mtu: mtu[i]!, without: without[i]!, fragments })
      ),
    );
    for (const [i, { features }] of opened.entries()) {
      for (const feature of without[i]!) assert.ok(!features.includes(feature), feature);
      // Every kernel that the tests run on has these.
      for (const feature of ["tun-tso", "udp-gso", "udp-gro"] as const) {
        assert.equal(features.includes(feature), !without[i]!.includes(feature), feature);
      }
    }
    await configureInner({ spaces, here, there });
    const install = pairOver(outer, {
      suite,
      localSelectors: [selector("10.0.0.1"), selector("fd00::1")],
      remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")],
    });
    await installBoth({ here, there }, install);
    for (const [us, them] of [["10.0.0.1", "10.0.0.2"], ["fd00::1", "fd00::2"]]) {
      await there.call("echo", them, 7007);
      assert.equal(await here.call("streams", them, 7007, 4, 3_000_000), 4, `TCP to ${them}`);
      const size = Math.min(...mtu) - 48;
      assert.equal(await here.call("udpRuns", us, them, 7007, size, 128), 128, `UDP to ${them}`);
      assert.equal(await here.call("udpRuns", us, them, 7007, 33, 64), 64, `UDP to ${them}`);
    }
    const [a, b] = await settledCounters({ here, there });
    for (const { totals } of [a, b]) {
      const wrong = Object.entries(totals).filter(([it, count]) => count > 0 && !expected.test(it));
      assert.deepEqual(wrong, []);
    }
    assert.deepEqual(
      [a.totals["packets-out"], a.totals["bytes-out"]],
      [b.totals["packets-in"], b.totals["bytes-in"]],
    );
    assert.deepEqual(
      [b.totals["packets-out"], b.totals["bytes-out"]],
      [a.totals["packets-in"], a.totals["bytes-in"]],
    );
    // Packets are counted as they are on the wire, not as super-packets.
    assert.ok(a.totals["bytes-out"] > 24_000_000);
    assert.ok(a.totals["bytes-out"] / a.totals["packets-out"] <= mtu[0]);
    for (const space of spaces) {
      const snmp = await space.run("cat", "/proc/net/snmp");
      const [names, values] = snmp.split("\n").filter((line) => line.startsWith("Tcp:"))
        .map((line) => line.split(" "));
      assert.equal(values![names!.indexOf("InCsumErrors")], "0");
    }
  });
}

namespaceTest(
  "super-packets are forwarded to a network behind, which gets packets",
  async (lab) => {
    const spaces = await joinedSpaces(lab);
    const [near, middle] = spaces;
    const behind = await lab.namespace("c");
    const end = (namespace: typeof near, interfaceName: string, four: string) => {
      return { namespace, interfaceName, addresses: [`${four}/24`] };
    };
    await lab.link(end(middle, "lan", "10.1.0.1"), end(behind, "eth0", "10.1.0.3"));
    await behind.run("ip", "route", "add", "default", "via", "10.1.0.1");
    await middle.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
    // The kernel has to cut what it forwards, as it must for a device without offload.
    await middle.run("ip", "link", "set", "lan", "gso_max_segs", "1");
    await using here = new RemoteEnd(near);
    await using there = new RemoteEnd(middle);
    await using server = new RemoteEnd(behind);
    await Promise.all([here, there].map((it) => it.open({ listen: [address("0.0.0.0")] })));
    await configureInner({ spaces, here, there });
    const host = { address: address("10.1.0.3"), length: 32 };
    const own = { address: address("10.0.0.1"), length: 32 };
    await here.call("configureTun", { addresses: [own], routes: [host] });
    const install = pairOver(outer4, { remoteSelectors: [selector("10.1.0.3")] });
    await installBoth({ here, there }, install);
    await server.call("echo", "10.1.0.3", 7007);
    assert.equal(await here.call("streams", "10.1.0.3", 7007, 4, 3_000_000), 4);
    assert.equal(await here.call("udpRuns", "10.0.0.1", "10.1.0.3", 7007, 1300, 128), 128);
    const { totals } = await there.counters();
    assert.equal(totals["tun-error"], 0);
  },
);
