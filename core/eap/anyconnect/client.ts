/**
 * AnyConnect-EAP on the client's side: answers hello, certificate requests and forms, and keeps what
 * `complete` says.
 *
 * A form that comes back with an error means that the password was wrong; it is not tried again,
 * because the next two would be wrong too and might lock the user out. A gateway that wants to look
 * at the machine first is refused.
 */
import type { Bytes } from "../../bytes.ts";
import type { HashName } from "../../crypto/provider.ts";
import type { SessionPair } from "../../gateway/record.ts";
import { limits } from "../../limits.ts";
import type { EapClientMethod, EapClientMethodStep, EapClientOutcome } from "../client.ts";
import type { EapMethodId } from "../packet.ts";
import { buildClientProof, type ClientCertificate } from "./client_certificate.ts";
import {
  buildClientDocument,
  type ClientDocument,
  type ClientHeader,
  type FormAnswer,
} from "./client_documents.ts";
import { type FormField, type FormInput, type FormSelect, GROUP_LIST } from "./form.ts";
import { ANYCONNECT_METHOD, type AnyConnectMessage, buildTlvs, parseTlvs } from "./framing.ts";
import {
  type AuthBlock,
  type AuthRequestDocument,
  type GatewayDocument,
  parseGatewayDocument,
} from "./gateway_documents.ts";
import { FieldName } from "./login_forms.ts";
import type { XmlElement } from "./xml.ts";

/** What a gateway asks a person, besides user name and password. */
export interface ClientChallenge {
  /** The gateway's words. */
  readonly message: string;
  /** What stands before the field. */
  readonly label: string;
}

/** A certificate, and what its signature covers. */
export interface ClientCertificateLogin extends ClientCertificate {
  /** The octets of the initiator's AUTH; asked when a certificate is wanted. */
  readonly octets: () => Bytes;
  /** Hash of the negotiated PRF; asked with the octets. */
  readonly prfHash: () => HashName;
}

/** Who logs in, and how. */
export interface AnyConnectClientOptions {
  /** What the client says of itself. */
  readonly header: ClientHeader;
  /** For forms; `undefined` when only a certificate is there. */
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** A certificate, where there is one. */
  readonly certificate: ClientCertificateLogin | undefined;
  /** The group to choose, by name or alias; `undefined` leaves it to the gateway. */
  readonly group: string | undefined;
  /** The address that the person typed, as the gateway may tell a group from it. */
  readonly groupAccess: string | undefined;
  /** Answers a second factor; `undefined` gives up. */
  readonly answer: (challenge: ClientChallenge) => string | undefined;
}

/** What the gateway said at the end of the login. */
export interface AnyConnectWelcome {
  /** What to come back with. */
  readonly pair: SessionPair | undefined;
  /** Text of the operator. */
  readonly banner: string | undefined;
}

type State =
  | { readonly kind: "waiting" }
  | { readonly kind: "logging-in"; readonly hasAnswered: boolean }
  | { readonly kind: "finished"; readonly welcome: AnyConnectWelcome }
  | { readonly kind: "rejected"; readonly reason: string };

/** What a form became. */
type FilledForm =
  | {
    readonly kind: "filled";
    readonly answers: readonly FormAnswer[];
    readonly group: string | undefined;
  }
  | { readonly kind: "unanswerable"; readonly reason: string };

/** One login. */
export class AnyConnectClient implements EapClientMethod {
  /** The type of its packets. */
  readonly id: EapMethodId = ANYCONNECT_METHOD;
  readonly #options: AnyConnectClientOptions;
  #state: State = { kind: "waiting" };
  #rounds = 0;

  /** A login that has not begun. */
  constructor(options: AnyConnectClientOptions) {
    this.#options = options;
  }

  /** A request of the gateway. */
  handle(data: Bytes): EapClientMethodStep {
    this.#rounds += 1;
    if (this.#rounds > limits.eapRounds) return this.#reject("too-many-rounds");
    const message = parseTlvs(data);
    if (!message.ok || message.value.xml === undefined) return this.#reject("no-document");
    const document = parseGatewayDocument(message.value.xml);
    if (!document.ok) return this.#reject("unreadable-document");
    return this.#handleDocument(document.value);
  }

  /** Whether the login is over; there is never a key. */
  outcome(): EapClientOutcome {
    const isFinished = this.#state.kind === "finished";
    return isFinished ? { kind: "finished", msk: undefined } : { kind: "unfinished" };
  }

  /** Why the gateway is about to say no. */
  rejection(): string | undefined {
    if (this.#state.kind === "rejected") return this.#state.reason;
    const hasAnswered = this.#state.kind === "logging-in" && this.#state.hasAnswered;
    return hasAnswered ? "wrong-password" : undefined;
  }

  /** What the gateway said at the end; `undefined` before. */
  get welcome(): AnyConnectWelcome | undefined {
    return this.#state.kind === "finished" ? this.#state.welcome : undefined;
  }

  #handleDocument(document: GatewayDocument): EapClientMethodStep {
    const state = this.#state;
    if (document.kind === "error") return this.#reject("error-from-gateway");
    switch (state.kind) {
      case "waiting":
        if (document.kind !== "hello") return this.#reject("unexpected-document");
        this.#state = { kind: "logging-in", hasAnswered: false };
        return this.#init(undefined);
      case "logging-in":
        if (document.kind === "auth-request") return this.#answer(document, state.hasAnswered);
        if (document.kind !== "complete") return this.#reject("unexpected-document");
        return this.#finish({ pair: document.pair, banner: document.banner });
      case "finished":
      case "rejected":
        return { kind: "ignore" };
    }
  }

  #answer(request: AuthRequestDocument, hasAnswered: boolean): EapClientMethodStep {
    const { auth, asksCertificate, asksHostScan, opaque } = request;
    if (asksHostScan) return this.#reject("host-scan-required");
    if (asksCertificate) return this.#init(opaque, true);
    if (auth?.form === undefined) return this.#reject("nothing-to-answer");
    if (auth.error !== undefined && hasAnswered) return this.#reject("wrong-password");
    const filled = this.#fill(auth, auth.form);
    if (filled.kind === "unanswerable") return this.#reject(filled.reason);
    this.#state = { kind: "logging-in", hasAnswered: true };
    const { answers, group } = filled;
    const { header } = this.#options;
    return this.#say({ kind: "auth-reply", header, opaque, answers, groupSelect: group });
  }

  #fill(auth: AuthBlock, form: readonly FormField[]): FilledForm {
    const answers: FormAnswer[] = [];
    let group: string | undefined;
    for (const field of form) {
      if (field.kind === "select") {
        const value = this.#select(field);
        if (field.name === GROUP_LIST) group = value;
        else if (value !== undefined) answers.push({ name: field.name, value });
        continue;
      }
      const value = this.#valueOf(auth, field);
      if (value === undefined) {
        const isChallenge = isQuestion(auth, field);
        return { kind: "unanswerable", reason: isChallenge ? "no-answer" : "no-password" };
      }
      answers.push({ name: field.name, value });
    }
    return { kind: "filled", answers, group };
  }

  #valueOf(auth: AuthBlock, field: FormInput): string | undefined {
    if (field.type === "hidden") return field.value ?? "";
    if (isQuestion(auth, field)) {
      const message = auth.message ?? auth.title ?? "";
      return this.#options.answer({ message, label: field.label ?? field.name });
    }
    const { user } = this.#options;
    return field.type === "password" ? user?.password : user?.name;
  }

  #select({ name, options }: FormSelect): string | undefined {
    const { group } = this.#options;
    const wanted = name === GROUP_LIST ? group : undefined;
    const option = options.find(({ value, text }) => value === wanted || text === wanted) ??
      options.find(({ isSelected }) => isSelected) ?? options[0];
    return option?.value;
  }

  #init(opaque: XmlElement | undefined, withCertificate = false): EapClientMethodStep {
    const { header, group, groupAccess, certificate } = this.#options;
    const document: ClientDocument = {
      kind: "init",
      header,
      opaque,
      groupSelect: group,
      groupAccess,
      authMethods: [],
      hasNoCertificate: withCertificate && certificate === undefined,
    };
    if (!withCertificate || certificate === undefined) return this.#say(document);
    const { octets, prfHash } = certificate;
    return this.#say(document, buildClientProof(certificate, octets(), prfHash()));
  }

  #finish(welcome: AnyConnectWelcome): EapClientMethodStep {
    this.#state = { kind: "finished", welcome };
    return this.#say({ kind: "ack", header: this.#options.header });
  }

  #say(document: ClientDocument, proof: AnyConnectMessage = {}): EapClientMethodStep {
    return { kind: "respond", data: buildTlvs({ ...proof, xml: buildClientDocument(document) }) };
  }

  #reject(reason: string): EapClientMethodStep {
    this.#state = { kind: "rejected", reason };
    return { kind: "failure", reason };
  }
}

/** Whether a field is neither the user name nor the password of the main form. */
function isQuestion(auth: AuthBlock, { name }: FormInput): boolean {
  return auth.id === "challenge" || (name !== FieldName.USER_NAME && name !== FieldName.PASSWORD);
}
