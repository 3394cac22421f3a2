/**
 * AnyConnect-EAP on the gateway's side.
 *
 * hello -> init -> [certificate request -> init with certificates and signature] -> [form -> answers,
 * until AAA accepts] -> complete -> ack. The session is made and its reconnect pair stored between
 * AAA's word and `complete`, which shows the pair. There is no MSK. With a certificate *and* a password
 * the certificate is the machine's: its name need not be the user's.
 *
 * An unknown user, a wrong password and an answer without either look the same: the form once more,
 * with a text of AAA if it has one, and EAP-Failure after the last try. A document that makes no sense
 * where it comes ends the login; it was authenticated by IKE, so it is no stranger's.
 */
import { type Bytes, copyBytes, type OwnedBytes } from "../../bytes.ts";
import type { Credential, UserAttributes, Verdict } from "../../gateway/question.ts";
import type { SessionPair } from "../../gateway/record.ts";
import { limits } from "../../limits.ts";
import { userNameOf } from "../../pki/identity.ts";
import { type CertificateId, certificateIdsOf } from "../../pki/revocation.ts";
import type { Random } from "../../random.ts";
import { assertNever } from "../../result.ts";
import type { EapMethodStep, EapServerMethod } from "../method.ts";
import type { EapMethodId } from "../packet.ts";
import { type ClientProof, verifyClientCertificate } from "./client_certificate.ts";
import {
  answerTo,
  type AuthReplyDocument,
  type ClientDocument,
  type ClientHeader,
  type InitDocument,
  parseClientDocument,
} from "./client_documents.ts";
import { ANYCONNECT_METHOD, type AnyConnectMessage, buildTlvs, parseTlvs } from "./framing.ts";
import { type AuthBlock, buildGatewayDocument, type GatewayDocument } from "./gateway_documents.ts";
import {
  challengeForm,
  FieldName,
  findGroup,
  type LoginGroup,
  type LoginTexts,
  passwordForm,
} from "./login_forms.ts";
import { type GatewayOpaque, isEchoOf, makeOpaque, opaqueElement } from "./opaque.ts";

/** What a client has to show. `proof` is asked when a certificate has come. */
export type LoginMode =
  | { readonly kind: "password" }
  | { readonly kind: "certificate"; readonly proof: () => ClientProof }
  | { readonly kind: "certificate+password"; readonly proof: () => ClientProof };

/** How a login goes. */
export interface AnyConnectOptions {
  /** Makes the number that ties answers to this login. */
  readonly random: Random;
  /** What a client has to show. */
  readonly mode: LoginMode;
  /** Groups; a choice is offered from two on. The first is the default. */
  readonly groups: readonly LoginGroup[];
  /** Texts for people. */
  readonly texts: LoginTexts;
  /** How many wrong answers end the login; 3 is usual. */
  readonly tries: number;
  /** Text for people and logs; `undefined` leaves it out. */
  readonly version: string | undefined;
  /** Port that requests name as that of an HTTPS service; `undefined` leaves it out. */
  readonly csport: number | undefined;
  /** Shown after the login, unless AAA has another for the user. */
  readonly banner: string | undefined;
  /** 40 upper-case hexadecimal digits for `complete`; `undefined` leaves them out. */
  readonly serverCertHash: string | undefined;
}

type State =
  | { readonly kind: "new" }
  | { readonly kind: "greeting" }
  | { readonly kind: "certificate" }
  | { readonly kind: "form" }
  | { readonly kind: "challenge"; readonly userName: string; readonly state: Bytes | undefined }
  | { readonly kind: "verifying"; readonly userName: string; readonly hasForm: boolean }
  | { readonly kind: "granting" | "closing" } & Accepted;

interface Accepted {
  readonly userName: string;
  readonly attributes: UserAttributes;
}

/** No user has these in a name (RFC 8265 §3), and AAA, logs and terminals may be led astray by them. */
const CONTROL = /\p{Cc}/u;

/** What `tunnel-group` says where there are no groups. */
const NO_GROUP = "default";

/** One login by AnyConnect-EAP. */
export class AnyConnectServer implements EapServerMethod {
  /** The type of its packets. */
  readonly id: EapMethodId = ANYCONNECT_METHOD;
  readonly #options: AnyConnectOptions;
  #state: State = { kind: "new" };
  #group: LoginGroup | undefined;
  #opaque: GatewayOpaque;
  #isOpaqueSent = false;
  /** What its client has shown, once it has. */
  #certificates: readonly CertificateId[] | undefined;
  #failures = 0;
  #client: ClientHeader | undefined;

  /** A login that has not begun. */
  constructor(options: AnyConnectOptions) {
    this.#options = options;
    this.#group = options.groups[0];
    this.#opaque = makeOpaque(options.random, this.#group?.name ?? NO_GROUP);
  }

  /** What the client said of itself, unchecked. */
  get client(): ClientHeader | undefined {
    return this.#client;
  }

  /** The hello. */
  start(): EapMethodStep {
    this.#state = { kind: "greeting" };
    return this.#request({ kind: "hello", version: this.#options.version });
  }

  /** A document of the client. */
  handle(data: Bytes): EapMethodStep {
    const message = parseTlvs(data);
    if (!message.ok || message.value.xml === undefined) return failure("no-document");
    const parsed = parseClientDocument(message.value.xml);
    if (!parsed.ok) return failure("unreadable-document");
    const document = parsed.value;
    this.#client = document.header;
    return this.#handleDocument(document, message.value);
  }

  /** Lets the user in, asks once more, or asks for one more thing. */
  complete(verdict: Verdict): EapMethodStep {
    const state = this.#state;
    if (state.kind !== "verifying") return { kind: "ignore" };
    const { userName, hasForm } = state;
    switch (verdict.kind) {
      case "accept": {
        // What AAA says of a user is above what the user said.
        const attributes = { ...this.#chosen(), ...verdict.attributes };
        const accepted = { userName: verdict.userName ?? userName, attributes };
        this.#state = { kind: "granting", ...accepted };
        return { kind: "grant", ...accepted, certificates: this.#certificates ?? [] };
      }
      case "challenge": {
        const { message, inputLabel } = verdict;
        const kept = verdict.state === undefined ? undefined : copyBytes(verdict.state);
        this.#state = { kind: "challenge", userName, state: kept };
        return this.#ask(challengeForm(this.#options.texts, message, inputLabel));
      }
      case "reject":
        return hasForm ? this.#rejectAnswers(verdict.message) : failure("not-authorized");
      case "eap-request":
        return failure("unexpected-verdict");
      default:
        return assertNever(verdict);
    }
  }

  /** The end of the login, with the pair when there is one. */
  granted(pair: SessionPair | undefined): EapMethodStep {
    const state = this.#state;
    if (state.kind !== "granting") return { kind: "ignore" };
    this.#state = { ...state, kind: "closing" };
    const { version, serverCertHash } = this.#options;
    const banner = state.attributes.told?.banner ?? this.#options.banner;
    return this.#request({ kind: "complete", version, pair, banner, serverCertHash });
  }

  #handleDocument(document: ClientDocument, message: AnyConnectMessage): EapMethodStep {
    const state = this.#state;
    switch (state.kind) {
      case "greeting":
        return document.kind === "init" ? this.#handleInit(document) : outOfOrder;
      case "certificate":
        return document.kind === "init" ? this.#handleCertificate(document, message) : outOfOrder;
      case "form":
        // A client that changes the group begins anew.
        if (document.kind === "init") return this.#handleInit(document);
        return document.kind === "auth-reply" ? this.#handleAnswers(document) : outOfOrder;
      case "challenge":
        if (document.kind !== "auth-reply") return outOfOrder;
        return this.#handleChallengeAnswer(document, state.userName, state.state);
      case "closing": {
        if (document.kind !== "ack") return outOfOrder;
        const { userName, attributes } = state;
        return { kind: "success", userName, attributes, msk: undefined };
      }
      case "new":
      case "verifying":
      case "granting":
        return { kind: "ignore" };
      default:
        return assertNever(state);
    }
  }

  #handleInit(document: InitDocument): EapMethodStep {
    // Before we have sent ours, an `opaque` is a memory of another login and means nothing.
    const { opaque } = document;
    if (this.#isOpaqueSent && opaque !== undefined && !isEchoOf(this.#opaque, opaque)) {
      return foreignOpaque;
    }
    const { groups } = this.#options;
    const chosen = findGroup(groups, document.groupSelect) ??
      findGroup(groups, document.groupAccess);
    if (chosen !== undefined) this.#choose(chosen);
    const { mode } = this.#options;
    if (mode.kind === "password" || this.#certificates !== undefined) return this.#showForm();
    if (document.hasNoCertificate) return failure("no-client-certificate");
    this.#state = { kind: "certificate" };
    return this.#request({ ...this.#authRequest(), asksCertificate: true });
  }

  #handleCertificate(
    { opaque, hasNoCertificate }: InitDocument,
    { pkcs7, sign }: AnyConnectMessage,
  ): EapMethodStep {
    const { mode } = this.#options;
    if (opaque !== undefined && !isEchoOf(this.#opaque, opaque)) return foreignOpaque;
    if (hasNoCertificate || pkcs7 === undefined || mode.kind === "password") {
      return failure("no-client-certificate");
    }
    if (sign === undefined) return failure("no-client-signature");
    const verified = verifyClientCertificate(pkcs7, sign, mode.proof());
    if (!verified.ok) return failure(verified.fault);
    const { certificate, path } = verified.value;
    this.#certificates = certificateIdsOf(path);
    if (mode.kind === "certificate+password") return this.#showForm();
    const userName = userNameOf(certificate);
    this.#state = { kind: "verifying", userName, hasForm: false };
    return this.#verify(userName, { kind: "certificate" });
  }

  #handleAnswers(document: AuthReplyDocument): EapMethodStep {
    if (!this.#isEchoed(document)) return foreignOpaque;
    const { groupSelect, answers } = document;
    if (groupSelect !== undefined && this.#options.groups.length > 0) {
      const chosen = findGroup(this.#options.groups, groupSelect);
      if (chosen === undefined) return this.#rejectAnswers();
      this.#choose(chosen);
    }
    const userName = answerTo(answers, FieldName.USER_NAME);
    const password = answerTo(answers, FieldName.PASSWORD);
    if (!isFilled(userName, limits.userNameLength) || !isFilled(password, limits.passwordLength)) {
      return this.#rejectAnswers();
    }
    if (CONTROL.test(userName)) return this.#rejectAnswers();
    this.#state = { kind: "verifying", userName, hasForm: true };
    return this.#verify(userName, { kind: "password", password });
  }

  #handleChallengeAnswer(
    document: AuthReplyDocument,
    userName: string,
    state: Bytes | undefined,
  ): EapMethodStep {
    if (!this.#isEchoed(document)) return foreignOpaque;
    // Clients answer fields of other names as `password`.
    const answer = answerTo(document.answers, FieldName.ANSWER, FieldName.PASSWORD);
    if (!isFilled(answer, limits.passwordLength)) return this.#rejectAnswers();
    this.#state = { kind: "verifying", userName, hasForm: true };
    return this.#verify(userName, { kind: "challenge-answer", answer, state });
  }

  /** `why` is the word of AAA for the person, where it has one. */
  #rejectAnswers(why?: string): EapMethodStep {
    this.#failures += 1;
    // Where a certificate alone logs in, a password would be a way around it.
    if (this.#options.mode.kind === "certificate") return failure("wrong-answer");
    if (this.#failures >= this.#options.tries) return failure("wrong-password");
    return this.#showForm(why ?? this.#options.texts.failed);
  }

  #showForm(error?: string): EapMethodStep {
    this.#state = { kind: "form" };
    const { texts, groups } = this.#options;
    return this.#ask(passwordForm(texts, groups, this.#group, error));
  }

  #choose(group: LoginGroup): void {
    this.#group = group;
    this.#opaque = { ...this.#opaque, tunnelGroup: group.name };
  }

  #chosen(): { readonly group?: string } {
    return this.#group === undefined ? {} : { group: this.#group.name };
  }

  #verify(userName: string, credential: Credential): EapMethodStep {
    return { kind: "verify", userName, credential, ...this.#chosen() };
  }

  #isEchoed({ opaque }: AuthReplyDocument): boolean {
    return opaque !== undefined && isEchoOf(this.#opaque, opaque);
  }

  #ask(auth: AuthBlock): EapMethodStep {
    return this.#request({ ...this.#authRequest(), auth });
  }

  #authRequest(): Extract<GatewayDocument, { readonly kind: "auth-request" }> {
    this.#isOpaqueSent = true;
    const { version, csport } = this.#options;
    const opaque = opaqueElement(this.#opaque);
    const asks = { asksCertificate: false, asksHostScan: false };
    return { kind: "auth-request", version, csport, opaque, ...asks };
  }

  #request(document: GatewayDocument): EapMethodStep {
    const data: OwnedBytes = buildTlvs({ xml: buildGatewayDocument(document) });
    return { kind: "request", data };
  }
}

function failure(reason: string): EapMethodStep {
  return { kind: "failure", reason };
}

const outOfOrder = failure("unexpected-document");
const foreignOpaque = failure("foreign-opaque");

function isFilled(text: string | undefined, longest: number): text is string {
  return text !== undefined && text !== "" && text.length <= longest;
}
