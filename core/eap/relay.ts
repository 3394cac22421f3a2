/**
 * EAP between the peer and a server of AAA (RFC 3748 §2.3, RFC 3579 §2): the gateway asks for the
 * identity and then carries whole packets both ways, whatever the method is. A Nak goes to the server
 * like any other answer, and so does a choice among methods.
 *
 * Identifiers are the server's once it has spoken. A packet that is no response, or has another
 * identifier, or comes while the server is being asked, changes nothing (§4.1). Nobody is let in but by
 * an accept that goes with EAP-Success: what contradicts itself (RFC 3579 §2.6.3) ends the login.
 *
 * Left out: IDi in place of the Identity round, because many clients put an address there.
 */
import { type Bytes, copyBytes, type OwnedBytes } from "../bytes.ts";
import type { Verdict } from "../gateway/question.ts";
import { limits } from "../limits.ts";
import { assertNever, invariant } from "../result.ts";
import type { EapConversation, EapStep } from "./conversation.ts";
import { IDENTITY_METHOD, identityOf, identityRequest } from "./identity.ts";
import { buildEapPacket, type EapPacket, parseEapPacket, sameMethod } from "./packet.ts";

/** Whose packet comes next. */
type Phase = "new" | "identity" | "peer" | "server" | "over";

/** No name has these (RFC 8265 §3), and AAA, logs and terminals may be led astray by them. */
const CONTROL = /\p{Cc}/u;

/** Octets of an MSK (RFC 3748 §7.10: at least). */
const MSK_BYTES = 64;

/** One conversation with one peer, by a method of a server. */
export class EapRelay implements EapConversation {
  #phase: Phase = "new";
  #identifier: number;
  #rounds = 0;
  #lastRequest: OwnedBytes | undefined;
  #identity = "";
  /** What the server wants back with the peer's next packet. */
  #state: OwnedBytes | undefined;

  /** A conversation that has not begun; the Identity request has this identifier, 0 to 255. */
  constructor(firstIdentifier: number) {
    this.#identifier = firstIdentifier;
  }

  /** The last request, as it was sent. */
  get lastRequest(): OwnedBytes | undefined {
    return this.#lastRequest;
  }

  /** The Identity request. */
  start(): EapStep {
    invariant(this.#phase === "new", "an EAP conversation starts once");
    this.#phase = "identity";
    return this.#request(identityRequest(this.#identifier));
  }

  /** An EAP packet of the peer, for the server. */
  handle(bytes: Bytes): EapStep {
    if (this.#phase !== "identity" && this.#phase !== "peer") return { kind: "ignore" };
    this.#rounds += 1;
    if (this.#rounds > limits.eapRelayRounds) return this.#fail("too-many-rounds");
    const parsed = parseEapPacket(bytes);
    if (!parsed.ok || parsed.value.kind !== "response") return { kind: "ignore" };
    const { identifier, method, data } = parsed.value;
    if (identifier !== this.#identifier) return { kind: "ignore" };
    if (data.length > limits.eapRelayBytes) return this.#fail("packet-too-long");
    if (this.#phase === "identity") {
      if (!sameMethod(method, IDENTITY_METHOD)) return { kind: "ignore" };
      const identity = identityOf(data);
      if (identity === undefined) return this.#fail("identity-too-long");
      if (identity === "" || CONTROL.test(identity)) return this.#fail("identity-is-no-name");
      this.#identity = identity;
    }
    this.#phase = "server";
    // Built anew it is a copy, and without what the peer may have put behind the packet.
    const packet = buildEapPacket(parsed.value);
    const credential = { kind: "eap", packet, state: this.#state } as const;
    return { kind: "verify", userName: this.#identity, credential };
  }

  /** What the server said to the last packet of the peer. */
  complete(verdict: Verdict): EapStep {
    if (this.#phase !== "server") return { kind: "ignore" };
    switch (verdict.kind) {
      case "eap-request":
        return this.#carry(verdict);
      case "accept":
        return this.#accept(verdict);
      case "reject": {
        const packet = packetOf(verdict.eapPacket, "failure");
        return this.#fail("rejected-by-server", packet && buildEapPacket(packet));
      }
      case "challenge":
        return this.#fail("challenge-without-form");
      default:
        return assertNever(verdict);
    }
  }

  /** A server shows no pair, so that it is never asked for. */
  granted(): EapStep {
    return { kind: "ignore" };
  }

  /** Ends the conversation from our side, for instance because no server answered. */
  abandon(reason: string): EapStep {
    return this.#fail(reason);
  }

  #carry({ packet, state }: Verdict & { readonly kind: "eap-request" }): EapStep {
    const request = packetOf(packet, "request");
    if (request === undefined) return this.#fail("unusable-packet-of-server");
    this.#identifier = request.identifier;
    this.#state = state && copyBytes(state);
    this.#phase = "peer";
    return this.#request(buildEapPacket(request));
  }

  #accept({ attributes, eap, userName }: Verdict & { readonly kind: "accept" }): EapStep {
    const success = packetOf(eap?.packet, "success");
    if (success === undefined) return this.#fail("accept-without-success");
    const msk = eap?.msk && copyBytes(eap.msk);
    if (msk !== undefined && msk.length < MSK_BYTES) return this.#fail("key-too-short");
    this.#phase = "over";
    return {
      kind: "success",
      packet: buildEapPacket(success),
      userName: userName ?? this.#identity,
      attributes,
      msk,
    };
  }

  #request(packet: OwnedBytes): EapStep {
    this.#lastRequest = packet;
    return { kind: "request", packet };
  }

  #fail(
    reason: string,
    packet = buildEapPacket({ kind: "failure", identifier: this.#identifier }),
  ): EapStep {
    this.#phase = "over";
    return { kind: "failure", packet, reason };
  }
}

/** A packet of the server, if it is one of this kind. */
function packetOf<K extends EapPacket["kind"]>(
  bytes: Bytes | undefined,
  kind: K,
): EapPacket & { readonly kind: K } | undefined {
  const parsed = bytes === undefined ? undefined : parseEapPacket(bytes);
  if (!parsed?.ok || parsed.value.kind !== kind) return undefined;
  if ("data" in parsed.value && parsed.value.data.length > limits.eapRelayBytes) return undefined;
  return parsed.value as EapPacket & { readonly kind: K };
}
