/**
 * Memory of the packet path over a long saturation: TCP as fast as it goes in both directions, and the
 * resident memory of both ends in between.
 *
 *     deno task bench soak [--quick] [--json] [--seconds N]
 *
 * Ten minutes unless told; `--quick` takes forty seconds. Flat is: no more than a twentieth between the
 * median of the second tenth and that of the last. Needs root and iperf3.
 */
import { parseArgs } from "node:util";
import { whyNoNamespaces } from "../../tests/dataplane/support/two_ends.ts";
import { iperf } from "../../tests/support/netns.ts";
import { median } from "./packet_path/loads.ts";
import { rejoin } from "./packet_path/rejoin.ts";
import type { Tunnel } from "./packet_path/system.ts";

/** Memory at a moment. */
interface Sample {
  readonly seconds: number;
  readonly fromBytes: number;
  readonly toBytes: number;
}

const suite = "aes256gcm16";
const samplesWanted = 60;

async function soak(tunnel: Tunnel, seconds: number): Promise<{
  readonly samples: readonly Sample[];
  readonly gbitPerSecond: number;
}> {
  const load = iperf(tunnel.from, tunnel.to, { seconds, args: ["-P", "2", "--bidir"] });
  const samples: Sample[] = [];
  const start = performance.now();
  const everyMs = seconds * 1000 / samplesWanted;
  let isOver = false;
  const ended = load.finally(() => isOver = true);
  while (!isOver) {
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, everyMs))]);
    const memory = await tunnel.memory?.();
    if (memory === undefined) continue;
    samples.push({
      seconds: (performance.now() - start) / 1000,
      fromBytes: memory.from,
      toBytes: memory.to,
    });
    console.error(
      `  ${samples.at(-1)?.seconds.toFixed(0)} s: ${megabytes(memory.from)} and ${
        megabytes(memory.to)
      } MB`,
    );
  }
  return { samples, gbitPerSecond: (await load).bitsPerSecond / 1e9 };
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** From the median of the second tenth to that of the last, as a share. */
function growth(values: readonly number[]): number {
  const tenth = Math.max(1, Math.floor(values.length / 10));
  return median(values.slice(-tenth)) / median(values.slice(tenth, 2 * tenth)) - 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      seconds: { type: "string" },
    },
  });
  const reason = whyNoNamespaces();
  if (reason !== undefined) {
    console.error(`Cannot soak the packet path: ${reason}`);
    return 1;
  }
  const seconds = Number(values.seconds ?? (values.quick ? 40 : 600));
  await rejoin("rejoin", { suite }).run(async (tunnel) => {
    const { samples, gbitPerSecond } = await soak(tunnel, seconds);
    for (const end of ["from", "to"] as const) {
      const bytes = samples.map((sample) => sample[`${end}Bytes`]);
      const share = growth(bytes);
      const figure = {
        system: "rejoin",
        suite,
        test: `memory of the end ${end} over ${seconds} s`,
        gbitPerSecond,
        firstMegabytes: Number(megabytes(bytes[0] ?? 0)),
        lastMegabytes: Number(megabytes(bytes.at(-1) ?? 0)),
        growthPercent: Number((share * 100).toFixed(2)),
        isFlat: share < 0.05,
      };
      if (values.json) console.log(JSON.stringify(figure));
      else {
        console.log(
          `${figure.test}: ${figure.firstMegabytes} to ${figure.lastMegabytes} MB, ` +
            `${figure.growthPercent} %, ${figure.isFlat ? "flat" : "NOT flat"}`,
        );
      }
    }
  });
  return 0;
}

if (import.meta.main) Deno.exit(await main());
