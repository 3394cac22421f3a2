/**
 * Packets that are longer than the path between both ends takes, on real links. Skipped where the tests may
 * not make namespaces.
 */
import assert from "node:assert/strict";
import { until } from "../support/background.ts";
import type { Lab, Namespace } from "../support/netns.ts";
import { address, selector } from "./support/ends.ts";
import { RemoteEnd } from "./support/remote_end.ts";
import {
  configureInner,
  installBoth,
  joinedSpaces,
  loopsTest,
  namespaceTest,
  type Outer,
  outer4,
  outer6,
  pairOver,
} from "./support/two_ends.ts";

const listen = [address("0.0.0.0"), address("::")];
const bothFamilies = {
  localSelectors: [selector("10.0.0.1"), selector("fd00::1")],
  remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")],
};

/** AES-GCM in UDP: what is left of the MTU of a path for an inner packet, a multiple of 4 less 2. */
const innerOf = (mtu: number, outer: Outer): number => mtu - (outer === outer4 ? 28 : 48) - 34;

/** What `ping` says about one echo request of so many octets in all. */
async function echo(
  from: Namespace,
  to: string,
  length: number,
  discovery: "do" | "dont",
): Promise<{ readonly isAnswered: boolean; readonly said: string }> {
  const size = length - (to.includes(":") ? 48 : 28);
  const words = ["ping", "-n", "-c", "1", "-W", "1", "-s", `${size}`, "-M", discovery, to];
  const { stdout, stderr } = await from.finish(words);
  return { isAnswered: / 1 received/.test(stdout), said: stdout + stderr };
}

/** A number of `/proc/net/snmp` or `/proc/net/snmp6`. */
async function counted(space: Namespace, outer: Outer, name: string): Promise<number> {
  if (outer === outer6) {
    const text = await space.run("cat", "/proc/net/snmp6");
    return Number(new RegExp(`^Ip6${name}\\s+(\\d+)`, "m").exec(text)?.[1]);
  }
  const lines = (await space.run("cat", "/proc/net/snmp")).split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("Ip:")).map((it) => it.split(" "));
  return Number(values?.[names?.indexOf(name) ?? -1]);
}

/** Both ends joined by a link of 1500 octets, then by a router, one of 1300. */
async function routedSpaces(lab: Lab): Promise<[Namespace, Namespace]> {
  const [near, router, far] = [
    await lab.namespace("a"),
    await lab.namespace("r"),
    await lab.namespace("b"),
  ];
  await router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  const sides = [
    { space: near, name: "near", own: [outer4.here, outer6.here], link: 1, mtu: 1500 },
    { space: far, name: "far", own: [outer4.there, outer6.there], link: 2, mtu: 1300 },
  ];
  for (const { space, name, own: [own4 = "", own6 = ""], link, mtu } of sides) {
    const [net4, net6] = [`10.251.${link}`, `fd26:${link}:`];
    const addresses = (n: number): string[] => [
      `${net4}.${n}/24`,
      `${net6}:${n}/64`,
      `fe80::${n}/64`, // neighbours of who forwards are asked from a link-local address
    ];
    await lab.link(
      { namespace: router, interfaceName: name, addresses: addresses(1) },
      { namespace: space, interfaceName: "eth0", addresses: addresses(2) },
      mtu,
    );
    for (const address of [`${own4}/32`, `${own6}/128`]) await space.addAddress(address);
    await space.run("ip", "route", "add", "default", "via", `${net4}.1`);
    await space.run("ip", "-6", "route", "add", "default", "via", `${net6}:1`);
    await router.run("ip", "route", "add", own4, "via", `${net4}.2`);
    await router.run("ip", "-6", "route", "add", own6, "via", `${net6}:2`);
  }
  // The far end knows of its narrow link: only the near one has something to find out.
  return [near, far];
}

const ways = [
  ["IPv4", outer4, 1],
  ["IPv6", outer6, 1],
  ["IPv4, with two packet loops", outer4, 2],
] as const;
for (const [family, outer, workers] of ways) {
  namespaceTest(`RFC 4301 §8.2.1: a narrow link is told inside, over ${family}`, async (lab) => {
    const spaces = await joinedSpaces(lab);
    const linkMtu = 1380; // enough for the 1280 octets that inner IPv6 needs
    for (const space of spaces) await space.run("ip", "link", "set", "eth0", "mtu", `${linkMtu}`);
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await Promise.all([here, there].map((it) => it.open({ listen, workers })));
    await configureInner({ spaces, here, there });
    const install = pairOver(outer, bothFamilies);
    await installBoth({ here, there }, install);
    const longest = innerOf(linkMtu, outer);
    for (const to of ["10.0.0.2", "fd00::2"]) {
      assert.equal((await echo(spaces[0], to, longest, "do")).isAnswered, true, to);
      const { isAnswered, said } = await echo(spaces[0], to, longest + 1, "do");
      assert.equal(isAnswered, false, to);
      assert.match(said, new RegExp(`From ${to}.*(mtu ?= ?${longest}\\)|mtu=${longest})`), to);
      assert.match(
        await spaces[0].run("ip", "route", "get", to),
        new RegExp(` mtu ${longest}`),
        "the sender's host has heard",
      );
    }
    const { totals } = await here.counters();
    assert.deepEqual([totals["too-big"], totals["icmp-sent"]], [2, 2]);
    assert.equal(await counted(spaces[0], outer, "FragCreates"), 0);
    // Without DF the outer packet is cut by this host, and joined by the other.
    await spaces[0].run("ip", "route", "flush", "cache");
    assert.equal((await echo(spaces[0], "10.0.0.2", 1400, "dont")).isAnswered, true);
    assert.ok(await counted(spaces[0], outer, "FragCreates") >= 2);
    assert.ok(await counted(spaces[1], outer, "ReasmOKs") >= 1);
    assert.equal((await here.counters()).totals["too-big"], 2);
  });
}

for (const clampsMss of [true, false]) {
  const how = clampsMss ? "by segment size" : "by ICMP";
  loopsTest(`TCP finds its way over a narrow link, ${how}`, async (lab, workers) => {
    const spaces = await joinedSpaces(lab);
    for (const space of spaces) await space.run("ip", "link", "set", "eth0", "mtu", "1380");
    await using here = new RemoteEnd(spaces[0]);
    await using there = new RemoteEnd(spaces[1]);
    await Promise.all([here, there].map((it) => it.open({ listen, clampsMss, workers })));
    await configureInner({ spaces, here, there });
    const install = pairOver(outer4, bothFamilies);
    await installBoth({ here, there }, install);
    for (const to of ["10.0.0.2", "fd00::2"]) {
      await there.call("echo", to, 7007);
      assert.equal(await here.call("streams", to, 7007, 4, 1_000_000), 4, to);
    }
    const all = [await here.counters(), await there.counters()].map(({ totals }) => totals);
    for (const totals of all) {
      assert.equal(totals["mss-clamped"] > 0, clampsMss);
      assert.equal(totals["too-big"] > 0, !clampsMss);
      assert.equal(totals["icmp-sent"] > 0, !clampsMss);
      assert.equal(totals["send-error"], 0);
    }
    for (const space of spaces) assert.equal(await counted(space, outer4, "FragCreates"), 0);
  });
}

for (const [family, outer, workers] of ways) {
  namespaceTest(
    `RFC 4301 §8.2.2: a narrow link behind a router is found, over ${family}`,
    async (lab) => {
      const spaces = await routedSpaces(lab);
      await using here = new RemoteEnd(spaces[0]);
      await using there = new RemoteEnd(spaces[1]);
      await Promise.all([here, there].map((it) => it.open({ listen, workers })));
      await configureInner({ spaces, here, there });
      const install = pairOver(outer, bothFamilies);
      await installBoth({ here, there }, install);
      await until("the neighbours know each other", async () => {
        const { isAnswered } = await echo(spaces[0], "10.0.0.2", 200, "do");
        return isAnswered ? true : undefined;
      }, 10_000);
      // The first is lost at the router, whose word then reaches this host. Until the packet path asks
      // what the host has heard, outer packets go in pieces.
      const longest = innerOf(1300, outer);
      assert.equal((await echo(spaces[0], "10.0.0.2", 1400, "do")).isAnswered, false);
      await until("the sender hears", async () => {
        const { said } = await echo(spaces[0], "10.0.0.2", 1400, "do");
        return new RegExp(`mtu ?= ?${longest}`).test(said) ? true : undefined;
      }, 10_000);
      const pieces = await counted(spaces[0], outer, "FragCreates");
      assert.equal((await echo(spaces[0], "10.0.0.2", longest, "do")).isAnswered, true);
      await there.call("echo", "10.0.0.2", 7007);
      assert.equal(await here.call("streams", "10.0.0.2", 7007, 2, 1_000_000), 2);
      assert.equal(await counted(spaces[0], outer, "FragCreates"), pieces, "no more of them");
    },
  );
}

namespaceTest("TCP finds its way over a narrow link that nobody knew of", async (lab) => {
  const spaces = await routedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  await using there = new RemoteEnd(spaces[1]);
  // Neither end lowers the segment size, so that streams begin with packets that do not pass.
  await Promise.all([here, there].map((it) => it.open({ listen, clampsMss: false })));
  await configureInner({ spaces, here, there });
  const install = pairOver(outer4, bothFamilies);
  await installBoth({ here, there }, install);
  await there.call("echo", "10.0.0.2", 7007);
  assert.equal(await here.call("streams", "10.0.0.2", 7007, 4, 1_000_000), 4);
  const { totals } = await here.counters();
  assert.ok(totals["too-big"] > 0 && totals["icmp-sent"] > 0);
});

namespaceTest("RFC 4301 §8.1: with DF clear outside, routers cut what is too long", async (lab) => {
  const spaces = await routedSpaces(lab);
  await using here = new RemoteEnd(spaces[0]);
  await using there = new RemoteEnd(spaces[1]);
  await Promise.all([here, there].map((it) => it.open({ listen, fragments: "clear" })));
  await configureInner({ spaces, here, there });
  const install = pairOver(outer4, bothFamilies);
  await installBoth({ here, there }, install);
  for (const discovery of ["do", "dont"] as const) {
    const { isAnswered } = await echo(spaces[0], "10.0.0.2", 1400, discovery);
    assert.equal(isAnswered, true, discovery);
  }
  assert.ok(await counted(spaces[1], outer4, "ReasmOKs") >= 2);
  await there.call("echo", "10.0.0.2", 7007);
  assert.equal(await here.call("streams", "10.0.0.2", 7007, 2, 1_000_000), 2);
  const { totals } = await here.counters();
  assert.deepEqual([totals["too-big"], totals["icmp-sent"]], [0, 0]);
});
