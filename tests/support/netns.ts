/**
 * Network namespaces joined by veth pairs, for tests that move real packets.
 *
 * Names carry the pid of the run that made them, so runs do not meet and what a dead run left is known.
 * Works as root, and without root inside `unshare --user --map-root-user --net --mount` with a `/run` of
 * its own. Programs are started with `nsenter`, which keeps the pid.
 */
import { Background, finish, type Finished, mustRun } from "./background.ts";

const prefix = "rejoin-";
const folder = "/run/netns";

/** One network namespace. */
export class Namespace {
  /** Its name for `ip netns`. */
  readonly name: string;

  /** Use `Lab.namespace`. */
  constructor(name: string) {
    this.name = name;
  }

  /** A command as it must be written to run in here. */
  inside(command: readonly string[]): readonly string[] {
    return ["nsenter", `--net=${folder}/${this.name}`, "--", ...command];
  }

  /** Runs a program in here; it must succeed. */
  run(...command: readonly string[]): Promise<string> {
    return mustRun(this.inside(command));
  }

  /** Runs a program in here to its end. */
  finish(command: readonly string[], timeoutMs?: number): Promise<Finished> {
    return finish(this.inside(command), timeoutMs === undefined ? {} : { timeoutMs });
  }

  /** Starts a program in here. */
  start(name: string, command: readonly string[], options?: Deno.CommandOptions): Background {
    return new Background(name, this.inside(command), options);
  }

  /** Gives an address to an interface of this namespace, the loopback one unless told. */
  async addAddress(address: string, interfaceName = "lo"): Promise<void> {
    const noCheck = address.includes(":") ? ["nodad"] : [];
    await this.run("ip", "address", "add", address, "dev", interfaceName, ...noCheck);
  }

  /** Sets a link up or down. */
  async setLink(interfaceName: string, state: "up" | "down"): Promise<void> {
    await this.run("ip", "link", "set", interfaceName, state);
  }
}

/** One end of a link. */
export interface LinkEnd {
  readonly namespace: Namespace;
  /** Name of the interface, at most 15 characters. */
  readonly interfaceName: string;
  /** Addresses with prefix length. */
  readonly addresses: readonly string[];
}

/** A set of namespaces that is removed as a whole, with every program still in it. */
export class Lab implements AsyncDisposable {
  static #count = 0;
  readonly #tag = `${prefix}${Deno.pid}-${Lab.#count++}-`;
  readonly #namespaces: Namespace[] = [];
  /** A temporary folder that goes with the lab. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** An empty lab. What runs that no longer live left behind is removed first. */
  static async create(): Promise<Lab> {
    await removeLeftovers();
    return new Lab(await Deno.makeTempDir({ prefix }));
  }

  /** A new namespace with its loopback interface up. */
  async namespace(name: string): Promise<Namespace> {
    const namespace = new Namespace(this.#tag + name);
    await mustRun(["ip", "netns", "add", namespace.name]);
    this.#namespaces.push(namespace);
    await namespace.setLink("lo", "up");
    return namespace;
  }

  /** Joins two namespaces with a veth pair, both ends up. */
  async link(a: LinkEnd, b: LinkEnd, mtu = 1500): Promise<void> {
    await mustRun([
      ...["ip", "link", "add", a.interfaceName, "mtu", `${mtu}`, "netns", a.namespace.name],
      ...["type", "veth", "peer", "name", b.interfaceName, "mtu", `${mtu}`],
      ...["netns", b.namespace.name],
    ]);
    for (const end of [a, b]) {
      // No link-local addresses: their late arrival would count as a change of address.
      await end.namespace.run("ip", "link", "set", end.interfaceName, "addrgenmode", "none");
      for (const address of end.addresses) {
        await end.namespace.addAddress(address, end.interfaceName);
      }
      await end.namespace.setLink(end.interfaceName, "up");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const namespace of this.#namespaces.toReversed()) await removeNamespace(namespace.name);
    await Deno.remove(this.folder, { recursive: true }).catch(() => {});
  }
}

/** Ends the programs in a namespace, which were started by a lab, by their pids, and removes it. */
async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await finish(["ip", "netns", "pids", name]);
  for (const pid of stdout.split(/\s+/).filter((it) => it !== "").map(Number)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // gone already
    }
  }
  await finish(["ip", "netns", "delete", name]);
}

/** Removes namespaces and folders of runs whose process is gone. */
async function removeLeftovers(): Promise<void> {
  let names: string[] = [];
  try {
    names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
  } catch {
    return; // no namespace was ever made
  }
  for (const name of names) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(pid)) await removeNamespace(name);
  }
}

function isAlive(pid: string): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

/** Answers that came for echo requests from a namespace, and the mean round trip. */
export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly meanMs: number;
}

/** Sends `count` echo requests, ten a second unless told, with `ping`. */
export async function ping(
  from: Namespace,
  to: string,
  options: {
    readonly count?: number;
    readonly source?: string;
    readonly size?: number;
    readonly everySeconds?: number;
  } = {},
): Promise<PingResult> {
  const { count = 3, source, size, everySeconds = 0.1 } = options;
  const { stdout } = await from.finish([
    ...["ping", "-n", "-c", `${count}`, "-i", `${everySeconds}`, "-W", "1"],
    ...(source === undefined ? [] : ["-I", source]),
    ...(size === undefined ? [] : ["-s", `${size}`, "-M", "do"]),
    to,
  ], 10_000 + count * everySeconds * 2_000);
  const counted = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  const mean = /= [\d.]+\/([\d.]+)\//.exec(stdout);
  return {
    sent: Number(counted?.[1] ?? count),
    received: Number(counted?.[2] ?? 0),
    meanMs: Number(mean?.[1] ?? Number.NaN),
  };
}

/** What one iperf3 run measured at the receiver, or with `--bidir` at both. */
export interface IperfResult {
  readonly bitsPerSecond: number;
  readonly bytes: number;
  readonly lostPercent?: number;
}

/** Runs iperf3 from one namespace to a one-shot server in another. */
export async function iperf(
  client: { readonly namespace: Namespace; readonly address: string },
  server: { readonly namespace: Namespace; readonly address: string },
  options: { readonly seconds?: number; readonly args?: readonly string[] } = {},
): Promise<IperfResult> {
  const { seconds = 2, args = [] } = options;
  await using listener = server.namespace.start("iperf3 -s", [
    ...["iperf3", "-s", "-1", "-B", server.address, "--forceflush"],
  ]);
  await listener.waitFor(/Server listening/, 5000);
  const { success, stdout } = await client.namespace.finish([
    ...["iperf3", "-J", "-c", server.address, "-B", client.address, "-t", `${seconds}`],
    ...["--connect-timeout", "3000", ...args],
  ], (seconds + 15) * 1000);
  const report = JSON.parse(stdout === "" ? "{}" : stdout) as IperfReport;
  const sum = report.end?.sum_received ?? report.end?.sum;
  if (!success || sum === undefined) throw new Error(`iperf3 failed: ${report.error ?? stdout}`);
  const back = report.end?.sum_received_bidir_reverse;
  return {
    bitsPerSecond: sum.bits_per_second + (back?.bits_per_second ?? 0),
    bytes: sum.bytes + (back?.bytes ?? 0),
    ...(sum.lost_percent === undefined ? {} : { lostPercent: sum.lost_percent }),
  };
}

interface IperfSum {
  readonly bits_per_second: number;
  readonly bytes: number;
  readonly lost_percent?: number;
}

interface IperfReport {
  readonly error?: string;
  readonly end?: {
    readonly sum_received?: IperfSum;
    readonly sum_received_bidir_reverse?: IperfSum;
    readonly sum?: IperfSum;
  };
}
