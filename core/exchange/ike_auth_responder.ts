/**
 * IKE_AUTH as responder (RFC 7296 §1.2, §2.15, §2.16): who the peer is.
 *
 * One conversation, in this order: the first request names the peer and shows its proof, or leaves
 * AUTH out and asks for EAP; EAP goes on until it succeeds; the session gets its addresses; a
 * reconnect pair is stored; only then the pair is shown. While a question is open its response is held
 * back, and the channel recognises repeated requests. The last response is made by
 * `responder_session.ts`.
 */
import type { OwnedBytes } from "../bytes.ts";
import { copyBytes, utf8 } from "../bytes.ts";
import { isAnyConnectIdentity } from "../eap/anyconnect/identity.ts";
import type { EapConversation, EapStep } from "../eap/conversation.ts";
import type { Answer, Question, UserAttributes } from "../gateway/question.ts";
import { limits } from "../limits.ts";
import { AuthMethod, ExchangeType, NotifyType } from "../message/constants.ts";
import { checkGrammar } from "../message/grammar.ts";
import { notify } from "../message/notify.ts";
import type { AuthPayload, IdPayload, NotifyPayload, Payload } from "../message/payload.ts";
import type { Wall } from "../moment.ts";
import { wall } from "../moment.ts";
import { userNameOf } from "../pki/identity.ts";
import { certificateIdsOf } from "../pki/revocation.ts";
import { assertNever } from "../result.ts";
import { sharedKeyAuth, verifySharedKeyAuth } from "../sa/auth_octets.ts";
import { factsOfPrf } from "../sa/keymat.ts";
import type { AuthHost, Login, ReconnectCandidate } from "./auth_host.ts";
import { verifyCertificateAuth } from "./certificate_auth.ts";
import type { LoginByEap } from "./eap_login.ts";
import { beginEap } from "./eap_login.ts";
import { formatIdentity } from "./identity_text.ts";
import type { Authenticator, IkeSa } from "./ike_sa.ts";
import type { InitMemory } from "./ike_sa_init.ts";
import { chooseOwnCertificate } from "./own_certificate.ts";
import { find } from "./payloads.ts";
import { gatewayProof, initiatorOctets, responderOctets } from "./responder_proofs.ts";
import type { Admitted, Proven } from "./responder_session.ts";
import { ResponderSession } from "./responder_session.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import { cameThroughNat } from "./update_addresses.ts";

/** Who the peer says it is, and what comes of that. */
interface Peer {
  readonly identity: IdPayload;
  /** Whether the identity is, or may be, half of a pair: it stays out of the log. */
  readonly isSessionId: boolean;
  readonly session: ResponderSession;
}

/** A session made before EAP is over, because its pair is shown inside EAP. */
interface Grant {
  readonly login: Login;
  /** Or why there is no session. */
  readonly made: Admitted | NotifyPayload;
  readonly pairStored: boolean;
}

interface EapTalk extends LoginByEap {
  readonly peer: Peer;
  readonly eap: EapConversation;
  readonly grant?: Grant;
  /** Whether a wrong answer was held against the source already. */
  readonly isCounted?: boolean;
}

type State =
  | { readonly kind: "first" }
  | {
    readonly kind: "authorizing";
    readonly question: number;
    readonly peer: Peer;
    readonly proven: Proven;
  }
  | { readonly kind: "eap"; readonly talk: EapTalk; readonly question?: number }
  | {
    readonly kind: "granting";
    readonly talk: EapTalk & { readonly grant: Grant };
    readonly question: number;
  }
  | {
    readonly kind: "final";
    readonly talk: EapTalk;
    readonly userName: string;
    readonly attributes: UserAttributes;
    readonly msk: OwnedBytes | undefined;
  }
  | {
    readonly kind: "storing";
    readonly question: number;
    readonly peer: Peer;
    readonly proven: Proven;
    readonly admitted: Admitted;
  }
  | { readonly kind: "over" };

/** Stands in for the token of nobody, so that refusing takes the same work (design rule 8). */
const NO_TOKEN = utf8("x".repeat(43));

/**
 * How long an answer may take, milliseconds: a form, or a server's method that wants a code or a PIN, waits
 * for a person who types. Who has an address already has only to say yes, and keeps it from others.
 */
function patienceWith({ method, grant }: EapTalk): number {
  if (method === "eap-mschapv2") return limits.halfOpenMs;
  return grant === undefined ? limits.authenticatingMs : limits.grantedMs;
}

/** The responder of one IKE SA. */
export class IkeAuthResponder implements Authenticator {
  readonly #host: AuthHost;
  readonly #memory: InitMemory;
  #state: State = { kind: "first" };
  /** Wall time of the step under way: when a certificate has to be valid. */
  #now: Wall = wall(0);

  constructor(host: AuthHost, memory: InitMemory) {
    this.#host = host;
    this.#memory = memory;
  }

  handle(sa: IkeSa, step: Step, request: readonly Payload[]): void {
    const state = this.#state;
    this.#now = step.at.wall;
    const fault = checkGrammar({
      exchangeType: ExchangeType.IKE_AUTH,
      isResponse: false,
      isEncrypted: true,
      step: state.kind === "first" || state.kind === "final" ? state.kind : "eap",
      payloads: request,
    });
    if (fault !== undefined) {
      return this.#refuse(sa, step, "against-grammar", undefined, NotifyType.INVALID_SYNTAX);
    }
    switch (state.kind) {
      case "first":
        return this.#handleFirst(sa, step, request);
      case "eap":
        return this.#handleEap(sa, step, state.talk, request);
      case "final":
        return this.#handleFinal(sa, step, state, request);
      case "authorizing":
      case "granting":
      case "storing":
      case "over":
        return; // The channel holds requests back while one is being answered.
      default:
        return assertNever(state);
    }
  }

  complete(sa: IkeSa, step: Step, id: number, answer: Answer): void {
    const state = this.#state;
    if (!("question" in state) || state.question !== id) return;
    switch (state.kind) {
      case "eap": {
        // Each wrong answer is a guess, also of somebody who leaves before the last try.
        const isWrong = answer.kind === "verdict" && answer.verdict.kind === "reject";
        if (isWrong) this.#host.loginRefused(sa);
        this.#traceAnswer(sa, step, answer);
        const talk = isWrong ? { ...state.talk, isCounted: true } : state.talk;
        const next = answer.kind === "verdict"
          ? talk.eap.complete(answer.verdict)
          : talk.eap.abandon("aaa-failed");
        this.#state = { kind: "eap", talk };
        return this.#applyEap(sa, step, talk, next, []);
      }
      case "granting":
        return this.#granted(sa, step, state.talk, this.#isStored(sa, step, answer));
      case "authorizing":
        return this.#authorized(sa, step, state.peer, state.proven, answer);
      case "storing": {
        const { peer, proven, admitted } = state;
        this.#state = { kind: "over" };
        const isStored = this.#isStored(sa, step, answer);
        return peer.session.conclude(sa, step, proven, admitted, isStored);
      }
    }
  }

  abandon(sa: IkeSa, step: Step): void {
    const state = this.#state;
    this.#state = { kind: "over" };
    if ("question" in state && state.question !== undefined) {
      this.#host.cancel(step, state.question);
    }
    const made = state.kind === "storing"
      ? state.admitted
      : "talk" in state
      ? state.talk.grant?.made
      : undefined;
    if (made?.kind === "admitted") this.#host.giveUp(sa, step, made.session);
  }

  // --- the first request --------------------------------------------------------------------

  #handleFirst(sa: IkeSa, step: Step, request: readonly Payload[]): void {
    const identity = find(request, "IDi");
    if (identity === undefined) {
      return this.#refuse(sa, step, "no-identity", undefined, NotifyType.INVALID_SYNTAX);
    }
    if (identity.data.length > limits.identityBytes) {
      return this.#refuse(sa, step, "identity-too-long", undefined, NotifyType.INVALID_SYNTAX);
    }
    if (cameThroughNat(sa, request)) {
      const why = NotifyType.UNEXPECTED_NAT_DETECTED;
      return this.#refuse(sa, step, "unexpected-nat", undefined, why);
    }
    const candidate = this.#host.findReconnect(sa, step, identity.data);
    const isAnyConnect = candidate === undefined
      ? isAnyConnectIdentity(identity.idType, identity.data)
      : candidate.peerType === "AnyConnect";
    const own = chooseOwnCertificate(sa.world.crypto, this.#host.policy, request);
    const peer: Peer = {
      identity,
      isSessionId: candidate !== undefined,
      session: new ResponderSession(this.#host, this.#memory, request, identity, own, isAnyConnect),
    };
    const auth = find(request, "AUTH");
    if (auth?.method === AuthMethod.SHARED_KEY_MIC) {
      return this.#handleReconnect(sa, step, peer, candidate, auth);
    }
    if (this.#host.isLoginBlocked(sa)) return this.#refuse(sa, step, "too-many-failures", peer);
    if (auth === undefined) return this.#startEap(sa, step, peer);
    this.#handleCertificate(sa, step, peer, auth, request);
  }

  /** Design rules 6 and 8. */
  #handleReconnect(
    sa: IkeSa,
    step: Step,
    peer: Peer,
    candidate: ReconnectCandidate | undefined,
    auth: AuthPayload,
  ): void {
    const token = candidate?.token ?? NO_TOKEN;
    const octets = initiatorOctets(sa, this.#memory, peer.identity);
    const isRight = verifySharedKeyAuth(sa.world.crypto, sa.suite.prf, token, octets, auth.data);
    if (candidate === undefined || !isRight) {
      if (!this.#host.reconnectRefused(sa)) return sa.linger(step, "authentication-failed");
      return this.#refuse(sa, step, "reconnect-refused", { ...peer, isSessionId: true });
    }
    const login: Login = {
      kind: "reconnect",
      session: candidate.session,
      sessionId: copyBytes(peer.identity.data),
    };
    this.#open(sa, step, peer, { login, verify: "PSK", proof: this.#ownProof(sa, peer) });
  }

  #handleCertificate(
    sa: IkeSa,
    step: Step,
    peer: Peer,
    auth: AuthPayload,
    request: readonly Payload[],
  ): void {
    if (!this.#host.policy.loginMethods.includes("certificate")) {
      return this.#refuse(sa, step, "certificate-login-is-off", peer);
    }
    const verified = verifyCertificateAuth(sa.world.crypto, {
      identity: peer.identity,
      auth,
      octets: initiatorOctets(sa, this.#memory, peer.identity),
      payloads: request,
      ...this.#host.trust,
      purpose: "clientAuth",
      at: step.at.wall,
      allowSha1: this.#host.policy.allowSha1,
    });
    if (!verified.ok) {
      // Checking one may cost many signatures: who shows bad ones is soon not heard any more.
      this.#host.loginRefused(sa);
      return this.#refuse(sa, step, verified.fault, peer);
    }
    const { certificate, path } = verified.value;
    const userName = userNameOf(certificate);
    const proven: Proven = {
      login: peer.session.freshLogin(userName, "certificate", {}, certificateIdsOf(path)),
      verify: certificate.key?.kind === "rsa" ? "RSA" : "ECDSA",
      proof: this.#ownProof(sa, peer),
    };
    const credential = { kind: "certificate" } as const;
    const question = this.#ask(sa, step, {
      kind: "verify",
      userName,
      credential,
      remote: sa.remote,
    });
    this.#state = { kind: "authorizing", question, peer, proven };
  }

  #authorized(sa: IkeSa, step: Step, peer: Peer, proven: Proven, answer: Answer): void {
    if (answer.kind !== "verdict" || answer.verdict.kind !== "accept") {
      this.#traceAnswer(sa, step, answer);
      const reason = answer.kind === "failed" ? "aaa-failed" : "not-authorized";
      return this.#refuse(sa, step, reason, peer);
    }
    const { login: proved } = proven;
    if (proved.kind === "fresh" && this.#host.isRevoked(step, proved.certificates)) {
      return this.#refuse(sa, step, "certificate-revoked", peer);
    }
    const { attributes, userName } = answer.verdict;
    const known = userName === undefined ? { attributes } : { attributes, userName };
    const login = { ...proven.login, ...known };
    this.#open(sa, step, peer, { ...proven, login });
  }

  // --- EAP ----------------------------------------------------------------------------------

  #startEap(sa: IkeSa, step: Step, peer: Peer): void {
    const { policy } = this.#host;
    const begun = beginEap(sa, policy, peer.session.isAnyConnect, () => ({
      crypto: sa.world.crypto,
      octets: initiatorOctets(sa, this.#memory, peer.identity),
      prfHash: factsOfPrf(sa.suite.prf).hash,
      hasRfc7427: this.#memory.peerHashes !== undefined,
      ...this.#host.trust,
      at: this.#now,
      allowSha1: policy.anyConnect.rsaHash === "sha1",
    }));
    if (begun === undefined) return this.#refuse(sa, step, "eap-login-is-off", peer);
    const { eap, ...login } = begun;
    const talk: EapTalk = { ...login, peer, eap };
    this.#state = { kind: "eap", talk };
    this.#applyEap(sa, step, talk, eap.start(), this.#ownProof(sa, peer));
  }

  #handleEap(sa: IkeSa, step: Step, talk: EapTalk, request: readonly Payload[]): void {
    const packet = find(request, "EAP")?.packet;
    if (packet === undefined) {
      return this.#refuse(sa, step, "no-eap-payload", talk.peer, NotifyType.INVALID_SYNTAX);
    }
    const next = talk.eap.handle(packet);
    if (next.kind === "failure" && talk.isCounted !== true) this.#host.loginRefused(sa);
    this.#applyEap(sa, step, talk, next, []);
  }

  #applyEap(
    sa: IkeSa,
    step: Step,
    talk: EapTalk,
    next: EapStep,
    before: readonly Payload[],
  ): void {
    switch (next.kind) {
      case "request":
        sa.extendHalfOpen(step, patienceWith(talk));
        return sa.reply(step, [...before, { kind: "EAP", packet: next.packet }]);
      case "verify": {
        // Conversations that were begun before the source was blocked are worth no more guesses.
        if (this.#host.isLoginBlocked(sa)) {
          return this.#refuse(sa, step, "too-many-failures", talk.peer);
        }
        const { remote } = sa;
        const question = this.#ask(sa, step, { ...next, remote });
        this.#state = { kind: "eap", talk, question };
        return;
      }
      case "grant":
        return this.#grant(sa, step, talk, next);
      case "success": {
        const { userName, attributes, msk } = next;
        this.#state = { kind: "final", talk, userName, attributes, msk };
        sa.extendHalfOpen(step, limits.halfOpenMs);
        return sa.reply(step, [{ kind: "EAP", packet: next.packet }]);
      }
      case "failure":
        this.#traceRefusal(sa, step, next.reason, talk.peer);
        sa.reply(step, [{ kind: "EAP", packet: next.packet }]);
        return sa.linger(step, "authentication-failed");
      case "ignore": {
        // Every IKE request gets a response: the last EAP request once more.
        const { lastRequest } = talk.eap;
        if (lastRequest === undefined) return this.#refuse(sa, step, "eap-nonsense", talk.peer);
        return sa.reply(step, [{ kind: "EAP", packet: lastRequest }]);
      }
      default:
        return assertNever(next);
    }
  }

  /** Makes the session now, so that EAP can show a pair that is stored (design rules 1 and 2). */
  #grant(
    sa: IkeSa,
    step: Step,
    talk: EapTalk,
    { userName, attributes, certificates }: EapStep & { readonly kind: "grant" },
  ): void {
    // AAA or a person may have taken so long that the CA has taken back what was good before.
    if (this.#host.isRevoked(step, certificates)) {
      return this.#refuse(sa, step, "certificate-revoked", talk.peer);
    }
    const { session } = talk.peer;
    const login = session.freshLogin(userName, talk.method, attributes, certificates);
    const made = session.admit(sa, step, login);
    const granting = { ...talk, grant: { login, made, pairStored: false } };
    if (made.kind !== "admitted" || made.store === undefined) {
      return this.#granted(sa, step, granting, false);
    }
    const question = this.#ask(sa, step, made.store);
    this.#state = { kind: "granting", talk: granting, question };
  }

  #granted(
    sa: IkeSa,
    step: Step,
    talk: EapTalk & { readonly grant: Grant },
    pairStored: boolean,
  ): void {
    const { made } = talk.grant;
    const pair = pairStored && made.kind === "admitted" ? made.pair : undefined;
    const going: EapTalk = { ...talk, grant: { ...talk.grant, pairStored } };
    this.#state = { kind: "eap", talk: going };
    this.#applyEap(sa, step, going, talk.eap.granted(pair), []);
  }

  /** AUTH of both sides after EAP, keyed with the MSK or, without one, SK_pi and SK_pr (§2.16). */
  #handleFinal(
    sa: IkeSa,
    step: Step,
    { talk, userName, attributes, msk }: State & { readonly kind: "final" },
    request: readonly Payload[],
  ): void {
    const { peer, grant } = talk;
    const auth = find(request, "AUTH");
    if (auth === undefined) {
      return this.#refuse(sa, step, "no-auth-payload", peer, NotifyType.INVALID_SYNTAX);
    }
    const { crypto } = sa.world;
    const theirs = initiatorOctets(sa, this.#memory, peer.identity);
    const isRight = auth.method === AuthMethod.SHARED_KEY_MIC &&
      verifySharedKeyAuth(crypto, sa.suite.prf, msk ?? sa.keys.pi, theirs, auth.data);
    if (!isRight) return this.#refuse(sa, step, "bad-auth-after-eap", peer);
    const ours = responderOctets(sa, this.#memory, this.#host.policy);
    const data = sharedKeyAuth(crypto, sa.suite.prf, msk ?? sa.keys.pr, ours);
    const proven: Proven = {
      login: grant?.login ?? peer.session.freshLogin(userName, talk.method, attributes, []),
      verify: talk.verify,
      proof: [{ kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data }],
    };
    if (grant === undefined) return this.#open(sa, step, peer, proven);
    this.#state = { kind: "over" };
    if (grant.made.kind === "admitted") {
      return peer.session.conclude(sa, step, proven, grant.made, grant.pairStored);
    }
    peer.session.concludeChildless(sa, step, proven, grant.made);
  }

  // --- the session --------------------------------------------------------------------------

  #open(sa: IkeSa, step: Step, peer: Peer, proven: Proven): void {
    const admitted = peer.session.admit(sa, step, proven.login);
    this.#state = { kind: "over" };
    if (admitted.kind !== "admitted") {
      return peer.session.concludeChildless(sa, step, proven, admitted);
    }
    if (admitted.store === undefined) {
      return peer.session.conclude(sa, step, proven, admitted, false);
    }
    const question = this.#ask(sa, step, admitted.store);
    this.#state = { kind: "storing", question, peer, proven, admitted };
  }

  /** Whether the record was stored; a failure costs the pair, not the login (design rule 2). */
  #isStored(sa: IkeSa, step: Step, answer: Answer): boolean {
    if (answer.kind === "failed") {
      trace(step, {
        level: "warning",
        event: "reconnect-record-not-stored",
        remote: sa.remote,
        facts: { reason: answer.reason },
      });
    }
    return answer.kind === "done";
  }

  // --- pieces -------------------------------------------------------------------------------

  #ask(sa: IkeSa, step: Step, question: Question): number {
    sa.extendHalfOpen(step, limits.answeringMs);
    return this.#host.ask(sa, step, question);
  }

  #ownProof(sa: IkeSa, { session }: Peer): readonly Payload[] {
    const { own, isAnyConnect } = session;
    return gatewayProof(sa, this.#memory, this.#host.policy, own, isAnyConnect);
  }

  #refuse(
    sa: IkeSa,
    step: Step,
    reason: string,
    peer: Peer | undefined,
    notifyType: number = NotifyType.AUTHENTICATION_FAILED,
  ): void {
    this.#traceRefusal(sa, step, reason, peer);
    sa.reply(step, [notify(notifyType)]);
    sa.linger(step, "authentication-failed");
  }

  /** What AAA says for the operator: why it could not say, or what it says with its no. */
  #traceAnswer(sa: IkeSa, step: Step, answer: Answer): void {
    const { remote } = sa;
    if (answer.kind === "failed") {
      const { reason } = answer;
      return trace(step, { level: "warning", event: "aaa-failed", remote, facts: { reason } });
    }
    if (answer.kind !== "verdict" || answer.verdict.kind !== "reject") return;
    const { message } = answer.verdict;
    if (message === undefined) return;
    trace(step, { level: "info", event: "aaa-rejected", remote, facts: { message } });
  }

  #traceRefusal(sa: IkeSa, step: Step, reason: string, peer: Peer | undefined): void {
    sa.world.count("authentication-failed");
    trace(step, {
      level: "info",
      event: "authentication-failed",
      remote: sa.remote,
      facts: {
        reason,
        identity: peer === undefined || peer.isSessionId
          ? undefined
          : formatIdentity(peer.identity.idType, peer.identity.data),
      },
    });
  }
}
