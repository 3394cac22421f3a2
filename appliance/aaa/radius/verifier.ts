/**
 * Who may in, by RADIUS: PAP or MS-CHAPv2 for passwords from a form, MS-CHAPv2 for the responses of
 * EAP-MSCHAPv2, EAP as it is, and one more form or packet for an Access-Challenge.
 *
 * A certificate was verified by the core already; its user's attributes come from the local users.
 * Those may also stand in while no server answers, if the operator wants that; never when one says no,
 * and never for EAP, which was begun for a server's method.
 */
import {
  type Credential,
  type CryptoProvider,
  type Endpoint,
  formatIpAddress,
  type Random,
  type UserAttributes,
  utf8,
  type Verdict,
} from "../../../core/mod.ts";
import type { UserVerifier, VerifyContext } from "../../effects.ts";
import type { Log } from "../../log.ts";
import type { AccessLists } from "../access_list/lists.ts";
import { Counted } from "../counted.ts";
import { ToldOnce } from "../told_once.ts";
import { framedService, virtualPort } from "./attributes.ts";
import { authorize } from "./authorization.ts";
import { NoAnswerError, type RadiusAnswer, type RadiusClient } from "./client.ts";
import { type AskedCredential, type Plan, planOf, rejection } from "./credentials.ts";
import { readFilter } from "./filters.ts";
import { userNameIn } from "./messages.ts";
import { type Attribute, Code, number32, type RadiusPacket } from "./packet.ts";

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
  /** What Filter-Id may name. */
  readonly accessLists: AccessLists;
  /** Whether a mandatory key of Cisco's that is not known keeps nobody out, as on IOS. */
  readonly ignoresUnknown: boolean;
  readonly local: UserVerifier;
  /** Whether local users decide while no server answers. */
  readonly fallsBack: boolean;
}

/** Longest User-Name: one octet of length. */
const longestName = 253;

/** Asks servers about users. */
export class RadiusVerifier implements UserVerifier {
  readonly #options: RadiusVerifierOptions;
  readonly #told = new ToldOnce();
  /** `attribute-unusable`, `key-unknown`, `filter-unusable`: accepts that were worth nothing. */
  readonly counted = new Counted();

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
      const mayFallBack = fallsBack && credential.kind !== "eap" && !context.signal.aborted;
      if (!mayFallBack || !(error instanceof NoAnswerError)) throw error;
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
      ...(plan.mustBeSigned === undefined ? {} : { mustBeSigned: plan.mustBeSigned }),
    }, signal);
    return this.#verdictOf(userName, answer, plan);
  }

  #about(name: Uint8Array, remote: Endpoint): readonly Attribute[] {
    return [
      { name: "User-Name", value: name },
      { name: "NAS-Identifier", value: utf8(this.#options.nasIdentifier) },
      { name: "NAS-Port-Type", value: number32(virtualPort) },
      { name: "Service-Type", value: number32(framedService) },
      { name: "Calling-Station-Id", value: utf8(formatIpAddress(remote.address)) },
    ];
  }

  #verdictOf(userName: string, { packet, server }: RadiusAnswer, plan: Plan): Verdict {
    if (packet.code === Code.ACCESS_REJECT) return rejection(packet);
    if (packet.code === Code.ACCESS_CHALLENGE) return plan.challenge(packet, server);
    const attributes = this.#authorized(userName, packet);
    const filter = attributes && this.#filtered(userName, packet);
    if (attributes === undefined || filter === undefined) return rejected;
    const name = userNameIn(packet);
    return {
      kind: "accept",
      attributes: { ...attributes, ...filter },
      ...(name === undefined ? {} : { userName: name }),
      ...plan.settle(packet),
    };
  }

  /** What an accept gives; `undefined` when it cannot be obeyed. */
  #authorized(user: string, accept: RadiusPacket): UserAttributes | undefined {
    const { log, ignoresUnknown } = this.#options;
    const authorization = authorize(accept);
    if (authorization.kind === "unusable") {
      const { attribute } = authorization;
      this.counted.count("attribute-unusable");
      log.tell("warning", "radius-attribute-unusable", { user, attribute });
      return undefined;
    }
    const { attributes, unknownKeys, foreignKeys } = authorization;
    for (const key of foreignKeys) this.#tellOnce("radius-key-passed-over", key);
    if (unknownKeys.length === 0) return attributes;
    this.counted.count("key-unknown");
    if (ignoresUnknown) {
      for (const key of unknownKeys) this.#tellOnce("radius-key-unknown", key);
      return attributes;
    }
    log.tell("warning", "radius-key-unknown", { user, keys: unknownKeys });
    return undefined;
  }

  /** What the user may send; `undefined` when that cannot be enforced. */
  #filtered(user: string, accept: RadiusPacket): Pick<UserAttributes, "filter"> | undefined {
    const { log, accessLists } = this.#options;
    const reading = readFilter(accept, accessLists);
    if (reading.kind === "unusable") {
      const { attribute, reason } = reading;
      this.counted.count("filter-unusable");
      log.tell("warning", "radius-filter-unusable", { user, attribute, reason });
      return undefined;
    }
    for (const key of reading.outbound) this.#tellOnce("radius-filter-passed-over", key);
    return reading.filter === undefined ? {} : { filter: reading.filter };
  }

  #tellOnce(event: string, key: string): void {
    if (this.#told.isNew(`${event} ${key}`)) this.#options.log.tell("warning", event, { key });
  }
}

const rejected: Verdict = { kind: "reject" };
