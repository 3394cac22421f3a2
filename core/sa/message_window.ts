/**
 * Message IDs, retransmission and repeated responses (RFC 7296 §2.1 to §2.3), window size 1 both
 * ways.
 *
 * Two independent halves, because Message IDs count separately for the requests of each side.
 * Neither knows what is in a message; both are asked before anything is decrypted and told only
 * about what has been authenticated.
 */
import type { OwnedBytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import { after, type Monotonic } from "../moment.ts";
import type { Random } from "../random.ts";
import { invariant } from "../result.ts";

/** Message IDs have 32 bits and never wrap: the SA ends first. */
const LAST_MESSAGE_ID = 0xffff_ffff;

/** In the usual plan each wait for a response is this much longer than the one before. */
const BACKOFF = 1.8;

/** Waits are shortened by up to this part, so that peers of a restarted gateway spread out. */
const JITTER = 0.1;

/** What a request's Message ID says about it. */
export type RequestStanding =
  /** The one expected: open and process it, then `accept`. */
  | "new"
  /** The one before, once more: send `response` again, if there is one yet. */
  | "retransmission"
  /** Older, or a later fragment of a repeated request: nothing to do. */
  | "stale"
  /** Beyond our window of one, or the next one while the last is still being answered. */
  | "ahead";

/** The peer's requests and our responses. */
export class ResponderWindow {
  #next: number;
  #isAnswering = false;
  #response: readonly OwnedBytes[] = [];

  /**
   * `next` is the first Message ID that may come: 0, or 1 where IKE_SA_INIT was handled elsewhere.
   */
  constructor(next: number) {
    this.#next = next;
  }

  /** The Message ID of the next new request. */
  get next(): number {
    return this.#next;
  }

  /**
   * The last response, octet for octet as sent; empty while it is being made (RFC 7296 §2.1).
   */
  get response(): readonly OwnedBytes[] {
    return this.#response;
  }

  /**
   * Where a request stands. Of a repeated request in fragments only the first one asks for the
   * response again (RFC 7383 §2.6.1).
   */
  onRequest(messageId: number, fragmentNumber = 1): RequestStanding {
    if (messageId === this.#next) return this.#isAnswering ? "ahead" : "new";
    if (messageId > this.#next) return "ahead";
    return messageId === this.#next - 1 && fragmentNumber === 1 ? "retransmission" : "stale";
  }

  /** The expected request is authentic and whole: from now on it is a retransmission. */
  accept(messageId: number): void {
    invariant(messageId === this.#next, "the accepted request is the expected one");
    invariant(messageId < LAST_MESSAGE_ID, "Message IDs do not wrap");
    this.#next = messageId + 1;
    this.#isAnswering = true;
    this.#response = [];
  }

  /** Keeps the response to the accepted request, all datagrams of it. */
  respond(datagrams: readonly OwnedBytes[]): void {
    this.#isAnswering = false;
    this.#response = datagrams;
  }
}

/** What to do when a request's deadline has come. */
export type RetransmissionStep =
  /** Nothing is due. */
  | { readonly kind: "wait" }
  /** Send these once more, octet for octet. */
  | { readonly kind: "retransmit"; readonly datagrams: readonly OwnedBytes[] }
  /** All transmissions stayed unanswered: the peer is gone (RFC 7296 §2.4). */
  | { readonly kind: "give-up" };

interface Outstanding {
  readonly messageId: number;
  readonly datagrams: readonly OwnedBytes[];
  transmissions: number;
  deadline: Monotonic;
}

/** How patiently a request is repeated. */
export interface RetransmissionPlan {
  /** First wait, milliseconds. */
  readonly firstMs: number;
  /** Transmissions before giving up, the first included. */
  readonly transmissions: number;
  /** How much longer each wait is than the one before; 1 for DPD, which repeats evenly. */
  readonly backoff: number;
  /** No wait is longer, milliseconds. */
  readonly longestMs: number;
}

/** The plan of `limits`: about 40 seconds in all. */
const usualPlan: RetransmissionPlan = {
  firstMs: limits.retransmitMs,
  transmissions: limits.transmissions,
  backoff: BACKOFF,
  longestMs: limits.longestRetransmitMs,
};

/** The same for a peer that may take minutes to answer: whoever asks says when it is too long. */
export const patientPlan: RetransmissionPlan = {
  ...usualPlan,
  transmissions: Number.POSITIVE_INFINITY,
};

/** Our requests and the peer's responses. */
export class RequesterWindow {
  readonly #random: Random;
  #plan = usualPlan;
  #next: number;
  #outstanding: Outstanding | undefined;

  /** `next` is the Message ID of our first request; `random` gives the jitter. */
  constructor(next: number, random: Random) {
    this.#next = next;
    this.#random = random;
  }

  /** The Message ID of the next request. */
  get next(): number {
    return this.#next;
  }

  /** The Message ID of the request that waits for its response. */
  get outstanding(): number | undefined {
    return this.#outstanding?.messageId;
  }

  /** Whether the outstanding request was sent more than once as it is. */
  get isRepeated(): boolean {
    return (this.#outstanding?.transmissions ?? 0) > 1;
  }

  /** When `onTimeout` has something to do. */
  get deadline(): Monotonic | undefined {
    return this.#outstanding?.deadline;
  }

  /** Notes that the request with Message ID `next` leaves now for the first time. */
  begin(
    datagrams: readonly OwnedBytes[],
    now: Monotonic,
    plan: RetransmissionPlan = usualPlan,
  ): void {
    invariant(this.#outstanding === undefined, "one request at a time");
    invariant(this.#next < LAST_MESSAGE_ID, "Message IDs do not wrap");
    this.#plan = plan;
    this.#outstand(this.#next, datagrams, now);
    this.#next++;
  }

  /**
   * The outstanding request in a new form under the same Message ID, counted from the start:
   * IKE_SA_INIT with a cookie or another group (RFC 7296 §2.6).
   */
  replace(datagrams: readonly OwnedBytes[], now: Monotonic): void {
    const messageId = this.#outstanding?.messageId;
    invariant(messageId !== undefined, "a request is outstanding");
    this.#outstand(messageId, datagrams, now);
  }

  /** The outstanding request as it is, counted from the start: it takes a new path (RFC 4555 §3.5). */
  restart(now: Monotonic): readonly OwnedBytes[] {
    const datagrams = this.#outstanding?.datagrams ?? [];
    if (datagrams.length > 0) this.replace(datagrams, now);
    return datagrams;
  }

  /** Whether a response with this Message ID is the one awaited. */
  awaits(messageId: number): boolean {
    return this.#outstanding?.messageId === messageId;
  }

  /** The awaited response is authentic and whole. */
  finish(messageId: number): void {
    invariant(this.awaits(messageId), "the response is the awaited one");
    this.#outstanding = undefined;
  }

  /** Counts the transmissions of the outstanding request from the start: the peer shows signs of life. */
  renew(): void {
    if (this.#outstanding !== undefined) this.#outstanding.transmissions = 1;
  }

  /** Gives the outstanding request up without a response, as when the SA goes away. */
  abandon(): void {
    this.#outstanding = undefined;
  }

  /** Time has passed; a call before the deadline is harmless. */
  onTimeout(now: Monotonic): RetransmissionStep {
    const waiting = this.#outstanding;
    if (waiting === undefined || now < waiting.deadline) return { kind: "wait" };
    if (waiting.transmissions >= this.#plan.transmissions) {
      this.#outstanding = undefined;
      return { kind: "give-up" };
    }
    waiting.transmissions++;
    waiting.deadline = after(now, this.#waitMs(waiting.transmissions));
    return { kind: "retransmit", datagrams: waiting.datagrams };
  }

  #outstand(messageId: number, datagrams: readonly OwnedBytes[], now: Monotonic): void {
    const deadline = after(now, this.#waitMs(1));
    this.#outstanding = { messageId, datagrams, transmissions: 1, deadline };
  }

  /** How long to wait after the given transmission, in whole milliseconds. */
  #waitMs(transmission: number): number {
    const [octet = 0] = this.#random.bytes(1);
    const { firstMs, backoff, longestMs } = this.#plan;
    const fullMs = Math.min(firstMs * backoff ** (transmission - 1), longestMs);
    return Math.round(fullMs * (1 - JITTER * octet / 255));
  }
}
