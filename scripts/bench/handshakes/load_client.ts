/**
 * Many clients in one process, for load: each logs in or comes back with the core's own initiator, over few
 * sockets and without a packet path. Run in a namespace that reaches the gateway; it is told what to do by
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
  copyBytes,
  type CryptoProvider,
  defaultEspProposals,
  type Endpoint,
  formatIpAddress,
  hexOf,
  IdType,
  knownCiscoAttributes,
  parseIpAddress,
  parseProposalText,
  privateKeyIn,
  type SessionPair,
  utf8,
} from "../../../core/mod.ts";
import { TimerQueue } from "../../../core/gateway/timer_queue.ts";
import { selectProvider } from "../../../dataplane/mod.ts";

/** What to do. */
export interface LoadOrder {
  readonly gateway: string;
  readonly local: string;
  /** Addresses from `local` on that clients are spread over, 256 at the most; one unless told. */
  readonly sources?: number;
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
   * `stay`: EAP-MSCHAPv2; what they got is written to the file `stays`.
   * `return`: those of the file `stays` come back by token.
   */
  readonly how: "login" | "certificate" | "psk" | "reconnect" | "stay" | "return";
  readonly count: number;
  /** At a time. */
  readonly concurrency: number;
  /** Seconds over which they are spread, however many are under way by then. */
  readonly overSeconds?: number;
  readonly users: number;
  readonly password: string;
  /** For `psk`. */
  readonly pair: SessionPair;
  /** For `stay` and `return`: a file with a list of `Stay`. */
  readonly stays?: string;
}

/** What a client has to come back to. */
export interface Stay {
  readonly pair: SessionPair;
  /** Inner addresses, as text. */
  readonly addresses: readonly string[];
}

/** What it tells: before and after what is measured. */
export type LoadReport =
  | { readonly kind: "begin" }
  | {
    readonly kind: "end";
    readonly seconds: number;
    readonly done: number;
    readonly failed: number;
    /** Of those that are done: by `return`, and not with the addresses they had. */
    readonly misplaced: number;
    /** Milliseconds that half of them took at most, and 95 of a hundred. */
    readonly medianMs: number;
    readonly p95Ms: number;
    /** The most memory that this process had, MB. */
    readonly peakMb: number;
  };

const port = 4500;
const markerBytes = 4;
const tickMs = 20;

/** Where clients are. */
interface Place {
  readonly socket: Socket;
  readonly local: Endpoint;
}

/** One client, where it is, and what waits for it. */
interface Active {
  readonly client: Client;
  readonly place: Place;
  /** SPIs that it is found by. */
  readonly spis: Set<string>;
  done: (event: ClientEvent) => void;
}

/** All of them. */
class Load {
  readonly #order: LoadOrder;
  readonly #crypto: CryptoProvider;
  readonly #places: readonly Place[];
  readonly #gateway: Endpoint;
  readonly #anchors: readonly Bytes[];
  readonly #own: { readonly certificates: readonly Bytes[]; readonly key: Bytes };
  /** By the initiator SPI of what they sent. */
  readonly #bySpi = new Map<string, Active>();
  readonly #timers = new TimerQueue<Active>();

  constructor(order: LoadOrder, sockets: readonly Socket[]) {
    this.#order = order;
    this.#crypto = selectProvider();
    this.#places = sockets.map((socket) => {
      const { address, port } = socket.address();
      return { socket, local: endpoint(address, port) };
    });
    this.#gateway = endpoint(order.gateway, port);
    const pem = (path: string): readonly Bytes[] => mustBe(certificatesIn(read(path)));
    this.#anchors = pem(order.ca);
    this.#own = { certificates: pem(order.cert), key: mustBe(privateKeyIn(read(order.key))) };
    for (const socket of sockets) socket.on("message", (bytes) => this.#heard(bytes));
    const timer = setInterval(() => this.#tick(), tickMs);
    Deno.unrefTimer(timer);
  }

  /** Runs client `i` until it is in, or refused. */
  async run(i: number, pair?: SessionPair): Promise<ClientEvent> {
    const place = this.#places[i % this.#places.length];
    if (place === undefined) throw new RangeError("nowhere to be");
    const client = new Client({
      settings: this.#settings(i, place.local),
      crypto: this.#crypto,
      random: systemRandom,
    });
    const { promise, resolve } = Promise.withResolvers<ClientEvent>();
    const active: Active = { client, place, spis: new Set(), done: resolve };
    const at = systemClock.now();
    this.#give(active, { kind: "connect", at, ...(pair === undefined ? {} : { pair }) });
    const event = await promise;
    if (this.#order.how === "certificate" && event.kind === "established") {
      await this.#leave(active);
    }
    this.#timers.set(active, undefined);
    for (const spi of active.spis) this.#bySpi.delete(spi);
    return event;
  }

  async #leave(active: Active): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    active.done = () => resolve();
    this.#give(active, { kind: "disconnect", at: systemClock.now() });
    await promise;
  }

  #settings(i: number, local: Endpoint): ClientSettings {
    const order = this.#order;
    const user = `u${i % order.users}`;
    return {
      gateway: this.#gateway,
      local,
      identity: order.how === "certificate"
        ? { idType: IdType.RFC822_ADDR, data: utf8("alice@example.test") }
        : { idType: IdType.FQDN, data: utf8(`${user}-${i}`) },
      gatewayIdentity: { idType: IdType.FQDN, data: utf8(order.remoteId) },
      login: this.#login(user),
      anchors: this.#anchors,
      wants: { ip4: true, ip6: false },
      reconnect: ["reconnect", "stay", "return"].includes(order.how),
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
    // A copy: what comes in stands in a buffer that could hold the longest datagram.
    const bytes = copyBytes(datagram.subarray(markerBytes));
    const active = this.#bySpi.get(hexOf(bytes.subarray(0, 8)));
    if (active === undefined) return;
    const [local, remote] = [active.place.local, this.#gateway];
    this.#give(active, { kind: "datagram", at: systemClock.now(), local, remote, bytes });
  }

  #tick(): void {
    const at = systemClock.now();
    for (;;) {
      const active = this.#timers.pop(at.monotonic);
      if (active === undefined) return;
      this.#give(active, { kind: "timeout", at });
    }
  }

  #give(active: Active, input: ClientInput): void {
    for (const output of active.client.handle(input)) {
      if (output.kind === "transmit") {
        const spi = hexOf(output.bytes.subarray(0, 8));
        active.spis.add(spi);
        this.#bySpi.set(spi, active);
        const datagram = new Uint8Array(markerBytes + output.bytes.length);
        datagram.set(output.bytes, markerBytes);
        active.place.socket.send(datagram, port, this.#order.gateway);
      } else if (output.kind === "client") {
        const { event } = output;
        if (event.kind === "established" || event.kind === "closed") active.done(event);
      }
    }
    this.#timers.set(active, active.client.nextTimeout());
  }
}

/** The most memory that this process had so far. */
function peakMemoryMb(): number {
  const [, kilobytes = "NaN"] = /VmHWM:\s+(\d+)/.exec(read("/proc/self/status")) ?? [];
  return Number(kilobytes) / 1024;
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

/** Runs all numbers, spread evenly over so many seconds. */
async function spread(
  count: number,
  seconds: number,
  run: (i: number) => Promise<void>,
): Promise<void> {
  const begin = performance.now();
  const running: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const wait = begin + i * seconds * 1000 / count - performance.now();
    if (wait > 0) await new Promise((go) => setTimeout(go, wait));
    running.push(run(i));
  }
  await Promise.all(running);
}

function say(report: LoadReport): void {
  console.log(JSON.stringify(report));
}

function stayOf({ assignment }: ClientEvent & { readonly kind: "established" }): Stay | undefined {
  const { pair, addresses } = assignment;
  return pair === undefined ? undefined : { pair, addresses: addresses.map(formatIpAddress) };
}

async function main(order: LoadOrder): Promise<void> {
  const sockets: Socket[] = [];
  const first = order.local.replace(/\d+$/, "");
  for (let i = 0; i < (order.sources ?? 1); i++) {
    // Without a size for receiving: each datagram would come in a buffer as large as that.
    const socket = createSocket({ type: "udp4", sendBufferSize: 4e6 });
    const local = `${first}${Number(order.local.slice(first.length)) + i}`;
    await new Promise<void>((resolve) => socket.bind(0, local, resolve));
    sockets.push(socket);
  }
  const load = new Load(order, sockets);
  const { how, count, concurrency, overSeconds, stays: file = "" } = order;
  const stays: (Stay | undefined)[] = how === "return" ? JSON.parse(read(file)) : [];
  if (how === "reconnect") {
    await inParallel(count, concurrency, async (i) => {
      const event = await load.run(i);
      if (event.kind === "established") stays[i] = stayOf(event);
    });
  }
  const pairs = Array.from(
    { length: count },
    (_, i) => how === "psk" ? order.pair : stays[i]?.pair,
  );
  const took: number[] = [];
  let failed = 0;
  let misplaced = 0;
  const comeIn = async (i: number): Promise<void> => {
    const event = await load.run(i, pairs[i]);
    const isWanted = event.kind === "established" &&
      (event.how === "reconnect") === (pairs[i] !== undefined);
    if (!isWanted) {
      failed++;
      return;
    }
    took.push(event.tookMs);
    const stay = stayOf(event);
    if (how === "return" && `${stay?.addresses}` !== `${stays[i]?.addresses}`) misplaced++;
    if (how === "stay") stays[i] = stay;
  };
  say({ kind: "begin" });
  const start = performance.now();
  if (overSeconds === undefined) await inParallel(count, concurrency, comeIn);
  else await spread(count, overSeconds, comeIn);
  const seconds = (performance.now() - start) / 1000;
  if (how === "stay") await Deno.writeTextFile(file, JSON.stringify(stays), { mode: 0o600 });
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  const times = { seconds, medianMs: at(0.5), p95Ms: at(0.95) };
  say({ kind: "end", done: took.length, failed, misplaced, ...times, peakMb: peakMemoryMb() });
  for (const socket of sockets) socket.close();
  Deno.exit(0);
}

if (import.meta.main) await main(JSON.parse(Deno.args[0] ?? "{}"));
