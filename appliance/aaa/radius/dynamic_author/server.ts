/**
 * Hears RADIUS clients that end and change sessions (RFC 5176), over UDP.
 *
 * Only listed clients are heard, and only with the secret. What is not believed gets no answer and no
 * line in the log: it is counted by cause. What is believed is answered: with NAK and an Error-Cause when
 * it cannot be done, and then nothing has changed; with ACK when it is done for every session that it
 * names, the store included, so that no crash takes it back. A store that fails, which the log tells,
 * keeps no ACK back: the sessions are ended or changed all the same.
 *
 * A request is obeyed once; one that comes again gets the answer that it got. How long that is remembered
 * depends on its Event-Timestamp (§6.3). With one, a request older than 300 seconds is not heard, and all
 * that are heard are remembered for longer than that, whatever port they come from: a recording is of no
 * use. Without one, a client is taken at its word that source port, identifier and authenticator are new
 * (§2.3); `strict` hears only requests that have both Event-Timestamp and Message-Authenticator.
 *
 * Left out: TLS and DTLS (RFC 7360), a secret for each client.
 */
import { createSocket, type Socket } from "node:dgram";
import {
  type AddressPrefix,
  type AddressRange,
  type Bytes,
  type Endpoint,
  formatEndpoint,
  formatIpAddress,
  hexOf,
  type IpAddress,
  parseIpAddress,
  prefixToRange,
  rangeContains,
} from "../../../../core/mod.ts";
import type { Clock } from "../../../clock.ts";
import type { Log } from "../../../log.ts";
import { reasonOf, StartError } from "../../../start_error.ts";
import {
  type Attribute,
  Code,
  number32,
  type ParsedPacket,
  readNumber32,
  valuesOf,
} from "../packet.ts";
import { openRequest, type ProofFault, sealAnswer } from "../protection.ts";
import { type ErrorCause, errorCauses } from "./error_cause.ts";
import { obey, type Outcome, type SessionsInCharge } from "./obey.ts";
import { RecentRequests } from "./recent_requests.ts";
import type { RequestRules } from "./request.ts";

/** What a server is made from. */
export interface DynamicAuthorOptions {
  /** Who is heard. */
  readonly clients: readonly AddressPrefix[];
  /** Shared with all of them, as it is now: an answer goes by that of its request. */
  readonly secret: () => Bytes;
  /** Where it listens: every port at every address. `::` hears both families. */
  readonly listen: readonly IpAddress[];
  readonly ports: readonly number[];
  /** Hears only requests with Message-Authenticator and Event-Timestamp. */
  readonly strict: boolean;
  readonly rules: RequestRules;
  readonly sessions: SessionsInCharge;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why a datagram is dropped without a new answer. */
export type DropCause =
  | ProofFault
  | "unlisted-source"
  | "unexpected-code"
  | "no-event-timestamp"
  | "bad-event-timestamp"
  | "stale"
  | "duplicate"
  | "no-room-for-answer";

/** What is counted: drops, NAKs by their cause, ACKs, and the sessions that these were about. */
export type DynamicAuthorCounter =
  | DropCause
  | ErrorCause
  | "disconnect-acks"
  | "disconnected-sessions"
  | "coa-acks"
  | "changed-sessions";

/** A server at work. */
export interface DynamicAuthor {
  /** The endpoints that are bound. */
  readonly endpoints: readonly Endpoint[];
  /** By name, for `show`. */
  counters(): Readonly<Record<string, number>>;
  /** Counts from zero again. */
  clearCounters(): void;
  /** Hears nothing more. */
  close(): void;
}

/** How old a request may be, and how far the client's clock ahead of ours (RFC 5176 §6.3). */
const windowSeconds = 300;
/** For so long a request could be played back: from as early as it is heard to as late. */
const datedLifeMs = 2 * windowSeconds * 1000 + 1_000;
/** Longer than a client goes on repeating itself. */
const undatedLifeMs = 60_000;

/** The codes of the answers. */
const answersOf: Readonly<Record<number, { readonly ack: number; readonly nak: number }>> = {
  [Code.DISCONNECT_REQUEST]: { ack: Code.DISCONNECT_ACK, nak: Code.DISCONNECT_NAK },
  [Code.COA_REQUEST]: { ack: Code.COA_ACK, nak: Code.COA_NAK },
};

/** Opens the sockets and begins to hear; `StartError` when that cannot be. */
export async function openDynamicAuthor(options: DynamicAuthorOptions): Promise<DynamicAuthor> {
  const server = new Server(options);
  try {
    for (const address of options.listen) {
      for (const port of options.ports) await server.listen({ address, port });
    }
  } catch (error) {
    server.close();
    throw error;
  }
  return server;
}

class Server implements DynamicAuthor {
  readonly #options: DynamicAuthorOptions;
  readonly #clients: readonly AddressRange[];
  readonly #sockets: Socket[] = [];
  readonly #endpoints: Endpoint[] = [];
  readonly #recent: RecentRequests;
  /** BOUNDED: the names are words of this program. */
  readonly #counters = new Map<DynamicAuthorCounter, number>();
  #closed = false;

  constructor(options: DynamicAuthorOptions) {
    this.#options = options;
    this.#clients = options.clients.map(prefixToRange);
    this.#recent = new RecentRequests(() => options.clock.now().monotonic);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#counters].map(([name, count]) => [`dynamic-author-${name}`, count]),
    );
  }

  clearCounters(): void {
    this.#counters.clear();
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets.splice(0)) socket.close();
  }

  async listen({ address, port }: Endpoint): Promise<void> {
    const socket = createSocket(address.family === 4 ? "udp4" : "udp6");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("error", reject);
    socket.bind(port, formatIpAddress(address), resolve);
    try {
      await promise;
    } catch (error) {
      socket.close();
      const where = formatEndpoint({ address, port });
      throw new StartError(`Cannot listen for RADIUS clients at ${where}: ${reasonOf(error)}`);
    }
    socket.on("error", () => {});
    socket.on("message", (datagram, from) => {
      const send = (answer: Bytes): void => {
        if (!this.#closed) socket.send(answer, from.port, from.address, () => {});
      };
      this.#hear(datagram, from.address, from.port, send).catch((error) =>
        this.#options.log.tell("error", "internal-fault", { reason: reasonOf(error) })
      );
    });
    this.#sockets.push(socket);
    this.#endpoints.push({ address, port: socket.address().port });
  }

  async #hear(
    datagram: Bytes,
    host: string,
    port: number,
    send: (answer: Bytes) => void,
  ): Promise<void> {
    const address = addressOf(host);
    if (address === undefined || !this.#clients.some((range) => rangeContains(range, address))) {
      return this.#count("unlisted-source");
    }
    const { strict } = this.#options;
    const secret = this.#options.secret();
    const opened = openRequest(secret, datagram, strict);
    if (!opened.ok) return this.#count(opened.fault);
    const packet = opened.value;
    const dating = this.#datingOf(packet);
    if (dating !== "dated" && dating !== "undated") return this.#count(dating);
    const client = { address, port };
    const key = keyOf(packet, client, dating);
    const before = this.#recent.find(key);
    if (before !== undefined) {
      this.#count("duplicate");
      if (before.answer !== undefined) send(before.answer);
      return;
    }
    const answers = answersOf[packet.code];
    if (answers === undefined) return this.#count("unexpected-code");
    // Nothing is done that could not be answered.
    if (sealed(secret, packet, answers.nak, "invalid-request") === undefined) {
      return this.#count("no-room-for-answer");
    }
    const memory = this.#recent.add(key, dating === "dated" ? datedLifeMs : undatedLifeMs);
    const outcome = obey(packet, client, this.#options);
    this.#tally(outcome);
    if (outcome.kind !== "refused") await this.#options.sessions.settled();
    const code = outcome.kind === "refused" ? answers.nak : answers.ack;
    memory.answer = sealed(secret, packet, code, outcome.cause);
    if (memory.answer !== undefined) send(memory.answer);
  }

  /** Whether a request says when it was made; or why what it says, or does not, keeps it unheard. */
  #datingOf(packet: ParsedPacket): "dated" | "undated" | DropCause {
    const [octets] = valuesOf(packet, "Event-Timestamp");
    if (octets === undefined) return this.#options.strict ? "no-event-timestamp" : "undated";
    const made = readNumber32(octets);
    if (made === undefined) return "bad-event-timestamp";
    const now = this.#options.clock.now().wall / 1000;
    return Math.abs(now - made) <= windowSeconds ? "dated" : "stale";
  }

  #tally(outcome: Outcome): void {
    switch (outcome.kind) {
      case "refused":
        return this.#count(outcome.cause);
      case "disconnected":
        this.#count("disconnect-acks");
        return this.#count("disconnected-sessions", outcome.count);
      case "changed":
        this.#count("coa-acks");
        return this.#count("changed-sessions", outcome.count);
    }
  }

  #count(name: DynamicAuthorCounter, by = 1): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }
}

/** An answer; `undefined` when what has to go back with it leaves no room. */
function sealed(
  secret: Bytes,
  packet: ParsedPacket,
  code: number,
  cause: ErrorCause | undefined,
): Bytes | undefined {
  const said: readonly Attribute[] = cause === undefined
    ? []
    : [{ name: "Error-Cause", value: number32(errorCauses[cause]) }];
  const goesBack: readonly Attribute["name"][] = packet.code === Code.COA_REQUEST
    ? ["Proxy-State", "State"]
    : ["Proxy-State"];
  const back = packet.attributes.filter(({ name }) => goesBack.includes(name));
  return sealAnswer(secret, packet, code, [...said, ...back]);
}

/** What makes a request the one that came before. Its authenticator is over all that it says. */
function keyOf(
  { authenticator, identifier }: ParsedPacket,
  { address, port }: Endpoint,
  dating: "dated" | "undated",
): string {
  const key = `${hexOf(authenticator)} ${identifier} ${formatIpAddress(address)}`;
  return dating === "dated" ? key : `${key} ${port}`;
}

/** The address of a sender as a socket says it: with a zone, or of IPv4 on a socket for both families. */
function addressOf(host: string): IpAddress | undefined {
  const [text = ""] = host.split("%");
  return parseIpAddress(text.replace(/^::ffff:(?=\d+\.)/i, ""));
}
