/**
 * The gateway's side of an EAP conversation (RFC 3748 §2, §4): an Identity round if wanted, then
 * one method.
 *
 * Identifiers count up by one. A packet that is no response, has another identifier or comes while
 * AAA is being asked, or a session made, changes nothing. A Nak ends the conversation, because there
 * is no other method to offer (§5.3.1). Retransmission is IKE's business (RFC 7296 §2.1), and so is
 * a peer's silence.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Verdict } from "../gateway/question.ts";
import type { SessionPair } from "../gateway/record.ts";
import { limits } from "../limits.ts";
import { assertNever, invariant } from "../result.ts";
import type { EapConversation, EapStep } from "./conversation.ts";
import { IDENTITY_METHOD, identityOf, identityRequest } from "./identity.ts";
import type { EapMethodStep, EapServerMethod } from "./method.ts";
import { buildEapPacket, type EapMethodId, EapType, parseEapPacket, sameMethod } from "./packet.ts";

/** How a conversation goes. */
export interface EapServerOptions {
  /** The method. */
  readonly method: EapServerMethod;
  /** Whether to ask for the identity first. */
  readonly asksIdentity: boolean;
  /** Identifier of the first request, 0 to 255. */
  readonly firstIdentifier: number;
}

type Phase = "new" | "identity" | "method" | "verifying" | "granting" | "over";

/** One conversation with one peer, by a method of our own. */
export class EapServer implements EapConversation {
  readonly #method: EapServerMethod;
  readonly #asksIdentity: boolean;
  #phase: Phase = "new";
  #identifier: number;
  #rounds = 0;
  #lastRequest: OwnedBytes | undefined;
  #identity: string | undefined;

  /** A conversation that has not begun. */
  constructor(options: EapServerOptions) {
    this.#method = options.method;
    this.#asksIdentity = options.asksIdentity;
    this.#identifier = (options.firstIdentifier + 255) & 0xff;
  }

  /** The last request, as it was sent. */
  get lastRequest(): OwnedBytes | undefined {
    return this.#lastRequest;
  }

  /** What the peer said in the Identity round; not authenticated. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /** The first request. */
  start(): EapStep {
    invariant(this.#phase === "new", "an EAP conversation starts once");
    if (!this.#asksIdentity) return this.#startMethod();
    this.#phase = "identity";
    return this.#send(identityRequest(this.#next()));
  }

  /** An EAP packet of the peer. */
  handle(bytes: Bytes): EapStep {
    if (this.#phase !== "identity" && this.#phase !== "method") return { kind: "ignore" };
    this.#rounds += 1;
    if (this.#rounds > limits.eapRounds) return this.#fail("too-many-rounds");
    const parsed = parseEapPacket(bytes);
    if (!parsed.ok || parsed.value.kind !== "response") return { kind: "ignore" };
    const { identifier, method, data } = parsed.value;
    if (identifier !== this.#identifier) return { kind: "ignore" };
    if (this.#phase === "identity") {
      if (!sameMethod(method, IDENTITY_METHOD)) return { kind: "ignore" };
      this.#identity = identityOf(data);
      return this.#identity === undefined ? this.#fail("identity-too-long") : this.#startMethod();
    }
    if (isNak(method)) return this.#fail("method-refused");
    if (!sameMethod(method, this.#method.id)) return { kind: "ignore" };
    return this.#apply(this.#method.handle(data, this.#next()));
  }

  /** The verdict of AAA on the last `verify` step. */
  complete(verdict: Verdict): EapStep {
    if (this.#phase !== "verifying") return { kind: "ignore" };
    this.#phase = "method";
    return this.#apply(this.#method.complete(verdict, this.#next()));
  }

  /** The stored pair of the session that the last `grant` step asked for, or that there is none. */
  granted(pair: SessionPair | undefined): EapStep {
    const method = this.#method;
    if (this.#phase !== "granting" || method.granted === undefined) return { kind: "ignore" };
    this.#phase = "method";
    return this.#apply(method.granted(pair, this.#next()));
  }

  /** Ends the conversation from our side, for instance because AAA could not be asked. */
  abandon(reason: string): EapStep {
    return this.#fail(reason);
  }

  #startMethod(): EapStep {
    this.#phase = "method";
    return this.#apply(this.#method.start(this.#next(), this.#identity));
  }

  #next(): number {
    return (this.#identifier + 1) & 0xff;
  }

  #send(packet: OwnedBytes): EapStep {
    this.#identifier = this.#next();
    this.#lastRequest = packet;
    return { kind: "request", packet };
  }

  #fail(reason: string): EapStep {
    this.#phase = "over";
    const packet = buildEapPacket({ kind: "failure", identifier: this.#identifier });
    return { kind: "failure", packet, reason };
  }

  #apply(step: EapMethodStep): EapStep {
    switch (step.kind) {
      case "request": {
        const { id: method } = this.#method;
        const { data } = step;
        const identifier = this.#next();
        return this.#send(buildEapPacket({ kind: "request", identifier, method, data }));
      }
      case "verify":
        this.#phase = "verifying";
        return step;
      case "grant":
        this.#phase = "granting";
        return step;
      case "success": {
        this.#phase = "over";
        const packet = buildEapPacket({ kind: "success", identifier: this.#identifier });
        return { ...step, packet };
      }
      case "failure":
        return this.#fail(step.reason);
      case "ignore":
        return step;
      default:
        return assertNever(step);
    }
  }
}

/** A legacy Nak, or an expanded one (§5.3.2: vendor 0, type 3). */
function isNak(method: EapMethodId): boolean {
  if (method.type === EapType.NAK) return true;
  return method.expanded?.vendor === 0 && method.expanded.vendorType === EapType.NAK;
}
