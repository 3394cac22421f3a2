/**
 * Logins and returns per second through a gateway, ours and strongSwan's with the same load client; memory
 * of an idle session; and the time until a gateway with many stored sessions serves again.
 *
 *     deno task bench handshakes [--quick] [--json] [--rounds N]
 *
 * The load client shares the processors with the gateway, so beside the rate stands what the gateway itself
 * used: its processor seconds for a handshake, and how many a second that makes of one processor. What
 * strongSwan does beside our returns by token is the same authentication: the client by a shared key, the
 * gateway by its certificate. Ours has a new token on the disk before each answer. Needs root.
 */
import { parseArgs } from "node:util";
import { whyNoCharon } from "../../tests/support/charon.ts";
import { Lab, type Namespace } from "../../tests/support/netns.ts";
import { fetchImports, whyNoGateway } from "../../tests/support/rejoin.ts";
import { connectedLab } from "../../tests/support/road_warrior.ts";
import { gatewayName, makeTestPki, type TestPki } from "../../tests/support/test_pki.ts";
import {
  ike,
  pair,
  password,
  type RunningGateway,
  type Scene,
  startOurs,
  startSwan,
  users,
} from "./handshakes/gateways.ts";
import type { LoadOrder, LoadReport } from "./handshakes/load_client.ts";
import { heapPerSession } from "./handshakes/memory.ts";
import { timeToServe } from "./handshakes/restart.ts";
import { cpuSecondsOf } from "./packet_path/system.ts";
import { median } from "./packet_path/loads.ts";
import { plainTable } from "./packet_path/report.ts";

/** One figure. */
interface Figure {
  readonly system: string;
  /** Kind of the gateway's key, or nothing. */
  readonly suite: string;
  readonly test: string;
  readonly value: number;
  readonly unit: string;
}

type How = LoadOrder["how"];

const program = new URL("./handshakes/load_client.ts", import.meta.url).pathname;

/** Handshakes at a time; one user may have 16 sessions. */
const concurrency = 12;

/** What is compared with what. */
const rows: readonly { readonly name: string; readonly ours: How; readonly swan: How }[] = [
  { name: "login, EAP-MSCHAPv2", ours: "login", swan: "login" },
  { name: "login and out, certificate", ours: "certificate", swan: "certificate" },
  { name: "return by token, or PSK", ours: "reconnect", swan: "psk" },
];

/** What one load on one gateway gave. */
interface Reading {
  readonly perSecond: number;
  /** Processor seconds of the gateway for each. */
  readonly cpu: number;
  readonly p95Ms: number;
}

async function measure(
  gateway: RunningGateway,
  client: Namespace,
  order: LoadOrder,
): Promise<Reading> {
  const command = [Deno.execPath(), "run", "--no-check", "-A", program, JSON.stringify(order)];
  await using load = client.start("load client", command);
  await load.waitFor(/"begin"/, 120_000);
  const before = cpuSecondsOf(gateway.pid);
  const [line = ""] = await load.waitFor(/\{"kind":"end".*\}/, 300_000);
  const used = cpuSecondsOf(gateway.pid) - before;
  const report = JSON.parse(line) as LoadReport & { readonly kind: "end" };
  if (report.failed > 0) console.error(`  ${order.how}: ${report.failed} of ${order.count} failed`);
  return {
    perSecond: report.done / report.seconds,
    cpu: used / report.done,
    p95Ms: report.p95Ms,
  };
}

async function compare(
  keyType: "ecdsa" | "rsa",
  count: number,
  rounds: number,
): Promise<readonly Figure[]> {
  await using lab = await Lab.create();
  const { gateway: namespace, clients: [site] } = await connectedLab(lab, 1);
  if (site === undefined) return [];
  const pki = await makeTestPki(`${lab.folder}/pki`, keyType);
  const scene: Scene = { lab, namespace, pki };
  const suite = keyType === "rsa" ? "RSA-2048" : "P-256";
  const orderOf = (how: How, { ca, clientCert: cert, clientKey: key }: TestPki): LoadOrder => ({
    gateway: site.gatewayAddress,
    local: site.address,
    remoteId: gatewayName,
    ...{ ca, cert, key, ike, how, count, concurrency, users, password, pair },
  });
  const systems = [
    { name: "rejoin", start: startOurs, how: (row: typeof rows[number]) => row.ours },
    ...(whyNoCharon() === undefined
      ? [{ name: "strongSwan", start: startSwan, how: (row: typeof rows[number]) => row.swan }]
      : []),
  ];
  const readings: ({ readonly system: string; readonly test: string } & Reading)[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const system of round % 2 === 0 ? systems : systems.toReversed()) {
      for (const row of rows) {
        await using gateway = await system.start(scene);
        const reading = await measure(gateway, site.namespace, orderOf(system.how(row), pki));
        console.error(
          `  ${system.name} ${suite}, ${row.name}: ${reading.perSecond.toFixed(0)} a second, ` +
            `${(reading.cpu * 1000).toFixed(2)} ms of the gateway each`,
        );
        readings.push({ system: system.name, test: row.name, ...reading });
      }
    }
  }
  return Object.values(Object.groupBy(readings, (it) => `${it.test}|${it.system}`))
    .flatMap((group = []) => {
      const [{ system, test } = { system: "", test: "" }] = group;
      const of = (key: keyof Reading): number => median(group.map((it) => it[key]));
      const base = { system, suite };
      return [
        { ...base, test, value: of("perSecond"), unit: "1/s" },
        { ...base, test: `${test}: one processor`, value: 1 / of("cpu"), unit: "1/s" },
        { ...base, test: `${test}: 95 % within`, value: of("p95Ms"), unit: "ms" },
      ];
    });
}

function print(figures: readonly Figure[], isJson: boolean): void {
  if (isJson) { for (const figure of figures) console.log(JSON.stringify(figure)); }
  else {
    const text = (value: number): string => value < 10 ? value.toFixed(2) : value.toFixed(0);
    const cells = figures
      .toSorted((a, b) => a.suite < b.suite ? -1 : a.suite > b.suite ? 1 : a.test < b.test ? -1 : 1)
      .map((it) => [it.suite, it.test, it.system, text(it.value), it.unit]);
    console.log(plainTable([["key", "test", "system", "", ""], ...cells]));
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      rounds: { type: "string" },
    },
  });
  const reason = whyNoGateway();
  if (reason !== undefined) {
    console.error(`Cannot measure handshakes: ${reason}`);
    return 1;
  }
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  await fetchImports();
  const figures: Figure[] = [];
  for (const keyType of quick ? ["ecdsa" as const] : ["rsa" as const, "ecdsa" as const]) {
    figures.push(...await compare(keyType, quick ? 400 : 1500, rounds));
  }
  const bytes = await heapPerSession(quick ? 500 : 3000);
  figures.push({
    system: "rejoin",
    suite: "",
    test: "heap of an idle session",
    value: bytes / 1024,
    unit: "KB",
  });
  const records = quick ? 20_000 : 100_000;
  const served = await timeToServe(records);
  figures.push({
    system: "rejoin",
    suite: "",
    test: `ready with ${records} stored records`,
    value: served.readySeconds,
    unit: "s",
  });
  print(figures, values.json);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
