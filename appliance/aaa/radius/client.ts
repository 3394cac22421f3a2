/**
 * Asks RADIUS servers (RFC 2865 §2.4): in the order given or spread over those that are alive, and those
 * that are dead last. Questions do not wait for each other.
 *
 * A question stays with the server that has it for as long as `timeoutMs`, or until that server seems to
 * be dead: then another one is asked while the answer of the first is still welcome. So nobody is sent
 * a second push to his telephone because he took his time, unless the server that sent the first one
 * has fallen silent altogether.
 */
import type { Bytes, IpAddress, Random } from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Attempt, Request } from "./attempt.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import type { Purpose, RadiusTimes } from "./health.ts";
import { type Balance, choose, isPromising } from "./order.ts";
import type { Attribute, RadiusPacket } from "./packet.ts";
import { RadiusServer, type ServerPicture } from "./server.ts";
import { type RadiusCounter, recordKindOf, Tally } from "./tally.ts";

/** RFC 5080 §2.2.1 begins with two seconds. */
export const usualFirstPauseMs = 2_000;

/**
 * Longest time for one question, milliseconds, however many servers are asked: whoever logs in waits a
 * little longer than that (`limits.answeringMs`), and hears a refusal instead of nothing.
 */
const longestQuestionMs = 300_000;

/** One server, and the way to it. */
export interface RadiusServerSettings {
  /** Its name or address as text. */
  readonly host: string;
  readonly port: number;
  /** Shared with it; asked for each question, since a reload may bring another. */
  readonly secret: () => Bytes;
  /** Believes answers to Access-Requests without Message-Authenticator. */
  readonly allowUnsigned: boolean;
  /** Where it is; of a server that is called by a name, where it was reached last, if it was. */
  readonly address: () => IpAddress | undefined;
  readonly openChannel: (events: ChannelEvents) => Channel;
}

/** What a client is made from. */
export interface RadiusClientOptions {
  /** In the order they are to be asked. */
  readonly servers: readonly RadiusServerSettings[];
  readonly balance: Balance;
  /** What is counted for where a datagram does not tell. */
  readonly purpose: Purpose;
  readonly times: RadiusTimes;
  /** What says who asks in Status-Server packets (RFC 5997); without it none are sent. */
  readonly status: readonly Attribute[] | undefined;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

/** A question. */
export interface RadiusQuestion extends Request {
  /** Only this server, by its place in the list: it has the state of the conversation. */
  readonly server?: number;
}

/** An answer that is believed. */
export interface RadiusAnswer {
  readonly packet: RadiusPacket;
  /** Who gave it. */
  readonly server: number;
}

/** No server gave an answer that is believed. */
export class NoAnswerError extends Error {
  override name = "NoAnswerError";
}

/** Servers with the same purpose. */
export class RadiusClient {
  readonly #options: RadiusClientOptions;
  readonly #servers: readonly RadiusServer[];
  /** Accounting records, whoever took them. */
  readonly #records = new Tally();
  readonly #closed = new AbortController();
  #turn = 0;

  /** Opens nothing yet. */
  constructor(options: RadiusClientOptions) {
    this.#options = options;
    this.#servers = options.servers.map(({ host, port, ...server }, index) =>
      new RadiusServer({
        ...options,
        ...server,
        index,
        name: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
      })
    );
  }

  /** What was counted so far, of all servers together, for one purpose. */
  countersOf(purpose: Purpose): ReadonlyMap<RadiusCounter, number> {
    const sums = new Map(purpose === "accounting" ? this.#records.counters : []);
    for (const { picture: { tallies } } of this.#servers) {
      for (const [name, count] of tallies[purpose].counters) {
        sums.set(name, (sums.get(name) ?? 0) + count);
      }
    }
    return sums;
  }

  /** The same for its main purpose. */
  get counters(): ReadonlyMap<RadiusCounter, number> {
    return this.countersOf(this.#options.purpose);
  }

  /** The servers for people, in their order. */
  get names(): readonly string[] {
    return this.#servers.map(({ name }) => name);
  }

  /** The servers for `show`, in their order. */
  get pictures(): readonly ServerPicture[] {
    return this.#servers.map(({ picture }) => picture);
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#records.clear();
    for (const server of this.#servers) server.clearCounters();
  }

  /** The first answer that is believed; `NoAnswerError` when none comes, or the signal's reason. */
  async ask(question: RadiusQuestion, signal?: AbortSignal): Promise<RadiusAnswer> {
    const over = signal === undefined
      ? this.#closed.signal
      : AbortSignal.any([signal, this.#closed.signal]);
    over.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<RadiusAnswer>();
    const giveUp = (): void => reject(over.reason);
    const tooLong = setTimeout(
      () => reject(new NoAnswerError("no RADIUS server answered in time")),
      longestQuestionMs,
    );
    const pursuit = new Pursuit({
      question,
      servers: this.#servers.filter(({ index }) => (question.server ?? index) === index),
      balance: this.#options.balance,
      nextTurn: () => ++this.#turn,
      resolve,
      reject,
    });
    over.addEventListener("abort", giveUp);
    const record = recordKindOf(question);
    try {
      const answer = await promise;
      if (record !== undefined) this.#records.count(`${record}-passed`);
      return answer;
    } catch (error) {
      if (record !== undefined && !over.aborted) this.#records.count(`${record}-failed`);
      throw error;
    } finally {
      clearTimeout(tooLong);
      over.removeEventListener("abort", giveUp);
      pursuit.end();
    }
  }

  /** Gives up every question and closes what is open. */
  close(): void {
    this.#closed.abort(new NoAnswerError("RADIUS client is closed"));
    for (const server of this.#servers) server.close();
  }
}

/** What a pursuit is made from. */
interface PursuitOptions {
  readonly question: RadiusQuestion;
  /** Who may be asked. */
  readonly servers: readonly RadiusServer[];
  readonly balance: Balance;
  readonly nextTurn: () => number;
  readonly resolve: (answer: RadiusAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** One question on its way from server to server. */
class Pursuit {
  readonly #options: PursuitOptions;
  /** Who was not asked yet. */
  readonly #left: Set<RadiusServer>;
  /** Who is listened to. BOUNDED by the servers. */
  readonly #attempts = new Map<RadiusServer, Attempt>();
  #reason = "";

  /** Asks the first server. */
  constructor(options: PursuitOptions) {
    this.#options = options;
    this.#left = new Set(options.servers);
    if (!this.#askNext()) options.reject(new NoAnswerError("no such RADIUS server"));
  }

  /** Listens to nobody any more. */
  end(): void {
    this.#left.clear();
    for (const attempt of this.#attempts.values()) attempt.cancel();
    this.#attempts.clear();
  }

  /** Asks one more; whether there was one. */
  #askNext(claim: (server: RadiusServer) => boolean = () => true): boolean {
    const { question, servers, balance, nextTurn, resolve, reject } = this.#options;
    const server = choose([...this.#left].filter(claim), balance);
    if (server === undefined) return false;
    const isFailover = this.#left.size < servers.length;
    this.#left.delete(server);
    const attempt = server.ask(question, nextTurn(), isFailover, {
      answered: (packet) => resolve({ packet, server: server.index }),
      doubted: () => this.#moveOn(),
      failed: (reason) => this.#failed(server, reason),
      impossible: () => reject(new RangeError("a RADIUS attribute is too long")),
    });
    this.#attempts.set(server, attempt);
    return true;
  }

  /** Asks another one when nobody who was asked is likely to answer; whether it did. */
  #moveOn(): boolean {
    const isHopeless = [...this.#attempts.values()].every(({ isDoubted }) => isDoubted);
    return isHopeless && this.#askNext(isPromising);
  }

  #failed(server: RadiusServer, reason: string): void {
    this.#attempts.delete(server);
    if (reason !== "") this.#reason = `: ${reason}`;
    if (this.#moveOn() || this.#attempts.size > 0 || this.#askNext()) return;
    this.#options.reject(new NoAnswerError(`no RADIUS server answered${this.#reason}`));
  }
}
