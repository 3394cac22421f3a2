/**
 * What an initiator has to show before anything is remembered of it: nothing while there is little to do,
 * from a threshold on a cookie (RFC 7296 §2.6), and from another one, where policy has it, the solution of a
 * puzzle besides (RFC 8019 §7.1).
 *
 * Once cookies are asked they are asked for a while: a copy of the first request that comes late, when
 * the load has fallen, must not begin the IKE SA in place of the request with the cookie, which is the one
 * that the initiator signs (RFC 7296 §2.15).
 *
 * A solution is good as often and as long as its cookie, which is for one SPI, nonce and address, of which
 * there is at most one half-open IKE SA.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { prfOf } from "../crypto/transforms.ts";
import { buildInitResponse } from "../exchange/ike_sa_init.ts";
import { find } from "../exchange/payloads.ts";
import { limits } from "../limits.ts";
import { NotifyType, TransformType } from "../message/constants.ts";
import type { ParsedMessage } from "../message/message.ts";
import { buildCookie, findNotify } from "../message/notify.ts";
import { buildPuzzle } from "../message/puzzle.ts";
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import type { Random } from "../random.ts";
import { solvesPuzzle } from "../sa/puzzle.ts";
import type { Endpoint } from "../wire/address.ts";
import { CookieJar, type CookieSubject } from "./cookie.ts";
import type { Policy } from "./policy.ts";

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
  readonly policy: Pick<Policy, "cookieThreshold" | "puzzles">;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly now: Monotonic;
}

const NO_SPI = new Uint8Array(8);

/** Asks for cookies and solutions, and looks at them. */
export class Challenges {
  #policy: ChallengeOptions["policy"];
  readonly #crypto: CryptoProvider;
  readonly #random: Random;
  readonly #cookies: CookieJar;
  /** Until when cookies are asked, whatever the load. */
  #cookiesUntil: Monotonic;

  constructor({ policy, crypto, random, now }: ChallengeOptions) {
    this.#policy = policy;
    this.#crypto = crypto;
    this.#random = random;
    this.#cookies = new CookieJar(crypto, random, now);
    this.#cookiesUntil = now;
  }

  /** Asks by this policy from now on. */
  reconfigure(policy: ChallengeOptions["policy"]): void {
    this.#policy = policy;
  }

  /** Looks at a first message; `halfOpen` is how many IKE SAs are. */
  look(now: Monotonic, message: ParsedMessage, remote: Endpoint, halfOpen: number): Showing {
    if (halfOpen >= this.#policy.cookieThreshold) {
      this.#cookiesUntil = after(now, limits.cookieLingerMs);
    }
    const bits = this.#bitsFor(message, halfOpen);
    const cookie = findNotify(message.payloads, NotifyType.COOKIE)?.data;
    const given = cookie === undefined
      ? undefined
      : this.#cookies.bitsOf(now, subjectOf(message, remote), cookie);
    if (cookie === undefined || given === undefined) {
      const isAsked = bits > 0 || now < this.#cookiesUntil;
      return isAsked ? this.demand(now, message, remote, bits) : { kind: "unverified" };
    }
    return bits === 0 || this.#hasWorked(message, cookie, given)
      ? { kind: "verified" }
      : this.demand(now, message, remote, bits);
  }

  /** Asks for a cookie, with a puzzle of `bits`; 0 for none. */
  demand(now: Monotonic, message: ParsedMessage, remote: Endpoint, bits = 0): Demand {
    const cookie = this.#cookies.make(now, subjectOf(message, remote), bits);
    const prf = prfOffered(message);
    const puzzle = bits === 0 || prf === undefined ? [] : [buildPuzzle({ prf, bits })];
    const isWrong = findNotify(message.payloads, NotifyType.COOKIE) !== undefined;
    const what = puzzle.length > 0 ? "puzzle" : "cookie";
    return {
      kind: "demand",
      response: buildInitResponse(message, NO_SPI, [buildCookie(cookie), ...puzzle]),
      cause: `${what}-${isWrong ? "wrong" : "sent"}`,
    };
  }

  /** How hard a puzzle is asked now; none of who offers no function that we have, and so gets no further. */
  #bitsFor(message: ParsedMessage, halfOpen: number): number {
    const { puzzles } = this.#policy;
    if (puzzles === undefined || halfOpen < puzzles.threshold) return 0;
    return prfOffered(message) === undefined ? 0 : puzzles.bits;
  }

  /**
   * Whether a message with a cookie of ours has the solution of the puzzle that it was given with. Who has
   * none, as those who know no puzzles, is let in now and then (RFC 8019 §7.1.4).
   */
  #hasWorked(message: ParsedMessage, cookie: Bytes, bits: number): boolean {
    const prf = prfOffered(message);
    if (bits === 0 || prf === undefined) return false;
    const solution = find(message.payloads, "PS")?.data;
    if (solution === undefined) {
      const [chance = 255] = this.#random.bytes(1);
      return chance < 256 / limits.puzzleLegacyOdds;
    }
    return solvesPuzzle(this.#crypto, { prf, bits, subject: cookie }, solution);
  }
}

function subjectOf({ header, payloads }: ParsedMessage, remote: Endpoint): CookieSubject {
  const nonce = find(payloads, "Nonce")?.data ?? new Uint8Array(0);
  return { spi: header.initiatorSpi, nonce, remote };
}

/** The first PRF that is offered and that we have (RFC 8019 §7.1.1.2). */
function prfOffered({ payloads }: ParsedMessage): number | undefined {
  for (const { transforms } of find(payloads, "SA")?.proposals ?? []) {
    const found = transforms.find(({ type, id }) =>
      type === TransformType.PRF && prfOf(id) !== undefined
    );
    if (found !== undefined) return found.id;
  }
  return undefined;
}
