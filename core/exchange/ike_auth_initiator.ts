/** IKE_AUTH as initiator (RFC 7296 §1.2, §2.15, §2.16): login by EAP or certificate, or a pair. */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { copyBytes, utf8 } from "../bytes.ts";
import type { Assignment, ClientSettings, Identity } from "./initiator_settings.ts";
import { AnyConnectClient } from "../eap/anyconnect/client.ts";
import { ANYCONNECT_IDENTITY } from "../eap/anyconnect/identity.ts";
import { EapClient } from "../eap/client.ts";
import { EapCode } from "../eap/packet.ts";
import { Mschapv2Client } from "../eap/mschapv2_client.ts";
import type { SessionPair } from "../gateway/record.ts";
import { limits } from "../limits.ts";
import {
  AuthMethod,
  CertEncoding,
  ConfigAttribute as Attribute,
  ConfigType,
  ExchangeType,
  IdType,
  NotifyType,
  ProtocolId,
} from "../message/constants.ts";
import { idBody } from "../message/identification.ts";
import { findErrorNotify, findNotify, notify, parseAuthLifetime } from "../message/notify.ts";
import type { Payload, Proposal, TrafficSelector } from "../message/payload.ts";
import type { Certificate } from "../pki/certificate.ts";
import { certificateSpeaksFor } from "../pki/identity.ts";
import { assertNever } from "../result.ts";
import { authOctets, sharedKeyAuth, verifySharedKeyAuth } from "../sa/auth_octets.ts";
import { factsOfPrf } from "../sa/keymat.ts";
import {
  anySelector,
  narrowSelectors,
  selectorContains,
  selectorOfAddress,
} from "../sa/narrowing.ts";
import { confirmChoice, espSuiteOf, offerOf } from "../sa/proposal.ts";
import { signAuth } from "../sa/signature_auth.ts";
import type { IpAddress } from "../wire/address.ts";
import { formatIpAddress, rangeToPrefixes } from "../wire/address.ts";
import {
  certificateRequest,
  parseCertificates,
  verifyCertificateAuth,
} from "./certificate_auth.ts";
import { takeCrashToken } from "./crash_token.ts";
import { readConfigurationReply, textWishes } from "./configuration_exchange.ts";
import { installChildSa } from "./child_sa.ts";
import { formatIdentity } from "./identity_text.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { InitMemory } from "./ike_sa_init.ts";
import { espSpiBytes, espSpiOf, find } from "./payloads.ts";
import type { Step } from "./step.ts";
import type { Task } from "./task.ts";

/** Whom the initiator tells how it went. */
export interface InitiatorHost {
  /** Authenticated both ways, with a Child SA. */
  onEstablished(sa: IkeSa, step: Step, assignment: Assignment): void;
  /** It came to nothing. */
  onRefused(sa: IkeSa, step: Step, refusal: LoginRefusal): void;
}

/** Why there is no session. */
export interface LoginRefusal {
  /** A kebab-case word. */
  readonly reason: string;
  /** Whose refusal it is: the gateway's of our AUTH, which covers our first message; the gateway's; ours. */
  readonly of: "proof" | "gateway" | "client";
}

/** What one initiator is made from. */
export interface InitiatorOptions {
  readonly settings: ClientSettings;
  readonly memory: InitMemory;
  readonly host: InitiatorHost;
  /** Come back with this instead of logging in. */
  readonly pair: SessionPair | undefined;
}

/** AnyConnect-EAP has one identity for everybody, a reconnect the session's, all else the user's. */
function identityOf({ pair, settings }: InitiatorOptions): Identity {
  if (pair !== undefined) return { idType: IdType.KEY_ID, data: utf8(pair.sessionId) };
  return settings.login.kind === "anyconnect-eap"
    ? { idType: IdType.CISCO_GROUP, data: ANYCONNECT_IDENTITY }
    : settings.identity;
}

/**
 * What the gateway lets us send from: the addresses that it gave us, and the networks behind us that it
 * knows of. A selector of everything names no network, and comes down to the addresses.
 */
function ownSelectors(
  answered: readonly TrafficSelector[],
  addresses: readonly IpAddress[],
): readonly TrafficSelector[] {
  const isWhole = (selector: TrafficSelector) =>
    selectorContains(selector, anySelector(selector.startAddress.family));
  const own = narrowSelectors(answered, addresses.map(selectorOfAddress));
  const networks = own.length === 0 ? [] : answered.filter((it) => !isWhole(it));
  return narrowSelectors([...own, ...networks], [anySelector(4), anySelector(6)]);
}

type Continuation = (sa: IkeSa, step: Step, response: readonly Payload[]) => void;

/** Leads one IKE SA through IKE_AUTH. */
export class IkeAuthInitiator {
  readonly #options: InitiatorOptions;
  readonly #identity: Identity;
  readonly #anchors: readonly Certificate[];
  #eap: EapClient | undefined;
  #anyConnect: AnyConnectClient | undefined;
  #offer: readonly Proposal[] = [];
  #inboundSpi = 0;
  #gatewayId: Identity | undefined;
  #sign: "RSA" | "ECDSA" | "PSK" = "PSK";
  #verify: "RSA" | "ECDSA" = "RSA";

  constructor(options: InitiatorOptions) {
    this.#options = options;
    this.#anchors = parseCertificates(options.settings.anchors);
    this.#identity = identityOf(options);
  }

  /** Sends the first request. */
  start(sa: IkeSa, step: Step): void {
    const { settings } = this.#options;
    this.#inboundSpi = sa.world.newEspSpi(sa);
    this.#offer = offerOf(settings.espProposals, espSpiBytes(this.#inboundSpi), false);
    const families = [...(settings.wants.ip4 ? [4] : []), ...(settings.wants.ip6 ? [6] : [])];
    const selectors = families.map((family) => anySelector(family === 4 ? 4 : 6));
    this.#exchange(sa, step, [
      { kind: "IDi", ...this.#identity },
      ...this.#ownCertificates(),
      ...certificateRequest(sa.world.crypto, this.#anchors),
      { kind: "IDr", ...settings.gatewayIdentity },
      ...this.#firstProof(sa),
      { kind: "CP", configType: ConfigType.REQUEST, attributes: this.#wishes() },
      { kind: "SA", proposals: this.#offer },
      { kind: "TSi", selectors },
      { kind: "TSr", selectors },
      ...(settings.mobike ? [notify(NotifyType.MOBIKE_SUPPORTED)] : []),
    ], (sa, step, response) => this.#handleFirst(sa, step, response));
  }

  #handleFirst(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const error = findErrorNotify(response);
    const identity = find(response, "IDr");
    const auth = find(response, "AUTH");
    if (identity === undefined || auth === undefined) {
      const of = this.#isProofShown ? "proof" : "gateway";
      return this.#refused(sa, step, `notify-${error?.notifyType ?? 0}`, of);
    }
    const verified = verifyCertificateAuth(sa.world.crypto, {
      identity,
      auth,
      octets: this.#responderOctets(sa, idBody(identity.idType, identity.data, identity.reserved)),
      payloads: response,
      anchors: this.#anchors,
      purpose: "serverAuth",
      at: step.at.wall,
      allowSha1: false,
    });
    if (!verified.ok) return this.#refused(sa, step, `gateway-${verified.fault}`, "client");
    // Under whatever name it answers: its certificate must be good for the one that we mean.
    const { idType, data } = this.#options.settings.gatewayIdentity;
    const { certificate } = verified.value;
    if (!certificateSpeaksFor(certificate, idType, data)) {
      return this.#refused(sa, step, "gateway-has-another-identity", "client");
    }
    this.#verify = certificate.key?.kind === "rsa" ? "RSA" : "ECDSA";
    this.#gatewayId = { idType: identity.idType, data: copyBytes(identity.data) };
    const eap = find(response, "EAP");
    if (eap === undefined) return this.#finish(sa, step, response);
    const begun = this.#options.pair === undefined ? this.#beginEap(sa) : undefined;
    if (begun === undefined) return this.#refused(sa, step, "gateway-asks-for-eap", "gateway");
    this.#eap = begun;
    this.#handleEap(sa, step, eap.packet);
  }

  #beginEap(sa: IkeSa): EapClient | undefined {
    const { login, gateway } = this.#options.settings;
    const { crypto, random } = sa.world;
    switch (login.kind) {
      case "eap-mschapv2": {
        const { userName, password } = login;
        const method = new Mschapv2Client({ crypto, random, userName, password });
        return new EapClient(userName, method);
      }
      case "anyconnect-eap": {
        const { header, user, certificate, group, answer } = login;
        this.#anyConnect = new AnyConnectClient({
          header,
          user,
          certificate: certificate === undefined ? undefined : {
            ...certificate,
            octets: () => this.#initiatorOctets(sa),
            prfHash: () => factsOfPrf(sa.suite.prf).hash,
          },
          group,
          groupAccess: `https://${formatIpAddress(gateway.address)}/`,
          answer,
        });
        return new EapClient("", this.#anyConnect);
      }
      case "certificate":
      case "none":
        return undefined;
      default:
        return assertNever(login);
    }
  }

  #handleEap(sa: IkeSa, step: Step, packet: Bytes): void {
    const next = this.#eap?.handle(packet) ?? { kind: "failure", reason: "no-eap" };
    switch (next.kind) {
      case "respond":
        // Somebody may have to press a button before the gateway knows what to say.
        return this.#exchange(
          sa,
          step,
          [{ kind: "EAP", packet: next.packet }],
          (sa, step, response) => {
            const eap = find(response, "EAP");
            if (eap !== undefined) return this.#handleEap(sa, step, eap.packet);
            const error = findErrorNotify(response)?.notifyType ?? 0;
            this.#refused(sa, step, `notify-${error}`, "gateway");
          },
          true,
        );
      case "success":
        return this.#handleSuccess(sa, step, next.msk);
      case "failure":
        // Where it is we who give up, a gateway that waits for an answer is told.
        if (packet[0] !== EapCode.FAILURE) {
          sa.farewell(step, [notify(NotifyType.AUTHENTICATION_FAILED)]);
        }
        return this.#refused(sa, step, next.reason, "gateway");
      case "ignore":
        return this.#refused(sa, step, "eap-nonsense", "client");
    }
  }

  #handleSuccess(sa: IkeSa, step: Step, msk: OwnedBytes | undefined): void {
    const { crypto } = sa.world;
    const data = sharedKeyAuth(
      crypto,
      sa.suite.prf,
      msk ?? sa.keys.pi,
      this.#initiatorOctets(sa),
    );
    const method = AuthMethod.SHARED_KEY_MIC;
    this.#exchange(sa, step, [{ kind: "AUTH", method, data }], (sa, step, response) => {
      const auth = find(response, "AUTH");
      const error = findErrorNotify(response);
      if (auth === undefined && error !== undefined) {
        return this.#refused(sa, step, `notify-${error.notifyType}`, "proof");
      }
      const id = this.#gatewayId;
      const isRight = auth?.method === method && id !== undefined && verifySharedKeyAuth(
        crypto,
        sa.suite.prf,
        msk ?? sa.keys.pr,
        this.#responderOctets(sa, idBody(id.idType, id.data)),
        auth.data,
      );
      if (!isRight) return this.#refused(sa, step, "gateway-bad-auth-after-eap", "client");
      this.#finish(sa, step, response);
    });
  }

  #finish(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const error = findErrorNotify(response);
    if (error !== undefined) {
      return this.#refused(sa, step, `notify-${error.notifyType}`, "gateway");
    }
    const { settings, memory } = this.#options;
    const answer = find(response, "SA");
    const chosen = confirmChoice(this.#offer, answer?.proposals ?? [], {
      protocol: ProtocolId.ESP,
      withKe: false,
    });
    const outboundSpi = chosen === undefined ? undefined : espSpiOf(chosen.spi);
    const cp = find(response, "CP");
    const told = readConfigurationReply(
      cp?.configType === ConfigType.REPLY ? cp.attributes : [],
      settings.attributeNumbers,
    );
    const localSelectors = ownSelectors(find(response, "TSi")?.selectors ?? [], told.addresses);
    const remoteSelectors: readonly TrafficSelector[] = find(response, "TSr")?.selectors ?? [];
    if (
      chosen === undefined || outboundSpi === undefined || localSelectors.length === 0 ||
      remoteSelectors.length === 0
    ) return this.#refused(sa, step, "gateway-answer-unusable", "client");
    const { idType = 0, data = new Uint8Array(0) } = this.#gatewayId ?? {};
    sa.allowedSelectors = { localSelectors, remoteSelectors };
    const isMobile = findNotify(response, NotifyType.MOBIKE_SUPPORTED) !== undefined;
    if (settings.mobike && isMobile) sa.where.mobility = "initiator";
    takeCrashToken(sa, response);
    sa.establish(step, {
      sign: this.#sign,
      verify: this.#verify,
      localId: formatIdentity(this.#identity.idType, this.#identity.data),
      remoteId: formatIdentity(idType, data),
    });
    installChildSa(sa, step, {
      inboundSpi: this.#inboundSpi,
      outboundSpi,
      suite: espSuiteOf(chosen).suite,
      nonceI: memory.nonceI,
      nonceR: memory.nonceR,
      weInitiate: true,
      localSelectors,
      remoteSelectors,
      sends: "at-once",
    });
    const { splitInclude, ...assignment } = told;
    // With AnyConnect the selectors are whole, and what is split is told apart.
    const isSplit = settings.login.kind === "anyconnect-eap" && splitInclude.length > 0;
    const routes = isSplit
      ? splitInclude
      : remoteSelectors.flatMap(({ startAddress, endAddress }) =>
        rangeToPrefixes({ first: startAddress, last: endAddress })
      );
    // AnyConnect-EAP shows the pair in its last document, whether or not an attribute carried it.
    const { pair, banner } = this.#anyConnect?.welcome ?? {};
    const lifetime = findNotify(response, NotifyType.AUTH_LIFETIME);
    const authLifetimeSeconds = lifetime === undefined ? undefined : parseAuthLifetime(lifetime);
    this.#options.host.onEstablished(sa, step, {
      ...assignment,
      routes,
      ...(told.pair === undefined && pair !== undefined ? { pair } : {}),
      ...(banner === undefined ? {} : { banner }),
      ...(authLifetimeSeconds === undefined ? {} : { authLifetimeSeconds }),
    });
  }

  // --- pieces -------------------------------------------------------------------------------

  #exchange(
    sa: IkeSa,
    step: Step,
    payloads: readonly Payload[],
    then: Continuation,
    isPatient = false,
  ): void {
    sa.extendHalfOpen(step, isPatient ? limits.patientMs : limits.halfOpenMs);
    const task: Task = {
      name: "ike-auth",
      exchangeType: ExchangeType.IKE_AUTH,
      isPatient,
      build: () => payloads,
      handle: then,
      abandon: (sa) => sa.world.freeEspSpi(this.#inboundSpi),
    };
    sa.request(step, task);
  }

  #refused(sa: IkeSa, step: Step, reason: string, of: LoginRefusal["of"]): void {
    sa.world.freeEspSpi(this.#inboundSpi);
    // RFC 7296 §2.21.2: a gateway that believes us is told that we do not believe it.
    if (of === "client") sa.farewell(step, [notify(NotifyType.AUTHENTICATION_FAILED)]);
    this.#options.host.onRefused(sa, step, { reason, of });
    sa.close(step, "authentication-failed");
  }

  /** Whether the first request had AUTH. */
  get #isProofShown(): boolean {
    const { pair, settings } = this.#options;
    return pair !== undefined || settings.login.kind === "certificate";
  }

  /** AUTH of the first request: none when EAP is to come. */
  #firstProof(sa: IkeSa): readonly Payload[] {
    const { pair, settings, memory } = this.#options;
    const octets = this.#initiatorOctets(sa);
    if (pair !== undefined) {
      const data = sharedKeyAuth(sa.world.crypto, sa.suite.prf, utf8(pair.token), octets);
      return [{ kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data }];
    }
    if (settings.login.kind !== "certificate") return [];
    const { signer } = settings.login;
    this.#sign = signer.key.kind === "rsa" ? "RSA" : "ECDSA";
    const auth = signAuth(signer, octets, {
      peerHashes: memory.peerHashes,
      legacyRsaHash: "sha256",
    });
    return [{ kind: "AUTH", ...auth }];
  }

  #ownCertificates(): readonly Payload[] {
    const { pair, settings: { login } } = this.#options;
    if (pair !== undefined || login.kind !== "certificate") return [];
    const encoding = CertEncoding.X509_SIGNATURE;
    return login.certificates.map((data) => ({ kind: "CERT", encoding, data } as const));
  }

  #wishes(): readonly { readonly type: number; readonly value: Bytes }[] {
    const { wants, reconnect, attributeNumbers } = this.#options.settings;
    const types = [
      ...(wants.ip4 ? [Attribute.INTERNAL_IP4_ADDRESS, Attribute.INTERNAL_IP4_DNS] : []),
      ...(wants.ip6 ? [Attribute.INTERNAL_IP6_ADDRESS, Attribute.INTERNAL_IP6_DNS] : []),
      ...textWishes(wants, attributeNumbers),
      ...(reconnect
        ? [
          ...attributeNumbers["session-id"].slice(0, 1),
          ...attributeNumbers["session-token"].slice(0, 1),
        ]
        : []),
    ];
    return types.map((type) => ({ type, value: new Uint8Array(0) }));
  }

  #initiatorOctets(sa: IkeSa): Bytes {
    const { request, nonceR } = this.#options.memory;
    const body = idBody(this.#identity.idType, this.#identity.data);
    return authOctets(sa.world.crypto, sa.suite.prf, request, nonceR, sa.keys.pi, body);
  }

  #responderOctets(sa: IkeSa, body: Bytes): Bytes {
    const { response, nonceI } = this.#options.memory;
    return authOctets(sa.world.crypto, sa.suite.prf, response, nonceI, sa.keys.pr, body);
  }
}
