/**
 * The loop around a state machine of the core: inputs go in one at a time, outputs are applied in the
 * order given, questions are answered later as inputs. It decides nothing about the protocol.
 *
 * Messages and answers come in hundreds at a time when everybody comes back at once. They are dealt with in
 * turns, so that the rest of the program stays awake: what was begun first, and what begins an IKE SA last.
 *
 * What the world may refuse, and what then happens, stands in one table below.
 */
import {
  type Answer,
  assertNever,
  type ChildSaInstall,
  type Command,
  type Endpoint,
  type Input,
  type Moment,
  type Monotonic,
  type Output,
  type PacketFilter,
  type Question,
  type TraceLevel,
} from "../core/mod.ts";
import { type DataplaneEvent, type IkeDatagram, IkeLine, type IkePlace } from "../dataplane/mod.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { NoiseGate } from "./noise_gate.ts";
import { reasonOf } from "./start_error.ts";
import { Turns } from "./turns.ts";

/** Something with a kind. */
interface Kind {
  readonly kind: string;
}

/** A state machine of the core: `Gateway`, or `Client` with orders and outputs of its own. */
export interface Machine<Order extends Kind = never, Extra extends Kind = never> {
  /** Takes one input, returns what is to be done, in order. */
  handle(input: Input | Order): readonly (Output | Extra)[];
  /** When a `timeout` input is due. */
  nextTimeout(): Monotonic | undefined;
}

/** The part of the packet path that outputs are applied to. */
export interface Packets {
  transmit(local: Endpoint, remote: Endpoint, bytes: Uint8Array): void;
  installChildSa(sa: ChildSaInstall): void;
  moveChildSa(inboundSpi: number, local: Endpoint, remote: Endpoint): void;
  removeChildSa(inboundSpi: number): void;
  filterChildSa(inboundSpi: number, filter: PacketFilter | undefined): void;
}

/** Answers questions; never rejects. */
export type Answerer = (question: Question, signal: AbortSignal) => Promise<Answer>;

/** What a driver is made from. */
export interface DriverOptions<Order extends Kind, Extra extends Kind> {
  readonly machine: Machine<Order, Extra>;
  readonly packets: Packets;
  readonly answer: Answerer;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes the outputs that only this kind of machine has. */
  readonly extra: (output: Extra) => void;
}

/** What is tried and may fail. */
type Attempt =
  | "transmit"
  | "install-child-sa"
  | "move-child-sa"
  | "remove-child-sa"
  | "filter-child-sa"
  | "extra"
  | "handle";

/**
 * What a failure means. A message that was not sent is sent again by IKE itself. A Child SA that the
 * packet path refuses carries nothing until it is rekeyed or the peer gives up. An exception out of
 * the core is a mistake of ours and costs that one input. That the packet path is gone as a whole is
 * fatal, and comes by its own way to the daemon. A stranger may know how to cause one again and again,
 * so only a few lines of a kind are told.
 */
const faults: Readonly<Record<Attempt, { readonly level: TraceLevel; readonly event: string }>> = {
  "transmit": { level: "debug", event: "transmit-failed" },
  "install-child-sa": { level: "error", event: "child-sa-not-installed" },
  "move-child-sa": { level: "error", event: "child-sa-not-moved" },
  "remove-child-sa": { level: "error", event: "child-sa-not-removed" },
  "filter-child-sa": { level: "error", event: "child-sa-not-filtered" },
  "extra": { level: "error", event: "internal-fault" },
  "handle": { level: "error", event: "internal-fault" },
};

/** Milliseconds until a machine that broke its promise is asked again for what was due. */
const faultPauseMs = 1_000;

/** In which line of its turns an input waits: answers are part of what was begun. */
const turnLines = { answer: 0, [IkeLine.ESTABLISHED]: 1, [IkeLine.INITIAL]: 2 } as const;

/** Longest wait of one timer, milliseconds: runtimes cut at 2^31. An early `timeout` is harmless. */
const longestWaitMs = 3_600_000;

/** Drives one machine. */
export class Driver<Order extends Kind = never, Extra extends Kind = never> {
  readonly #options: DriverOptions<Order, Extra>;
  /** Inputs that arrived while another was handled; empty again before the call returns. */
  readonly #inputs: (Input | Order)[] = [];
  /** Open questions. BOUNDED by the machine. */
  readonly #open = new Map<number, AbortController>();
  readonly #idleWaiters: (() => void)[] = [];
  readonly #gate: NoiseGate;
  /** BOUNDED: messages by the lines of the packet path, answers by the questions. */
  readonly #turns: Turns;
  #handling = false;
  #hasFailed = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires; by the same clock as deadlines. */
  #armedFor = Number.POSITIVE_INFINITY;
  #transmitted = 0;

  /** A driver that has not heard anything yet. */
  constructor(options: DriverOptions<Order, Extra>) {
    this.#options = options;
    const nowMs = (): number => options.clock.now().monotonic;
    this.#gate = new NoiseGate(nowMs);
    this.#turns = new Turns(nowMs, Object.keys(turnLines).length);
  }

  /** An IKE message came in; it leaves its place when it is dealt with. */
  datagram({ local, remote, bytes }: IkeDatagram, place: IkePlace): void {
    this.#turns.take(turnLines[place.line], () => {
      this.#take({ kind: "datagram", at: this.#options.clock.now(), local, remote, bytes });
      place.leave();
    });
  }

  /** The packet path reports. */
  event(event: DataplaneEvent): void {
    this.#take({ kind: "dataplane", at: this.#options.clock.now(), event });
  }

  /** The operator or the appliance orders. */
  command(command: Command): void {
    this.#take({ kind: "command", at: this.#options.clock.now(), command });
  }

  /** An order that only this kind of machine knows. */
  order(make: (at: Moment) => Order): void {
    this.#take(make(this.#options.clock.now()));
  }

  /** IKE messages sent so far. */
  get transmitted(): number {
    return this.#transmitted;
  }

  /** Resolves when no question is open. */
  idle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Takes no further input. Open questions are cancelled. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#turns.close();
    for (const controller of this.#open.values()) controller.abort();
    this.#open.clear();
    this.#wakeIdle();
  }

  #take(input: Input | Order): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) this.#handle(next);
    } finally {
      this.#handling = false;
    }
    this.#arm();
  }

  #handle(input: Input | Order): void {
    const outputs = this.#attempt("handle", () => this.#options.machine.handle(input), {
      input: input.kind,
    });
    this.#hasFailed = outputs === undefined;
    for (const output of outputs ?? []) this.#apply(output);
  }

  #apply(output: Output | Extra): void {
    const { packets, log } = this.#options;
    if (!isCommon(output)) {
      this.#attempt("extra", () => this.#options.extra(output), { output: output.kind });
      return;
    }
    switch (output.kind) {
      case "transmit":
        this.#transmitted++;
        this.#attempt(
          output.kind,
          () => packets.transmit(output.local, output.remote, output.bytes),
          { remote: output.remote },
        );
        return;
      case "install-child-sa":
        this.#attempt(output.kind, () => packets.installChildSa(output.sa));
        return;
      case "move-child-sa":
        this.#attempt(
          output.kind,
          () => packets.moveChildSa(output.inboundSpi, output.local, output.remote),
        );
        return;
      case "remove-child-sa":
        this.#attempt(output.kind, () => packets.removeChildSa(output.inboundSpi));
        return;
      case "filter-child-sa":
        this.#attempt(
          output.kind,
          () => packets.filterChildSa(output.inboundSpi, output.filter),
        );
        return;
      case "ask":
        return this.#ask(output.id, output.question);
      case "cancel":
        this.#open.get(output.id)?.abort();
        return this.#closeQuestion(output.id);
      case "trace":
        return log.trace(output.trace);
      default:
        return assertNever(output);
    }
  }

  #ask(id: number, question: Question): void {
    const controller = new AbortController();
    this.#open.set(id, controller);
    const answered = (answer: Answer): void =>
      this.#turns.take(turnLines.answer, () => {
        if (this.#open.get(id) !== controller) return;
        this.#take({ kind: "completion", at: this.#options.clock.now(), id, answer });
        this.#closeQuestion(id);
      });
    this.#options.answer(question, controller.signal)
      .then(answered, (error) => answered({ kind: "failed", reason: reasonOf(error) }));
  }

  #closeQuestion(id: number): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#wakeIdle();
  }

  #wakeIdle(): void {
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  #attempt<T>(
    attempt: Attempt,
    act: () => T,
    facts: Readonly<Record<string, string | Endpoint>> = {},
  ): T | undefined {
    try {
      return act();
    } catch (error) {
      const { level, event } = faults[attempt];
      const suppressed = this.#gate.pass(event);
      if (suppressed === undefined) return undefined;
      const more = suppressed > 0 ? { suppressed } : {};
      this.#options.log.tell(level, event, { ...facts, reason: reasonOf(error), ...more });
      return undefined;
    }
  }

  #arm(): void {
    const next = this.#stopped ? undefined : this.#options.machine.nextTimeout();
    const now = this.#options.clock.now().monotonic;
    const soonest = this.#hasFailed ? now + faultPauseMs : now;
    const at = next === undefined ? Number.POSITIVE_INFINITY : Math.max(soonest, next);
    // A deadline moves with nearly every input, mostly away: the timer that comes too early sets the next.
    if (this.#timer !== undefined && next !== undefined && this.#armedFor <= at) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor = at;
    if (next === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#take({ kind: "timeout", at: this.#options.clock.now() });
    }, Math.min(at - now, longestWaitMs));
  }
}

/** What every machine may put out. */
const common: Readonly<Record<Output["kind"], true>> = {
  "transmit": true,
  "install-child-sa": true,
  "move-child-sa": true,
  "remove-child-sa": true,
  "filter-child-sa": true,
  "ask": true,
  "cancel": true,
  "trace": true,
};

function isCommon<Extra extends Kind>(
  output: Output | Extra,
): output is Output {
  return Object.hasOwn(common, output.kind);
}
