/**
 * The last IKE_AUTH response: the session's addresses, its configuration and the first Child SA
 * (RFC 7296 §1.2, §2.19), for a peer whose proof is complete.
 */
import { copyBytes } from "../bytes.ts";
import type { ClientAttributes, OwnCertificate } from "../gateway/policy.ts";
import type { UserAttributes } from "../gateway/question.ts";
import type { LoginMethod } from "../gateway/record.ts";
import { ConfigType, NotifyType } from "../message/constants.ts";
import { buildAuthLifetime, findNotify, notify } from "../message/notify.ts";
import type { CpPayload, IdPayload, NotifyPayload, Payload } from "../message/payload.ts";
import { after } from "../moment.ts";
import type { CertificateId } from "../pki/revocation.ts";
import { anySelector, selectorOfAddress, selectorOfPrefix } from "../sa/narrowing.ts";
import type { Admission, AuthHost, Login } from "./auth_host.ts";
import { crashTokenOf } from "./crash_token.ts";
import { answerWishes, readWishes } from "./configuration_exchange.ts";
import { installFirstChildSa, negotiateFirstChildSa } from "./first_child_sa.ts";
import { formatIdentity } from "./identity_text.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { AllowedSelectors, AuthenticationFacts } from "./ike_sa_seed.ts";
import type { InitMemory } from "./ike_sa_init.ts";
import { find } from "./payloads.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import { agreeOnMobike } from "./update_addresses.ts";

/** A session that waits for its last response. */
export type Admitted = Admission & { readonly kind: "admitted" };

/** A peer whose proof is complete. */
export interface Proven {
  /** Who it is. */
  readonly login: Login;
  /** How it proved that. */
  readonly verify: AuthenticationFacts["verify"];
  /** Our own proof, which goes before everything else in the last response. */
  readonly proof: readonly Payload[];
}

/** How long an IKE SA without a Child SA may stand before it is deleted. */
const CHILDLESS_MS = 30_000;

/** Makes the last response of one IKE_AUTH conversation. */
export class ResponderSession {
  readonly #host: AuthHost;
  readonly #memory: InitMemory;
  readonly #request: readonly Payload[];
  readonly #identity: IdPayload;
  /** Whether the peer is a client of Cisco's that speaks AnyConnect-EAP. */
  readonly isAnyConnect: boolean;
  /** Ours, as the peer asks for it. */
  readonly own: OwnCertificate;

  /** `request` is the first IKE_AUTH request, which asks for everything. */
  constructor(
    host: AuthHost,
    memory: InitMemory,
    request: readonly Payload[],
    identity: IdPayload,
    own: OwnCertificate,
    isAnyConnect: boolean,
  ) {
    this.isAnyConnect = isAnyConnect;
    this.own = own;
    this.#host = host;
    this.#memory = memory;
    this.#request = request;
    this.#identity = identity;
  }

  /** What a first login says of its user. */
  freshLogin(
    userName: string,
    method: LoginMethod,
    attributes: UserAttributes,
    certificates: readonly CertificateId[],
  ): Login {
    const { idType, data } = this.#identity;
    return {
      kind: "fresh",
      userName,
      identity: { idType, data: copyBytes(data) },
      method,
      peerType: this.isAnyConnect ? "AnyConnect" : "Other",
      attributes,
      certificates,
      initialContact: findNotify(this.#request, NotifyType.INITIAL_CONTACT) !== undefined,
    };
  }

  /** Addresses and, where wanted, a pair; or the notify that says why there are none. */
  admit(sa: IkeSa, step: Step, login: Login): Admitted | NotifyPayload {
    const { attributeNumbers } = this.#host.policy;
    const asked = readWishes(this.#configRequest()?.attributes ?? [], attributeNumbers);
    if (login.kind === "fresh" && !asked.ip4 && !asked.ip6) {
      return notify(NotifyType.FAILED_CP_REQUIRED);
    }
    // AnyConnect-EAP shows the pair in its last document, whoever asked for attributes (rule 1).
    const isShown = login.kind === "fresh" && login.method === "anyconnect-eap";
    const wishes = isShown ? { ...asked, pair: true } : asked;
    const admission = this.#host.admit(sa, step, login, wishes);
    return admission.kind === "admitted" ? admission : notify(NotifyType.INTERNAL_ADDRESS_FAILURE);
  }

  /** The last response; the session lives from here on. */
  conclude(
    sa: IkeSa,
    step: Step,
    proven: Proven,
    admitted: Admitted,
    pairStored: boolean,
  ): void {
    const allowed = this.#allowedSelectors(admitted);
    const child = negotiateFirstChildSa(sa, this.#request, allowed);
    if (child.kind === "refused") {
      this.#host.giveUp(sa, step, admitted.session);
      return this.concludeChildless(sa, step, proven, child.notify);
    }
    sa.allowedSelectors = allowed;
    sa.filter = this.#host.filterOf(admitted.session);
    const authLifetime = this.#limitAuthentication(sa, step, admitted);
    sa.establish(step, this.#facts(proven));
    const mobike = agreeOnMobike(sa, this.#request);
    // Cisco's gateways say nothing of the kind, and who knows what their clients make of it.
    const crashToken = this.isAnyConnect ? [] : crashTokenOf(sa);
    sa.hasToldCrashToken = crashToken.length > 0;
    const replaces = this.#host.childToReplace(admitted.session);
    const childPayloads = installFirstChildSa(sa, step, child, this.#memory, replaces);
    sa.reply(step, [
      ...proven.proof,
      ...this.#configReply(step, admitted, pairStored),
      ...childPayloads,
      ...mobike,
      ...crashToken,
      ...authLifetime,
    ]);
    this.#host.activate(sa, step, admitted.session, pairStored);
  }

  /** The IKE SA stands, but without a Child SA it is of no use (RFC 7296 §1.2). */
  concludeChildless(sa: IkeSa, step: Step, proven: Proven, why: NotifyPayload): void {
    trace(step, {
      level: "warning",
      event: "child-sa-refused",
      remote: sa.remote,
      facts: { notify: why.notifyType },
    });
    sa.establish(step, this.#facts(proven));
    sa.endAfter(step, CHILDLESS_MS);
    sa.reply(step, [...proven.proof, why]);
  }

  /** How long this authentication holds, and the word of it for those who know that word (RFC 4478). */
  #limitAuthentication(sa: IkeSa, step: Step, { absoluteEnd }: Admitted): readonly Payload[] {
    const { reauthentication } = this.#host.policy;
    if (reauthentication === undefined) return [];
    const { by, ms } = reauthentication;
    if (by === "token") sa.authenticatedUntil = after(step.at.monotonic, ms);
    const leftMs = absoluteEnd === undefined ? ms : Math.min(ms, absoluteEnd - step.at.wall);
    // Cisco's clients come back by themselves, and nobody knows what they make of it.
    return this.isAnyConnect ? [] : [buildAuthLifetime(Math.max(1, Math.floor(leftMs / 1000)))];
  }

  #configRequest(): CpPayload | undefined {
    const cp = find(this.#request, "CP");
    return cp?.configType === ConfigType.REQUEST ? cp : undefined;
  }

  #configReply(step: Step, admitted: Admitted, pairStored: boolean): readonly Payload[] {
    const request = this.#configRequest();
    if (request === undefined) return [];
    const { policy } = this.#host;
    const { absoluteEnd, addresses, attributes: { netmask } } = admitted;
    // A user may have less time than others, and who comes back has what is left of it.
    const left = absoluteEnd === undefined ? undefined : {
      sessionTimeoutSeconds: Math.max(1, Math.ceil((absoluteEnd - step.at.wall) / 1000)),
    };
    const attributes = answerWishes(request.attributes, {
      addresses,
      netmask,
      attributes: { ...this.#told(admitted), ...left },
      pair: pairStored ? admitted.pair : undefined,
      numbers: policy.attributeNumbers,
    });
    return [{ kind: "CP", configType: ConfigType.REPLY, attributes }];
  }

  /** What everybody is told, and over it what this user is. */
  #told({ attributes }: Admitted): ClientAttributes {
    const { policy } = this.#host;
    const { told, idleTimeoutSeconds = policy.attributes.idleTimeoutSeconds } = attributes;
    return { ...policy.attributes, ...told, idleTimeoutSeconds };
  }

  /** Split tunnelling by selectors, except for AnyConnect, which does it by attributes. */
  #allowedSelectors(admitted: Admitted): AllowedSelectors {
    const { splitInclude } = this.#told(admitted);
    const isSplit = splitInclude.length > 0 && !this.isAnyConnect;
    const families = new Set(admitted.addresses.map(({ family }) => family));
    const networks = (admitted.attributes.networks ?? [])
      .filter(({ address }) => families.has(address.family));
    return {
      localSelectors: isSplit
        ? splitInclude.map(selectorOfPrefix).filter((ts) => families.has(ts.startAddress.family))
        : [...families].map(anySelector),
      remoteSelectors: [
        ...admitted.addresses.map(selectorOfAddress),
        ...networks.map(selectorOfPrefix),
      ],
      ...(networks.length === 0 ? {} : { networks }),
    };
  }

  #facts(proven: Proven): AuthenticationFacts {
    const { identity } = this.#host.policy;
    return {
      sign: this.own.signer.key.kind === "rsa" ? "RSA" : "ECDSA",
      verify: proven.verify,
      localId: formatIdentity(identity.idType, identity.data),
      remoteId: formatIdentity(this.#identity.idType, this.#identity.data),
    };
  }
}
