/**
 * What a gateway says: `hello`, `auth-request` and `complete`, and an error in any of them.
 *
 * `complete` stays below 1 KB: the manifests of Cisco's gateways, which make clients download files,
 * are left out, and whatever else is in them is skipped on reading. A host scan is recognised and never
 * asked for.
 */
import type { Bytes, OwnedBytes } from "../../bytes.ts";
import type { SessionPair } from "../../gateway/record.ts";
import { assertNever, fail, ok, type Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";
import {
  buildConfigAuth,
  childOf,
  childText,
  childWord,
  type DocumentError,
  errorElement,
  errorIn,
  optional,
  parseConfigAuth,
  present,
} from "./config_auth.ts";
import { formElement, type FormField, parseForm } from "./form.ts";
import { opaqueIn } from "./opaque.ts";
import { element, type XmlElement } from "./xml.ts";

/** The beginning. */
export interface HelloDocument {
  /** Tells the values of the union apart. */
  readonly kind: "hello";
  /** Text for people and logs. */
  readonly version?: string | undefined;
}

/** What stands in the element `auth` of a request. */
export interface AuthBlock {
  /** `main`, or `challenge` for a second factor. */
  readonly id: string;
  /** Headline. */
  readonly title?: string | undefined;
  /** What to do. */
  readonly message?: string | undefined;
  /** Text of the operator. */
  readonly banner?: string | undefined;
  /** Why the form is shown again. */
  readonly error?: DocumentError | undefined;
  /** Fields; `undefined` without a form. */
  readonly form?: readonly FormField[] | undefined;
}

/** A question to the person or for the machine's certificate. */
export interface AuthRequestDocument {
  /** Tells the values of the union apart. */
  readonly kind: "auth-request";
  /** Text for people and logs. */
  readonly version?: string | undefined;
  /** To be sent back. */
  readonly opaque?: XmlElement | undefined;
  /** Port of the gateway's HTTPS service. */
  readonly csport?: number | undefined;
  /** Whether it asks for a certificate. */
  readonly asksCertificate: boolean;
  /** The form and what belongs to it. */
  readonly auth?: AuthBlock | undefined;
  /** Whether it asks for a look at the machine. */
  readonly asksHostScan: boolean;
}

/** The end of the login. */
export interface CompleteDocument {
  /** Tells the values of the union apart. */
  readonly kind: "complete";
  /** Text for people and logs. */
  readonly version?: string | undefined;
  /** What the client comes back with; stored before it is shown. */
  readonly pair?: SessionPair | undefined;
  /** Text of the operator. */
  readonly banner?: string | undefined;
  /** Text for the person. */
  readonly message?: string | undefined;
  /** 40 upper-case hexadecimal digits. */
  readonly serverCertHash?: string | undefined;
}

/** A gateway's last word where it is no EAP-Failure. */
export interface ErrorDocument {
  /** Tells the values of the union apart. */
  readonly kind: "error";
  /** What is wrong. */
  readonly error: DocumentError;
}

/** Anything a gateway says. */
export type GatewayDocument =
  | HelloDocument
  | AuthRequestDocument
  | CompleteDocument
  | ErrorDocument;

/** A gateway's document; a client's is a fault. */
export function parseGatewayDocument(octets: Bytes): Result<GatewayDocument, WireFault> {
  const parsed = parseConfigAuth(octets);
  if (!parsed.ok) return parsed;
  const { type, root } = parsed.value;
  const error = errorIn(root);
  if (error !== undefined) return ok({ kind: "error", error });
  const version = childWord(root, "version");
  switch (type) {
    case "hello":
      return ok({ kind: type, version });
    case "auth-request":
      return ok({
        kind: type,
        version,
        opaque: opaqueIn(root),
        csport: portOf(childWord(root, "csport")),
        asksCertificate: childOf(root, "client-cert-request") !== undefined,
        auth: parseAuth(childOf(root, "auth")),
        asksHostScan: childOf(root, "host-scan") !== undefined,
      });
    case "complete":
      return ok({ kind: type, version, ...parseComplete(root) });
    default:
      return fail({ kind: "unexpected", offset: 0, path: "config-auth.type" });
  }
}

/** The octets of a gateway's document. */
export function buildGatewayDocument(document: GatewayDocument): OwnedBytes {
  switch (document.kind) {
    case "hello":
      return buildConfigAuth("hello", present(versionElement(document.version)));
    case "auth-request": {
      const { version, opaque, csport, auth, asksCertificate } = document;
      return buildConfigAuth(
        "auth-request",
        present(
          versionElement(version),
          opaque,
          optional("csport", csport?.toString()),
          auth && authElement(auth),
          asksCertificate ? element("client-cert-request") : undefined,
        ),
      );
    }
    case "complete":
      return buildConfigAuth("complete", completeElements(document));
    case "error":
      return buildConfigAuth("auth-request", [errorElement(document.error)]);
    default:
      return assertNever(document);
  }
}

function versionElement(version: string | undefined): XmlElement | undefined {
  return version === undefined ? undefined : element("version", version, { who: "sg" });
}

function portOf(word: string | undefined): number | undefined {
  const port = word !== undefined && /^\d{1,5}$/.test(word) ? Number(word) : 0;
  return port > 0 && port <= 65_535 ? port : undefined;
}

function parseAuth(auth: XmlElement | undefined): AuthBlock | undefined {
  if (auth === undefined) return undefined;
  const form = childOf(auth, "form");
  return {
    id: auth.attributes.get("id") ?? "",
    title: childWord(auth, "title"),
    message: childWord(auth, "message"),
    banner: childWord(auth, "banner"),
    error: errorIn(auth),
    form: form && parseForm(form),
  };
}

function authElement({ id, title, message, banner, error, form }: AuthBlock): XmlElement {
  return element(
    "auth",
    present(
      optional("title", title),
      optional("message", message),
      optional("banner", banner),
      error && errorElement(error),
      form && formElement(form),
    ),
    { id },
  );
}

function parseComplete(root: XmlElement): Omit<CompleteDocument, "kind" | "version"> {
  const auth = childOf(root, "auth");
  const base = childOf(childOf(root, "config"), "vpn-base-config");
  const [sessionId, token] = [childWord(root, "session-id"), childWord(root, "session-token")];
  const hasPair = sessionId !== undefined && token !== undefined;
  return {
    pair: hasPair ? { sessionId, token } : undefined,
    banner: childText(auth, "banner") || undefined,
    message: childWord(auth, "message"),
    serverCertHash: childWord(base, "server-cert-hash"),
  };
}

function completeElements(document: CompleteDocument): readonly XmlElement[] {
  const { version, pair, banner, message, serverCertHash } = document;
  const parameters = { id: "0", param1: "", param2: "" };
  const config = [
    element("vpn-base-config", present(optional("server-cert-hash", serverCertHash))),
    element("opaque", "", { "is-for": "vpn-client" }),
  ];
  return present(
    versionElement(version),
    optional("session-id", pair?.sessionId),
    optional("session-token", pair?.token),
    element(
      "auth",
      present(optional("banner", banner), element("message", message ?? "", parameters)),
      { id: "success" },
    ),
    element("capabilities", [element("crypto-supported", "ssl-dhe")]),
    element("config", config, { client: "vpn", type: "private" }),
  );
}
