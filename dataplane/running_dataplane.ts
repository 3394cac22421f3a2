/**
 * The main thread's half of the packet path: opens everything, starts the worker, passes commands and
 * reports, and takes it all down again.
 */
import type { Bytes } from "../core/bytes.ts";
import type { ChildSaInstall } from "../core/gateway/output.ts";
import type { PacketFilter } from "../core/gateway/packet_filter.ts";
import { assertNever } from "../core/result.ts";
import {
  type AddressPrefix,
  type Endpoint,
  formatEndpoint,
  type IpAddress,
} from "../core/wire/address.ts";
import {
  buildCommand,
  type LoopCommand,
  type LoopReport,
  type LoopStart,
  mostNamedPairs,
} from "./command.ts";
import type {
  Dataplane,
  DataplaneCounters,
  DataplaneHandlers,
  DataplaneOptions,
  TunConfig,
} from "./dataplane.ts";
import { DataplaneError } from "./error.ts";
import type { EspCryptoName } from "./esp/cipher.ts";
import { espAlgorithmOf } from "./esp/keys.ts";
import { type DataplaneFeature, dataplaneFeatures } from "./features.ts";
import { libc } from "./ffi/libc.ts";
import { type CommandChannel, openCommandChannel, sendRecord } from "./io/command_channel_linux.ts";
import { IkeLines } from "./ike_lines.ts";
import { IkeSender } from "./io/ike_sender_linux.ts";
import { TunRoutes } from "./io/routes_linux.ts";
import { openTun, type TunDevice } from "./io/tun_linux.ts";
import { pathBetween } from "./io/udp_linux.ts";
import {
  enableUdpGro,
  hasUdpSegmentation,
  openUdpSocket,
  type UdpSocket,
} from "./io/udp_socket_linux.ts";

/** What waits for a counters report. */
interface CountersWaiter {
  readonly resolve: (counters: DataplaneCounters) => void;
  readonly reject: (error: Error) => void;
}

/** Everything that must be closed, as far as it was opened. */
class Resources {
  readonly sockets: UdpSocket[] = [];
  tun: TunDevice | undefined;
  routes: TunRoutes | undefined;
  channel: CommandChannel | undefined;

  close(): void {
    this.routes?.close();
    for (const { fd } of this.sockets) libc.close(fd);
    if (this.tun !== undefined) libc.close(this.tun.fd);
    if (this.channel === undefined) return;
    libc.close(this.channel.controlFd);
    libc.close(this.channel.loopFd);
  }
}

/** Starts it; see `openDataplane`. */
export async function startDataplane(
  options: DataplaneOptions,
  handlers: DataplaneHandlers,
): Promise<Dataplane> {
  const resources = new Resources();
  const wanted = new Set(dataplaneFeatures.filter((it) => !options.without?.includes(it)));
  try {
    const tun = resources.tun = openTun(options.tunName, wanted);
    const routes = resources.routes = new TunRoutes(tun, options.mtu);
    for (const [endpoint, isNatt] of endpointsOf(options)) {
      resources.sockets.push(openUdpSocket(endpoint, isNatt, isNatt ? options.fragments : "clear"));
    }
    const features = [...tun.features, ...udpFeatures(resources.sockets, wanted)];
    const channel = resources.channel = openCommandChannel();
    const running = new RunningDataplane(resources, tun, routes, channel, features, handlers);
    await running.start(options);
    return running;
  } catch (error) {
    resources.close();
    throw error;
  }
}

/** Turns on what is wanted and there; IKE's own sockets have no use for it. */
function udpFeatures(
  sockets: readonly UdpSocket[],
  wanted: ReadonlySet<DataplaneFeature>,
): DataplaneFeature[] {
  const natt = sockets.filter((socket) => socket.isNatt);
  const features: DataplaneFeature[] = [];
  if (wanted.has("udp-gso") && natt.every(hasUdpSegmentation)) features.push("udp-gso");
  if (wanted.has("udp-gro") && natt.every(enableUdpGro)) features.push("udp-gro");
  return features;
}

/** IKE endpoints, then NAT traversal endpoints. */
function endpointsOf(options: DataplaneOptions): [Endpoint, boolean][] {
  const endpoints: [Endpoint, boolean][] = [];
  const { ikePort } = options;
  if (ikePort !== undefined) {
    for (const address of options.listen) endpoints.push([{ address, port: ikePort }, false]);
  }
  for (const address of options.listen) {
    endpoints.push([{ address, port: options.nattPort }, true]);
  }
  return endpoints;
}

/** The running packet path. */
class RunningDataplane implements Dataplane {
  readonly sockets: readonly Endpoint[];
  readonly tunName: string;
  readonly features: readonly DataplaneFeature[];
  readonly #resources: Resources;
  readonly #bound: readonly UdpSocket[];
  readonly #nattSockets: readonly UdpSocket[];
  readonly #routes: TunRoutes;
  readonly #commandFd: number;
  readonly #handlers: DataplaneHandlers;
  readonly #sender: IkeSender;
  readonly #worker: Worker;
  readonly #ikeLines = new IkeLines();
  readonly #waiters = new Map<number, CountersWaiter>();
  readonly #started = Promise.withResolvers<EspCryptoName>();
  readonly #ended = Promise.withResolvers<void>();
  #cryptoName: EspCryptoName = "noble";
  #counterRequests = 0;
  #isRunning = false;
  #closing: Promise<void> | undefined;

  constructor(
    resources: Resources,
    tun: TunDevice,
    routes: TunRoutes,
    channel: CommandChannel,
    features: readonly DataplaneFeature[],
    handlers: DataplaneHandlers,
  ) {
    this.#resources = resources;
    this.#bound = resources.sockets;
    this.#nattSockets = resources.sockets.filter((socket) => socket.isNatt);
    this.#routes = routes;
    this.#commandFd = channel.controlFd;
    this.#handlers = handlers;
    this.sockets = resources.sockets.map((socket) => socket.local);
    this.tunName = tun.name;
    this.features = features;
    this.#sender = new IkeSender(resources.sockets);
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: "packet-loop",
    });
    this.#worker.onmessage = ({ data }: MessageEvent<LoopReport>): void => this.#take(data);
    this.#worker.onerror = (event): void => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  get cryptoName(): EspCryptoName {
    return this.#cryptoName;
  }

  /** Hands the descriptors to the worker and waits until its loop runs. */
  async start(options: DataplaneOptions): Promise<void> {
    const { channel, tun } = this.#resources;
    if (channel === undefined || tun === undefined) throw new RangeError("Cannot start: not open");
    const start: LoopStart = {
      sockets: this.#bound,
      tunFd: tun.fd,
      features: this.features,
      mtu: options.mtu,
      commandFd: channel.loopFd,
      crypto: options.crypto,
      natKeepaliveMs: options.natKeepaliveMs,
      replayWindow: options.replayWindow,
      fragments: options.fragments,
      clampsMss: options.clampsMss,
      copiesDscp: options.copiesDscp,
      profiles: options.profiles === true,
      ikeLines: this.#ikeLines.shared,
    };
    this.#worker.postMessage(start);
    try {
      this.#cryptoName = await this.#started.promise;
    } catch (error) {
      this.#worker.terminate(); // it has not entered its loop
      throw error;
    }
  }

  isNattPort(port: number): boolean {
    return this.#nattSockets.some((socket) => socket.local.port === port);
  }

  transmit(local: Endpoint, remote: Endpoint, bytes: Bytes): void {
    if (this.#closing === undefined) this.#sender.send(local, remote, bytes);
  }

  installChildSa(sa: ChildSaInstall): void {
    espAlgorithmOf(sa.suite, sa.inboundKeys);
    espAlgorithmOf(sa.suite, sa.outboundKeys);
    this.#checkPath(sa.local, sa.remote);
    this.#order({ kind: "install", sa });
  }

  moveChildSa(inboundSpi: number, local: Endpoint, remote: Endpoint): void {
    this.#checkPath(local, remote);
    this.#order({ kind: "move", inboundSpi, local, remote });
  }

  removeChildSa(inboundSpi: number): void {
    this.#order({ kind: "remove", inboundSpi });
  }

  filterChildSa(inboundSpi: number, filter: PacketFilter | undefined): void {
    this.#order({
      kind: "filter",
      inboundSpi,
      ...(filter === undefined ? {} : { filter }),
    });
  }

  configureTun(config: TunConfig): void {
    this.#routes.configure(config);
  }

  addRoute(destination: AddressPrefix): void {
    this.#routes.addRoute(destination);
  }

  removeRoute(destination: AddressPrefix): void {
    this.#routes.removeRoute(destination);
  }

  routeOutside(remote: IpAddress): void {
    this.#routes.routeOutside(remote);
  }

  sourceFor(remote: IpAddress): IpAddress | undefined {
    return this.#routes.sourceFor(remote);
  }

  async counters(only?: readonly number[]): Promise<DataplaneCounters> {
    if (!this.#isRunning) {
      throw new DataplaneError("worker-failed", "The packet loop is not running");
    }
    const id = ++this.#counterRequests;
    const { promise, resolve, reject } = Promise.withResolvers<DataplaneCounters>();
    this.#waiters.set(id, { resolve, reject });
    const fits = only !== undefined && only.length <= mostNamedPairs;
    this.#order({ kind: "counters", id, ...(fits ? { only } : {}) });
    const { totals, perSa, ...others } = await promise;
    const { sent, refused } = this.#sender;
    const wanted = only === undefined || fits ? undefined : new Set(only);
    return {
      ...others,
      totals: { ...totals, "ike-out": sent, "ike-send-error": refused },
      perSa: wanted === undefined ? perSa : perSa.filter((sa) => wanted.has(sa.inboundSpi)),
    };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    this.#ikeLines.close();
    if (this.#isRunning) this.#order({ kind: "stop" });
    if (this.#isRunning) await this.#ended.promise;
    this.#isRunning = false;
    this.#worker.terminate(); // it has left its loop
    this.#resources.close();
    this.#rejectWaiters(new DataplaneError("worker-failed", "The packet path was closed"));
  }

  #order(command: LoopCommand): void {
    if (!this.#isRunning) return;
    const record = Uint8Array.from(buildCommand(command));
    try {
      sendRecord(this.#commandFd, record);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    } finally {
      record.fill(0); // it may hold keys
    }
  }

  #checkPath(local: Endpoint, remote: Endpoint): void {
    if (pathBetween(this.#nattSockets, local, remote) !== undefined) return;
    throw new RangeError(
      `Cannot carry ESP from ${formatEndpoint(local)} to ${formatEndpoint(remote)}: ` +
        `the former is not a NAT traversal endpoint of ours, or the families differ`,
    );
  }

  #take(report: LoopReport): void {
    switch (report.kind) {
      case "ready":
        this.#isRunning = true;
        this.#started.resolve(report.cryptoName);
        return;
      case "ike":
        if (this.#closing !== undefined) return;
        this.#ikeLines.took(report.line);
        this.#handlers.ike(report.datagram);
        return;
      case "event":
        if (this.#closing === undefined) this.#handlers.event(report.event);
        return;
      case "trouble":
        if (this.#closing === undefined) this.#handlers.trouble(report.trouble);
        return;
      case "counters":
        this.#waiters.get(report.id)?.resolve(report.counters);
        this.#waiters.delete(report.id);
        return;
      case "removed":
        this.#handlers.removed?.(report.counters);
        return;
      case "stopped":
        this.#ended.resolve();
        return;
      case "failed":
        this.#fail(report.message);
        return;
      default:
        assertNever(report);
    }
  }

  #fail(reason: string): void {
    const wasRunning = this.#isRunning;
    this.#isRunning = false;
    const error = new DataplaneError("worker-failed", `The packet loop has ended: ${reason}`);
    this.#started.reject(error);
    this.#ended.resolve();
    this.#rejectWaiters(error);
    if (wasRunning && this.#closing === undefined) this.#handlers.fatal(error);
  }

  #rejectWaiters(error: Error): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}
