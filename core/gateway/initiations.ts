/**
 * The side of the gateway that anybody can reach: IKE_SA_INIT, before a peer has shown anything.
 *
 * Cheap checks come before costly ones. Above the threshold a peer shows by a cookie that its address
 * is its own, and until then nothing is remembered of it; half-open SAs are limited in all and by source.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { equalBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { announcedVendorIds } from "../eap/anyconnect/vendor_ids.ts";
import { certificateRequest } from "../exchange/certificate_auth.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { InitAnnouncements, InitMemory } from "../exchange/ike_sa_init.ts";
import { buildInitResponse, respondIkeSaInit } from "../exchange/ike_sa_init.ts";
import { find } from "../exchange/payloads.ts";
import type { Step } from "../exchange/step.ts";
import type { SaWorld } from "../exchange/world.ts";
import { limits } from "../limits.ts";
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { checkGrammar } from "../message/grammar.ts";
import type { ParsedMessage } from "../message/message.ts";
import { buildCookie, findNotify } from "../message/notify.ts";
import type { Moment, Monotonic } from "../moment.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { Random } from "../random.ts";
import type { Endpoint } from "../wire/address.ts";
import { CookieJar } from "./cookie.ts";
import { HalfOpenTable } from "./half_open.ts";
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

const NO_SPI = new Uint8Array(8);

/** Everything before authentication. */
export class Initiations {
  readonly #crypto: CryptoProvider;
  readonly #cookies: CookieJar;
  #policy: Policy;
  #announcements: InitAnnouncements;
  readonly #halfOpen = new HalfOpenTable();

  constructor({ policy, crypto, random, clientCas, now }: InitiationsOptions) {
    this.#crypto = crypto;
    this.#policy = policy;
    this.#cookies = new CookieJar(crypto, random, now.monotonic);
    this.#announcements = announcementsOf(policy, crypto, clientCas);
  }

  /** Admits by this policy from now on. */
  reconfigure(policy: Policy, clientCas: readonly Certificate[]): void {
    this.#policy = policy;
    this.#announcements = announcementsOf(policy, this.#crypto, clientCas);
  }

  /** How many IKE SAs are not authenticated yet. */
  get size(): number {
    return this.#halfOpen.size;
  }

  /** An IKE SA is authenticated, or gone. */
  finish(sa: IkeSa): void {
    this.#halfOpen.remove(sa);
  }

  /** A first message; a begun SA is remembered here until `finish`. */
  handle(
    world: SaWorld,
    step: Step,
    bytes: Bytes,
    message: ParsedMessage,
    local: Endpoint,
    remote: Endpoint,
  ): Initiation {
    const known = this.#halfOpen.memoryOf(message.header.initiatorSpi, remote);
    if (known !== undefined) {
      // RFC 7296 §2.1: the same request again gets the same response.
      return equalBytes(known.request, bytes)
        ? { kind: "answered", response: known.response, cause: "retransmission-answered" }
        : { kind: "dropped", cause: "init-spi-in-use" };
    }
    if (this.#halfOpen.size >= this.#policy.cookieThreshold) {
      const demand = this.#demandCookie(step.at.monotonic, message, remote);
      if (demand !== undefined) return demand;
    }
    const refusal = this.#refusal(message, remote);
    if (refusal !== undefined) return { kind: "dropped", cause: refusal };
    const outcome = respondIkeSaInit(
      world,
      step,
      bytes,
      message,
      local,
      remote,
      this.#announcements,
    );
    if (outcome.kind !== "sa") return outcome;
    const { sa, memory } = outcome;
    this.#halfOpen.add(sa, memory);
    return { kind: "begun", sa, memory };
  }

  #refusal(message: ParsedMessage, remote: Endpoint): string | undefined {
    if (this.#halfOpen.size >= this.#policy.maxNegotiating) return "negotiating-limit";
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

  /** The response that asks for a cookie, or `undefined` when the request has a good one. */
  #demandCookie(
    now: Monotonic,
    message: ParsedMessage,
    remote: Endpoint,
  ): Initiation | undefined {
    const nonce = find(message.payloads, "Nonce")?.data ?? new Uint8Array(0);
    const subject = { spi: message.header.initiatorSpi, nonce, remote };
    const cookie = findNotify(message.payloads, NotifyType.COOKIE)?.data;
    if (cookie !== undefined && this.#cookies.accepts(now, subject, cookie)) return undefined;
    const fresh = buildCookie(this.#cookies.make(now, subject));
    const response = buildInitResponse(message, NO_SPI, [fresh]);
    return {
      kind: "answered",
      response,
      cause: cookie === undefined ? "cookie-sent" : "cookie-wrong",
    };
  }
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
