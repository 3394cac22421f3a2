/**
 * EAP-MSCHAPv2 on the peer's side (draft-kamath-pppext-eap-mschapv2-02; RFC 2759): answers the
 * challenge, and believes the gateway only when its authenticator response is right.
 */
import { type Bytes, copyBytes, type OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { Random } from "../random.ts";
import type { EapClientMethod, EapClientMethodStep, EapClientOutcome } from "./client.ts";
import {
  authenticatorResponse,
  mschapMsk,
  ntHash,
  ntResponse,
  sameAuthenticatorResponse,
} from "./ms_chap.ts";
import { MSCHAPV2_METHOD } from "./mschapv2.ts";
import { buildMschapAnswer, parseMschapRequest } from "./mschapv2_packet.ts";
import type { EapMethodId } from "./packet.ts";

/** Who logs in. */
export interface Mschapv2ClientOptions {
  /** Hashes. */
  readonly crypto: CryptoProvider;
  /** Makes the peer challenge. */
  readonly random: Random;
  /** The name, perhaps with a Windows domain and a backslash before it. */
  readonly userName: string;
  /** The password. */
  readonly password: string;
}

type State =
  | { readonly kind: "waiting" }
  | { readonly kind: "answered"; readonly expected: string; readonly msk: OwnedBytes }
  | { readonly kind: "finished"; readonly msk: OwnedBytes }
  | { readonly kind: "rejected"; readonly reason: string };

const PEER_CHALLENGE_BYTES = 16;

/** One login. */
export class Mschapv2Client implements EapClientMethod {
  readonly id: EapMethodId = MSCHAPV2_METHOD;
  readonly #options: Mschapv2ClientOptions;
  #state: State = { kind: "waiting" };

  /** A login that has not begun. */
  constructor(options: Mschapv2ClientOptions) {
    this.#options = options;
  }

  /** A request of the gateway. */
  handle(data: Bytes): EapClientMethodStep {
    const parsed = parseMschapRequest(data);
    if (!parsed.ok) return { kind: "ignore" };
    const request = parsed.value;
    const state = this.#state;
    switch (request.kind) {
      case "challenge":
        if (state.kind === "finished") return { kind: "ignore" };
        return this.#respond(request.identifier, request.challenge);
      case "success": {
        if (state.kind !== "answered") return { kind: "ignore" };
        const said = request.message.split(" ", 1)[0] ?? "";
        if (!sameAuthenticatorResponse(state.expected, said)) {
          return { kind: "failure", reason: "gateway-does-not-know-the-password" };
        }
        this.#state = { kind: "finished", msk: state.msk };
        return { kind: "respond", data: buildMschapAnswer({ kind: "success" }) };
      }
      case "failure": {
        if (state.kind !== "answered") return { kind: "ignore" };
        this.#state = { kind: "rejected", reason: reasonOf(request.message) };
        return { kind: "respond", data: buildMschapAnswer({ kind: "failure" }) };
      }
    }
  }

  /** Whether the gateway has proved itself; then with the MSK, as the gateway has it. */
  outcome(): EapClientOutcome {
    if (this.#state.kind !== "finished") return { kind: "unfinished" };
    return { kind: "finished", msk: this.#state.msk };
  }

  /** What the Failure request said. */
  rejection(): string | undefined {
    return this.#state.kind === "rejected" ? this.#state.reason : undefined;
  }

  #respond(identifier: number, challenge: Bytes): EapClientMethodStep {
    const { crypto, random, userName, password } = this.#options;
    const hash = ntHash(password);
    const authenticatorChallenge = copyBytes(challenge);
    const peerChallenge = random.bytes(PEER_CHALLENGE_BYTES);
    const response = ntResponse(crypto, hash, authenticatorChallenge, peerChallenge, userName);
    const exchange = { authenticatorChallenge, peerChallenge, ntResponse: response };
    this.#state = {
      kind: "answered",
      expected: authenticatorResponse(crypto, hash, exchange, userName),
      msk: mschapMsk(crypto, hash, response),
    };
    const answer = { kind: "response", identifier, peerChallenge, ntResponse: response } as const;
    return { kind: "respond", data: buildMschapAnswer({ ...answer, name: userName }) };
  }
}

/** A kebab-case word for the error numbers of RFC 2759 §6. */
function reasonOf(message: string): string {
  switch (/^E=(\d+)/.exec(message)?.[1]) {
    case "646":
      return "outside-logon-hours";
    case "647":
      return "account-disabled";
    case "648":
      return "password-expired";
    case "649":
      return "no-dial-in-permission";
    case "691":
      return "wrong-password";
    default:
      return "refused";
  }
}
