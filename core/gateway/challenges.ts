/**
 * What an initiator has to show before anything is remembered of it (RFC 7296 §2.6): nothing while there
 * is little to do, from a threshold on a cookie.
 *
 * Once cookies are asked they are asked for a while: a copy of the first request that comes late, when
 * the load has fallen, must not begin the IKE SA in place of the request with the cookie, which is the one
 * that the initiator signs (§2.15).
 */
import type { OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { buildInitResponse } from "../exchange/ike_sa_init.ts";
import { find } from "../exchange/payloads.ts";
import { limits } from "../limits.ts";
import { NotifyType } from "../message/constants.ts";
import type { ParsedMessage } from "../message/message.ts";
import { buildCookie, findNotify } from "../message/notify.ts";
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import type { Random } from "../random.ts";
import type { Endpoint } from "../wire/address.ts";
import { CookieJar, type CookieSubject } from "./cookie.ts";

/** What a first message showed. */
export type Showing =
  /** It has a cookie of ours: its address is its own. */
  | { readonly kind: "verified" }
  /** It has none, and needs none. */
  | { readonly kind: "unverified" }
  | Demand;

/** The answer that asks for more; `cause` names a counter. */
export interface Demand {
  readonly kind: "demand";
  readonly response: OwnedBytes;
  readonly cause: string;
}

/** What challenges are made from. */
export interface ChallengeOptions {
  /** Half-open IKE SAs from which on cookies are asked. */
  readonly cookieThreshold: number;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly now: Monotonic;
}

const NO_SPI = new Uint8Array(8);

/** Asks for cookies and looks at them. */
export class Challenges {
  readonly #cookieThreshold: number;
  readonly #cookies: CookieJar;
  /** Until when cookies are asked, whatever the load. */
  #cookiesUntil: Monotonic;

  constructor({ cookieThreshold, crypto, random, now }: ChallengeOptions) {
    this.#cookieThreshold = cookieThreshold;
    this.#cookies = new CookieJar(crypto, random, now);
    this.#cookiesUntil = now;
  }

  /** Looks at a first message; `halfOpen` is how many IKE SAs are. */
  look(now: Monotonic, message: ParsedMessage, remote: Endpoint, halfOpen: number): Showing {
    if (halfOpen >= this.#cookieThreshold) {
      this.#cookiesUntil = after(now, limits.cookieLingerMs);
    }
    const cookie = findNotify(message.payloads, NotifyType.COOKIE)?.data;
    if (cookie !== undefined && this.#cookies.accepts(now, subjectOf(message, remote), cookie)) {
      return { kind: "verified" };
    }
    return now < this.#cookiesUntil ? this.demand(now, message, remote) : { kind: "unverified" };
  }

  /** Asks for a cookie. */
  demand(now: Monotonic, message: ParsedMessage, remote: Endpoint): Demand {
    const cookie = this.#cookies.make(now, subjectOf(message, remote));
    const isWrong = findNotify(message.payloads, NotifyType.COOKIE) !== undefined;
    return {
      kind: "demand",
      response: buildInitResponse(message, NO_SPI, [buildCookie(cookie)]),
      cause: isWrong ? "cookie-wrong" : "cookie-sent",
    };
  }
}

function subjectOf({ header, payloads }: ParsedMessage, remote: Endpoint): CookieSubject {
  const nonce = find(payloads, "Nonce")?.data ?? new Uint8Array(0);
  return { spi: header.initiatorSpi, nonce, remote };
}
