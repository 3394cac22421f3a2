/**
 * UDP sockets towards one RADIUS server and the identifiers on them: 256 a socket (RFC 2865 §3), and
 * a further socket when those are in use.
 *
 * A datagram belongs to a question when it comes from the server, to the question's socket, under its
 * identifier, and when the question believes it. Everything else is counted by cause and dropped.
 */
import { createSocket, type Socket } from "node:dgram";
import { type Bytes, type Endpoint, formatIpAddress, type IpAddress } from "../../../core/mod.ts";
import { reasonOf } from "../../start_error.ts";

/** Questions that one server can be asked at the same time: these sockets with 256 identifiers each. */
const mostSockets = 16;
const identifiers = 256;

/** Why a datagram was dropped, where it is not for its content. */
export type Stray = "foreign-source" | "duplicate" | "late" | "unasked";

/** What a channel is made from. */
export interface ChannelOptions {
  readonly server: Endpoint;
  /** Address to send from; else the host chooses. */
  readonly source: IpAddress | undefined;
  /** A datagram that belongs to no question. */
  readonly onStray: (cause: Stray) => void;
}

/** One identifier, held for one question. */
export interface Slot {
  readonly identifier: number;
  /** Who gets the datagrams that come for it. */
  listen(take: Taker): void;
  /** Sends to the server; a failure is as good as a loss. */
  send(bytes: Bytes): void;
  /** Gives the identifier back. */
  release(outcome: "answered" | "abandoned"): void;
}

/** Takes a datagram. */
export type Taker = (bytes: Bytes) => void;

/** The sockets towards one server. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #host: string;
  /** BOUNDED by `mostSockets`. */
  readonly #lines: Line[] = [];
  #opening: Promise<void> | undefined;
  #closed = false;

  /** Opens nothing yet. */
  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#host = formatIpAddress(options.server.address);
  }

  /** An identifier for a question. */
  async open(): Promise<Slot> {
    for (;;) {
      for (const line of this.#lines) {
        const slot = line.hold();
        if (slot !== undefined) return slot;
      }
      if (this.#closed) throw new Error("RADIUS client is closed");
      if (this.#lines.length >= mostSockets) throw new Error("too many questions to RADIUS server");
      this.#opening ??= this.#openLine().finally(() => this.#opening = undefined);
      await this.#opening;
    }
  }

  /** Closes every socket. */
  close(): void {
    this.#closed = true;
    for (const line of this.#lines.splice(0)) line.close();
  }

  async #openLine(): Promise<void> {
    const { server, source, onStray } = this.#options;
    const socket = createSocket(server.address.family === 4 ? "udp4" : "udp6");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("error", reject);
    socket.bind(0, source === undefined ? undefined : formatIpAddress(source), resolve);
    try {
      await promise;
    } catch (error) {
      socket.close();
      throw new Error(`cannot open a socket for RADIUS: ${reasonOf(error)}`);
    }
    const line = new Line(socket, this.#host, server.port, onStray);
    if (!this.#closed) this.#lines.push(line);
    else line.close();
  }
}

/** One socket. */
class Line {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #port: number;
  readonly #takers = new Map<number, Taker>();
  /** What became of identifiers that are free again. */
  readonly #outcomes = new Map<number, "answered" | "abandoned">();
  #next = 0;

  constructor(socket: Socket, host: string, port: number, onStray: (cause: Stray) => void) {
    this.#socket = socket;
    this.#host = host;
    this.#port = port;
    // An ICMP error is no more than a hint that nobody listens; time tells the same.
    socket.on("error", () => {});
    socket.on("message", (bytes, from) => {
      if (from.address !== host || from.port !== port) return onStray("foreign-source");
      const identifier = bytes[1] ?? 0;
      const take = this.#takers.get(identifier);
      if (take !== undefined) return take(bytes);
      const outcome = this.#outcomes.get(identifier);
      onStray(outcome === undefined ? "unasked" : outcome === "answered" ? "duplicate" : "late");
    });
  }

  /** The identifier that was free for longest; `undefined` when all are held. */
  hold(): Slot | undefined {
    if (this.#takers.size >= identifiers) return undefined;
    while (this.#takers.has(this.#next)) this.#next = (this.#next + 1) % identifiers;
    const identifier = this.#next;
    this.#next = (identifier + 1) % identifiers;
    this.#takers.set(identifier, () => {});
    return {
      identifier,
      listen: (take) => this.#takers.set(identifier, take),
      send: (bytes) => this.#socket.send(bytes, this.#port, this.#host, () => {}),
      release: (outcome) => {
        this.#takers.delete(identifier);
        this.#outcomes.set(identifier, outcome);
      },
    };
  }

  close(): void {
    this.#socket.close();
  }
}
