/**
 * Who may in, by RADIUS: PAP or MS-CHAPv2 for passwords from a form, MS-CHAPv2 for the responses of
 * EAP-MSCHAPv2, and one more form for an Access-Challenge.
 *
 * A certificate was verified by the core already; its user's attributes come from the local users.
 * Those may also stand in while no server answers, if the operator wants that; never when one says no.
 */
import {
  type Credential,
  type CryptoProvider,
  type Endpoint,
  formatIpAddress,
  type IpAddress,
  type Random,
  textOf,
  utf8,
  type Verdict,
} from "../../../core/mod.ts";
import type { UserVerifier, VerifyContext } from "../../effects.ts";
import type { Log } from "../../log.ts";
import type { AccessLists } from "../access_list/lists.ts";
import { authorize } from "./authorization.ts";
import { NoAnswerError, type RadiusAnswer, type RadiusClient } from "./client.ts";
import { type AskedCredential, challengeState, type Plan, planOf } from "./credentials.ts";
import { readFilter } from "./filters.ts";
import { type Attribute, Code, number32, valuesOf } from "./packet.ts";

/** What a verifier works with. */
export interface RadiusVerifierOptions {
  readonly client: RadiusClient;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly log: Log;
  /** NAS-Identifier. */
  readonly nasIdentifier: string;
  /** How passwords of forms are asked about. */
  readonly passwords: "pap" | "mschapv2";
  /** Whether the gateway routes an inner address. */
  readonly isServed: (address: IpAddress) => boolean;
  /** What Filter-Id may name. */
  readonly accessLists: AccessLists;
  readonly local: UserVerifier;
  /** Whether local users decide while no server answers. */
  readonly fallsBack: boolean;
}

/** Longest User-Name: one octet of length. */
const longestName = 253;
/** Service-Type Framed, NAS-Port-Type Virtual. */
const framed = 2;
const virtual = 5;

/** Asks servers about users. */
export class RadiusVerifier implements UserVerifier {
  readonly #options: RadiusVerifierOptions;

  /** By this client. */
  constructor(options: RadiusVerifierOptions) {
    this.#options = options;
  }

  /** Whether this user, with this credential, may in; throws when nobody could say. */
  async verify(
    userName: string,
    credential: Credential,
    context: VerifyContext,
  ): Promise<Verdict> {
    const { local, fallsBack, log } = this.#options;
    if (credential.kind === "certificate") return await local.verify(userName, credential, context);
    try {
      return await this.#askServers(userName, credential, context);
    } catch (error) {
      if (!fallsBack || !(error instanceof NoAnswerError) || context.signal.aborted) throw error;
      log.tell("warning", "radius-fallback", { user: userName });
      return await local.verify(userName, credential, context);
    }
  }

  async #askServers(
    userName: string,
    credential: AskedCredential,
    { remote, signal }: VerifyContext,
  ): Promise<Verdict> {
    const name = utf8(userName);
    const plan = name.length > longestName
      ? undefined
      : planOf(this.#options, userName, credential);
    if (plan === undefined) return rejected;
    const answer = await this.#options.client.ask({
      code: Code.ACCESS_REQUEST,
      attributes: [...this.#about(name, remote), ...plan.attributes],
      ...(plan.server === undefined ? {} : { server: plan.server }),
    }, signal);
    return this.#verdictOf(userName, answer, plan);
  }

  #about(name: Uint8Array, remote: Endpoint): readonly Attribute[] {
    return [
      { name: "User-Name", value: name },
      { name: "NAS-Identifier", value: utf8(this.#options.nasIdentifier) },
      { name: "NAS-Port-Type", value: number32(virtual) },
      { name: "Service-Type", value: number32(framed) },
      { name: "Calling-Station-Id", value: utf8(formatIpAddress(remote.address)) },
    ];
  }

  #verdictOf(userName: string, { packet, server }: RadiusAnswer, plan: Plan): Verdict {
    if (packet.code === Code.ACCESS_REJECT) return rejected;
    if (packet.code === Code.ACCESS_CHALLENGE) {
      const message = valuesOf(packet, "Reply-Message").map(textOf).join("");
      return {
        kind: "challenge",
        message: message === "" ? defaultChallenge : message,
        state: challengeState(packet, server),
      };
    }
    const authorization = authorize(packet, this.#options.isServed);
    if (authorization.kind === "unusable") {
      const { attribute } = authorization;
      this.#options.log.tell("warning", "radius-attribute-unusable", { user: userName, attribute });
      return rejected;
    }
    const reading = readFilter(packet, this.#options.accessLists);
    if (reading.kind === "unusable") {
      const { attribute, reason } = reading;
      const facts = { user: userName, attribute, reason };
      this.#options.log.tell("warning", "radius-attribute-unusable", facts);
      return rejected;
    }
    const filter = reading.filter === undefined ? {} : { filter: reading.filter };
    const attributes = { ...authorization.attributes, ...filter };
    return { kind: "accept", attributes, ...plan.settle(packet) };
  }
}

const rejected: Verdict = { kind: "reject" };
const defaultChallenge = "One more answer is needed.";
