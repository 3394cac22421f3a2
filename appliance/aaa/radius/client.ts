/**
 * Asks RADIUS servers (RFC 2865 §2.4, RFC 5080 §2.2.1): in the order given, each with retransmissions
 * of the very same packet, so that a server which is only slow, because a person has to press a button,
 * knows them for what they are.
 *
 * A server that let a question pass without a word to anybody is asked last for a while. Questions do
 * not wait for each other. Answers that are not believed are counted and otherwise as if they had
 * never come. Load balancing, TLS (RFC 6614) and Status-Server are left out.
 */
import {
  type Bytes,
  type Endpoint,
  formatEndpoint,
  type IpAddress,
  type Random,
} from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { Channel, type Slot, type Stray } from "./channel.ts";
import { type Attribute, Code, type RadiusPacket } from "./packet.ts";
import { type AnswerFault, openAnswer, sealRequest } from "./protection.ts";

/** Milliseconds. */
export interface RadiusTimes {
  /** How long one server is waited for. */
  readonly timeoutMs: number;
  /** How long a silent server is asked last. */
  readonly deadMs: number;
  /** Until the first retransmission; doubles up to `longestPauseMs`. */
  readonly firstPauseMs: number;
}

/** RFC 5080 §2.2.1 begins with two seconds. */
export const usualFirstPauseMs = 2_000;
const longestPauseMs = 16_000;

/** What a client is made from. */
export interface RadiusClientOptions {
  /** In the order they are to be asked. */
  readonly servers: readonly Endpoint[];
  readonly secret: Bytes;
  readonly source: IpAddress | undefined;
  /** Believes answers to Access-Requests without Message-Authenticator. */
  readonly allowUnsigned: boolean;
  readonly times: RadiusTimes;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

/** A question. */
export interface RadiusQuestion {
  readonly code: typeof Code.ACCESS_REQUEST | typeof Code.ACCOUNTING_REQUEST;
  readonly attributes: readonly Attribute[];
  /** Only this server, by its place in the list: it has the state of the conversation. */
  readonly server?: number;
  /** Whether an answer needs Message-Authenticator, whatever else is allowed (RFC 3579 §3.2). */
  readonly mustBeSigned?: true;
}

/** An answer that is believed. */
export interface RadiusAnswer {
  readonly packet: RadiusPacket;
  /** Who gave it. */
  readonly server: number;
}

/** What is counted. */
export type RadiusCounter =
  | "requests"
  | "retransmissions"
  | "answers"
  | "timeouts"
  | Stray
  | AnswerFault
  | "unexpected-code";

/** No server gave an answer that is believed. */
export class NoAnswerError extends Error {
  override name = "NoAnswerError";
}

interface Server {
  readonly index: number;
  readonly name: string;
  readonly channel: Channel;
  /** Monotonic milliseconds. */
  lastHeard: number;
  deadUntil: number | undefined;
}

const answerCodes: Readonly<Record<RadiusQuestion["code"], readonly number[]>> = {
  [Code.ACCESS_REQUEST]: [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE],
  [Code.ACCOUNTING_REQUEST]: [Code.ACCOUNTING_RESPONSE],
};

/** Servers with the same purpose. */
export class RadiusClient {
  readonly #options: RadiusClientOptions;
  readonly #servers: readonly Server[];
  readonly #counters = new Map<RadiusCounter, number>();
  readonly #closed = new AbortController();

  /** Opens nothing yet. */
  constructor(options: RadiusClientOptions) {
    this.#options = options;
    const { source } = options;
    const onStray = (cause: Stray): void => this.#count(cause);
    this.#servers = options.servers.map((server, index) => ({
      index,
      name: formatEndpoint(server),
      channel: new Channel({ server, source, onStray }),
      lastHeard: Number.NEGATIVE_INFINITY,
      deadUntil: undefined,
    }));
  }

  /** What was counted so far. */
  get counters(): ReadonlyMap<RadiusCounter, number> {
    return this.#counters;
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#counters.clear();
  }

  /** The first answer that is believed; `NoAnswerError` when none comes, or the signal's reason. */
  async ask(question: RadiusQuestion, signal?: AbortSignal): Promise<RadiusAnswer> {
    const over = signal === undefined
      ? this.#closed.signal
      : AbortSignal.any([signal, this.#closed.signal]);
    for (const server of this.#inOrder(question.server)) {
      over.throwIfAborted();
      const packet = await this.#askOne(server, question, over);
      if (packet !== undefined) return { packet, server: server.index };
    }
    throw new NoAnswerError("no RADIUS server answered");
  }

  /** Gives up every question and closes the sockets. */
  close(): void {
    this.#closed.abort(new NoAnswerError("RADIUS client is closed"));
    for (const { channel } of this.#servers) channel.close();
  }

  /** Those alive as listed, then the dead ones, the longest dead first. */
  #inOrder(only: number | undefined): readonly Server[] {
    if (only !== undefined) return this.#servers.filter(({ index }) => index === only);
    const now = this.#now();
    const rank = ({ deadUntil = 0 }: Server): number => deadUntil > now ? deadUntil : 0;
    return [...this.#servers].sort((a, b) => rank(a) - rank(b));
  }

  async #askOne(
    server: Server,
    { code, attributes, mustBeSigned }: RadiusQuestion,
    over: AbortSignal,
  ): Promise<RadiusPacket | undefined> {
    const { secret, random, times, allowUnsigned } = this.#options;
    const began = this.#now();
    const answered = Promise.withResolvers<RadiusPacket | undefined>();
    const slot = await server.channel.open();
    const { identifier } = slot;
    const sealed = sealRequest(secret, { code, identifier, attributes, nonce: random.bytes(16) });
    if (sealed === undefined || over.aborted) {
      slot.release("abandoned");
      over.throwIfAborted();
      throw new RangeError("a RADIUS attribute is too long");
    }
    slot.listen((bytes) => {
      const needsSignature = code === Code.ACCESS_REQUEST && (mustBeSigned ?? !allowUnsigned);
      const opened = openAnswer(secret, sealed.authenticator, bytes, needsSignature);
      if (!opened.ok) return this.#count(opened.fault);
      if (!answerCodes[code].includes(opened.value.code)) return this.#count("unexpected-code");
      this.#heard(server);
      answered.resolve(opened.value);
    });
    const giveUp = (): void => answered.reject(over.reason);
    over.addEventListener("abort", giveUp);
    const deadline = setTimeout(() => answered.resolve(undefined), times.timeoutMs);
    const stop = this.#transmit(slot, sealed.bytes);
    let packet: RadiusPacket | undefined;
    try {
      packet = await answered.promise;
    } finally {
      stop();
      clearTimeout(deadline);
      over.removeEventListener("abort", giveUp);
      slot.release(packet === undefined ? "abandoned" : "answered");
    }
    if (packet === undefined) this.#missed(server, began);
    return packet;
  }

  /** Sends now and again with growing pauses, until the returned function is called. */
  #transmit(slot: Slot, bytes: Bytes): () => void {
    let pause = this.#options.times.firstPauseMs;
    let timer: ReturnType<typeof setTimeout>;
    const wait = (): void => {
      // A tenth more or less, so that those who began together do not go on together.
      const [dice = 0] = this.#options.random.bytes(1);
      timer = setTimeout(again, pause * (0.9 + dice / 1280));
      pause = Math.min(2 * pause, longestPauseMs);
    };
    const again = (): void => {
      this.#count("retransmissions");
      slot.send(bytes);
      wait();
    };
    this.#count("requests");
    slot.send(bytes);
    wait();
    return () => clearTimeout(timer);
  }

  #heard(server: Server): void {
    this.#count("answers");
    server.lastHeard = this.#now();
    if (server.deadUntil === undefined) return;
    server.deadUntil = undefined;
    this.#options.log.tell("info", "radius-server-alive", { server: server.name });
  }

  /** A server that answers others in the meantime is slow, not dead. */
  #missed(server: Server, began: number): void {
    this.#count("timeouts");
    if (server.lastHeard >= began) return;
    const { log, times } = this.#options;
    if (server.deadUntil === undefined) {
      log.tell("warning", "radius-server-dead", { server: server.name });
    }
    server.deadUntil = this.#now() + times.deadMs;
  }

  #count(name: RadiusCounter): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }

  #now(): number {
    return this.#options.clock.now().monotonic;
  }
}
