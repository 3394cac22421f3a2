/**
 * A gateway, clients and a network in virtual time. Everything comes from one seed: the same seed
 * gives the same run, octet for octet.
 *
 * The network may lose, double, delay and reorder datagrams, and rebind a client's endpoint as a NAT
 * would. The store keeps records over a crash of the gateway. The packet path is a table of what is
 * installed; `carries` says whether a packet would get through.
 */
import { equalBytes } from "../../core/bytes.ts";
import { Client } from "../../core/client/client.ts";
import type { ClientInput, ClientOutput } from "../../core/client/events.ts";
import type { CryptoProvider } from "../../core/crypto/provider.ts";
import type { ClientSettings } from "../../core/exchange/initiator_settings.ts";
import { Gateway } from "../../core/gateway/gateway.ts";
import type { Command, DataplaneEvent, SessionSelector } from "../../core/gateway/input.ts";
import type { ChildSaInstall, Output } from "../../core/gateway/output.ts";
import type { Policy } from "../../core/gateway/policy.ts";
import type { SessionPair } from "../../core/gateway/record.ts";
import { storedRecord } from "../../core/gateway/stored_record.ts";
import type { GatewaySnapshot, SessionSnapshot } from "../../core/gateway/snapshot.ts";
import type { Moment } from "../../core/moment.ts";
import { moment } from "../../core/moment.ts";
import type { Trace } from "../../core/trace.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import { equalEndpoints, formatEndpoint } from "../../core/wire/address.ts";
import { SeededRandom } from "./seeded_random.ts";
import { SimBackend } from "./sim_backend.ts";
import { SimClient } from "./sim_client.ts";
import { quickCrypto } from "./sim_crypto.ts";
import type { SimPki } from "./sim_pki.ts";
import { makeSimPki, simStart } from "./sim_pki.ts";
import { endpoint, gatewayEndpoint, simClient, simPolicy } from "./sim_settings.ts";

/** How the network treats datagrams. */
export interface NetworkTemper {
  /** Share lost, 0 to 1. */
  loss: number;
  /** Share that arrives twice. */
  duplication: number;
  /** One way, milliseconds, evenly between both. */
  latencyMs: readonly [number, number];
}

/** A calm network: 10 ms each way. */
export const calm: NetworkTemper = { loss: 0, duplication: 0, latencyMs: [10, 10] };

/** A datagram under way. */
export interface Flight {
  /** When it arrives, if it does. */
  readonly at: number;
  readonly order: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** Somebody who is no client of ours but has a socket. */
export interface SimSocket {
  readonly endpoint: Endpoint;
  /** A datagram for it. */
  receive(bytes: Uint8Array): void;
}

/** The rest of what a world is made from. */
export interface SimOptions {
  /** Algorithms; quick toys when left out. */
  readonly crypto?: CryptoProvider;
  /** The gateway's own algorithms, when they are not those of the clients. */
  readonly gatewayCrypto?: CryptoProvider;
  /** Certificates, when they are not the usual ones. */
  readonly pki?: SimPki;
  /** The gateway makes no tokens of quick crash detection. */
  readonly withoutCrashTokens?: boolean;
}

/** What happens, for those who watch. */
export type SimEvent =
  | { readonly kind: "sent"; readonly flight: Flight; readonly isLost: boolean }
  | { readonly kind: "gateway"; readonly output: Output }
  /** The gateway dies, in the middle of its outputs or between two steps; its store is as it was. */
  | { readonly kind: "crash"; readonly isMidway: boolean }
  | { readonly kind: "client"; readonly client: SimClient; readonly output: ClientOutput };

/** The simulated world. */
export class SimWorld {
  readonly random: SeededRandom;
  readonly crypto: CryptoProvider;
  readonly pki: SimPki;
  readonly network: NetworkTemper;
  readonly backend: SimBackend;
  readonly clients: SimClient[] = [];
  readonly sockets: SimSocket[] = [];
  /** What the gateway traced. */
  readonly traces: Trace[] = [];
  /** All outputs of the gateway, in order. */
  readonly outputs: Output[] = [];
  /** What the gateway's packet path holds. */
  readonly installed = new Map<number, ChildSaInstall>();
  /** Datagrams seen on the wire, oldest first. */
  readonly wire: Flight[] = [];
  /** Is told everything, in order. */
  watch: (event: SimEvent) => void = () => {};
  /** Says whether a datagram gets through; asked before chance is. */
  passes: (flight: Flight) => boolean = () => true;
  /** What goes on the wire in place of what was sent; asked before `passes`, once for each sending. */
  alter: (from: Endpoint, to: Endpoint, bytes: Uint8Array) => Uint8Array = (_, _to, bytes) => bytes;
  /** After how many more outputs the gateway dies, wherever in a step that is. */
  crashAfter: number | undefined;
  policy: Policy;
  /** What the gateway's tokens are made with; it outlives every crash. */
  readonly crashSecret: Uint8Array | undefined;
  gateway: Gateway;
  gatewayUp = true;
  nowMs = 0;
  wallOffsetMs = 0;
  readonly #gatewayCrypto: CryptoProvider;
  #flights: Flight[] = [];
  #order = 0;

  constructor(
    seed: number,
    change: Partial<Policy> = {},
    network: NetworkTemper = calm,
    options: SimOptions = {},
  ) {
    const { crypto = quickCrypto, gatewayCrypto = crypto, pki = makeSimPki(crypto) } = options;
    const isOff = options.withoutCrashTokens === true;
    this.crashSecret = isOff ? undefined : new Uint8Array(32).fill(0x5a);
    this.random = new SeededRandom(seed);
    this.crypto = crypto;
    this.#gatewayCrypto = gatewayCrypto;
    this.pki = pki;
    this.network = { ...network };
    this.backend = new SimBackend(crypto, new SeededRandom(this.random.u32()));
    this.policy = simPolicy(pki, change);
    this.gateway = this.#makeGateway();
  }

  /** The present. */
  get at(): Moment {
    return moment(this.nowMs, simStart + this.nowMs + this.wallOffsetMs);
  }

  /** A picture of the gateway. */
  get show(): GatewaySnapshot {
    return this.gateway.snapshot();
  }

  /** The only session; throws unless there is exactly one. */
  get session(): SessionSnapshot {
    const { sessions } = this.show;
    const [only] = sessions;
    if (only === undefined || sessions.length > 1) throw new Error(`${sessions.length} sessions`);
    return only;
  }

  /** How many AAA questions were asked so far. */
  get aaaQuestions(): number {
    return this.backend.questions.filter(({ kind }) => kind === "verify").length;
  }

  // --- who is there -------------------------------------------------------------------------

  /** Adds a client; it does nothing until `connect`. */
  addClient(user: string, host: string, change: Partial<ClientSettings> = {}): SimClient {
    const local = endpoint(host, 4500);
    const settings = simClient(this.pki, user, local, change);
    const sim = new SimClient(user, settings, this.#makeClient(settings));
    this.clients.push(sim);
    return sim;
  }

  /** Adds a client and waits until it is up. */
  login(user: string, host: string, change: Partial<ClientSettings> = {}): SimClient {
    const sim = this.addClient(user, host, change);
    this.connect(sim);
    this.runUntil(() => sim.last("established") !== undefined, 2_000);
    this.run(100);
    return sim;
  }

  /** Tells a client to connect, with a pair where it has one. */
  connect(sim: SimClient, pair?: SessionPair): void {
    this.tellClient(sim, {
      kind: "connect",
      at: this.at,
      ...(pair === undefined ? {} : { pair }),
    });
  }

  /** The client's process dies and starts again with what it had kept. */
  restartClient(sim: SimClient): void {
    const { pair } = sim.client;
    sim.client = this.#makeClient({ ...sim.settings, local: sim.local });
    sim.installed.clear();
    this.connect(sim, pair);
  }

  /** The client is elsewhere and knows it. */
  roam(sim: SimClient, host: string): void {
    sim.local = endpoint(host, 4500);
    sim.outer = sim.local;
    this.tellClient(sim, { kind: "network-changed", at: this.at, local: sim.local });
  }

  /** Gives a client an input. */
  tellClient(sim: SimClient, input: ClientInput): void {
    this.#applyClient(sim, sim.client.handle(input));
  }

  // --- what happens to the gateway ----------------------------------------------------------

  /** Gives the gateway a command. */
  command(command: Command): void {
    this.#apply(this.gateway.handle({ kind: "command", at: this.at, command }));
  }

  /** Clears sessions. */
  clear(selector: SessionSelector = {}): void {
    this.command({ kind: "clear-sessions", selector });
  }

  /** Gives the gateway a report of its packet path. */
  report(event: DataplaneEvent): void {
    this.#apply(this.gateway.handle({ kind: "dataplane", at: this.at, event }));
  }

  /** Hands the gateway a datagram as if it came from somewhere. */
  inject(bytes: Uint8Array, remote: Endpoint): readonly Output[] {
    const input = { kind: "datagram", at: this.at, local: gatewayEndpoint, remote, bytes } as const;
    const outputs = this.gateway.handle(input);
    this.#apply(outputs);
    return outputs;
  }

  /** `kill -9`: everything but the store is gone. */
  crash(isMidway = false): void {
    this.watch({ kind: "crash", isMidway });
    this.crashAfter = undefined;
    this.gatewayUp = false;
    this.installed.clear();
    this.backend.crash();
  }

  /** Starts the gateway anew from the store. */
  restart(): void {
    this.gatewayUp = true;
    this.gateway = this.#makeGateway();
    this.command({ kind: "restore", records: [...this.backend.store.values()].map(storedRecord) });
  }

  // --- time ---------------------------------------------------------------------------------

  /** Lets time pass, doing what falls due, in order. */
  run(ms: number, until: () => boolean = () => false): void {
    const end = this.nowMs + ms;
    while (!until()) {
      const next = this.#nextEvent();
      if (next === undefined || next > end) {
        this.nowMs = end;
        return;
      }
      this.nowMs = Math.max(this.nowMs, next);
      this.#doDue();
    }
  }

  /** Runs until a claim holds; throws when it does not within `ms`. */
  runUntil(claim: () => boolean, ms: number): void {
    this.run(ms, claim);
    if (!claim()) throw new Error(`not within ${ms} ms\n${describe(this)}`);
  }

  // --- packets ------------------------------------------------------------------------------

  /** Whether packets would flow both ways on the client's newest SA. */
  carries(sim: SimClient): boolean {
    const newest = [...sim.installed.values()].at(-1);
    if (newest === undefined || !this.gatewayUp) return false;
    const other = this.installed.get(newest.outboundSpi);
    if (other === undefined || other.outboundSpi !== newest.inboundSpi) return false;
    return equalBytes(newest.outboundKeys.encryption, other.inboundKeys.encryption) &&
      equalBytes(newest.inboundKeys.encryption, other.outboundKeys.encryption) &&
      equalBytes(newest.outboundKeys.integrity, other.inboundKeys.integrity) &&
      equalEndpoints(other.remote, sim.outer);
  }

  /** Packets from the client reach the gateway's packet path: its user's, or dummies alone. */
  traffic(sim: SimClient, what: "packets" | "dummies" = "packets"): void {
    const newest = [...sim.installed.values()].at(-1);
    if (newest === undefined || !this.gatewayUp || !sim.online) return;
    const { outboundSpi } = newest;
    const other = this.installed.get(outboundSpi);
    if (other === undefined) return;
    if (!equalEndpoints(other.remote, sim.outer)) {
      this.report({ kind: "peer-moved", inboundSpi: outboundSpi, remote: sim.outer });
    }
    const inboundSpis = [outboundSpi];
    const carryingSpis = what === "packets" ? inboundSpis : [];
    this.report({ kind: "traffic-seen", inboundSpis, carryingSpis });
  }

  // --- inside -------------------------------------------------------------------------------

  #makeClient(settings: ClientSettings): Client {
    const random = new SeededRandom(this.random.u32());
    return new Client({ settings, crypto: this.crypto, random });
  }

  #makeGateway(): Gateway {
    return new Gateway({
      policy: this.policy,
      crypto: this.#gatewayCrypto,
      random: new SeededRandom(this.random.u32()),
      now: this.at,
      ...(this.crashSecret === undefined ? {} : { crashSecret: this.crashSecret }),
    });
  }

  #apply(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (this.crashAfter === 0) return this.crash(true);
      if (this.crashAfter !== undefined) this.crashAfter--;
      this.outputs.push(output);
      this.watch({ kind: "gateway", output });
      switch (output.kind) {
        case "transmit":
          this.send(output.local, output.remote, output.bytes);
          break;
        case "ask":
          this.backend.ask(output.id, output.question, this.nowMs);
          break;
        case "cancel":
          this.backend.cancel(output.id);
          break;
        case "trace":
          this.traces.push(output.trace);
          break;
        case "install-child-sa":
          this.installed.set(output.sa.inboundSpi, output.sa);
          break;
        case "remove-child-sa":
          this.installed.delete(output.inboundSpi);
          break;
        case "filter-child-sa": {
          const { inboundSpi, filter } = output;
          const sa = this.installed.get(inboundSpi);
          if (sa === undefined || filter === undefined) throw new Error("filtered in vain");
          this.installed.set(inboundSpi, { ...sa, filter });
          break;
        }
        case "move-child-sa": {
          const { inboundSpi, local, remote } = output;
          const sa = this.installed.get(inboundSpi);
          if (sa !== undefined) this.installed.set(inboundSpi, { ...sa, local, remote });
          break;
        }
      }
    }
  }

  #applyClient(client: SimClient, outputs: readonly ClientOutput[]): void {
    for (const output of outputs) {
      this.watch({ kind: "client", client, output });
      switch (output.kind) {
        case "client":
          client.events.push(output.event);
          break;
        case "transmit":
          if (client.online) this.send(client.outer, output.remote, output.bytes);
          break;
        case "install-child-sa":
          client.installed.set(output.sa.inboundSpi, output.sa);
          break;
        case "remove-child-sa":
          client.installed.delete(output.inboundSpi);
          break;
        case "move-child-sa": {
          const { inboundSpi, local, remote } = output;
          const sa = client.installed.get(inboundSpi);
          if (sa !== undefined) client.installed.set(inboundSpi, { ...sa, local, remote });
          break;
        }
        case "trace":
          client.traces.push(output.trace);
          break;
        default:
          break;
      }
    }
  }

  /** Puts a datagram on the wire. */
  send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    this.sendUnaltered(from, to, this.alter(from, to, bytes));
  }

  /** The same for octets that `alter` is not asked about. */
  sendUnaltered(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const { loss, duplication, latencyMs: [low, high] } = this.network;
    const copies = this.random.chance(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const at = this.nowMs + this.random.between(low, high);
      const flight = { at, order: this.#order++, from, to, bytes: Uint8Array.from(bytes) };
      this.wire.push(flight);
      const isLost = !this.passes(flight) || this.random.chance(loss);
      this.watch({ kind: "sent", flight, isLost });
      if (!isLost) this.#flights.push(flight);
    }
  }

  #nextEvent(): number | undefined {
    let next = this.backend.next();
    const consider = (at: number | undefined): void => {
      if (at !== undefined && (next === undefined || at < next)) next = at;
    };
    for (const { at } of this.#flights) consider(at);
    if (this.gatewayUp) consider(this.gateway.nextTimeout());
    for (const { client } of this.clients) consider(client.nextTimeout());
    return next;
  }

  #doDue(): void {
    for (const flight of this.#takeFlights()) this.#deliver(flight);
    for (const { id, answer } of this.backend.take(this.nowMs)) {
      if (!this.gatewayUp) break;
      this.#apply(this.gateway.handle({ kind: "completion", at: this.at, id, answer }));
    }
    const due = this.gateway.nextTimeout();
    if (this.gatewayUp && due !== undefined && due <= this.nowMs) {
      this.#apply(this.gateway.handle({ kind: "timeout", at: this.at }));
    }
    for (const sim of this.clients) {
      const next = sim.client.nextTimeout();
      if (next !== undefined && next <= this.nowMs) {
        this.tellClient(sim, { kind: "timeout", at: this.at });
      }
    }
  }

  #takeFlights(): Flight[] {
    const due = this.#flights.filter(({ at }) => at <= this.nowMs);
    this.#flights = this.#flights.filter(({ at }) => at > this.nowMs);
    return due.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  #deliver({ from, to, bytes }: Flight): void {
    if (equalEndpoints(to, gatewayEndpoint)) {
      if (this.gatewayUp) this.inject(bytes, from);
      return;
    }
    this.sockets.findLast(({ endpoint }) => equalEndpoints(endpoint, to))?.receive(bytes);
    const sim = this.clients.find(({ outer }) => equalEndpoints(outer, to));
    if (sim === undefined || !sim.online) return;
    this.tellClient(sim, {
      kind: "datagram",
      at: this.at,
      local: sim.local,
      remote: from,
      bytes,
    });
  }
}

/** For messages of failed claims. */
export function describe(world: SimWorld): string {
  const events = world.clients.map((sim) => {
    const told = sim.events.slice(-6).map((event) =>
      event.kind === "established" ? `${event.how} as ${sim.address}` : JSON.stringify(event)
    );
    return `${sim.name} at ${formatEndpoint(sim.local)}: ${told.join(", ")}`;
  });
  const traces = world.traces.slice(-10).map((trace) => JSON.stringify(trace));
  return [`at ${world.nowMs} ms`, ...events, ...traces].join("\n");
}
