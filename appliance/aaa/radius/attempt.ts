/**
 * One question to one server, from its first packet to an answer that is believed or the end of its
 * time. Answers that are not believed are reported and otherwise as if they had never come.
 */
import type { Bytes, Random } from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import { reasonOf } from "../../start_error.ts";
import { type Channel, ChannelFullError, type Slot, UnreachableError } from "./channel.ts";
import type { RadiusTimes } from "./health.ts";
import type { Holder, Outcome } from "./identifiers.ts";
import { type Attribute, Code, type RadiusPacket } from "./packet.ts";
import { openAnswer, sealRequest } from "./protection.ts";
import { answerCounters, type RadiusCounter, type RecordKind, recordKindOf } from "./tally.ts";

/** Pauses between retransmissions double until they are so long, milliseconds (RFC 5080 §2.2.1). */
const longestPauseMs = 16_000;

/** What is asked. */
export interface Request {
  readonly code: typeof Code.ACCESS_REQUEST | typeof Code.ACCOUNTING_REQUEST;
  readonly attributes: readonly Attribute[];
  /** Whether an answer needs Message-Authenticator, whatever else is allowed (RFC 3579 §3.2). */
  readonly mustBeSigned?: true;
}

/** How asking one server goes on. At most one of `answered`, `failed` and `impossible` is called. */
export interface Listener {
  /** An answer that is believed. */
  answered(packet: RadiusPacket): void;
  /** The server seems to be dead, though it may still answer. Whether another one is asked now. */
  doubted(): boolean;
  /** It let its time pass, or could not be asked. */
  failed(reason: string): void;
  /** No packet can hold the question. */
  impossible(): void;
}

/** What an attempt is made from. */
export interface AttemptOptions {
  readonly request: Request;
  readonly secret: Bytes;
  readonly channel: Channel;
  /** Believes answers to Access-Requests without Message-Authenticator. */
  readonly allowUnsigned: boolean;
  readonly times: RadiusTimes;
  readonly random: Random;
  readonly clock: Clock;
  readonly listener: Listener;
  readonly report: AttemptReport;
}

/** What the server learns of an attempt. */
export interface AttemptReport {
  count(name: RadiusCounter): void;
  /** An answer that is not believed. */
  dropped(cause: RadiusCounter): void;
  /** An answer that is. */
  heard(tookMs: number): void;
  /** All its time passed. */
  timedOut(began: number): void;
  /** There is no way to the server; why, for people. */
  unreachable(reason: string): void;
  /** It waits no more; called before the listener is. */
  over(): void;
}

const answerCodes: Readonly<Record<Request["code"], readonly number[]>> = {
  [Code.ACCESS_REQUEST]: [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE],
  [Code.ACCOUNTING_REQUEST]: [Code.ACCOUNTING_RESPONSE],
};

/** One question to one server. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #record: RecordKind | undefined;
  /** Monotonic milliseconds. */
  readonly began: number;
  #slot: Slot | undefined;
  /** Why there was no way to the server, at last. */
  #reason = "";
  #isOver = false;
  #isDoubted = false;
  /** Another server was asked meanwhile: nothing is sent any more. */
  #onlyListens = false;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #repeating: ReturnType<typeof setTimeout> | undefined;

  /** Begins at once. */
  constructor(options: AttemptOptions) {
    const { request, times, clock, report } = options;
    this.#options = options;
    this.#record = recordKindOf(request);
    this.began = clock.now().monotonic;
    this.#deadline = setTimeout(() => this.#timeOut(), times.timeoutMs);
    report.count("requests");
    this.#countRecord("requests");
    void this.#send();
  }

  /** Whether its listener was told that the server seems dead. */
  get isDoubted(): boolean {
    return this.#isDoubted;
  }

  /** The server seems to be dead. If another one is asked now, this one is only listened to. */
  doubt(): void {
    if (this.#isDoubted || this.#isOver) return;
    this.#isDoubted = true;
    if (!this.#options.listener.doubted()) return;
    this.#onlyListens = true;
    clearTimeout(this.#repeating);
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    // Another one had to be asked in its place.
    if (this.#end("abandoned") && this.#isDoubted) this.#options.report.count("timeouts");
  }

  async #send(): Promise<void> {
    const { listener, request, secret, random } = this.#options;
    const { code, attributes } = request;
    let take = (_: Bytes): void => {};
    const slot = await this.#open({
      take: (bytes) => take(bytes),
      lost: (inVain) => this.#lose(inVain),
    });
    if (slot === undefined) return;
    this.#slot = slot;
    const { identifier } = slot;
    const sealed = sealRequest(secret, { code, identifier, attributes, nonce: random.bytes(16) });
    if (sealed === undefined) {
      this.#end("abandoned");
      return listener.impossible();
    }
    take = (bytes) => this.#take(sealed.authenticator, bytes);
    slot.send(sealed.bytes);
    if (!slot.isReliable) this.#repeat(slot, sealed.bytes);
  }

  /** An identifier, however long it takes; `undefined` when nobody wants it any more. */
  async #open(holder: Holder): Promise<Slot | undefined> {
    const { channel, report } = this.#options;
    while (!this.#isOver) {
      try {
        const slot = await channel.open(holder);
        if (!this.#isOver) return slot;
        slot.release("abandoned");
      } catch (error) {
        if (this.#isOver) return undefined;
        this.#reason = reasonOf(error);
        if (!(error instanceof ChannelFullError)) report.unreachable(this.#reason);
        if (error instanceof UnreachableError && !this.#onlyListens) continue;
        this.#fail();
      }
    }
    return undefined;
  }

  /** Sends again with growing pauses. */
  #repeat(slot: Slot, bytes: Bytes): void {
    const { times, random, report } = this.#options;
    let pause = times.firstPauseMs;
    const wait = (): void => {
      // A tenth more or less, so that those who began together do not go on together.
      const [dice = 0] = random.bytes(1);
      this.#repeating = setTimeout(again, pause * (0.9 + dice / 1280));
      pause = Math.min(2 * pause, longestPauseMs);
    };
    const again = (): void => {
      report.count("retransmissions");
      slot.send(bytes);
      wait();
    };
    wait();
  }

  #take(authenticator: Bytes, bytes: Bytes): void {
    const { secret, allowUnsigned, request, report, listener, clock } = this.#options;
    const mustBeSigned = request.code === Code.ACCESS_REQUEST &&
      (request.mustBeSigned ?? !allowUnsigned);
    const opened = openAnswer(secret, authenticator, bytes, mustBeSigned);
    if (!opened.ok) {
      report.dropped(opened.fault);
      return this.#slot?.distrust();
    }
    const { code } = opened.value;
    if (!answerCodes[request.code].includes(code)) return report.dropped("unexpected-code");
    this.#end("answered");
    const counter = answerCounters.get(code);
    if (counter !== undefined) report.count(counter);
    this.#countRecord("responses");
    report.heard(clock.now().monotonic - this.began);
    listener.answered(opened.value);
  }

  /** The connection is gone: it is asked again on another one, where it is another question. */
  #lose(inVain: boolean): void {
    const { report } = this.#options;
    this.#slot?.release("abandoned");
    this.#slot = undefined;
    this.#reason = "the connection broke";
    if (inVain) report.unreachable(this.#reason);
    if (this.#isOver) return;
    if (this.#onlyListens) return this.#fail();
    report.count("retransmissions");
    void this.#send();
  }

  /** There was no way to the server. */
  #fail(): void {
    const { report, listener } = this.#options;
    if (!this.#end("abandoned")) return;
    report.count("unreachable");
    listener.failed(this.#reason);
  }

  #timeOut(): void {
    const { report, listener } = this.#options;
    this.#end("abandoned");
    report.count("timeouts");
    report.timedOut(this.began);
    listener.failed(this.#reason);
  }

  /** Whether it was not over before. */
  #end(outcome: Outcome): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#repeating);
    this.#slot?.release(outcome);
    this.#options.report.over();
    return true;
  }

  #countRecord(what: "requests" | "responses"): void {
    if (this.#record !== undefined) this.#options.report.count(`${this.#record}-${what}`);
  }
}
