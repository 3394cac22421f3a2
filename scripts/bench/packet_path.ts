/**
 * The packet path between two ends of the same kind: ours, ours without the kernel's segmentation, and
 * strongSwan's user-space ESP.
 *
 *     deno task bench packet_path [--quick] [--json] [--rounds N] [--seconds N]
 *
 * Each round measures every system once, so that all meet the same machine; printed are medians. Both
 * ends and both iperf3 programs share the processors. Our ends have keys from this script and no IKE.
 * Needs root and iperf3; strongSwan is left out where it is missing.
 */
import { parseArgs } from "node:util";
import { address } from "../../tests/dataplane/support/ends.ts";
import { RemoteEnd } from "../../tests/dataplane/support/remote_end.ts";
import {
  configureInner,
  farSide,
  joinedSpaces,
  outer4,
  pairOver,
  whyNoNamespaces,
} from "../../tests/dataplane/support/two_ends.ts";
import { dataplaneFeatures } from "../../dataplane/features.ts";
import { startCharon, whyNoCharon } from "../../tests/support/charon.ts";
import { iperf, Lab, type Namespace, ping } from "../../tests/support/netns.ts";
import {
  charonClient,
  charonGateway,
  connectedLab,
  innerTarget,
} from "../../tests/support/road_warrior.ts";
import { makeTestPki } from "../../tests/support/test_pki.ts";

/** One measured figure. */
interface Figure {
  readonly system: string;
  readonly suite: string;
  readonly test: string;
  readonly gbitPerSecond: number;
  /** Processor time of both ends together. */
  readonly cpuPerGbit: number;
}

/** A tunnel that stands, and how to ask its two ends for their processor time. */
interface Tunnel {
  readonly from: { readonly namespace: Namespace; readonly address: string };
  readonly to: { readonly namespace: Namespace; readonly address: string };
  cpuSeconds(): Promise<number>;
}

interface Settings {
  readonly seconds: number;
  readonly udpSeconds: number;
}

interface System {
  readonly name: string;
  /** Sets the tunnel up, lets `use` measure, and takes it down. */
  run(use: (tunnel: Tunnel) => Promise<void>): Promise<void>;
}

const suite = "aes256gcm16";

const tcpTests: readonly { readonly test: string; readonly args: readonly string[] }[] = [
  { test: "TCP 1 stream", args: [] },
  { test: "TCP 4 streams", args: ["-P", "4"] },
  { test: "TCP 1 stream, reverse", args: ["-R"] },
  { test: "TCP 4 streams, reverse", args: ["-P", "4", "-R"] },
];

const udpTest = "UDP 1400, loss below 1 %";

/** Offered rates in Mbit/s. */
const udpRates = [100, 150, 200, 300, 400, 500, 600, 800, 1000, 1200, 1400, 1700, 2000];
/** The inner packet then has the MTU of the tunnel, 1400 octets. */
const udpPayload = 1372;

/** Two of our packet paths. */
function ours(name: string, without: readonly string[]): System {
  return {
    name,
    run: async (use): Promise<void> => {
      await using lab = await Lab.create();
      const spaces = await joinedSpaces(lab);
      await using here = new RemoteEnd(spaces[0]);
      await using there = new RemoteEnd(spaces[1]);
      const chosen = dataplaneFeatures.filter((it) => without.includes(it));
      const options = { listen: [address("0.0.0.0")], without: chosen };
      await Promise.all([here.open(options), there.open(options)]);
      await configureInner({ spaces, here, there });
      const install = pairOver(outer4);
      await here.call("installChildSa", install);
      await there.call("installChildSa", farSide(install));
      await use({
        from: { namespace: spaces[0], address: "10.0.0.1" },
        to: { namespace: spaces[1], address: "10.0.0.2" },
        cpuSeconds: async () =>
          (await here.call<number>("ticks") + await there.call<number>("ticks")) / 100,
      });
    },
  };
}

/** strongSwan with kernel-libipsec at both ends. */
const strongSwan: System = {
  name: "strongSwan",
  run: async (use): Promise<void> => {
    await using lab = await Lab.create();
    const { gateway: inside, clients: [site] } = await connectedLab(lab, 1);
    if (site === undefined) return;
    const pki = await makeTestPki(`${lab.folder}/pki`);
    await using gateway = await startCharon(charonGateway(lab, inside, pki));
    await using client = await startCharon(
      charonClient(lab, site, pki, { auth: "eap" }, { esp: suite }),
    );
    await client.initiate("net");
    const source = (await client.listSas())[0]?.virtualIps[0] ?? "";
    const pids = [gateway.process.pid, client.process.pid];
    await use({
      from: { namespace: site.namespace, address: source },
      to: { namespace: inside, address: innerTarget },
      cpuSeconds: () => Promise.resolve(pids.map(cpuSecondsOf).reduce((a, b) => a + b)),
    });
  },
};

/** User and system time of a process with all its threads, seconds. */
function cpuSecondsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** One load; the loss in percent beside the figure. */
async function measure(
  { from, to, cpuSeconds }: Tunnel,
  load: { readonly seconds: number; readonly args: readonly string[] },
): Promise<{ gbitPerSecond: number; cpuPerGbit: number; lostPercent: number }> {
  const before = await cpuSeconds();
  const result = await iperf(from, to, load);
  const used = await cpuSeconds() - before;
  return {
    gbitPerSecond: result.bitsPerSecond / 1e9,
    cpuPerGbit: used / (result.bytes * 8 / 1e9),
    lostPercent: result.lostPercent ?? 0,
  };
}

/** The highest offered rate that loses less than one packet in a hundred. */
async function measureUdp(
  tunnel: Tunnel,
  seconds: number,
): Promise<{ gbitPerSecond: number; cpuPerGbit: number }> {
  let best = { gbitPerSecond: 0, cpuPerGbit: 0 };
  let failures = 0;
  for (const rate of udpRates) {
    const args = ["-u", "-b", `${rate}M`, "-l", `${udpPayload}`, "-w", "4M"];
    const { lostPercent, ...figure } = await measure(tunnel, { seconds, args });
    if (lostPercent < 1) {
      best = figure;
      failures = 0;
    } else if (++failures === 2) break;
  }
  return best;
}

async function measureSystem(system: System, settings: Settings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  await system.run(async (tunnel) => {
    await ping(tunnel.from.namespace, tunnel.to.address, { source: tunnel.from.address });
    const { seconds, udpSeconds } = settings;
    for (const { test, args } of tcpTests) {
      const { gbitPerSecond, cpuPerGbit } = await measure(tunnel, { seconds, args });
      figures.push({ system: system.name, suite, test, gbitPerSecond, cpuPerGbit });
    }
    const udp = await measureUdp(tunnel, udpSeconds);
    figures.push({ system: system.name, suite, test: udpTest, ...udp });
  });
  return figures;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** One figure for each system and test: the medians. */
function medians(figures: readonly Figure[]): readonly Figure[] {
  return Object.values(Object.groupBy(figures, (it) => `${it.system}/${it.test}`))
    .flatMap((group) =>
      group?.[0] === undefined ? [] : [{
        ...group[0],
        gbitPerSecond: median(group.map((it) => it.gbitPerSecond)),
        cpuPerGbit: median(group.map((it) => it.cpuPerGbit)),
      }]
    );
}

function printTable(figures: readonly Figure[], systems: readonly System[]): void {
  const cell = (figure: Figure | undefined): string =>
    figure === undefined
      ? "-"
      : `${figure.gbitPerSecond.toFixed(2)} (${figure.cpuPerGbit.toFixed(2)})`;
  const rows = [
    ["Gbit/s (CPU s/Gbit, both ends)", ...systems.map(({ name }) => name)],
    ...[...tcpTests.map(({ test }) => test), udpTest].map((test) => [
      test,
      ...systems.map(({ name }) =>
        cell(figures.find((it) => it.test === test && it.system === name))
      ),
    ]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  for (const row of rows) console.log(row.map((it, i) => it.padEnd(widths[i] ?? 0)).join("  "));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
    },
  });
  const reason = whyNoNamespaces();
  if (reason !== undefined) {
    console.error(`Cannot measure the packet path: ${reason}`);
    return 1;
  }
  const seconds = Number(values.seconds ?? (values.quick ? 1 : 4));
  const settings = { seconds, udpSeconds: values.quick ? 1 : 3 };
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const systems = [ours("rejoin", []), ours("rejoin, plain", dataplaneFeatures)];
  const noCharon = whyNoCharon();
  if (noCharon === undefined) systems.push(strongSwan);
  else console.error(`strongSwan is left out: ${noCharon}`);
  const figures: Figure[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const system of round % 2 === 0 ? systems : systems.toReversed()) {
      figures.push(...await measureSystem(system, settings));
    }
  }
  const result = medians(figures);
  if (values.json) { for (const figure of result) console.log(JSON.stringify(figure)); }
  else printTable(result, systems);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
