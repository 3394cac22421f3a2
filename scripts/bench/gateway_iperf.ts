/**
 * Throughput through the gateway: ours and strongSwan's in one run, with the same strongSwan client, so
 * that both meet the same machine in the same minute.
 *
 *     deno run -A scripts/bench/gateway_iperf.ts [--json] [--seconds N] [--esp PROPOSAL]
 *
 * That client seals in user space too and is the slower end against a fast gateway: then the column to
 * look at is the gateway's processor time per gigabit, not the throughput. The last rows have our own
 * client instead. Needs root, strongSwan, iperf3.
 */
import { parseArgs } from "node:util";
import { startCharon, whyNoCharon } from "../../tests/support/charon.ts";
import { iperf, Lab, type Namespace, ping } from "../../tests/support/netns.ts";
import { fetchImports, startGateway, whyNoGateway } from "../../tests/support/rejoin.ts";
import { startClient } from "../../tests/support/rejoin_client.ts";
import {
  charonClient,
  charonGateway,
  type ClientSite,
  connectedLab,
  innerTarget,
} from "../../tests/support/road_warrior.ts";
import { gatewayName, makeTestPki, type TestPki } from "../../tests/support/test_pki.ts";

/** One measured figure; `cpuPerGbit` is the gateway's user and system time in seconds. */
interface Figure {
  readonly gateway: string;
  readonly load: string;
  readonly gbitPerSecond: number;
  readonly cpuPerGbit?: number;
  readonly lostPercent?: number;
  readonly pingMs?: number;
}

interface Settings {
  readonly seconds: number;
  readonly esp: string;
}

const loads: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: "TCP 1 stream to gateway", args: [] },
  { name: "TCP 4 streams to gateway", args: ["-P", "4"] },
  { name: "TCP 1 stream from gateway", args: ["-R"] },
  { name: "UDP 200 Mbit/s to gateway", args: ["-u", "-b", "200M", "-w", "4M", "-l", "1300"] },
];

/** User and system time of a process with all its threads, seconds. */
function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measure(
  gateway: string,
  ends: { readonly site: ClientSite; readonly inside: Namespace; readonly source: string },
  settings: Settings,
  pid?: number,
): Promise<readonly Figure[]> {
  const { site, inside, source } = ends;
  const figures: Figure[] = [];
  const { meanMs } = await ping(site.namespace, innerTarget, { source, count: 10 });
  for (const { name, args } of loads) {
    const before = pid === undefined ? 0 : cpuSeconds(pid);
    const result = await iperf(
      { namespace: site.namespace, address: source },
      { namespace: inside, address: innerTarget },
      { seconds: settings.seconds, args },
    );
    const gigabits = result.bytes * 8 / 1e9;
    figures.push({
      gateway,
      load: name,
      gbitPerSecond: result.bitsPerSecond / 1e9,
      pingMs: meanMs,
      ...(pid === undefined ? {} : { cpuPerGbit: (cpuSeconds(pid) - before) / gigabits }),
      ...(result.lostPercent === undefined ? {} : { lostPercent: result.lostPercent }),
    });
  }
  return figures;
}

/** A client of its own for each gateway: the same program and configuration. */
async function measureWithClient(
  name: string,
  lab: Lab,
  ends: { readonly site: ClientSite; readonly inside: Namespace; readonly pid: number },
  pki: TestPki,
  settings: Settings,
): Promise<readonly Figure[]> {
  const { site, inside, pid } = ends;
  await using client = await startCharon(
    charonClient(lab, site, pki, { auth: "eap" }, { esp: settings.esp, folder: `for-${name}` }),
  );
  await client.initiate("net");
  const source = (await client.listSas())[0]?.virtualIps[0] ?? "";
  return await measure(name, { site, inside, source }, settings, pid);
}

/** The same with `rejoin connect`, which is not slower than the gateway. */
async function measureWithOurClient(
  lab: Lab,
  ends: { readonly site: ClientSite; readonly inside: Namespace; readonly pid: number },
  pki: TestPki,
  settings: Settings,
): Promise<readonly Figure[]> {
  const { site, inside, pid } = ends;
  const folder = `${lab.folder}/client`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${folder}/password`, "bobpw\n", { mode: 0o600 });
  await using client = await startClient({
    namespace: site.namespace,
    folder,
    gateway: site.gatewayAddress,
    flags: {
      user: "bob",
      "password-file": `${folder}/password`,
      ca: pki.ca,
      "remote-id": gatewayName,
      "esp-proposal": settings.esp,
      "state-dir": folder,
    },
  });
  await client.nextEstablished(10_000);
  const source = await client.innerAddress("rejoin1");
  return await measure("rejoin, both ends", { site, inside, source }, settings, pid);
}

async function run(settings: Settings): Promise<readonly Figure[]> {
  await using lab = await Lab.create();
  const { gateway: inside, clients: [site] } = await connectedLab(lab, 1);
  if (site === undefined) return [];
  const pki = await makeTestPki(`${lab.folder}/pki`);
  const figures = [...await measure("no tunnel", { site, inside, source: site.address }, settings)];
  {
    await using charon = await startCharon(charonGateway(lab, inside, pki));
    const ends = { site, inside, pid: charon.process.pid };
    figures.push(...await measureWithClient("strongSwan", lab, ends, pki, settings));
  }
  const reason = whyNoGateway();
  if (reason !== undefined) {
    console.error(`our gateway is left out: ${reason}`);
    return figures;
  }
  await fetchImports();
  await using gateway = await startGateway({
    namespace: inside,
    folder: `${lab.folder}/state`,
    pki,
    flags: { "log-level": "info", "esp-proposal": settings.esp },
  });
  const ends = { site, inside, pid: gateway.process.pid };
  figures.push(...await measureWithClient("rejoin", lab, ends, pki, settings));
  figures.push(...await measureWithOurClient(lab, ends, pki, settings));
  return figures;
}

function printTable(figures: readonly Figure[]): void {
  const rows = [
    ["load", "gateway", "Gbit/s", "CPU s/Gbit", "lost %", "ping ms"],
    ...loads.flatMap(({ name }) =>
      figures.filter((it) => it.load === name).map((it) => [
        name,
        it.gateway,
        it.gbitPerSecond.toFixed(3),
        it.cpuPerGbit?.toFixed(2) ?? "",
        it.lostPercent?.toFixed(2) ?? "",
        it.pingMs?.toFixed(3) ?? "",
      ])
    ),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  for (const row of rows) console.log(row.map((it, i) => it.padEnd(widths[i] ?? 0)).join("  "));
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "4" },
      esp: { type: "string", default: "aes256gcm16" },
    },
  });
  const reason = whyNoCharon();
  if (reason !== undefined) {
    console.error(`strongSwan is needed: ${reason}`);
    Deno.exit(1);
  }
  const figures = await run({ seconds: Number(values.seconds), esp: values.esp });
  if (values.json) console.log(JSON.stringify(figures, undefined, 2));
  else printTable(figures);
}
