/**
 * IKE_AUTH as responder (RFC 7296 §1.2, §2.15, §2.16, §2.19): who the peer is, and its first Child SA.
 *
 * One conversation, in this order: the first request names the peer and shows its proof, or leaves
 * AUTH out and asks for EAP; EAP goes on until it succeeds; the session gets its addresses; a
 * reconnect pair is stored; only then the last response leaves. While a question is open its response
 * is held back, and the channel recognises repeated requests.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { copyBytes, equalBytes, utf8 } from "../bytes.ts";
import { Mschapv2Server } from "../eap/mschapv2.ts";
import type { EapStep } from "../eap/server.ts";
import { EapServer } from "../eap/server.ts";
import type { Answer, UserAttributes } from "../gateway/question.ts";
import type { LoginMethod } from "../gateway/record.ts";
import { limits } from "../limits.ts";
import { AuthMethod, CertEncoding, ConfigType, NotifyType } from "../message/constants.ts";
import { idBody } from "../message/identification.ts";
import { findNotify, notify } from "../message/notify.ts";
import type { AuthPayload, CpPayload, IdPayload, Payload } from "../message/payload.ts";
import { userNameOf } from "../pki/identity.ts";
import { assertNever } from "../result.ts";
import { authOctets, sharedKeyAuth, verifySharedKeyAuth } from "../sa/auth_octets.ts";
import { anySelector, selectorOfAddress, selectorOfPrefix } from "../sa/narrowing.ts";
import { signAuth } from "../sa/signature_auth.ts";
import type { Admission, AuthHost, Login } from "./auth_host.ts";
import { verifyCertificateAuth } from "./certificate_auth.ts";
import { answerWishes, readWishes } from "./configuration_exchange.ts";
import { installFirstChildSa, negotiateFirstChildSa } from "./first_child_sa.ts";
import { formatIdentity } from "./identity_text.ts";
import type { AllowedSelectors, AuthenticationFacts, Authenticator, IkeSa } from "./ike_sa.ts";
import type { InitMemory } from "./ike_sa_init.ts";
import { find } from "./payloads.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";

type Admitted = Admission & { readonly kind: "admitted" };

/** What a proven peer waits for. */
interface Proven {
  readonly login: Login;
  readonly verify: AuthenticationFacts["verify"];
  /** Our own proof, which goes before everything else in the last response. */
  readonly proof: readonly Payload[];
}

type State =
  | { readonly kind: "first" }
  | { readonly kind: "authorizing"; readonly question: number; readonly proven: Proven }
  | { readonly kind: "eap"; readonly eap: EapServer; readonly question?: number }
  | {
    readonly kind: "final";
    readonly userName: string;
    readonly attributes: UserAttributes;
    readonly msk: OwnedBytes | undefined;
  }
  | {
    readonly kind: "storing";
    readonly question: number;
    readonly proven: Proven;
    readonly admitted: Admitted;
  }
  | { readonly kind: "over" };

/** Stands in for the token of nobody, so that refusing takes the same work (design rule 8). */
const NO_TOKEN = utf8("x".repeat(43));

/** How long an IKE SA without a Child SA may stand before it is deleted. */
const CHILDLESS_MS = 30_000;

/** Whose IDi every AnyConnect client sends. */
const ANYCONNECT_ID = utf8("*$AnyConnectClient$*");

/** The responder of one IKE SA. */
export class IkeAuthResponder implements Authenticator {
  readonly #host: AuthHost;
  readonly #memory: InitMemory;
  #state: State = { kind: "first" };
  #request: readonly Payload[] = [];
  #identity: IdPayload | undefined;

  constructor(host: AuthHost, memory: InitMemory) {
    this.#host = host;
    this.#memory = memory;
  }

  handle(sa: IkeSa, step: Step, request: readonly Payload[]): void {
    switch (this.#state.kind) {
      case "first":
        return this.#handleFirst(sa, step, request);
      case "eap":
        return this.#handleEap(sa, step, this.#state.eap, request);
      case "final":
        return this.#handleFinal(sa, step, this.#state, request);
      case "authorizing":
      case "storing":
      case "over":
        return; // The channel holds requests back while one is being answered.
      default:
        return assertNever(this.#state);
    }
  }

  complete(sa: IkeSa, step: Step, id: number, answer: Answer): void {
    const state = this.#state;
    switch (state.kind) {
      case "eap":
        if (state.question === id) this.#completeEap(sa, step, state.eap, answer);
        return;
      case "authorizing":
        if (state.question === id) this.#completeAuthorization(sa, step, state.proven, answer);
        return;
      case "storing":
        if (state.question !== id) return;
        if (answer.kind === "failed") {
          trace(step, {
            level: "warning",
            event: "reconnect-record-not-stored",
            remote: sa.remote,
            facts: { reason: answer.reason },
          });
        }
        return this.#conclude(sa, step, state.proven, state.admitted, answer.kind === "done");
      case "first":
      case "final":
      case "over":
        return;
      default:
        return assertNever(state);
    }
  }

  abandon(sa: IkeSa, step: Step): void {
    const state = this.#state;
    this.#state = { kind: "over" };
    if ("question" in state && state.question !== undefined) {
      this.#host.cancel(step, state.question);
    }
    if (state.kind === "storing") this.#host.giveUp(sa, step, state.admitted.session);
  }

  // --- the first request --------------------------------------------------------------------

  #handleFirst(sa: IkeSa, step: Step, request: readonly Payload[]): void {
    const identity = find(request, "IDi");
    if (identity === undefined) {
      return this.#refuse(sa, step, "no-identity", NotifyType.INVALID_SYNTAX);
    }
    this.#request = request;
    this.#identity = identity;
    const auth = find(request, "AUTH");
    if (auth === undefined) return this.#startEap(sa, step);
    if (auth.method === AuthMethod.SHARED_KEY_MIC) {
      return this.#handleReconnect(sa, step, identity, auth);
    }
    this.#handleCertificate(sa, step, identity, auth);
  }

  /** Design rules 6 and 8. */
  #handleReconnect(sa: IkeSa, step: Step, identity: IdPayload, auth: AuthPayload): void {
    const found = this.#host.findReconnect(sa, step, identity.data);
    const candidate = found === "blocked" ? undefined : found;
    const token = candidate?.token ?? NO_TOKEN;
    const octets = this.#initiatorOctets(sa, identity);
    const isRight = verifySharedKeyAuth(sa.world.crypto, sa.suite.prf, token, octets, auth.data);
    if (candidate === undefined || !isRight) {
      this.#host.reconnectRefused(sa, step);
      return this.#refuse(sa, step, "reconnect-refused");
    }
    const login: Login = {
      kind: "reconnect",
      session: candidate.session,
      sessionId: copyBytes(identity.data),
    };
    this.#admit(sa, step, { login, verify: "PSK", proof: this.#gatewayProof(sa) });
  }

  #handleCertificate(sa: IkeSa, step: Step, identity: IdPayload, auth: AuthPayload): void {
    const { policy } = this.#host;
    if (!policy.loginMethods.includes("certificate")) {
      return this.#refuse(sa, step, "certificate-login-is-off");
    }
    const verified = verifyCertificateAuth(sa.world.crypto, {
      identity,
      auth,
      octets: this.#initiatorOctets(sa, identity),
      payloads: this.#request,
      anchors: this.#host.clientCas,
      purpose: "clientAuth",
      at: step.at.wall,
      allowSha1: false,
    });
    if (!verified.ok) return this.#refuse(sa, step, verified.fault);
    const userName = userNameOf(verified.value);
    const login = this.#freshLogin(userName, "certificate", {});
    const verify = verified.value.key?.kind === "rsa" ? "RSA" : "ECDSA";
    const proven: Proven = { login, verify, proof: this.#gatewayProof(sa) };
    const question = this.#host.ask(sa, step, {
      kind: "verify",
      userName,
      credential: { kind: "certificate" },
      remote: sa.remote,
    });
    sa.extendHalfOpen(step, limits.authenticatingMs);
    this.#state = { kind: "authorizing", question, proven };
  }

  #completeAuthorization(sa: IkeSa, step: Step, proven: Proven, answer: Answer): void {
    if (answer.kind !== "verdict" || answer.verdict.kind !== "accept") {
      return this.#refuse(sa, step, answer.kind === "failed" ? "aaa-failed" : "not-authorized");
    }
    const login = { ...proven.login, attributes: answer.verdict.attributes };
    this.#admit(sa, step, { ...proven, login });
  }

  // --- EAP ----------------------------------------------------------------------------------

  #startEap(sa: IkeSa, step: Step): void {
    const { policy } = this.#host;
    if (!policy.loginMethods.includes("eap-mschapv2")) {
      return this.#refuse(sa, step, "eap-login-is-off");
    }
    const method = new Mschapv2Server({
      random: sa.world.random,
      serverName: policy.gatewayName,
    });
    const [firstIdentifier = 0] = sa.world.random.bytes(1);
    const eap = new EapServer({ method, asksIdentity: true, firstIdentifier });
    this.#state = { kind: "eap", eap };
    this.#applyEap(sa, step, eap, eap.start(), this.#gatewayProof(sa));
  }

  #handleEap(sa: IkeSa, step: Step, eap: EapServer, request: readonly Payload[]): void {
    const packet = find(request, "EAP")?.packet;
    if (packet === undefined) {
      return this.#refuse(sa, step, "no-eap-payload", NotifyType.INVALID_SYNTAX);
    }
    this.#applyEap(sa, step, eap, eap.handle(packet), []);
  }

  #completeEap(sa: IkeSa, step: Step, eap: EapServer, answer: Answer): void {
    this.#state = { kind: "eap", eap };
    const next = answer.kind === "verdict"
      ? eap.complete(answer.verdict)
      : eap.abandon("aaa-failed");
    this.#applyEap(sa, step, eap, next, []);
  }

  #applyEap(
    sa: IkeSa,
    step: Step,
    eap: EapServer,
    next: EapStep,
    before: readonly Payload[],
  ): void {
    sa.extendHalfOpen(step, limits.authenticatingMs);
    switch (next.kind) {
      case "request":
        return sa.reply(step, [...before, { kind: "EAP", packet: next.packet }]);
      case "verify": {
        const { userName, credential } = next;
        const question = this.#host.ask(sa, step, {
          kind: "verify",
          userName,
          credential,
          remote: sa.remote,
        });
        this.#state = { kind: "eap", eap, question };
        return;
      }
      case "success": {
        const { userName, attributes, msk } = next;
        this.#state = { kind: "final", userName, attributes, msk };
        return sa.reply(step, [{ kind: "EAP", packet: next.packet }]);
      }
      case "failure":
        this.#traceRefusal(sa, step, next.reason);
        sa.reply(step, [{ kind: "EAP", packet: next.packet }]);
        return sa.linger(step, "authentication-failed");
      case "ignore":
        // Every IKE request gets a response: the last EAP request once more.
        if (eap.lastRequest === undefined) return this.#refuse(sa, step, "eap-nonsense");
        return sa.reply(step, [{ kind: "EAP", packet: eap.lastRequest }]);
      default:
        return assertNever(next);
    }
  }

  /** AUTH of both sides after EAP, keyed with the MSK (RFC 7296 §2.16). */
  #handleFinal(
    sa: IkeSa,
    step: Step,
    { userName, attributes, msk }: State & { readonly kind: "final" },
    request: readonly Payload[],
  ): void {
    const auth = find(request, "AUTH");
    const identity = this.#identity;
    if (auth === undefined || identity === undefined) {
      return this.#refuse(sa, step, "no-auth-payload", NotifyType.INVALID_SYNTAX);
    }
    const { crypto } = sa.world;
    const isRight = auth.method === AuthMethod.SHARED_KEY_MIC && verifySharedKeyAuth(
      crypto,
      sa.suite.prf,
      msk ?? sa.keys.pi,
      this.#initiatorOctets(sa, identity),
      auth.data,
    );
    if (!isRight) return this.#refuse(sa, step, "bad-auth-after-eap");
    const data = sharedKeyAuth(
      crypto,
      sa.suite.prf,
      msk ?? sa.keys.pr,
      this.#responderOctets(sa),
    );
    this.#admit(sa, step, {
      login: this.#freshLogin(userName, "eap-mschapv2", attributes),
      verify: "EAP",
      proof: [{ kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data }],
    });
  }

  // --- the session --------------------------------------------------------------------------

  #admit(sa: IkeSa, step: Step, proven: Proven): void {
    const request = this.#configRequest();
    const wishes = readWishes(
      request?.attributes ?? [],
      this.#host.policy.reconnect.attributeNumbers,
    );
    if (proven.login.kind === "fresh" && !wishes.ip4 && !wishes.ip6) {
      return this.#concludeChildless(sa, step, proven, NotifyType.FAILED_CP_REQUIRED);
    }
    const admission = this.#host.admit(sa, step, proven.login, wishes);
    if (admission.kind === "no-address") {
      return this.#concludeChildless(sa, step, proven, NotifyType.INTERNAL_ADDRESS_FAILURE);
    }
    if (admission.store === undefined) {
      return this.#conclude(sa, step, proven, admission, false);
    }
    const question = this.#host.ask(sa, step, admission.store);
    this.#state = { kind: "storing", question, proven, admitted: admission };
  }

  #conclude(
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
      return this.#concludeChildless(sa, step, proven, child.notify);
    }
    this.#state = { kind: "over" };
    sa.allowedSelectors = allowed;
    sa.establish(step, this.#facts(proven));
    const replaces = this.#host.childToReplace(admitted.session);
    const childPayloads = installFirstChildSa(sa, step, child, this.#memory, replaces);
    sa.reply(step, [
      ...proven.proof,
      ...this.#configReply(admitted, pairStored),
      ...childPayloads,
    ]);
    this.#host.activate(sa, step, admitted.session, pairStored);
  }

  /** The IKE SA stands, but without a Child SA it is of no use (RFC 7296 §1.2). */
  #concludeChildless(
    sa: IkeSa,
    step: Step,
    proven: Proven,
    reason: number | Payload,
  ): void {
    this.#state = { kind: "over" };
    const why = typeof reason === "number" ? notify(reason) : reason;
    trace(step, {
      level: "warning",
      event: "child-sa-refused",
      remote: sa.remote,
      facts: { notify: why.kind === "N" ? why.notifyType : 0 },
    });
    sa.establish(step, this.#facts(proven));
    sa.extendHalfOpen(step, CHILDLESS_MS);
    sa.reply(step, [...proven.proof, why]);
  }

  #refuse(
    sa: IkeSa,
    step: Step,
    reason: string,
    notifyType: number = NotifyType.AUTHENTICATION_FAILED,
  ): void {
    this.#traceRefusal(sa, step, reason);
    sa.reply(step, [notify(notifyType)]);
    sa.linger(step, "authentication-failed");
  }

  #traceRefusal(sa: IkeSa, step: Step, reason: string): void {
    sa.world.count("authentication-failed");
    const identity = this.#identity;
    const isReconnect = reason === "reconnect-refused";
    trace(step, {
      level: "info",
      event: "authentication-failed",
      remote: sa.remote,
      facts: {
        reason,
        // A session id is half of a secret pair and stays out of the log.
        identity: identity === undefined || isReconnect
          ? undefined
          : formatIdentity(identity.idType, identity.data),
      },
    });
  }

  // --- pieces -------------------------------------------------------------------------------

  #configRequest(): CpPayload | undefined {
    const cp = find(this.#request, "CP");
    return cp?.configType === ConfigType.REQUEST ? cp : undefined;
  }

  #configReply(admitted: Admitted, pairStored: boolean): readonly Payload[] {
    const request = this.#configRequest();
    if (request === undefined) return [];
    const { policy } = this.#host;
    const attributes = answerWishes(request.attributes, {
      addresses: admitted.addresses,
      attributes: policy.attributes,
      pair: pairStored ? admitted.pair : undefined,
      numbers: policy.reconnect.attributeNumbers,
    });
    return [{ kind: "CP", configType: ConfigType.REPLY, attributes }];
  }

  /** Split tunnelling by selectors, except for AnyConnect, which does it by attributes. */
  #allowedSelectors(admitted: Admitted): AllowedSelectors {
    const { splitInclude } = this.#host.policy.attributes;
    const isSplit = splitInclude.length > 0 && this.#peerType() !== "AnyConnect";
    const families = new Set(admitted.addresses.map(({ family }) => family));
    return {
      localSelectors: isSplit
        ? splitInclude.map(selectorOfPrefix).filter((ts) => families.has(ts.startAddress.family))
        : [...families].map(anySelector),
      remoteSelectors: admitted.addresses.map(selectorOfAddress),
    };
  }

  #freshLogin(userName: string, method: LoginMethod, attributes: UserAttributes): Login {
    const { idType = 0, data = new Uint8Array(0) } = this.#identity ?? {};
    return {
      kind: "fresh",
      userName,
      identity: { idType, data: copyBytes(data) },
      method,
      peerType: this.#peerType(),
      attributes,
      initialContact: findNotify(this.#request, NotifyType.INITIAL_CONTACT) !== undefined,
    };
  }

  #peerType(): "AnyConnect" | "Other" {
    const data = this.#identity?.data;
    return data !== undefined && equalBytes(data, ANYCONNECT_ID) ? "AnyConnect" : "Other";
  }

  #facts(proven: Proven): AuthenticationFacts {
    const { identity, signer } = this.#host.policy;
    const { idType = 0, data = new Uint8Array(0) } = this.#identity ?? {};
    return {
      sign: signer.key.kind === "rsa" ? "RSA" : "ECDSA",
      verify: proven.verify,
      localId: formatIdentity(identity.idType, identity.data),
      remoteId: formatIdentity(idType, data),
    };
  }

  /** IDr, our certificates and our signature. */
  #gatewayProof(sa: IkeSa): readonly Payload[] {
    const { identity, certificates, signer } = this.#host.policy;
    const auth = signAuth(signer, this.#responderOctets(sa), {
      peerHashes: this.#memory.peerHashes,
      legacyRsaHash: "sha1",
    });
    return [
      { kind: "IDr", ...identity },
      ...certificates.map((data) =>
        ({ kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data }) as const
      ),
      { kind: "AUTH", ...auth },
    ];
  }

  #initiatorOctets(sa: IkeSa, { idType, data, reserved }: IdPayload): Bytes {
    const { request, nonceR } = this.#memory;
    const body = idBody(idType, data, reserved);
    return authOctets(sa.world.crypto, sa.suite.prf, request, nonceR, sa.keys.pi, body);
  }

  #responderOctets(sa: IkeSa): Bytes {
    const { idType, data } = this.#host.policy.identity;
    const { response, nonceI } = this.#memory;
    const body = idBody(idType, data);
    return authOctets(sa.world.crypto, sa.suite.prf, response, nonceI, sa.keys.pr, body);
  }
}
