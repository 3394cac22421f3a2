/**
 * Many clients in one process, for load: each logs in or comes back with the core's own initiator, over one
 * socket and without a packet path. Run in a namespace that reaches the gateway; it is told what to do by
 * one JSON argument, and tells what happened in JSON lines.
 */
import { createSocket, type Socket } from "node:dgram";
import { systemRandom } from "../../../appliance/entropy.ts";
import { systemClock } from "../../../appliance/clock.ts";
import {
  type Bytes,
  certificatesIn,
  Client,
  type ClientEvent,
  type ClientInput,
  type ClientLogin,
  type ClientSettings,
  type CryptoProvider,
  defaultEspProposals,
  type Endpoint,
  hexOf,
  IdType,
  knownCiscoAttributes,
  parseIpAddress,
  parseProposalText,
  privateKeyIn,
  type SessionPair,
  utf8,
} from "../../../core/mod.ts";
import { selectProvider } from "../../../dataplane/mod.ts";

/** What to do. */
export interface LoadOrder {
  readonly gateway: string;
  readonly local: string;
  readonly remoteId: string;
  /** PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly ike: string;
  /**
   * `login`: EAP-MSCHAPv2, users `u0`, `u1` and so on. `certificate`: one for all, so each logs out again.
   * `psk`: one shared key and identity.
   * `reconnect`: EAP-MSCHAPv2 first, which is not measured, then back by token.
   */
  readonly how: "login" | "certificate" | "psk" | "reconnect";
  readonly count: number;
  /** At a time. */
  readonly concurrency: number;
  readonly users: number;
  readonly password: string;
  /** For `psk`. */
  readonly pair: SessionPair;
}

/** What it tells: before and after what is measured. */
export type LoadReport =
  | { readonly kind: "begin" }
  | {
    readonly kind: "end";
    readonly seconds: number;
    readonly done: number;
    readonly failed: number;
    /** Milliseconds that half of them took at most, and 95 of a hundred. */
    readonly medianMs: number;
    readonly p95Ms: number;
  };

const port = 4500;
const markerBytes = 4;
const tickMs = 50;

/** One client and what waits for it. */
interface Active {
  readonly client: Client;
  done: (event: ClientEvent) => void;
}

/** All of them. */
class Load {
  readonly #order: LoadOrder;
  readonly #crypto: CryptoProvider;
  readonly #socket: Socket;
  readonly #gateway: Endpoint;
  readonly #local: Endpoint;
  readonly #anchors: readonly Bytes[];
  readonly #own: { readonly certificates: readonly Bytes[]; readonly key: Bytes };
  /** By the initiator SPI of what they sent. */
  readonly #bySpi = new Map<string, Active>();
  readonly #active = new Set<Active>();

  constructor(order: LoadOrder, socket: Socket) {
    this.#order = order;
    this.#crypto = selectProvider();
    this.#socket = socket;
    this.#gateway = endpoint(order.gateway, port);
    this.#local = endpoint(order.local, socket.address().port);
    const pem = (path: string): readonly Bytes[] => mustBe(certificatesIn(read(path)));
    this.#anchors = pem(order.ca);
    this.#own = { certificates: pem(order.cert), key: mustBe(privateKeyIn(read(order.key))) };
    socket.on("message", (bytes) => this.#heard(bytes));
    const timer = setInterval(() => this.#tick(), tickMs);
    Deno.unrefTimer(timer);
  }

  /** Runs client `i` until it is in, or refused. */
  async run(i: number, pair?: SessionPair): Promise<ClientEvent> {
    const client = new Client({
      settings: this.#settings(i),
      crypto: this.#crypto,
      random: systemRandom,
    });
    const { promise, resolve } = Promise.withResolvers<ClientEvent>();
    const active: Active = { client, done: resolve };
    this.#active.add(active);
    const at = systemClock.now();
    this.#give(active, { kind: "connect", at, ...(pair === undefined ? {} : { pair }) });
    const event = await promise;
    if (this.#order.how === "certificate" && event.kind === "established") {
      await this.#leave(active);
    }
    this.#active.delete(active);
    return event;
  }

  async #leave(active: Active): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    active.done = () => resolve();
    this.#give(active, { kind: "disconnect", at: systemClock.now() });
    await promise;
  }

  #settings(i: number): ClientSettings {
    const order = this.#order;
    const user = `u${i % order.users}`;
    return {
      gateway: this.#gateway,
      local: this.#local,
      identity: order.how === "certificate"
        ? { idType: IdType.RFC822_ADDR, data: utf8("alice@example.test") }
        : { idType: IdType.FQDN, data: utf8(`${user}-${i}`) },
      gatewayIdentity: { idType: IdType.FQDN, data: utf8(order.remoteId) },
      login: this.#login(user),
      anchors: this.#anchors,
      wants: { ip4: true, ip6: false },
      reconnect: order.how === "reconnect",
      attributeNumbers: knownCiscoAttributes,
      ikeProposals: [mustBe(parseProposalText(order.ike, "ike", 1))],
      espProposals: defaultEspProposals(),
      lifetimes: { ikeMs: 14_400_000, espMs: 3_600_000 },
      dpd: { intervalMs: 3_600_000, retryMs: 2_000 },
      mobike: false,
      puzzleBits: 0,
      fragmentMtu: 1280,
    };
  }

  #login(userName: string): ClientLogin {
    const { how, password } = this.#order;
    if (how === "psk") return { kind: "none" };
    if (how !== "certificate") return { kind: "eap-mschapv2", userName, password };
    const signer = mustBe(this.#crypto.importPrivateKey(this.#own.key));
    return { kind: "certificate", certificates: this.#own.certificates, signer };
  }

  #heard(datagram: Uint8Array): void {
    const bytes = datagram.subarray(markerBytes);
    const active = this.#bySpi.get(hexOf(bytes.subarray(0, 8)));
    if (active === undefined) return;
    const [local, remote] = [this.#local, this.#gateway];
    this.#give(active, { kind: "datagram", at: systemClock.now(), local, remote, bytes });
  }

  #tick(): void {
    const at = systemClock.now();
    for (const active of this.#active) {
      const due = active.client.nextTimeout();
      if (due !== undefined && due <= at.monotonic) this.#give(active, { kind: "timeout", at });
    }
  }

  #give(active: Active, input: ClientInput): void {
    for (const output of active.client.handle(input)) {
      if (output.kind === "transmit") {
        this.#bySpi.set(hexOf(output.bytes.subarray(0, 8)), active);
        const datagram = new Uint8Array(markerBytes + output.bytes.length);
        datagram.set(output.bytes, markerBytes);
        this.#socket.send(datagram, port, this.#order.gateway);
      } else if (output.kind === "client") {
        const { event } = output;
        if (event.kind === "established" || event.kind === "closed") active.done(event);
      }
    }
  }
}

function read(path: string): string {
  return Deno.readTextFileSync(path);
}

function endpoint(address: string, port: number): Endpoint {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) throw new RangeError(`no address: ${address}`);
  return { address: parsed, port };
}

/** The value of a result, or the thing itself. */
function mustBe<T>(
  value: T | undefined | { ok: true; value: T } | { ok: false; fault: unknown },
): T {
  if (value === undefined) throw new RangeError("something is missing");
  if (typeof value === "object" && value !== null && "ok" in value) {
    if (!value.ok) throw new RangeError(JSON.stringify(value.fault));
    return value.value as T;
  }
  return value as T;
}

/** Runs all numbers with so many at a time. */
async function inParallel(
  count: number,
  concurrency: number,
  run: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

function say(report: LoadReport): void {
  console.log(JSON.stringify(report));
}

async function main(order: LoadOrder): Promise<void> {
  const socket = createSocket({
    type: "udp4",
    recvBufferSize: 4_000_000,
    sendBufferSize: 4_000_000,
  });
  await new Promise<void>((resolve) => socket.bind(0, order.local, resolve));
  const load = new Load(order, socket);
  const { count, concurrency } = order;
  const pairs: (SessionPair | undefined)[] = [];
  if (order.how === "reconnect") {
    await inParallel(count, concurrency, async (i) => {
      const event = await load.run(i);
      if (event.kind === "established") pairs[i] = event.assignment.pair;
    });
  }
  const pairOf = (i: number): SessionPair | undefined =>
    order.how === "psk" ? order.pair : pairs[i];
  const took: number[] = [];
  let failed = 0;
  say({ kind: "begin" });
  const start = performance.now();
  await inParallel(count, concurrency, async (i) => {
    const event = await load.run(i, pairOf(i));
    const isWanted = event.kind === "established" &&
      (event.how === "reconnect") === (pairOf(i) !== undefined);
    if (isWanted) took.push(event.tookMs);
    else failed++;
  });
  const seconds = (performance.now() - start) / 1000;
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  say({ kind: "end", seconds, done: took.length, failed, medianMs: at(0.5), p95Ms: at(0.95) });
  socket.close();
  Deno.exit(0);
}

if (import.meta.main) await main(JSON.parse(Deno.args[0] ?? "{}"));
