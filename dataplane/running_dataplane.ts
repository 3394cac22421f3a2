/**
 * The main thread's half of the packet path: opens everything, starts the loops, passes commands and
 * reports, and takes it all down again.
 *
 * All loops hear every command, in the same order, and so have the same pairs. What one finds out by itself
 * and another needs comes here and goes to all as a command: where two of them had it in different order for
 * a moment, the last command settles it.
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
  type LoopCounters,
  type LoopReport,
  mostNamedPairs,
} from "./command.ts";
import { sumPairs, sumReadings } from "./counter_sums.ts";
import type { CounterName } from "./counters.ts";
import type {
  ChildSaCounters,
  Dataplane,
  DataplaneCounters,
  DataplaneHandlers,
  DataplaneOptions,
  DataplaneTrouble,
  IkePlace,
  TunConfig,
} from "./dataplane.ts";
import type { IkeLine } from "./datagram.ts";
import { DataplaneError } from "./error.ts";
import type { EspCryptoName } from "./esp/cipher.ts";
import { espAlgorithmOf } from "./esp/keys.ts";
import type { DataplaneFeature } from "./features.ts";
import { IkeLines } from "./ike_lines.ts";
import { IkeSender } from "./io/ike_sender_linux.ts";
import type { TunRoutes } from "./io/routes_linux.ts";
import { pathBetween } from "./io/udp_linux.ts";
import type { UdpSocket } from "./io/udp_socket_linux.ts";
import { LoopAnswers } from "./loop_answers.ts";
import { directionsOf, type LoopDirection, receives } from "./loop_direction.ts";
import { LoopHandle, type SharedStart } from "./loop_handle.ts";
import { closeResources, openResources, type Resources } from "./resources.ts";

/** What waits for a reading of counters. */
interface CountersWaiter {
  readonly resolve: (readings: readonly LoopReading[]) => void;
  readonly reject: (error: Error) => void;
}

/** What one loop has counted. */
interface LoopReading extends LoopCounters {
  readonly direction: LoopDirection;
}

/** Starts it; see `openDataplane`. */
export async function startDataplane(
  options: DataplaneOptions,
  handlers: DataplaneHandlers,
): Promise<Dataplane> {
  const running = new RunningDataplane(openResources(options), handlers);
  try {
    await running.start(options);
    return running;
  } catch (error) {
    await running.close();
    throw error;
  }
}

/** The running packet path. */
class RunningDataplane implements Dataplane {
  readonly sockets: readonly Endpoint[];
  readonly tunName: string;
  readonly features: readonly DataplaneFeature[];
  readonly #resources: Resources;
  readonly #nattSockets: readonly UdpSocket[];
  readonly #routes: TunRoutes;
  readonly #handlers: DataplaneHandlers;
  readonly #sender: IkeSender;
  readonly #ikeLines = new IkeLines();
  readonly #waiters = new Map<number, CountersWaiter>();
  /** Causes of drops that were told; another loop may meet them, too. */
  readonly #told = new Set<CounterName>();
  /** In the order in which they hear of everything. */
  readonly #loops: LoopHandle[] = [];
  readonly #readings = new LoopAnswers<LoopReading>();
  readonly #removals = new LoopAnswers<ChildSaCounters | undefined>();
  #cryptoName: EspCryptoName = "noble";
  #isRunning = false;
  /** Of the loop that was the first to die. */
  #failure: DataplaneError | undefined;
  #closing: Promise<void> | undefined;

  constructor(resources: Resources, handlers: DataplaneHandlers) {
    const { tun, routes, sockets, features } = resources;
    this.#resources = resources;
    this.#nattSockets = sockets.filter((socket) => socket.isNatt);
    this.#routes = routes;
    this.#handlers = handlers;
    this.sockets = sockets.map((socket) => socket.local);
    this.tunName = tun.name;
    this.features = features;
    this.#sender = new IkeSender(sockets);
  }

  get cryptoName(): EspCryptoName {
    return this.#cryptoName;
  }

  get loops(): readonly LoopDirection[] {
    return this.#loops.map(({ direction }) => direction);
  }

  /** Hands the descriptors to the workers and waits until their loops run; if that fails, call `close`. */
  async start(options: DataplaneOptions): Promise<void> {
    for (const direction of directionsOf(options.workers)) {
      const listener = {
        take: (report: LoopReport): void => this.#take(direction, report),
        failed: (error: DataplaneError): void => this.#fail(error),
      };
      this.#loops.push(new LoopHandle(direction, listener));
    }
    const shared: SharedStart = {
      sockets: this.#resources.sockets,
      tunFd: this.#resources.tun.fd,
      features: this.features,
      mtu: options.mtu,
      crypto: options.crypto,
      natKeepaliveMs: options.natKeepaliveMs,
      replayWindow: options.replayWindow,
      fragments: options.fragments,
      clampsMss: options.clampsMss,
      copiesDscp: options.copiesDscp,
      profiles: options.profiles === true,
      ikeLines: this.#ikeLines.shared,
    };
    // All of them, so that none is on its way into its loop when others are told to stop.
    const names = await Promise.allSettled(this.#loops.map((loop) => loop.start(shared)));
    if (this.#failure !== undefined) throw this.#failure;
    for (const name of names) if (name.status === "fulfilled") this.#cryptoName = name.value;
    this.#isRunning = true;
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
    if (!this.#isRunning) return;
    const id = this.#removals.open(this.#loops.length);
    this.#order({ kind: "remove", id, inboundSpi });
  }

  filterChildSa(inboundSpi: number, filter: PacketFilter | undefined): void {
    const command = { kind: "filter" as const, inboundSpi };
    const receiving = this.#loops.filter(({ direction }) => receives(direction));
    this.#order(filter === undefined ? command : { ...command, filter }, receiving);
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
    const id = this.#readings.open(this.#loops.length);
    const { promise, resolve, reject } = Promise.withResolvers<readonly LoopReading[]>();
    this.#waiters.set(id, { resolve, reject });
    const fits = only !== undefined && only.length <= mostNamedPairs;
    this.#order({ kind: "counters", id, ...(fits ? { only } : {}) });
    const readings = await promise;
    const { totals, perSa } = sumReadings(readings);
    const { sent, refused } = this.#sender;
    const wanted = only === undefined || fits ? undefined : new Set(only);
    const stages = this.loops.flatMap((direction) => {
      const times = readings.find((it) => it.direction === direction)?.stages;
      return times === undefined ? [] : [[direction, times] as const];
    });
    return {
      totals: { ...totals, "ike-out": sent, "ike-send-error": refused },
      perSa: wanted === undefined ? perSa : perSa.filter((sa) => wanted.has(sa.inboundSpi)),
      ...(stages.length === 0 ? {} : { stages: Object.fromEntries(stages) }),
    };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    this.#isRunning = false;
    this.#tell({ kind: "stop" });
    await Promise.all(this.#loops.map((loop) => loop.close()));
    closeResources(this.#resources);
    this.#rejectWaiters(new DataplaneError("worker-failed", "The packet path was closed"));
  }

  /** Tells loops, all of them unless said, what to do. */
  #order(command: LoopCommand, loops: readonly LoopHandle[] = this.#loops): void {
    if (this.#isRunning) this.#tell(command, loops);
  }

  #tell(command: LoopCommand, loops: readonly LoopHandle[] = this.#loops): void {
    const record = buildCommand(command);
    for (const loop of loops) loop.order(record);
    record.fill(0); // it may hold keys
  }

  #checkPath(local: Endpoint, remote: Endpoint): void {
    if (pathBetween(this.#nattSockets, local, remote) !== undefined) return;
    throw new RangeError(
      `Cannot carry ESP from ${formatEndpoint(local)} to ${formatEndpoint(remote)}: ` +
        `the former is not a NAT traversal endpoint of ours, or the families differ`,
    );
  }

  #take(direction: LoopDirection, report: LoopReport): void {
    switch (report.kind) {
      case "ike":
        if (this.#closing !== undefined) return;
        this.#handlers.ike(report.datagram, this.#placeIn(report.line));
        return;
      case "event":
        if (this.#closing === undefined) this.#handlers.event(report.event);
        return;
      case "trouble":
        this.#tellTrouble(report.trouble);
        return;
      case "confirmed":
        this.#share({ kind: "confirm", inboundSpi: report.inboundSpi });
        return;
      case "followed": {
        const { inboundSpi, local, remote } = report;
        this.#share({ kind: "move", inboundSpi, local, remote });
        return;
      }
      case "counters": {
        const { id, counters } = report;
        const readings = this.#readings.take(id, { ...counters, direction });
        if (readings === undefined) return;
        this.#waiters.get(id)?.resolve(readings);
        this.#waiters.delete(id);
        return;
      }
      case "removed":
        this.#settle(this.#removals.take(report.id, report.counters) ?? []);
        return;
      case "ready":
      case "stopped":
      case "failed":
        return; // the handle's business
      default:
        assertNever(report);
    }
  }

  #placeIn(line: IkeLine): IkePlace {
    return { line, leave: () => this.#ikeLines.leave(line) };
  }

  /** Tells the others what one loop has found out. */
  #share(command: LoopCommand): void {
    if (this.#loops.length > 1) this.#order(command);
  }

  /** A pair is gone from all loops. */
  #settle(answers: readonly (ChildSaCounters | undefined)[]): void {
    const [first, ...others] = answers.filter((it) => it !== undefined);
    if (first !== undefined) this.#handlers.removed?.(others.reduce(sumPairs, first));
  }

  #tellTrouble(trouble: DataplaneTrouble): void {
    if (this.#closing !== undefined || this.#told.has(trouble.cause)) return;
    this.#told.add(trouble.cause);
    this.#handlers.trouble(trouble);
  }

  /** One loop is dead, and so are all: the first that fails is told of, the others stop. */
  #fail(error: DataplaneError): void {
    this.#failure ??= error;
    this.#rejectWaiters(error);
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#tell({ kind: "stop" });
    if (this.#closing === undefined) this.#handlers.fatal(error);
  }

  #rejectWaiters(error: Error): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}
