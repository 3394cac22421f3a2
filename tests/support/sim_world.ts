/**
 * A gateway, clients and a network in virtual time. Everything comes from one seed: the same seed
 * gives the same run, octet for octet.
 *
 * The network may lose, double, delay and reorder datagrams, and rebind a client's port as a NAT
 * would. The store keeps records over a crash of the gateway. The packet path is a table of what is
 * installed; `carries` says whether a packet would get through.
 */
import { Client } from "../../core/client/client.ts";
import type { ClientEvent, ClientInput, ClientOutput } from "../../core/client/events.ts";
import type { CryptoProvider } from "../../core/crypto/provider.ts";
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import { ntHash, verifyMschapv2 } from "../../core/eap/ms_chap.ts";
import type { ClientSettings } from "../../core/exchange/initiator_settings.ts";
import { Gateway } from "../../core/gateway/gateway.ts";
import type { Command } from "../../core/gateway/input.ts";
import type { ChildSaInstall, Output } from "../../core/gateway/output.ts";
import type { Policy } from "../../core/gateway/policy.ts";
import type { Answer, Question } from "../../core/gateway/question.ts";
import type { SessionRecord } from "../../core/gateway/record.ts";
import { utf8 } from "../../core/bytes.ts";
import { IdType } from "../../core/message/constants.ts";
import type { Moment } from "../../core/moment.ts";
import { moment } from "../../core/moment.ts";
import { defaultEspProposals, defaultIkeProposals } from "../../core/sa/default_proposals.ts";
import type { Trace } from "../../core/trace.ts";
import type { Endpoint, IpAddress } from "../../core/wire/address.ts";
import {
  equalEndpoints,
  formatEndpoint,
  parseIpAddress,
  parseRange,
} from "../../core/wire/address.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { SimPki } from "./sim_pki.ts";
import { makeSimPki, simGatewayName, simStart } from "./sim_pki.ts";

/** An address that must be one. */
export function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** An endpoint that must be one. */
export function endpoint(text: string, port: number): Endpoint {
  return { address: address(text), port };
}

/** Passwords of the simulated AAA. */
export const simUsers: Readonly<Record<string, string>> = { alice: "alicepw", bob: "bobpw" };

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

/** Attribute numbers of the pair in simulations. */
export const simNumbers = { sessionId: [28713], sessionToken: [28714] } as const;

/** The gateway's endpoint. */
export const gatewayEndpoint = endpoint("192.0.2.1", 4500);

/** A policy for simulations. */
export function simPolicy(pki: SimPki, change: Partial<Policy> = {}): Policy {
  const pool = parseRange("10.99.0.2-10.99.0.250");
  if (pool === undefined) throw new Error("the pool is a range");
  return {
    gatewayName: "gw",
    identity: { idType: IdType.FQDN, data: utf8(simGatewayName) },
    certificates: [pki.gateway.certificate],
    signer: pki.gateway.signer,
    loginMethods: ["eap-mschapv2", "certificate"],
    clientCas: [pki.ca],
    pools: [pool],
    attributes: {
      dns: [address("10.0.0.53")],
      nbns: [],
      splitInclude: [],
      splitDns: [],
      applicationVersion: "rejoin",
    },
    reconnect: { timeoutMs: 1_800_000, attributeNumbers: simNumbers },
    ikeProposals: defaultIkeProposals(),
    espProposals: defaultEspProposals(),
    lifetimes: { ikeMs: 86_400_000, espMs: 3_600_000 },
    dpd: { intervalMs: 45_000, retryMs: 2_000 },
    fragmentMtu: 1280,
    cookieThreshold: 1000,
    maxSa: 10_000,
    maxNegotiating: 5000,
    nattPort: 4500,
    ...change,
  };
}

/** Settings of a simulated client. */
export function simClient(
  pki: SimPki,
  user: string,
  local: Endpoint,
  change: Partial<ClientSettings> = {},
): ClientSettings {
  return {
    gateway: gatewayEndpoint,
    local,
    identity: { idType: IdType.RFC822_ADDR, data: utf8(`${user}@example.test`) },
    gatewayIdentity: { idType: IdType.FQDN, data: utf8(simGatewayName) },
    login: { kind: "eap-mschapv2", userName: user, password: simUsers[user] ?? "" },
    anchors: [pki.ca],
    wants: { ip4: true, ip6: false },
    reconnect: true,
    attributeNumbers: simNumbers,
    ikeProposals: defaultIkeProposals(),
    espProposals: defaultEspProposals(),
    lifetimes: { ikeMs: 86_400_000, espMs: 3_600_000 },
    dpd: { intervalMs: 20_000, retryMs: 2_000 },
    fragmentMtu: 1280,
    ...change,
  };
}

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** One simulated client with what it was told and what its packet path holds. */
export class SimClient {
  readonly client: Client;
  readonly events: ClientEvent[] = [];
  readonly installed = new Map<number, ChildSaInstall>();
  local: Endpoint;
  /** Whether its network is there. */
  online = true;

  constructor(client: Client, local: Endpoint) {
    this.client = client;
    this.local = local;
  }

  /** The last event of a kind. */
  last<K extends ClientEvent["kind"]>(kind: K): Extract<ClientEvent, { kind: K }> | undefined {
    const found = this.events.filter((event) => event.kind === kind).at(-1);
    return found as Extract<ClientEvent, { kind: K }> | undefined;
  }

  /** Its inner addresses by the last assignment, as text. */
  get addresses(): readonly IpAddress[] {
    return this.last("established")?.assignment.addresses ?? [];
  }
}

/** The simulated world. */
export class SimWorld {
  readonly random: SeededRandom;
  readonly crypto: CryptoProvider = nobleProvider;
  readonly pki: SimPki = makeSimPki(nobleProvider);
  readonly network: NetworkTemper;
  readonly clients: SimClient[] = [];
  readonly traces: Trace[] = [];
  readonly questions: Question[] = [];
  /** What the gateway's packet path holds. */
  readonly installed = new Map<number, ChildSaInstall>();
  /** The store, as it would be found after a crash. */
  readonly store = new Map<string, SessionRecord>();
  /** Makes the store fail. */
  storeFails = false;
  /** How long AAA and store take, milliseconds. */
  answerMs = 5;
  /** Datagrams seen on the wire, oldest first, for transcripts. */
  readonly wire: Flight[] = [];
  policy: Policy;
  gateway: Gateway;
  gatewayUp = true;
  nowMs = 0;
  wallOffsetMs = 0;
  #flights: Flight[] = [];
  #answers: { at: number; order: number; id: number; question: Question; life: number }[] = [];
  #order = 0;
  /** Counts restarts of the gateway: answers to a dead one go nowhere. */
  #life = 0;

  constructor(seed: number, change: Partial<Policy> = {}, network: NetworkTemper = calm) {
    this.random = new SeededRandom(seed);
    this.network = { ...network };
    this.policy = simPolicy(this.pki, change);
    this.gateway = this.#makeGateway();
  }

  /** The present. */
  get at(): Moment {
    return moment(this.nowMs, simStart + this.nowMs + this.wallOffsetMs);
  }

  /** Adds a client; it does nothing until `connect`. */
  addClient(user: string, host: string, change: Partial<ClientSettings> = {}): SimClient {
    const local = endpoint(host, 4500);
    const settings = simClient(this.pki, user, local, change);
    const random = new SeededRandom(this.random.u32());
    const sim = new SimClient(new Client({ settings, crypto: this.crypto, random }), local);
    this.clients.push(sim);
    return sim;
  }

  /** Tells a client to connect, with a pair where it has one. */
  connect(sim: SimClient, pair?: { readonly sessionId: string; readonly token: string }): void {
    this.tellClient(sim, {
      kind: "connect",
      at: this.at,
      ...(pair === undefined ? {} : { pair }),
    });
  }

  /** Gives a client an input. */
  tellClient(sim: SimClient, input: ClientInput): void {
    this.#applyClient(sim, sim.client.handle(input));
  }

  /** Gives the gateway a command. */
  command(command: Command): void {
    this.#apply(this.gateway.handle({ kind: "command", at: this.at, command }));
  }

  /** `kill -9`: everything but the store is gone. */
  crash(): void {
    this.gatewayUp = false;
    this.installed.clear();
    this.#life++;
    this.#answers = [];
  }

  /** Starts the gateway anew from the store. */
  restart(): void {
    this.gatewayUp = true;
    this.gateway = this.#makeGateway();
    this.command({ kind: "restore", records: [...this.store.values()] });
  }

  /** Lets time pass, doing what falls due, in order. */
  run(ms: number, until: () => boolean = () => false): void {
    const end = this.nowMs + ms;
    while (!until()) {
      const next = this.#nextEvent();
      if (next === undefined || next > end) break;
      this.nowMs = Math.max(this.nowMs, next);
      this.#doDue();
    }
    if (!until()) this.nowMs = end;
  }

  /** Runs until a claim holds; throws when it does not within `ms`. */
  runUntil(claim: () => boolean, ms: number): void {
    this.run(ms, claim);
    if (!claim()) throw new Error(`not within ${ms} ms (virtual time ${this.nowMs})`);
  }

  /** The client's newest SA that the gateway has too, both ways: whether packets would flow. */
  carries(sim: SimClient): boolean {
    const newest = [...sim.installed.values()].at(-1);
    if (newest === undefined) return false;
    const other = this.installed.get(newest.outboundSpi);
    if (other === undefined || other.outboundSpi !== newest.inboundSpi) return false;
    return equalKeys(newest.outboundKeys.encryption, other.inboundKeys.encryption) &&
      equalKeys(newest.inboundKeys.encryption, other.outboundKeys.encryption);
  }

  /** Packets from the client reach the gateway's packet path. */
  traffic(sim: SimClient): void {
    const newest = [...sim.installed.values()].at(-1);
    if (newest === undefined || !this.gatewayUp || !sim.online) return;
    if (!this.installed.has(newest.outboundSpi)) return;
    this.#apply(this.gateway.handle({
      kind: "dataplane",
      at: this.at,
      event: { kind: "traffic-seen", inboundSpis: [newest.outboundSpi] },
    }));
  }

  /** How many AAA questions were asked so far. */
  get aaaQuestions(): number {
    return this.questions.filter(({ kind }) => kind === "verify").length;
  }

  #makeGateway(): Gateway {
    return new Gateway({
      policy: this.policy,
      crypto: this.crypto,
      random: new SeededRandom(this.random.u32()),
      now: this.at,
    });
  }

  #apply(outputs: readonly Output[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case "transmit":
          this.#send(output.local, output.remote, output.bytes);
          break;
        case "ask":
          this.questions.push(output.question);
          this.#answers.push({
            at: this.nowMs + this.answerMs,
            order: this.#order++,
            id: output.id,
            question: output.question,
            life: this.#life,
          });
          break;
        case "cancel":
          this.#answers = this.#answers.filter(({ id }) => id !== output.id);
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
        case "move-child-sa":
          break;
      }
    }
  }

  #applyClient(sim: SimClient, outputs: readonly ClientOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case "client":
          sim.events.push(output.event);
          break;
        case "transmit":
          if (sim.online) this.#send(sim.local, output.remote, output.bytes);
          break;
        case "install-child-sa":
          sim.installed.set(output.sa.inboundSpi, output.sa);
          break;
        case "remove-child-sa":
          sim.installed.delete(output.inboundSpi);
          break;
        default:
          break;
      }
    }
  }

  #send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const { loss, duplication, latencyMs: [low, high] } = this.network;
    const copies = this.random.chance(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const at = this.nowMs + this.random.between(low, high);
      const flight = { at, order: this.#order++, from, to, bytes: Uint8Array.from(bytes) };
      this.wire.push(flight);
      if (!this.random.chance(loss)) this.#flights.push(flight);
    }
  }

  #nextEvent(): number | undefined {
    const times: (number | undefined)[] = [
      ...this.#flights.map(({ at }) => at),
      ...this.#answers.map(({ at }) => at),
      this.gatewayUp ? this.gateway.nextTimeout() : undefined,
      ...this.clients.map(({ client }) => client.nextTimeout()),
    ];
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.max(this.nowMs, Math.min(...known));
  }

  #doDue(): void {
    for (const flight of this.#takeFlights()) this.#deliver(flight);
    for (const { id, question, life } of this.#takeAnswers()) {
      if (life !== this.#life || !this.gatewayUp) continue;
      const answer = this.#answer(question);
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

  #takeAnswers(): { id: number; question: Question; life: number }[] {
    const due = this.#answers.filter(({ at }) => at <= this.nowMs);
    this.#answers = this.#answers.filter(({ at }) => at > this.nowMs);
    return due.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  #deliver({ from, to, bytes }: Flight): void {
    if (equalEndpoints(to, gatewayEndpoint)) {
      if (!this.gatewayUp) return;
      this.#apply(this.gateway.handle({
        kind: "datagram",
        at: this.at,
        local: to,
        remote: from,
        bytes,
      }));
      return;
    }
    const sim = this.clients.find(({ local }) => equalEndpoints(local, to));
    if (sim === undefined || !sim.online) return;
    this.tellClient(sim, { kind: "datagram", at: this.at, local: to, remote: from, bytes });
  }

  #answer(question: Question): Answer {
    switch (question.kind) {
      case "verify": {
        const password = simUsers[question.userName];
        if (question.credential.kind === "certificate") {
          return { kind: "verdict", verdict: { kind: "accept", attributes: {} } };
        }
        if (password === undefined || question.credential.kind !== "mschapv2") {
          return { kind: "verdict", verdict: { kind: "reject" } };
        }
        const good = verifyMschapv2(
          this.crypto,
          ntHash(password),
          question.credential,
          question.userName,
        );
        return {
          kind: "verdict",
          verdict: good === undefined
            ? { kind: "reject" }
            : { kind: "accept", attributes: {}, mschapv2: good },
        };
      }
      case "store-record":
        if (this.storeFails) return { kind: "failed", reason: "the disk is full" };
        this.store.set(question.record.key, question.record);
        return { kind: "done" };
      case "delete-record":
        this.store.delete(question.key);
        return { kind: "done" };
    }
  }
}

function equalKeys(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

/** For messages of failed claims. */
export function describe(world: SimWorld): string {
  const events = world.clients.map((sim) =>
    `${formatEndpoint(sim.local)}: ${sim.events.map((event) => JSON.stringify(event)).join(" ")}`
  );
  const traces = world.traces.slice(-10).map((trace) => JSON.stringify(trace));
  return [`at ${world.nowMs} ms`, ...events, ...traces].join("\n");
}
