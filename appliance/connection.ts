/**
 * The client as a process: a tunnel to one gateway that comes back by itself, until it is told to stop
 * or the gateway ends the session.
 *
 * A signal to stop logs out, which voids the pair; with `--park` it leaves the session waiting on the
 * gateway. SIGUSR2 rekeys.
 * DNS servers are told in the log and not configured.
 */
import {
  type Assignment,
  bitsOf,
  Client,
  type ClientEvent,
  type ClientInput,
  type ClientOutput,
  type ClientSettings,
  type CryptoProvider,
  type Endpoint,
  equalAddresses,
  formatEndpoint,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
  type SessionPair,
} from "../core/mod.ts";
import { type Dataplane, openDataplane } from "../dataplane/mod.ts";
import { systemClock } from "./clock.ts";
import type { PacketOptions } from "./config/packet_options.ts";
import { adviceFor } from "./connect_advice.ts";
import { Driver, type Machine } from "./driver.ts";
import { systemRandom } from "./entropy.ts";
import type { Facts, Log } from "./log.ts";
import { NetworkWatch } from "./network_watch.ts";
import { tellTrouble } from "./packet_troubles.ts";
import type { PairStore } from "./pair_store.ts";
import { listenForStop, onSignal, type StopSignals } from "./signals.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** Milliseconds that logging out waits for the gateway's answer. */
const logoutPatienceMs = 2_000;

/** What a connection is made from. */
export interface ConnectionPlan {
  readonly gateway: Endpoint;
  /** What the packet path is told. */
  readonly packets: PacketOptions;
  /** Seconds until it ends by itself; 0 for never. */
  readonly exitAfterSeconds: number;
  /** Leave without logging out. */
  readonly park: boolean;
  readonly crypto: CryptoProvider;
  readonly log: Log;
  readonly pairs: PairStore;
  /** The pair to begin with. */
  readonly pair: SessionPair | undefined;
  /** The client's settings, once it is known where packets leave from. */
  readonly settingsFor: (local: Endpoint) => ClientSettings;
}

/** Inputs that only a client has. */
type ClientOrder = Extract<
  ClientInput,
  { readonly kind: "connect" | "network-changed" | "disconnect" | "rekey" }
>;
type ClientExtra = Extract<ClientOutput, { readonly kind: "client" }>;
type ClientDriver = Driver<ClientOrder, ClientExtra>;

/** Runs the connection until it ends; the exit status comes back. */
export async function connect(plan: ConnectionPlan): Promise<number> {
  const { gateway, log } = plan;
  await using running = new AsyncDisposableStack();
  const signals = listenForStop();
  running.defer(() => signals.close());

  const link: { driver?: ClientDriver } = {};
  const dataplane = await openDataplane({
    ...plan.packets,
    listen: [anyAddress(gateway.address.family)],
    nattPort: 0,
    workers: 1,
    natKeepaliveMs: 20_000,
  }, {
    ike: (datagram, place) => {
      if (link.driver === undefined) place.leave();
      else link.driver.datagram(datagram, place);
    },
    event: (event) => link.driver?.event(event),
    trouble: (trouble) => tellTrouble(log, trouble),
    fatal: (error) => signals.stop(`packet path died: ${reasonOf(error)}`),
  });
  running.defer(() => dataplane.close());

  const way = new Way(dataplane, gateway.address);
  const source = way.source();
  if (source === undefined) {
    throw new StartError(`Cannot reach ${formatEndpoint(gateway)}: no route`);
  }
  const port = dataplane.sockets[0]?.port ?? 0;
  const client = new Client({
    settings: plan.settingsFor({ address: source, port }),
    crypto: plan.crypto,
    random: systemRandom,
  });
  const tunnel = new Tunnel(plan, dataplane, way, signals);
  const driver: ClientDriver = new Driver<ClientOrder, ClientExtra>({
    machine: machineOf(client),
    packets: dataplane,
    answer: () => Promise.resolve({ kind: "failed", reason: "a client asks nobody" }),
    clock: systemClock,
    log,
    extra: ({ event }) => {
      tunnel.take(event);
      if (event.kind === "established") watch.settle();
    },
  });
  running.defer(() => driver.stop());
  link.driver = driver;
  const watch = new NetworkWatch({
    source: () => way.source(),
    clock: systemClock,
    changed: (address, why) => {
      log.tell("info", "network-changed", { why, address: formatIpAddress(address) });
      way.renew();
      driver.order((at) => ({ kind: "network-changed", at, local: { address, port } }));
    },
  });
  running.defer(() => watch.close());
  running.defer(onSignal("SIGUSR2", () => {
    for (const what of ["child", "ike"] as const) {
      driver.order((at) => ({ kind: "rekey", at, what }));
    }
  }));

  const { pair } = plan;
  log.tell("info", "connecting", { gateway, how: pair === undefined ? "login" : "reconnect" });
  driver.order((at) => ({ kind: "connect", at, ...(pair === undefined ? {} : { pair }) }));
  watch.start();
  const timer = plan.exitAfterSeconds === 0
    ? undefined
    : setTimeout(() => signals.stop("exit-after"), plan.exitAfterSeconds * 1000);
  running.defer(() => clearTimeout(timer));

  const reason = await signals.stopped;
  if (tunnel.closed === undefined && !plan.park) {
    driver.order((at) => ({ kind: "disconnect", at }));
    await tunnel.over(logoutPatienceMs);
    tunnel.forgetPair();
  }
  await tunnel.settled;
  log.tell("info", "stopped", { reason });
  if (reason === "exit-after") return tunnel.wasEstablished ? 0 : 1;
  return ["SIGTERM", "SIGINT"].includes(reason) ? 0 : 1;
}

/** A client asks no questions and knows no commands of a gateway. */
function machineOf(client: Client): Machine<ClientOrder, ClientExtra> {
  return {
    handle: (input) =>
      input.kind === "completion" || input.kind === "command" ? [] : client.handle(input),
    nextTimeout: () => client.nextTimeout(),
  };
}

/** The way to the gateway, outside of the tunnel. */
class Way {
  readonly #dataplane: Dataplane;
  readonly #gateway: IpAddress;
  /** Inner addresses: a way that leaves from one of them goes through the tunnel itself. */
  inner: readonly IpAddress[] = [];

  constructor(dataplane: Dataplane, gateway: IpAddress) {
    this.#dataplane = dataplane;
    this.#gateway = gateway;
  }

  /** Where packets to the gateway would leave from; `undefined` without a way. */
  source(): IpAddress | undefined {
    const first = this.#look();
    if (first === undefined || !this.#isInner(first)) return first;
    this.renew();
    const second = this.#look();
    return second === undefined || this.#isInner(second) ? undefined : second;
  }

  /** Looks the way up afresh, past the tunnel. */
  renew(): void {
    try {
      this.#dataplane.routeOutside(this.#gateway);
    } catch {
      // There is no way now; the next look tries again.
    }
  }

  #look(): IpAddress | undefined {
    try {
      return this.#dataplane.sourceFor(this.#gateway);
    } catch {
      return undefined;
    }
  }

  #isInner(address: IpAddress): boolean {
    return this.inner.some((one) => equalAddresses(one, address));
  }
}

/** What the client's events mean for the machine: addresses, routes, the stored pair. */
class Tunnel {
  readonly #plan: ConnectionPlan;
  readonly #dataplane: Dataplane;
  readonly #way: Way;
  readonly #signals: StopSignals;
  readonly #over = Promise.withResolvers<void>();
  /** Resolves when everything so far is stored. */
  settled: Promise<void> = Promise.resolve();
  /** Why it is over. */
  closed: string | undefined;
  /** Whether it ever stood. */
  wasEstablished = false;

  constructor(plan: ConnectionPlan, dataplane: Dataplane, way: Way, signals: StopSignals) {
    this.#plan = plan;
    this.#dataplane = dataplane;
    this.#way = way;
    this.#signals = signals;
  }

  take(event: ClientEvent): void {
    const { log, pairs } = this.#plan;
    switch (event.kind) {
      case "established": {
        const { how, tookMs, assignment } = event;
        this.wasEstablished = true;
        this.#configure(assignment);
        const { pair, banner } = assignment;
        if (pair !== undefined) this.#store(() => pairs.save(pair));
        // Told once the pair is kept: whoever reads it may pull the plug.
        this.settled = this.settled.then(() => {
          log.tell("info", "established", {
            how,
            tookMs: Math.round(tookMs),
            gateway: this.#plan.gateway,
            addresses: assignment.addresses.map(formatIpAddress),
            routes: assignment.routes.map(formatPrefix),
            dns: assignment.dns.map(formatIpAddress),
            ...toldFacts(assignment),
            reconnect: pair !== undefined || how === "reconnect",
          });
          if (banner !== undefined) log.tell("info", "banner", { text: banner });
        });
        return;
      }
      case "moved":
        return log.tell("info", "moved", { tookMs: Math.round(event.tookMs) });
      case "reconnecting":
        return log.tell("info", "reconnecting", { why: event.why, how: event.how });
      case "pair-refused":
        this.forgetPair();
        return log.tell("warning", "pair-refused");
      case "closed":
        this.closed = event.why;
        // A session that the gateway ended has no way back.
        if (event.why === "deleted-by-gateway") this.forgetPair();
        log.tell("info", "closed", { why: event.why, advice: adviceFor(event.why) });
        this.#over.resolve();
        return this.#signals.stop(`closed: ${event.why}`);
    }
  }

  /** There is no way back any more. */
  forgetPair(): void {
    this.#store(() => this.#plan.pairs.forget());
  }

  /** Resolves when the client is over, or after some milliseconds. */
  async over(patienceMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, patienceMs);
    await Promise.race([this.#over.promise, late.promise]);
    clearTimeout(timer);
  }

  #configure({ addresses, routes }: Assignment): void {
    // Without an inner address of a family its packets would enter the tunnel and go nowhere.
    const usable = routes.filter((route) =>
      addresses.some(({ family }) => family === route.address.family)
    );
    this.#way.renew();
    this.#way.inner = addresses;
    try {
      this.#dataplane.configureTun({
        addresses: addresses.map((address) => ({ address, length: bitsOf(address.family) })),
        routes: usable,
      });
    } catch (error) {
      this.#plan.log.tell("error", "tun-not-configured", { reason: reasonOf(error) });
    }
  }

  /** Changes of the stored pair, one after the other. */
  #store(change: () => Promise<void>): void {
    this.settled = this.settled.then(change).catch((error) => {
      this.#plan.log.tell("error", "pair-not-stored", { reason: reasonOf(error) });
    });
  }
}

/** What the gateway told besides, for the user to set up where it is wanted. */
function toldFacts({ netmask, nbns, domain, splitDns }: Assignment): Facts {
  return {
    ...(netmask === undefined ? {} : { netmask: formatIpAddress(netmask) }),
    ...(nbns.length === 0 ? {} : { wins: nbns.map(formatIpAddress) }),
    ...(domain === undefined ? {} : { domain }),
    ...(splitDns.length === 0 ? {} : { splitDns }),
  };
}

function anyAddress(family: 4 | 6): IpAddress {
  return { family, octets: new Uint8Array(family === 4 ? 4 : 16) };
}
