/** RADIUS servers that do as they are told by the test, and clients for them. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import {
  RadiusClient,
  type RadiusClientOptions,
  type RadiusQuestion,
} from "../../../../appliance/aaa/radius/client.ts";
import { Code } from "../../../../appliance/aaa/radius/packet.ts";
import { udpServer } from "../../../../appliance/aaa/radius/servers.ts";
import { systemClock } from "../../../../appliance/clock.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import { type Endpoint, type IpAddress, parseIpAddress, utf8 } from "../../../../core/mod.ts";
import { answerTo, secret, silentLog } from "./support.ts";

/** Sends a datagram back to where the request came from. */
export type Say = (bytes: Uint8Array) => void;

/** Gets every datagram, its number from 1, and a way to answer. */
export type Script = (request: Uint8Array, count: number, say: Say) => void;

/** A question about alice. */
export const question: RadiusQuestion = {
  code: Code.ACCESS_REQUEST,
  attributes: [{ name: "User-Name", value: utf8("alice") }],
};

/** A server that lets everybody in. */
export function accept(request: Uint8Array, _count: number, say: Say): void {
  say(answerTo(request, Code.ACCESS_ACCEPT));
}

/** A server that says nothing. */
export function silent(): void {}

/** A server. */
export class ScriptedServer implements AsyncDisposable {
  readonly #socket;
  /** What came, in order. */
  readonly heard: Uint8Array[] = [];
  /** The ports it came from, likewise. */
  readonly ports: number[] = [];
  /** The addresses it came from, likewise. */
  readonly hosts: string[] = [];
  readonly endpoint: Endpoint;
  /** What it does. */
  script: Script;

  private constructor(
    socket: ReturnType<typeof createSocket>,
    endpoint: Endpoint,
    script: Script,
  ) {
    this.#socket = socket;
    this.endpoint = endpoint;
    this.script = script;
  }

  /** Listens at a port of its own. */
  static async start(script: Script, host = "127.0.0.1"): Promise<ScriptedServer> {
    const address = parseIpAddress(host) ?? assert.fail();
    const socket = createSocket(address.family === 4 ? "udp4" : "udp6");
    await new Promise<void>((resolve) => socket.bind(0, host, resolve));
    const server = new ScriptedServer(socket, { address, port: socket.address().port }, script);
    socket.on("message", (bytes, from) => {
      const request = new Uint8Array(bytes);
      server.heard.push(request);
      server.ports.push(from.port);
      server.hosts.push(from.address);
      const say: Say = (answer) => socket.send(answer, from.port, from.address);
      server.script(request, server.heard.length, say);
    });
    return server;
  }

  /** Says something that nobody asked it. */
  send(bytes: Uint8Array, port: number): void {
    this.#socket.send(bytes, port, "127.0.0.1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

/** What tests want to be different. */
export interface ClientChange extends Partial<RadiusClientOptions> {
  /** Address to ask from. */
  readonly source?: IpAddress;
  /** Whether unsigned answers are believed. */
  readonly allowUnsigned?: boolean;
}

/** Runs with a client of these servers; its times are short. */
export async function withClient(
  servers: readonly ScriptedServer[],
  { source, allowUnsigned = false, ...options }: ClientChange,
  run: (client: RadiusClient) => Promise<void>,
): Promise<void> {
  const client = new RadiusClient({
    servers: servers.map(({ endpoint }) =>
      udpServer(endpoint, () => secret, { source, allowUnsigned })
    ),
    balance: "in-order",
    purpose: "access",
    times: { timeoutMs: 400, deadMs: 60_000, firstPauseMs: 60 },
    status: undefined,
    random: systemRandom,
    clock: systemClock,
    log: silentLog,
    ...options,
  });
  try {
    await run(client);
  } finally {
    client.close();
  }
}
