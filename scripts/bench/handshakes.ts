/**
 * Logins and returns per second through a gateway, ours and strongSwan's with the same load client; memory
 * of an idle session; the time until a gateway with many stored sessions serves again; and ten thousand
 * clients that come back after a restart, over most of a minute and all at once.
 *
 *     deno task bench handshakes [--quick] [--json] [--cold] [--rounds N]
 *                                [--only rates,memory,restart,pressure]
 *
 * The load client shares the processors with the gateway, so beside the rate stands what the gateway itself
 * used: its processor seconds for a handshake, and how many a second that makes of one processor. What
 * strongSwan does beside our returns by token is the same authentication: the client by a shared key, the
 * gateway by its certificate. Ours has a new token on the disk before each answer. Needs root.
 *
 * Each gateway has some handshakes behind it before it is measured: ours is compiled as it runs, and what
 * that costs is over after the first few hundred. `--cold` leaves them out.
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
import { runLoad } from "./handshakes/load.ts";
import type { LoadOrder } from "./handshakes/load_client.ts";
import { heapPerSession } from "./handshakes/memory.ts";
import { returnUnderPressure } from "./handshakes/pressure.ts";
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

/** Handshakes that are not measured, on each gateway. */
const warmUps = 400;
/** Handshakes at a time. */
const concurrency = 12;

/** By session id and token at ours, by a shared key and certificate at the other: the same proofs. */
const returnRow = { name: "return by token, or PSK", ours: "reconnect", swan: "psk" } as const;
const suites = ["RSA-2048", "P-256"] as const;
const heapTest = "heap of an idle session";

/** Who comes back after a restart, and over how many seconds they begin to. */
const crowds = [{ count: 10_000, over: 50 }, { count: 10_000, over: 10 }] as const;
const lastBack = "all of them within";
const latestLook = "event loop late by at most";

function crowdTest(count: number, over: number): string {
  return `${count} return over ${over} s`;
}

function restartTest(records: number): string {
  return `ready with ${records} stored records`;
}

function perProcessor(test: string): string {
  return `${test}: one processor`;
}

/** What is compared with what. */
const rows: readonly { readonly name: string; readonly ours: How; readonly swan: How }[] = [
  { name: "login, EAP-MSCHAPv2", ours: "login", swan: "login" },
  { name: "login and out, certificate", ours: "certificate", swan: "certificate" },
  returnRow,
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
  let before = 0;
  const report = await runLoad(client, order, () => before = cpuSecondsOf(gateway.pid));
  const used = cpuSecondsOf(gateway.pid) - before;
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
  isCold: boolean,
): Promise<readonly Figure[]> {
  await using lab = await Lab.create();
  const { gateway: namespace, clients: [site] } = await connectedLab(lab, 1);
  if (site === undefined) return [];
  const pki = await makeTestPki(`${lab.folder}/pki`, keyType);
  const scene: Scene = { lab, namespace, pki };
  const suite = suites[keyType === "rsa" ? 0 : 1];
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
      await using gateway = await system.start(scene);
      if (!isCold) {
        await runLoad(site.namespace, { ...orderOf(system.how(returnRow), pki), count: warmUps });
      }
      for (const row of rows) {
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
        { ...base, test: perProcessor(test), value: 1 / of("cpu"), unit: "1/s" },
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

/** What is wanted of the figures, as far as they were measured. */
function goals(figures: readonly Figure[]): readonly (readonly string[])[] {
  const of = (test: string, system = "rejoin", suite = ""): number | undefined =>
    figures.find((it) => it.test === test && it.system === system && it.suite === suite)?.value;
  const ratio = (suite: string, test: string): number | undefined => {
    const [ours, theirs] = [of(test, "rejoin", suite), of(test, "strongSwan", suite)];
    return ours === undefined || theirs === undefined ? undefined : ours / theirs;
  };
  const rates = suites.flatMap((suite) => {
    const goal = `${suite}: returns to logins by PSK at strongSwan`;
    return [
      { goal: `${goal}, a second`, wanted: 1, is: ratio(suite, returnRow.name) },
      {
        goal: `${goal}, a second of a processor`,
        wanted: 1,
        is: ratio(suite, perProcessor(returnRow.name)),
      },
    ];
  });
  const most = [
    { goal: heapTest, wanted: 12, is: of(heapTest) },
    { goal: restartTest(100_000), wanted: 2, is: of(restartTest(100_000)) },
    ...crowds.flatMap(({ count, over }) =>
      [[lastBack, 60], [latestLook, 200]].map(([what, wanted]) => {
        const goal = `${crowdTest(count, over)}: ${what}`;
        return { goal, wanted: Number(wanted), is: of(goal) };
      })
    ),
  ];
  const row = (goal: string, sign: string, wanted: number, is: number | undefined, met: boolean) =>
    is === undefined ? [] : [[goal, `${sign} ${wanted}`, is.toFixed(2), met ? "met" : "not met"]];
  return [
    ...rates.flatMap(({ goal, wanted, is }) => row(goal, ">=", wanted, is, (is ?? 0) >= wanted)),
    ...most.flatMap(({ goal, wanted, is }) => row(goal, "<=", wanted, is, (is ?? 0) <= wanted)),
  ];
}

const parts = ["rates", "memory", "restart", "pressure"] as const;

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      cold: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string", default: parts.join(",") },
    },
  });
  const reason = whyNoGateway();
  if (reason !== undefined) {
    console.error(`Cannot measure handshakes: ${reason}`);
    return 1;
  }
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  const wanted = values.only.split(",");
  await fetchImports();
  const figures: Figure[] = [];
  const own = (test: string, value: number, unit: string): void => {
    figures.push({ system: "rejoin", suite: "", test, value, unit });
  };
  if (wanted.includes("rates")) {
    for (const keyType of ["rsa", "ecdsa"] as const) {
      figures.push(...await compare(keyType, quick ? 64 : 1500, rounds, values.cold));
    }
  }
  if (wanted.includes("memory")) {
    own(heapTest, await heapPerSession(quick ? 300 : 3000) / 1024, "KB");
  }
  if (wanted.includes("restart")) {
    const records = quick ? 20_000 : 100_000;
    own(restartTest(records), median(await timeToServe(records, rounds)), "s");
  }
  if (wanted.includes("pressure")) {
    for (const { count, over } of quick ? [{ count: 400, over: 3 }] : crowds) {
      const report = await returnUnderPressure(count, over);
      const test = crowdTest(count, over);
      own(`${test}: with the same address`, report.returned, "");
      own(`${test}: ${lastBack}`, report.seconds, "s");
      own(`${test}: 95 % within`, report.p95Ms, "ms");
      own(`${test}: ${latestLook}`, report.latestMs, "ms");
      own(`${test}: event loop late by 100 ms`, report.lateLooks, "times");
      own(`${test}: records for a commit`, report.storeChanges / report.storeCommits, "");
      own(`${test}: memory of the load client`, report.clientPeakMb, "MB");
    }
  }
  print(figures, values.json);
  if (!values.json) {
    console.log(`\n${plainTable([["goal", "wanted", "is", ""], ...goals(figures)])}`);
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
