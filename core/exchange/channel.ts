/**
 * The protected message channel of one IKE SA: sealing and opening (RFC 7296 §3.14, RFC 5282),
 * fragments (RFC 7383), Message IDs, cached responses and retransmission (RFC 7296 §2.1 to §2.3).
 *
 * It knows nothing of what the payloads mean. Nothing changes before a message has been authenticated.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { buildCiscoFragments } from "../eap/anyconnect/cisco_fragments.ts";
import type { MessageHeader } from "../message/header.ts";
import type { ParsedMessage } from "../message/message.ts";
import { parsePayloads } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { Monotonic } from "../moment.ts";
import { invariant } from "../result.ts";
import { FragmentBuffer } from "../sa/fragments.ts";
import type { IkeKeys } from "../sa/keymat.ts";
import { RequesterWindow, ResponderWindow } from "../sa/message_window.ts";
import type { RetransmissionPlan } from "../sa/message_window.ts";
import { IvCounter } from "../sa/iv_counter.ts";
import type { Opening, Sealing } from "../sa/protection.ts";
import { directionKeys, openMessage, sealMessage } from "../sa/protection.ts";
import type { IkeSuite } from "../sa/suite.ts";
import type { WireFault } from "../wire/fault.ts";
import type { SaWorld } from "./world.ts";

/** What a datagram turned out to be. */
export type Received =
  | {
    readonly kind: "request";
    readonly exchangeType: number;
    readonly payloads: readonly Payload[];
  }
  | { readonly kind: "response"; readonly payloads: readonly Payload[] }
  /** A request that was answered before: send the answer again. */
  | { readonly kind: "repeated"; readonly datagrams: readonly OwnedBytes[] }
  /** Authentic, but its payloads cannot be read. */
  | { readonly kind: "malformed"; readonly isRequest: boolean; readonly fault: WireFault }
  /** A fragment; others are missing. */
  | { readonly kind: "incomplete" }
  /** Of no use; `cause` names a counter. */
  | { readonly kind: "dropped"; readonly cause: string };

/** How long a message may be, and what happens to longer ones. */
export interface MessageSize {
  /** Never, by RFC 7383, or as Cisco's older clients do it: the sealed message in pieces. */
  readonly cutting: "never" | "before-sealing" | "after-sealing";
  /** Octets of an IKE message in one datagram. */
  readonly mostBytes: number;
}

/** What the channel needs to know of its SA. */
export interface ChannelSeed {
  readonly originalInitiator: boolean;
  readonly spiI: OwnedBytes;
  readonly spiR: OwnedBytes;
  readonly suite: IkeSuite;
  readonly keys: IkeKeys;
  /** First Message ID of the original initiator's requests: 1 after IKE_SA_INIT, 0 after a rekey. */
  readonly firstMessageId: 0 | 1;
}

interface Answering {
  readonly messageId: number;
  readonly exchangeType: number;
}

/** Counters of messages that are outside of the windows. */
const dropCauses = {
  "stale": "stale-message-id",
  "ahead": "message-id-outside-window",
  "unexpected": "unexpected-response",
} as const;

/** One channel. */
export class Channel {
  readonly #world: SaWorld;
  readonly #seed: ChannelSeed;
  readonly #inbound: Opening;
  readonly #outbound: Sealing;
  readonly #responder: ResponderWindow;
  readonly #requester: RequesterWindow;
  readonly #requestFragments = new FragmentBuffer();
  readonly #responseFragments = new FragmentBuffer();
  readonly #size: () => MessageSize;
  #answering: Answering | undefined;

  /** `size` says how long a message may be, and how a longer one is cut. */
  constructor(world: SaWorld, seed: ChannelSeed, size: () => MessageSize) {
    const { crypto, random } = world;
    const { keys, suite } = seed;
    const ours = directionKeys(keys, seed.originalInitiator ? "initiator" : "responder");
    const theirs = directionKeys(keys, seed.originalInitiator ? "responder" : "initiator");
    this.#world = world;
    this.#seed = seed;
    this.#outbound = { crypto, suite, keys: ours, random, ivs: new IvCounter() };
    this.#inbound = { crypto, suite, keys: theirs };
    // Message IDs count per direction (RFC 7296 §2.2): IKE_SA_INIT was a request of the original
    // initiator alone, so the first request of the original responder has Message ID 0.
    const [sent, received] = seed.originalInitiator
      ? [seed.firstMessageId, 0]
      : [0, seed.firstMessageId];
    this.#responder = new ResponderWindow(received);
    this.#requester = new RequesterWindow(sent, random);
    this.#size = size;
  }

  /** When `retransmit` has something to do. */
  get deadline(): Monotonic | undefined {
    return this.#requester.deadline;
  }

  /** The next Message IDs in both directions. */
  get messageIds(): { readonly nextLocal: number; readonly nextRemote: number } {
    return { nextLocal: this.#requester.next, nextRemote: this.#responder.next };
  }

  /** Opens a datagram and sorts it. */
  receive(bytes: Bytes, message: ParsedMessage): Received {
    const { header, encrypted } = message;
    if (encrypted === undefined) return { kind: "dropped", cause: "unprotected-message" };
    // The flag says who began the SA, not who begins the exchange (RFC 7296 §3.1).
    if (header.flags.initiator === this.#seed.originalInitiator) {
      return { kind: "dropped", cause: "wrong-initiator-flag" };
    }
    const standing = header.flags.response
      ? this.#requester.awaits(header.messageId) ? "new" : "unexpected"
      : this.#responder.onRequest(header.messageId, encrypted.fragmentNumber);
    if (standing !== "new" && standing !== "retransmission") {
      return { kind: "dropped", cause: dropCauses[standing] };
    }
    const opened = openMessage(this.#inbound, bytes, message);
    if (!opened.ok) return { kind: "dropped", cause: `ike-${opened.fault}` };
    if (standing === "retransmission") {
      const datagrams = this.#responder.response;
      return datagrams.length === 0 ? { kind: "incomplete" } : { kind: "repeated", datagrams };
    }
    const { fragment } = opened.value;
    let { firstPayload, plaintext } = opened.value;
    if (fragment !== undefined) {
      const buffer = header.flags.response ? this.#responseFragments : this.#requestFragments;
      const outcome = buffer.add({
        messageId: header.messageId,
        number: fragment.number,
        total: fragment.total,
        firstPayload,
        plaintext,
      });
      if (outcome.kind === "refused") return { kind: "dropped", cause: "fragment-refused" };
      if (outcome.kind !== "complete") return { kind: "incomplete" };
      ({ firstPayload, plaintext } = outcome);
    }
    return this.#accept(header, firstPayload, plaintext);
  }

  /** Answers the request in progress and keeps the answer for a peer that asks again. */
  reply(payloads: readonly Payload[]): readonly OwnedBytes[] {
    const answering = this.#answering;
    invariant(answering !== undefined, "a reply needs a request");
    this.#answering = undefined;
    const datagrams = this.#seal(answering.messageId, answering.exchangeType, true, payloads);
    this.#responder.respond(datagrams);
    return datagrams;
  }

  /** A new request of ours. */
  send(
    now: Monotonic,
    exchangeType: number,
    payloads: readonly Payload[],
    plan?: RetransmissionPlan,
  ): readonly OwnedBytes[] {
    const datagrams = this.#seal(this.#requester.next, exchangeType, false, payloads);
    this.#requester.begin(datagrams, now, plan);
    return datagrams;
  }

  /** A last request that nobody waits for. */
  sendUnanswered(exchangeType: number, payloads: readonly Payload[]): readonly OwnedBytes[] {
    return this.#seal(this.#requester.next, exchangeType, false, payloads);
  }

  /** What is due: the datagrams to send again, `"gave-up"`, or nothing. */
  retransmit(now: Monotonic): readonly OwnedBytes[] | "gave-up" | undefined {
    const step = this.#requester.onTimeout(now);
    switch (step.kind) {
      case "wait":
        return undefined;
      case "retransmit":
        return step.datagrams;
      case "give-up":
        return "gave-up";
    }
  }

  /** The peer was heard since: its answer may take as long as at first. */
  renewRequest(): void {
    this.#requester.renew();
  }

  /** Our request under way, to be repeated as if it were new; nothing when there is none. */
  restartRequest(now: Monotonic): readonly OwnedBytes[] {
    return this.#requester.restart(now);
  }

  /** Forgets our request under way. */
  abandonRequest(): void {
    this.#requester.abandon();
  }

  #accept(
    header: ParsedMessage["header"],
    firstPayload: number,
    plaintext: Bytes,
  ): Received {
    const isRequest = !header.flags.response;
    const parsed = parsePayloads(firstPayload, plaintext, 0);
    if (isRequest) {
      this.#responder.accept(header.messageId);
      this.#answering = { messageId: header.messageId, exchangeType: header.exchangeType };
    } else if (parsed.ok) {
      this.#requester.finish(header.messageId);
    }
    if (!parsed.ok) return { kind: "malformed", isRequest, fault: parsed.fault };
    this.#world.onMessage?.("received", header, parsed.value);
    return isRequest
      ? { kind: "request", exchangeType: header.exchangeType, payloads: parsed.value }
      : { kind: "response", payloads: parsed.value };
  }

  #seal(
    messageId: number,
    exchangeType: number,
    response: boolean,
    payloads: readonly Payload[],
  ): readonly OwnedBytes[] {
    const header: MessageHeader = {
      initiatorSpi: this.#seed.spiI,
      responderSpi: this.#seed.spiR,
      exchangeType,
      flags: { initiator: this.#seed.originalInitiator, response },
      messageId,
    };
    this.#world.onMessage?.("sent", header, payloads);
    const { cutting, mostBytes } = this.#size();
    const before = cutting === "before-sealing" ? mostBytes : undefined;
    const sealed = sealMessage(this.#outbound, header, payloads, before);
    if (cutting !== "after-sealing") return sealed;
    return sealed.flatMap((message) =>
      message.length <= mostBytes ? [message] : buildCiscoFragments(message, mostBytes)
    );
  }
}
