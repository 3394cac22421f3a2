/**
 * The side of the gateway that anybody can reach: IKE_SA_INIT, before a peer has shown anything.
 *
 * Cheap checks come before costly ones. Above the threshold, or for an answer longer than the question, a
 * peer shows by a cookie that its address is its own, and maybe by a puzzle that it is in earnest; until
 * then nothing is remembered of it. Half-open SAs are limited in all and by source. Where there is no room
 * left, who has shown a cookie gets that of somebody whose network has more of it: a few sources that log
 * in without end keep nobody else out.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { equalBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { announcedVendorIds } from "../eap/anyconnect/vendor_ids.ts";
import { certificateRequest } from "../exchange/certificate_auth.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { InitAnnouncements, InitMemory } from "../exchange/ike_sa_init.ts";
import { respondIkeSaInit } from "../exchange/ike_sa_init.ts";
import type { Step } from "../exchange/step.ts";
import type { SaWorld } from "../exchange/world.ts";
import { limits } from "../limits.ts";
import { ExchangeType } from "../message/constants.ts";
import { checkGrammar } from "../message/grammar.ts";
import type { ParsedMessage } from "../message/message.ts";
import type { Moment, Monotonic } from "../moment.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { Random } from "../random.ts";
import { assertNever } from "../result.ts";
import type { Endpoint } from "../wire/address.ts";
import { Challenges } from "./challenges.ts";
import { HalfOpenTable, initiatorKey } from "./half_open.ts";
import { PastInitiations } from "./past_initiations.ts";
import type { Policy } from "./policy.ts";

/** What initiations need. */
export interface InitiationsOptions {
  readonly policy: Policy;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  /** `Policy.clientCas`, parsed. */
  readonly clientCas: readonly Certificate[];
  readonly now: Moment;
}

/** What an IKE_SA_INIT request comes to. */
export type Initiation =
  | { readonly kind: "begun"; readonly sa: IkeSa; readonly memory: InitMemory }
  | { readonly kind: "answered"; readonly response: OwnedBytes; readonly cause: string }
  | { readonly kind: "dropped"; readonly cause: string };

/** Everything before authentication. */
export class Initiations {
  readonly #crypto: CryptoProvider;
  readonly #challenges: Challenges;
  #policy: Policy;
  #announcements: InitAnnouncements;
  readonly #halfOpen = new HalfOpenTable();
  readonly #past = new PastInitiations();

  constructor({ policy, crypto, random, clientCas, now }: InitiationsOptions) {
    this.#crypto = crypto;
    this.#policy = policy;
    this.#challenges = new Challenges({ policy, crypto, random, now: now.monotonic });
    this.#announcements = announcementsOf(policy, crypto, clientCas);
  }

  /** Admits by this policy from now on. */
  reconfigure(policy: Policy, clientCas: readonly Certificate[]): void {
    this.#policy = policy;
    this.#challenges.reconfigure(policy);
    this.#announcements = announcementsOf(policy, this.#crypto, clientCas);
  }

  /** How many IKE SAs are not authenticated yet. */
  get size(): number {
    return this.#halfOpen.underWay;
  }

  /** The authentication of an IKE SA came to nothing. */
  fail(sa: IkeSa): void {
    this.#halfOpen.end(sa);
  }

  /** An IKE SA is authenticated, or forgotten. */
  finish(sa: IkeSa, now: Monotonic): void {
    const key = this.#halfOpen.remove(sa);
    if (key !== undefined && sa.phase === "established") this.#past.add(key, now);
  }

  /**
   * A first message; a begun SA is remembered here until `finish`. No answer to an address that has not
   * shown that it is real is longer than what it answers.
   */
  handle(
    world: SaWorld,
    step: Step,
    bytes: Bytes,
    message: ParsedMessage,
    local: Endpoint,
    remote: Endpoint,
  ): Initiation {
    const now = step.at.monotonic;
    const key = initiatorKey(message.header.initiatorSpi, remote);
    const known = this.#halfOpen.memoryOf(key);
    if (known !== undefined) {
      // RFC 7296 §2.1: the same request again gets the same response.
      return equalBytes(known.request, bytes)
        ? { kind: "answered", response: known.response, cause: "retransmission-answered" }
        : { kind: "dropped", cause: "init-spi-in-use" };
    }
    if (this.#past.has(key, now)) return { kind: "dropped", cause: "init-copy-late" };
    const refusal = this.#refusal(message, remote);
    if (refusal !== undefined) return { kind: "dropped", cause: refusal };
    const showing = this.#challenges.look(now, message, remote, this.#halfOpen.size);
    if (showing.kind === "demand") return answered(showing, bytes);
    const isFull = this.#halfOpen.size >= this.#policy.maxNegotiating;
    if (isFull && showing.kind === "unverified") {
      return answered(this.#challenges.demand(now, message, remote), bytes);
    }
    const crowded = isFull ? this.#halfOpen.oldestOfCrowd(remote.address, now) : undefined;
    if (isFull && crowded === undefined) return { kind: "dropped", cause: "negotiating-limit" };
    const outcome = respondIkeSaInit(
      world,
      step,
      bytes,
      message,
      local,
      remote,
      this.#announcements,
      showing.kind === "verified" ? Infinity : bytes.length,
    );
    switch (outcome.kind) {
      case "too-long":
        return answered(this.#challenges.demand(now, message, remote), bytes);
      case "answered":
        return answered(outcome, bytes);
      case "sa": {
        const { sa, memory } = outcome;
        if (crowded !== undefined) world.count("half-open-crowded-out");
        crowded?.forget(step, "half-open-timeout");
        this.#halfOpen.add(sa, memory, now);
        return { kind: "begun", sa, memory };
      }
      default:
        return assertNever(outcome);
    }
  }

  /** What costs next to nothing to see. */
  #refusal(message: ParsedMessage, remote: Endpoint): string | undefined {
    if (this.#halfOpen.countOf(remote.address) >= limits.halfOpenPerSource) {
      return "negotiating-limit-of-source";
    }
    const fault = checkGrammar({
      exchangeType: ExchangeType.IKE_SA_INIT,
      isResponse: false,
      isEncrypted: message.encrypted !== undefined,
      payloads: message.payloads,
    });
    return fault === undefined ? undefined : "init-against-grammar";
  }
}

/** Said in clear to whoever asked, and so never in more octets. */
function answered(
  { response, cause }: { readonly response: OwnedBytes; readonly cause: string },
  { length }: Bytes,
): Initiation {
  return response.length > length
    ? { kind: "dropped", cause: "answer-longer-than-question" }
    : { kind: "answered", response, cause };
}

function announcementsOf(
  { loginMethods }: Policy,
  crypto: CryptoProvider,
  clientCas: readonly Certificate[],
): InitAnnouncements {
  return {
    certificateRequest: loginMethods.includes("certificate")
      ? certificateRequest(crypto, clientCas)
      : [],
    vendorIds: loginMethods.includes("anyconnect-eap")
      ? announcedVendorIds.map((data) => ({ kind: "V", data } as const))
      : [],
  };
}
