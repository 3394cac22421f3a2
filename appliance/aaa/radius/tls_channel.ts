/**
 * TLS connections to one RADIUS server (RadSec, RFC 6614): packets one after the other, cut by their own
 * length, questions of every kind on the same connection. The server shows a certificate for the name or
 * address that it is called by, from our CA or one that the runtime trusts anyway; we show ours.
 *
 * A connection that fails, or brings what is not believed, is not tried again at once: pauses double
 * from one second to half a minute until a server gives an answer. A source address cannot be chosen, and DTLS is left out.
 */
import { type Bytes, type IpAddress, parseIpAddress, utf8 } from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import { reasonOf } from "../../start_error.ts";
import { Channel, type ChannelEvents, type Line, UnreachableError } from "./channel.ts";
import { Identifiers } from "./identifiers.ts";
import { headerBytes, longestPacket } from "./packet.ts";

/** What every RadSec server and client share (RFC 6614 §2.3); TLS is what protects. */
export const radsecSecret: Bytes = utf8("radsec");

/** Connections to one server: with 256 identifiers each, so many questions at the same time. */
const mostConnections = 8;
/** Milliseconds for connection and handshake. */
const connectMs = 10_000;
/** Milliseconds between two attempts that failed. */
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/** Files of TLS, PEM. */
export interface TlsCredentials {
  /** Of the CA of servers. */
  readonly ca: string;
  /** Ours, with what leads to the CA that the servers trust. */
  readonly certificate: string;
  readonly key: string;
}

/** A server by its name or address. */
export interface TlsServer {
  readonly host: string;
  readonly port: number;
}

/** What a channel is made from. */
export interface TlsChannelOptions {
  readonly server: TlsServer;
  /** As they are now: each connection goes by them as long as it stands. */
  readonly credentials: () => TlsCredentials;
  readonly clock: Clock;
  readonly events: ChannelEvents;
  /** The server was reached at this address. */
  readonly reached: (address: IpAddress) => void;
}

/** A channel that has not opened anything yet. */
export function tlsChannel(options: TlsChannelOptions): Channel {
  const pace = new Pace(options.clock);
  return new Channel({
    mostLines: mostConnections,
    openLine: async (closing) => {
      await pace.wait(closing);
      try {
        const connection = await connect(options, closing);
        const address = parseIpAddress(connection.remoteAddr.hostname);
        if (address !== undefined) options.reached(address);
        return lineOf(connection, pace, options.events);
      } catch (error) {
        pace.failed();
        const { host, port } = options.server;
        throw new UnreachableError(`cannot connect to ${host}:${port}: ${reasonOf(error)}`);
      }
    },
  });
}

/** Keeps attempts apart that fail. */
class Pace {
  readonly #clock: Clock;
  #pauseMs = 0;
  #notBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is time; rejects when nobody waits any more. */
  async wait(closing: AbortSignal): Promise<void> {
    const left = this.#notBefore - this.#clock.now().monotonic;
    if (left > 0) await within(left, closing).catch(() => {});
    closing.throwIfAborted();
  }

  failed(): void {
    this.#pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, 2 * this.#pauseMs));
    this.#notBefore = this.#clock.now().monotonic + this.#pauseMs;
  }

  worked(): void {
    this.#pauseMs = 0;
    this.#notBefore = 0;
  }
}

/** A connection after its handshake; a server that says nothing is not waited for. */
async function connect(
  { server, credentials }: TlsChannelOptions,
  closing: AbortSignal,
): Promise<Deno.TlsConn> {
  const { host, port } = server;
  const { ca, certificate, key } = credentials();
  const late = new AbortController();
  const connecting = Deno.connectTls({
    hostname: host,
    port,
    caCerts: [ca],
    cert: certificate,
    key,
  }).then(async (connection) => {
    const close = (): void => closeQuietly(connection);
    if (late.signal.aborted) close();
    late.signal.addEventListener("abort", close);
    try {
      await connection.handshake();
    } catch (error) {
      close();
      throw error;
    }
    late.signal.removeEventListener("abort", close);
    return connection;
  });
  const enough = new AbortController();
  try {
    return await Promise.race([
      connecting,
      within(connectMs, AbortSignal.any([closing, enough.signal])),
    ]);
  } catch (error) {
    connecting.catch(() => {});
    late.abort();
    throw error;
  } finally {
    enough.abort();
  }
}

/** Rejects after so many milliseconds, or as soon as the signal is given. */
function within(ms: number, signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", stop);
    reject(new Error("it does not answer"));
  }, ms);
  signal.addEventListener("abort", stop, { once: true });
  return promise;
}

function lineOf(connection: Deno.TlsConn, pace: Pace, events: ChannelEvents): Line {
  const identifiers = new Identifiers();
  let isOpen = true;
  let isUseful = false;
  let reason = "it was closed";
  const close = (): void => {
    isOpen = false;
    closeQuietly(connection);
  };
  const take = (packet: Bytes): void => {
    const stray = identifiers.deliver(packet);
    if (stray !== undefined) events.stray(stray);
    if (!isOpen) return pace.failed();
    isUseful = true;
    pace.worked();
  };
  const read = async (): Promise<void> => {
    const packets = new PacketCutter();
    const buffer = new Uint8Array(longestPacket);
    for (let count = await connection.read(buffer); count !== null;) {
      for (const packet of packets.add(buffer.subarray(0, count))) {
        take(packet);
        if (!isOpen) return;
      }
      if (packets.isBroken) {
        events.stray("bad-length");
        reason = "a packet of no length that can be";
        return;
      }
      count = await connection.read(buffer);
    }
  };
  read().catch((error) => {
    if (isOpen) reason = reasonOf(error);
  }).finally(() => {
    const wasOpen = isOpen;
    close();
    if (wasOpen && !isUseful) pace.failed();
    if (wasOpen) events.broken(reason);
    identifiers.lose(!isUseful);
  });
  let writing: Promise<void> = Promise.resolve();
  return {
    identifiers,
    isReliable: true,
    get isOpen() {
      return isOpen;
    },
    // One after the other, at most as many as there are identifiers.
    send: (bytes) => {
      writing = writing.then(() => writeAll(connection, bytes)).catch(() => close());
    },
    close,
  };
}

async function writeAll(connection: Deno.TlsConn, bytes: Bytes): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Cuts a stream into packets (RFC 6613 §2.6.4). */
export class PacketCutter {
  /** BOUNDED by one packet and one reading. */
  #rest = new Uint8Array();
  #isBroken = false;

  /** Whether a length made no sense: nothing behind it can be understood. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The packets that are whole now. */
  add(bytes: Bytes): readonly Bytes[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const packets: Bytes[] = [];
    let at = 0;
    while (!this.#isBroken && all.length - at >= headerBytes) {
      const length = (all[at + 2] ?? 0) << 8 | (all[at + 3] ?? 0);
      if (length < headerBytes || length > longestPacket) this.#isBroken = true;
      else if (all.length - at < length) break;
      else {
        packets.push(all.subarray(at, at + length));
        at += length;
      }
    }
    this.#rest = all.slice(at);
    return packets;
  }
}

function closeQuietly(connection: Deno.TlsConn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
