/**
 * EAP-MSCHAPv2 on the gateway's side (draft-kamath-pppext-eap-mschapv2-02; RFC 2759).
 *
 * One challenge, one response, one verdict. A wrong password gets the Failure request with error 691,
 * no right to retry and the words of AAA if it has any, the peer's answer to it, and EAP-Failure.
 * Somebody who knows the NT hash checks the response (`verifyMschapv2`), not this file. Changing a
 * password, and errors of other numbers, which would ask for that, are left out.
 */
import { type Bytes, copyBytes, hexOf, type OwnedBytes } from "../bytes.ts";
import type { UserAttributes, Verdict } from "../gateway/question.ts";
import type { Random } from "../random.ts";
import type { EapMethodStep, EapServerMethod } from "./method.ts";
import { buildMschapRequest, parseMschapAnswer } from "./mschapv2_packet.ts";
import { type EapMethodId, EapType } from "./packet.ts";

/** The type of EAP-MSCHAPv2 packets. */
export const MSCHAPV2_METHOD: EapMethodId = { type: EapType.MSCHAPV2 };

/** What it needs. */
export interface Mschapv2Options {
  /** Makes the challenges. */
  readonly random: Random;
  /** Shown to the peer as the name of the authenticator; up to 256 octets. */
  readonly serverName: string;
}

/** States in the order they are gone through; each holds what only it needs. */
type State =
  | { readonly kind: "new" }
  | { readonly kind: "challenged"; readonly identifier: number; readonly challenge: OwnedBytes }
  | { readonly kind: "verifying"; readonly identifier: number; readonly userName: string }
  | {
    readonly kind: "accepted";
    readonly userName: string;
    readonly attributes: UserAttributes;
    readonly msk: OwnedBytes;
  }
  | { readonly kind: "rejected" };

const CHALLENGE_BYTES = 16;

/** One login by EAP-MSCHAPv2. */
export class Mschapv2Server implements EapServerMethod {
  readonly id: EapMethodId = MSCHAPV2_METHOD;
  readonly #options: Mschapv2Options;
  #state: State = { kind: "new" };

  /** A login that has not begun. */
  constructor(options: Mschapv2Options) {
    this.#options = options;
  }

  /** The challenge. */
  start(identifier: number): EapMethodStep {
    const challenge = this.#options.random.bytes(CHALLENGE_BYTES);
    this.#state = { kind: "challenged", identifier, challenge };
    const name = this.#options.serverName;
    const data = buildMschapRequest({ kind: "challenge", identifier, challenge, name });
    return { kind: "request", data };
  }

  /** The response, or the peer's word on the outcome. */
  handle(data: Bytes): EapMethodStep {
    const parsed = parseMschapAnswer(data);
    if (!parsed.ok) return { kind: "ignore" };
    const answer = parsed.value;
    const state = this.#state;
    switch (state.kind) {
      case "challenged": {
        if (answer.kind !== "response" || answer.identifier !== state.identifier) {
          return { kind: "ignore" };
        }
        if (answer.name === "") return { kind: "failure", reason: "no-user-name" };
        const { identifier } = state;
        this.#state = { kind: "verifying", identifier, userName: answer.name };
        const credential = {
          kind: "mschapv2",
          authenticatorChallenge: state.challenge,
          peerChallenge: copyBytes(answer.peerChallenge),
          ntResponse: copyBytes(answer.ntResponse),
        } as const;
        return { kind: "verify", userName: answer.name, credential };
      }
      case "accepted":
        if (answer.kind === "response") return { kind: "ignore" };
        // The peer found our proof wrong: it does not trust us, so there is no session.
        if (answer.kind === "failure") return { kind: "failure", reason: "refused-by-peer" };
        return { ...state, kind: "success" };
      case "rejected":
        return { kind: "failure", reason: "wrong-password" };
      case "new":
      case "verifying":
        return { kind: "ignore" };
    }
  }

  /** Turns the verdict into the Success or the Failure request. */
  complete(verdict: Verdict): EapMethodStep {
    const state = this.#state;
    if (state.kind !== "verifying") return { kind: "ignore" };
    const { identifier } = state;
    if (verdict.kind === "reject") {
      this.#state = { kind: "rejected" };
      const fresh = hexOf(this.#options.random.bytes(CHALLENGE_BYTES)).toUpperCase();
      const words = verdict.message ?? "Wrong user name or password";
      const message = `E=691 R=0 C=${fresh} V=3 M=${words}`;
      const data = buildMschapRequest({ kind: "failure", identifier, message });
      return { kind: "request", data };
    }
    if (verdict.kind !== "accept") return { kind: "failure", reason: "challenge-without-form" };
    if (verdict.mschapv2 === undefined) return { kind: "failure", reason: "no-key-from-aaa" };
    const { attributes, mschapv2, userName = state.userName } = verdict;
    this.#state = { kind: "accepted", userName, attributes, msk: copyBytes(mschapv2.msk) };
    const message = `${mschapv2.authenticatorResponse} M=Welcome`;
    const data = buildMschapRequest({ kind: "success", identifier, message });
    return { kind: "request", data };
  }
}
