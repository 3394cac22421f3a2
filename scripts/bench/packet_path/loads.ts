/** What is sent through a tunnel, and what is read from it. */
import { iperf, type IperfResult } from "../../../tests/support/netns.ts";
import type { Place, Tunnel } from "./system.ts";

/** What one test of one system gave. */
export interface Reading {
  readonly gbitPerSecond: number;
  /** Processor seconds of each daemon for a gigabit carried. */
  readonly cpuPerGbitFrom: number;
  readonly cpuPerGbitTo: number;
  readonly lostPercent?: number;
  /** Half of the echoes under this load came back faster. */
  readonly pingMs?: number;
}

/** How long and how finely. */
export interface Pace {
  readonly seconds: number;
  readonly udpSeconds: number;
  /** From one offered rate to the next. */
  readonly udpFactor: number;
}

/** A test. */
export interface Load {
  readonly name: string;
  readonly measure: (tunnel: Tunnel, pace: Pace) => Promise<Reading>;
}

/**
 * A bulk transfer by TCP. `streams` are spread over the tunnel's flows where it has several; with `bothWays`
 * as many go back, and the throughput is that of both directions.
 */
export function tcp(
  name: string,
  options: {
    readonly streams?: number;
    readonly reverse?: boolean;
    readonly bothWays?: boolean;
    readonly ping?: boolean;
  } = {},
): Load {
  const { streams = 1, reverse = false, bothWays = false, ping = false } = options;
  const way = bothWays ? ["--bidir"] : reverse ? ["-R"] : [];
  return {
    name,
    measure: async (tunnel, { seconds }) => {
      const pinging = ping ? pingUnderLoad(tunnel, seconds) : undefined;
      const reading = await run(tunnel, seconds, streams, way);
      const pingMs = await pinging;
      return pingMs === undefined ? reading : { ...reading, pingMs };
    },
  };
}

/** Lowest offered rate, packets a second, and the highest that iperf3 comes near to. */
const udpPackets = { first: 20_000, last: 400_000 } as const;

/** The highest rate of datagrams with this payload of which less than one in a hundred is lost. */
export function udp(name: string, payload: number): Load {
  return {
    name,
    measure: async (tunnel, { udpSeconds, udpFactor }) => {
      let best: Reading = { gbitPerSecond: 0, cpuPerGbitFrom: 0, cpuPerGbitTo: 0 };
      let failures = 0;
      for (let rate = udpPackets.first; rate <= udpPackets.last; rate *= udpFactor) {
        const bits = Math.round(rate * payload * 8);
        const args = ["-u", "-b", `${bits}`, "-l", `${payload}`, "-w", "4M"];
        const reading = await run(tunnel, udpSeconds, 1, args);
        const isGood = (reading.lostPercent ?? 0) < 1;
        if (isGood && reading.gbitPerSecond > best.gbitPerSecond) best = reading;
        // iperf3 itself cannot send faster, or the tunnel cannot carry more.
        const isBeyond = !isGood || reading.gbitPerSecond < 0.9 * bits / 1e9;
        failures = isBeyond ? failures + 1 : 0;
        if (failures === 2) break;
      }
      return best;
    },
  };
}

async function run(
  tunnel: Tunnel,
  seconds: number,
  streams: number,
  args: readonly string[],
): Promise<Reading> {
  const { flows = [tunnel] } = tunnel;
  const each = Math.max(1, Math.round(streams / flows.length));
  const before = await tunnel.cpu();
  const results = await Promise.all(
    flows.map(({ from, to }) =>
      iperf(from, to, { seconds, args: each > 1 ? ["-P", `${each}`, ...args] : args })
    ),
  );
  const after = await tunnel.cpu();
  const gbit = sum(results, ({ bytes }) => bytes * 8 / 1e9);
  const lost = results[0]?.lostPercent;
  return {
    gbitPerSecond: sum(results, ({ bitsPerSecond }) => bitsPerSecond / 1e9),
    cpuPerGbitFrom: (after.from - before.from) / gbit,
    cpuPerGbitTo: (after.to - before.to) / gbit,
    ...(lost === undefined ? {} : { lostPercent: lost }),
  };
}

function sum(results: readonly IperfResult[], of: (result: IperfResult) => number): number {
  return results.reduce((total, result) => total + of(result), 0);
}

/** Echoes between the two places, fifty a second. */
async function pingUnderLoad(
  { from, to }: { readonly from: Place; readonly to: Place },
  seconds: number,
): Promise<number> {
  const count = Math.max(10, Math.floor(seconds * 50 * 0.8));
  const { stdout } = await from.namespace.finish([
    ...["ping", "-n", "-c", `${count}`, "-i", "0.02", "-W", "1", "-I", from.address, to.address],
  ], (seconds + 10) * 1000);
  return median([...stdout.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms)));
}

/** The middle one; not a number when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
