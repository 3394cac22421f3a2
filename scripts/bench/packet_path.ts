/**
 * The packet path between two ends of the same kind: ours, strongSwan's user-space ESP, OpenVPN,
 * wireguard-go, and none at all.
 *
 *     deno task bench packet_path [--quick] [--json] [--rounds N] [--seconds N] [--write] [--profile]
 *
 * Each round measures every system once, so that all meet the same machine; printed are medians. Both
 * ends and both iperf3 programs share the processors. Our ends have keys from this script and no IKE.
 * `--write` puts the table into docs/performance.md, above the remarks that stand there. `--profile`
 * measures our packet loop alone and prints how long it is in each of its stages. Needs root and iperf3; a
 * peer that is missing is left out and said so.
 */
import { parseArgs } from "node:util";
import { whyNoNamespaces } from "../../tests/dataplane/support/two_ends.ts";
import { ping } from "../../tests/support/netns.ts";
import { machineText } from "./packet_path/machine.ts";
import { type Load, type Pace, tcp, udp } from "./packet_path/loads.ts";
import { openVpn } from "./packet_path/openvpn.ts";
import { profileOf, profileTable } from "./packet_path/profile.ts";
import { rejoin } from "./packet_path/rejoin.ts";
import {
  type Figure,
  markdownTable,
  type Measured,
  mediansOf,
  plainTable,
  tableOf,
  targetsOf,
} from "./packet_path/report.ts";
import { strongSwan } from "./packet_path/strongswan.ts";
import type { System } from "./packet_path/system.ts";
import { noTunnel } from "./packet_path/veth.ts";
import { wireguardGo } from "./packet_path/wireguard.ts";

const document = new URL("../../docs/performance.md", import.meta.url);

/** A system and what it is measured by. */
interface Plan {
  readonly system: System;
  readonly loads: readonly Load[];
}

const oneStream = tcp("TCP 1 stream");
const fourStreams = tcp("TCP 4 streams", { streams: 4, ping: true });
const back = tcp("TCP 1 stream back", { reverse: true });
const fourBack = tcp("TCP 4 streams back", { streams: 4, reverse: true });
const eightFlows = tcp("TCP 8 flows", { streams: 8 });
/** Payloads; with the largest the inner packet has 1400 octets. */
const datagrams = [64, 512, 1372].map((payload) => udp(`UDP ${payload}`, payload));

function plansOf(isQuick: boolean): readonly Plan[] {
  const long = datagrams.slice(-1);
  const all = isQuick
    ? [oneStream, fourStreams, ...long]
    : [oneStream, fourStreams, back, fourBack, ...datagrams];
  const some = isQuick ? [oneStream] : [oneStream, fourStreams, back, fourBack, ...long];
  const plans: Plan[] = [
    { system: rejoin("rejoin", { suite: "aes256gcm16" }), loads: all },
    { system: strongSwan("aes256gcm16"), loads: all },
    { system: openVpn, loads: all },
    { system: wireguardGo, loads: all },
    { system: rejoin("rejoin", { suite: "aes256-sha384" }), loads: some },
    { system: strongSwan("aes256-sha384"), loads: some },
    { system: rejoin("rejoin, 1 SA", { suite: "aes256gcm16", pairs: 1 }), loads: [eightFlows] },
    {
      system: rejoin("rejoin, 1000 SAs", { suite: "aes256gcm16", pairs: 1000 }),
      loads: [eightFlows],
    },
  ];
  if (isQuick) return plans;
  return [
    ...plans,
    { system: rejoin("rejoin", { suite: "chacha20poly1305" }), loads: some },
    { system: rejoin("rejoin, plain", { suite: "aes256gcm16", plain: true }), loads: some },
    { system: noTunnel, loads: all },
  ];
}

async function measure({ system, loads }: Plan, pace: Pace): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  await system.run(async (tunnel) => {
    const { from, to } = tunnel;
    await ping(from.namespace, to.address, { source: from.address });
    for (const load of loads) {
      const reading = await load.measure(tunnel, pace);
      measured.push({ system: system.name, suite: system.suite, test: load.name, ...reading });
      console.error(
        `  ${system.name} ${system.suite}, ${load.name}: ${
          reading.gbitPerSecond.toFixed(3)
        } Gbit/s`,
      );
    }
  });
  return measured;
}

/** Ours alone, by stages. */
async function profile(pace: Pace, isJson: boolean): Promise<void> {
  const figures = [];
  for (const suite of ["aes256gcm16", "aes256-sha384"] as const) {
    const system = rejoin("rejoin", { suite, profiles: true });
    for (const load of [oneStream, fourStreams]) {
      figures.push(...await profileOf(system, load, pace));
    }
  }
  if (isJson) { for (const figure of figures) console.log(JSON.stringify(figure)); }
  else console.log(plainTable(profileTable(figures)));
}

/** What somebody wrote under the figures: it begins with a heading that no run writes. */
const remarks = "## What the figures say";

async function write(figures: readonly Figure[], rows: string[][], pace: Pace): Promise<void> {
  const before = await Deno.readTextFile(document).catch(() => "");
  const kept = before.includes(remarks) ? before.slice(before.indexOf(remarks)) : "";
  const text = `# Performance

Written by \`deno task bench packet_path --write\` on ${
    new Date().toISOString().slice(0, 10)
  }. ${await machineText()}
Both ends of a tunnel and both ends of the load share these processors, so a throughput is that of
half a processor an end; CPU seconds per gigabit carry over to other machines, throughputs do not.
Medians of rounds in which every system was measured once, ${pace.seconds} s a TCP test. UDP: the
highest rate offered by iperf3 of which less than one packet in a hundred was lost.

## Goals

${markdownTable(targetsOf(figures))}

## Figures

${markdownTable(rows)}

${kept}`;
  await Deno.mkdir(new URL("./", document), { recursive: true });
  await Deno.writeTextFile(document, text);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", document.pathname] }).output();
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
    },
  });
  const reason = whyNoNamespaces();
  if (reason !== undefined) {
    console.error(`Cannot measure the packet path: ${reason}`);
    return 1;
  }
  const { quick } = values;
  const seconds = Number(values.seconds ?? (quick ? 1 : 4));
  const pace: Pace = { seconds, udpSeconds: quick ? 1 : 2, udpFactor: quick ? 2 : 1.4 };
  if (values.profile) {
    await profile(pace, values.json);
    return 0;
  }
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  const plans = plansOf(quick).filter(({ system: { name, whyNot } }) => {
    if (whyNot !== undefined) console.error(`${name} is left out: ${whyNot}`);
    return whyNot === undefined;
  });
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    console.error(`round ${round + 1} of ${rounds}`);
    for (const plan of round % 2 === 0 ? plans : plans.toReversed()) {
      measured.push(...await measure(plan, pace));
    }
  }
  const figures = mediansOf(measured);
  const tests = [...new Set(plans.flatMap(({ loads }) => loads.map(({ name }) => name)))];
  const rows = tableOf(figures, tests);
  if (values.json) { for (const figure of figures) console.log(JSON.stringify(figure)); }
  else console.log(`${plainTable(rows)}\n\n${plainTable(targetsOf(figures))}`);
  if (values.write) await write(figures, rows, pace);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
