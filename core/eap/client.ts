/**
 * The peer's side of an EAP conversation (RFC 3748 §4, §5): Identity, Notification, one method, and
 * a Nak that names this method for every other.
 *
 * EAP-Success is believed only after the method has finished (§4.2); an EAP-Failure always ends it.
 */
import { type Bytes, type OwnedBytes, utf8 } from "../bytes.ts";
import {
  buildEapPacket,
  type EapMethodId,
  type EapMethodPacket,
  EapType,
  parseEapPacket,
  sameMethod,
} from "./packet.ts";

/** What a method's peer side wants next. */
export type EapClientMethodStep =
  /** Answer with this. */
  | { readonly kind: "respond"; readonly data: Bytes }
  /** The other side is not the one that we trust, or makes no sense. */
  | { readonly kind: "failure"; readonly reason: string }
  /** Discard the request. */
  | { readonly kind: "ignore" };

/** What a method says when EAP-Success comes. */
export type EapClientOutcome =
  | { readonly kind: "unfinished" }
  /** `msk` is `undefined` with methods that make no key. */
  | { readonly kind: "finished"; readonly msk: OwnedBytes | undefined };

/** The peer's side of one method. */
export interface EapClientMethod {
  /** The type of its packets. */
  readonly id: EapMethodId;
  /** A request; `data` is a short-lived view. */
  handle(data: Bytes): EapClientMethodStep;
  /** Whether it has run to its end. */
  outcome(): EapClientOutcome;
  /** Why the other side is about to say no, when the method was told. */
  rejection(): string | undefined;
}

/** What the exchange does next. */
export type EapClientStep =
  | { readonly kind: "respond"; readonly packet: OwnedBytes }
  | { readonly kind: "success"; readonly msk: OwnedBytes | undefined }
  | { readonly kind: "failure"; readonly reason: string }
  | { readonly kind: "ignore" };

/** One conversation with a gateway. */
export class EapClient {
  readonly #identity: string;
  readonly #method: EapClientMethod;
  #isOver = false;

  /** A conversation that has not begun. */
  constructor(identity: string, method: EapClientMethod) {
    this.#identity = identity;
    this.#method = method;
  }

  /** An EAP packet of the gateway. */
  handle(bytes: Bytes): EapClientStep {
    if (this.#isOver) return { kind: "ignore" };
    const parsed = parseEapPacket(bytes);
    if (!parsed.ok) return { kind: "ignore" };
    const packet = parsed.value;
    switch (packet.kind) {
      case "request":
        return this.#answer(packet);
      case "response":
        return { kind: "ignore" };
      case "failure":
        return this.#fail(this.#method.rejection() ?? "refused");
      case "success": {
        const outcome = this.#method.outcome();
        if (outcome.kind === "unfinished") return this.#fail("success-too-early");
        this.#isOver = true;
        return { kind: "success", msk: outcome.msk };
      }
    }
  }

  #answer(request: EapMethodPacket): EapClientStep {
    const { identifier, method, data } = request;
    if (sameMethod(method, this.#method.id)) {
      const step = this.#method.handle(data);
      if (step.kind === "failure") return this.#fail(step.reason);
      return step.kind === "ignore" ? step : respond(identifier, method, step.data);
    }
    switch (method.type) {
      case EapType.IDENTITY:
        return respond(identifier, method, utf8(this.#identity));
      case EapType.NOTIFICATION:
        return respond(identifier, method, new Uint8Array(0));
      default:
        return respond(identifier, { type: EapType.NAK }, Uint8Array.of(this.#method.id.type));
    }
  }

  #fail(reason: string): EapClientStep {
    this.#isOver = true;
    return { kind: "failure", reason };
  }
}

function respond(identifier: number, method: EapMethodId, data: Bytes): EapClientStep {
  return {
    kind: "respond",
    packet: buildEapPacket({ kind: "response", identifier, method, data }),
  };
}
