/** What the tests of dynamic authorization share: a RADIUS client of their own, and a gateway to obey it. */
import { equal } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { readFilter } from "../../../../../appliance/aaa/radius/filters.ts";
import type { RequestRules } from "../../../../../appliance/aaa/radius/dynamic_author/request.ts";
import {
  type DynamicAuthor,
  type DynamicAuthorOptions,
  openDynamicAuthor,
} from "../../../../../appliance/aaa/radius/dynamic_author/server.ts";
import {
  moment,
  type PacketFilter,
  parseIpAddress,
  parsePrefix,
  type SessionSelector,
} from "../../../../../core/mod.ts";
import { SimWorld } from "../../../../support/sim_world.ts";
import { keepingLog, secret } from "../support.ts";

/** Codes, by the numbers of RFC 5176 §2.3. */
export const code = {
  disconnect: 40,
  disconnectAck: 41,
  disconnectNak: 42,
  coa: 43,
  coaAck: 44,
  coaNak: 45,
} as const;

/** Attributes, by the numbers of the RFCs: number and value, where `26` begins with the vendor's octets. */
export type Plain = readonly [type: number, value: Uint8Array];

/** Numbers of attributes. */
export const type = {
  userName: 1,
  nasIpAddress: 4,
  nasPort: 5,
  serviceType: 6,
  framedIpAddress: 8,
  filterId: 11,
  state: 24,
  sessionTimeout: 27,
  idleTimeout: 28,
  callingStationId: 31,
  nasIdentifier: 32,
  proxyState: 33,
  acctSessionId: 44,
  eventTimestamp: 55,
  messageAuthenticator: 80,
  framedPool: 88,
  nasIpv6Address: 95,
  errorCause: 101,
  framedIpv6Address: 168,
} as const;

/** A value of text. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** A value of four octets. */
export function number(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, value);
  return octets;
}

/** A value of an address. */
export function address(value: string): Uint8Array {
  return Uint8Array.from(parseIpAddress(value)?.octets ?? []);
}

/** Cisco-AVPair. */
export function avPair(value: string): Plain {
  const inner = text(value);
  return [26, Uint8Array.of(0, 0, 0, 9, 1, inner.length + 2, ...inner)];
}

/** How a request is made otherwise than it should be. */
export interface RequestOptions {
  readonly identifier?: number;
  readonly secret?: Uint8Array;
  /** Whether it carries Message-Authenticator. */
  readonly signs?: boolean;
}

/** A request as a client sends it, framed and signed here and nowhere else. */
export function requestOf(
  code: number,
  attributes: readonly Plain[],
  { identifier = 7, secret: shared = secret, signs = true }: RequestOptions = {},
): Uint8Array {
  const all: readonly Plain[] = signs
    ? [[type.messageAuthenticator, new Uint8Array(16)], ...attributes]
    : attributes;
  const body = all.flatMap(([type, value]) => [type, value.length + 2, ...value]);
  const length = 20 + body.length;
  const header = [code, identifier, length >> 8, length & 0xff];
  const bytes = Uint8Array.of(...header, ...new Uint8Array(16), ...body);
  if (signs) bytes.set(createHmac("md5", shared).update(bytes).digest(), 22);
  return signed(bytes, shared);
}

/** The same with a Request Authenticator that fits, whatever else is wrong with it. */
export function signed(bytes: Uint8Array, shared: Uint8Array = secret): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0, 4, 20);
  copy.set(createHash("md5").update(copy).update(shared).digest(), 4);
  return copy;
}

/** An answer as a client reads it. */
export interface Answer {
  readonly code: number;
  readonly identifier: number;
  readonly attributes: readonly Plain[];
  /** The value of Error-Cause. */
  readonly errorCause: number | undefined;
  readonly bytes: Uint8Array;
}

/** Reads an answer; throws unless both of its signatures are right for the request. */
export function readAnswer(bytes: Uint8Array, request: Uint8Array): Answer {
  const authenticator = bytes.slice(4, 20);
  const copy = bytes.slice();
  copy.set(request.subarray(4, 20), 4);
  equal(
    createHash("md5").update(copy).update(secret).digest("hex"),
    hex(authenticator),
    "Response Authenticator",
  );
  const attributes: Plain[] = [];
  for (let at = 20; at < bytes.length; at += bytes[at + 1]!) {
    attributes.push([bytes[at]!, bytes.slice(at + 2, at + bytes[at + 1]!)]);
    if (bytes[at] === type.messageAuthenticator) {
      copy.fill(0, at + 2, at + 18);
      const mac = createHmac("md5", secret).update(copy).digest("hex");
      equal(hex(bytes.subarray(at + 2, at + 18)), mac, "Message-Authenticator");
    }
  }
  equal(attributes[0]?.[0], type.messageAuthenticator, "every answer is signed");
  const [, cause] = attributes.find(([one]) => one === type.errorCause) ?? [];
  return {
    code: bytes[0]!,
    identifier: bytes[1]!,
    attributes,
    errorCause: cause === undefined ? undefined : new DataView(cause.buffer).getUint32(0),
    bytes,
  };
}

/** Octets as digits. */
export function hex(bytes: Uint8Array): string {
  return [...bytes].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** A socket of a RADIUS client. */
export class TestClient implements Disposable {
  readonly #socket: Socket;
  readonly #to: { readonly host: string; readonly port: number };
  readonly #inbox: Uint8Array[] = [];
  readonly #waiters: ((bytes: Uint8Array) => void)[] = [];

  /** Use `TestClient.open`. */
  private constructor(socket: Socket, host: string, port: number) {
    this.#socket = socket;
    this.#to = { host, port };
    socket.on("message", (bytes) => {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#inbox.push(Uint8Array.from(bytes));
      else waiter(Uint8Array.from(bytes));
    });
  }

  /** Sends from `source` to a server. */
  static async open(port: number, source = "127.0.0.1", host = "127.0.0.1"): Promise<TestClient> {
    const socket = createSocket(source.includes(":") ? "udp6" : "udp4");
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.bind(0, source, resolve);
    await promise;
    return new TestClient(socket, host, port);
  }

  /** Answers that came and were not asked for. */
  get unread(): number {
    return this.#inbox.length;
  }

  /** Sends and does not wait. */
  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#to.port, this.#to.host, () => {});
  }

  /** Sends and waits for the answer; throws when none comes. */
  async ask(request: Uint8Array): Promise<Answer> {
    this.send(request);
    return readAnswer(await this.next(), request);
  }

  /** The next datagram that comes. */
  next(): Promise<Uint8Array> {
    const ready = this.#inbox.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const timer = setTimeout(() => reject(new Error("no answer within 5 s")), 5_000);
    this.#waiters.push((bytes) => {
      clearTimeout(timer);
      resolve(bytes);
    });
    return promise;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** A server over a simulated gateway, and a client of it. */
export class Scene implements Disposable {
  readonly world: SimWorld;
  readonly server: DynamicAuthor;
  readonly client: TestClient;
  readonly log: ReturnType<typeof keepingLog>;
  /** The clock of the server: seconds that it is ahead of the world's. */
  readonly clock: { aheadSeconds: number };
  readonly #closers: (() => void)[] = [];

  /** Use `withScene`. */
  constructor(
    world: SimWorld,
    server: DynamicAuthor,
    client: TestClient,
    log: ReturnType<typeof keepingLog>,
    clock: { aheadSeconds: number },
  ) {
    this.world = world;
    this.server = server;
    this.client = client;
    this.log = log;
    this.clock = clock;
  }

  /** The port that the server hears. */
  get port(): number {
    return this.server.endpoints[0]?.port ?? 0;
  }

  /** Seconds since 1970 by the server's clock. */
  get seconds(): number {
    return Math.floor(this.world.at.wall / 1000) + this.clock.aheadSeconds;
  }

  /** A counter, without the part of the name that all have. */
  count(name: string): number {
    return this.server.counters()[`dynamic-author-${name}`] ?? 0;
  }

  /** One more client. */
  async another(source?: string, host?: string): Promise<TestClient> {
    const client = await TestClient.open(this.port, source, host);
    this.#closers.push(() => client[Symbol.dispose]());
    return client;
  }

  /** Why sessions ended, oldest first. */
  get ended(): unknown[] {
    return this.world.traces.filter(({ event }) => event === "session-ended")
      .map(({ facts }) => facts?.["why"]);
  }

  /** Sends what must not be answered, and then what is: the only answer is that to the latter. */
  async expectSilence(datagram: Uint8Array, cause: string): Promise<void> {
    const before = this.count(cause);
    const probe = requestOf(code.disconnect, [[type.userName, text("nobody")]], {
      identifier: this.#probes++ & 0xff,
      signs: true,
    });
    this.client.send(datagram);
    const answer = await this.client.ask(probe);
    equal(answer.errorCause, 503);
    equal(this.client.unread, 0, cause);
    equal(this.count(cause), before + 1, `${cause}: ${JSON.stringify(this.server.counters())}`);
  }

  [Symbol.dispose](): void {
    for (const close of this.#closers) close();
    this.client[Symbol.dispose]();
    this.server.close();
  }

  #probes = 100;
}

/** The access list of the gateway. */
export const web: PacketFilter = {
  name: "web",
  rules: [{ action: "permit", family: 4, protocol: 6 }],
};

/** What a test wants to be different. */
export interface SceneOptions extends Partial<Omit<DynamicAuthorOptions, "rules" | "clients">> {
  readonly clients?: readonly string[];
  readonly rules?: Partial<RequestRules>;
  readonly settled?: () => Promise<void>;
}

/** Runs a test with a server at a free port of 127.0.0.1 that hears 127.0.0.1. */
export async function withScene(
  run: (scene: Scene) => Promise<void>,
  { clients = ["127.0.0.1/32"], rules, settled, ...more }: SceneOptions = {},
): Promise<void> {
  const world = new SimWorld(1000);
  const log = keepingLog();
  const clock = { aheadSeconds: 0 };
  const ahead = (): number => clock.aheadSeconds * 1000;
  const server = await openDynamicAuthor({
    clients: clients.map((one) => parsePrefix(one)!),
    secret: () => secret,
    listen: [parseIpAddress("127.0.0.1")!],
    ports: [0],
    strict: false,
    rules: {
      nasIdentifier: "gw",
      isOwnAddress: (one) => hex(Uint8Array.from(one.octets)) === "c0000201",
      readFilter: (packet) => readFilter(packet, new Map([[web.name, web]])),
      ...rules,
    },
    sessions: {
      find: (selector: SessionSelector) => world.gateway.find(selector),
      command: (command) => world.command(command),
      settled: settled ?? (() => {
        world.run(50);
        return Promise.resolve();
      }),
    },
    clock: { now: () => moment(world.at.monotonic + ahead(), world.at.wall + ahead()) },
    log,
    ...more,
  });
  const client = await TestClient.open(server.endpoints[0]?.port ?? 0).catch((error) => {
    server.close();
    throw error;
  });
  using scene = new Scene(world, server, client, log, clock);
  await run(scene);
}
