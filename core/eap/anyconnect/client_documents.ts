/**
 * What a client says: `init`, `auth-reply` and `ack`, with the header that all three begin with.
 *
 * Answers of a form are found by name, in whatever order they come. Texts of the header are the
 * client's word and nothing is decided by them.
 */
import type { Bytes, OwnedBytes } from "../../bytes.ts";
import { assertNever, fail, ok, type Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";
import {
  buildConfigAuth,
  childOf,
  childrenOf,
  childText,
  childWord,
  optional,
  parseConfigAuth,
  present,
} from "./config_auth.ts";
import { opaqueIn } from "./opaque.ts";
import { element, type XmlElement } from "./xml.ts";

/** The machine, as the client describes it. */
export interface DeviceId {
  /** For instance `win`, `mac-intel`, `linux-64`. */
  readonly platform: string;
  /** Host name. */
  readonly computerName?: string | undefined;
  /** Make and model. */
  readonly deviceType?: string | undefined;
  /** Version of the operating system. */
  readonly platformVersion?: string | undefined;
  /** 64 hexadecimal digits. */
  readonly uniqueId?: string | undefined;
  /** 40 hexadecimal digits. */
  readonly uniqueIdGlobal?: string | undefined;
}

/** How every document of a client begins. */
export interface ClientHeader {
  /** Of the program, for instance `4.9.01095`. */
  readonly version: string;
  /** The machine; older clients leave it out. */
  readonly device?: DeviceId | undefined;
  /** With hyphens; the first one is that of the outer interface. */
  readonly macAddresses: readonly string[];
}

/** The first word, also said again to present a certificate or to change the group. */
export interface InitDocument {
  /** Tells the values of the union apart. */
  readonly kind: "init";
  /** The header. */
  readonly header: ClientHeader;
  /** The gateway's `opaque`, as it came back. */
  readonly opaque?: XmlElement | undefined;
  /** The group that the person chose. */
  readonly groupSelect?: string | undefined;
  /** A URL or group name of the client's profile. */
  readonly groupAccess?: string | undefined;
  /** Capabilities: `multiple-cert`, `single-sign-on` and so on. */
  readonly authMethods: readonly string[];
  /** "I have no certificate." */
  readonly hasNoCertificate: boolean;
}

/** One answer of a form. */
export interface FormAnswer {
  /** Of the field. */
  readonly name: string;
  /** What was typed. */
  readonly value: string;
}

/** The answers of a form. */
export interface AuthReplyDocument {
  /** Tells the values of the union apart. */
  readonly kind: "auth-reply";
  /** The header. */
  readonly header: ClientHeader;
  /** The gateway's `opaque`, as it came back. */
  readonly opaque?: XmlElement | undefined;
  /** Answers as they came. */
  readonly answers: readonly FormAnswer[];
  /** The group chosen in the form. */
  readonly groupSelect?: string | undefined;
  /** After a host scan, which this gateway never asks for. */
  readonly hostScanToken?: string | undefined;
}

/** The answer to `complete`. */
export interface AckDocument {
  /** Tells the values of the union apart. */
  readonly kind: "ack";
  /** The header. */
  readonly header: ClientHeader;
}

/** Anything a client says. */
export type ClientDocument = InitDocument | AuthReplyDocument | AckDocument;

/** A client's document; a gateway's is a fault. */
export function parseClientDocument(octets: Bytes): Result<ClientDocument, WireFault> {
  const parsed = parseConfigAuth(octets);
  if (!parsed.ok) return parsed;
  const { type, root } = parsed.value;
  const header = parseHeader(root);
  const shared = { opaque: opaqueIn(root), groupSelect: childWord(root, "group-select") };
  switch (type) {
    case "init":
      return ok({
        kind: type,
        header,
        ...shared,
        groupAccess: childWord(root, "group-access"),
        authMethods: childrenOf(childOf(root, "capabilities"), "auth-method")
          .map(({ text }) => text.trim()),
        hasNoCertificate: childOf(root, "client-cert-fail") !== undefined,
      });
    case "auth-reply":
      return ok({
        kind: type,
        header,
        ...shared,
        answers: (childOf(root, "auth")?.children ?? [])
          .map(({ name, text }) => ({ name, value: text })),
        hostScanToken: childWord(root, "host-scan-token"),
      });
    case "ack":
      return ok({ kind: type, header });
    default:
      return fail({ kind: "unexpected", offset: 0, path: "config-auth.type" });
  }
}

/** The octets of a client's document. */
export function buildClientDocument(document: ClientDocument): OwnedBytes {
  const header = headerElements(document.header);
  switch (document.kind) {
    case "init": {
      const { opaque, groupSelect, groupAccess, authMethods, hasNoCertificate } = document;
      const methods = authMethods.map((method) => element("auth-method", method));
      return buildConfigAuth("init", [
        ...header,
        ...present(
          opaque,
          optional("group-select", groupSelect),
          optional("group-access", groupAccess),
          methods.length > 0 ? element("capabilities", methods) : undefined,
          hasNoCertificate ? element("client-cert-fail") : undefined,
        ),
      ]);
    }
    case "auth-reply":
      return buildConfigAuth("auth-reply", [
        ...header,
        element("session-id"),
        element("session-token"),
        ...present(
          document.opaque,
          element("auth", document.answers.map(({ name, value }) => element(name, value))),
          optional("group-select", document.groupSelect),
          optional("host-scan-token", document.hostScanToken),
        ),
      ]);
    case "ack":
      return buildConfigAuth("ack", header);
    default:
      return assertNever(document);
  }
}

/**
 * The one answer under any of these names; `undefined` when there is none or more than one, because
 * then nobody knows which was meant.
 */
export function answerTo(
  answers: readonly FormAnswer[],
  ...names: readonly string[]
): string | undefined {
  const found = answers.filter(({ name }) => names.includes(name));
  return found.length === 1 ? found[0]?.value : undefined;
}

function parseHeader(root: XmlElement): ClientHeader {
  const device = childOf(root, "device-id");
  return {
    version: childText(root, "version")?.trim() ?? "",
    device: device && {
      platform: device.text.trim(),
      computerName: device.attributes.get("computer-name"),
      deviceType: device.attributes.get("device-type"),
      platformVersion: device.attributes.get("platform-version"),
      uniqueId: device.attributes.get("unique-id"),
      uniqueIdGlobal: device.attributes.get("unique-id-global"),
    },
    macAddresses: childrenOf(childOf(root, "mac-address-list"), "mac-address")
      .map(({ text }) => text.trim()),
  };
}

function headerElements({ version, device, macAddresses }: ClientHeader): readonly XmlElement[] {
  const addresses = macAddresses.map((address, i) =>
    element("mac-address", address, { "public-interface": i === 0 ? "true" : undefined })
  );
  return present(
    element("version", version, { who: "vpn" }),
    device && element("device-id", device.platform, {
      "computer-name": device.computerName,
      "device-type": device.deviceType,
      "platform-version": device.platformVersion,
      "unique-id": device.uniqueId,
      "unique-id-global": device.uniqueIdGlobal,
    }),
    addresses.length > 0 ? element("mac-address-list", addresses) : undefined,
  );
}
