/** From what the user of `rejoin connect` said to what the core's client works by. */
import {
  assertNever,
  type Bytes,
  type Certificate,
  certificateSpeaksFor,
  type ClientLogin,
  type ClientSettings,
  type CryptoProvider,
  defaultEspProposals,
  defaultIkeProposals,
  type Endpoint,
  equalBytes,
  IdType,
  type Signer,
  userNameOf,
} from "../../core/mod.ts";
import { buildInfo } from "../build_info.ts";
import { StartError } from "../start_error.ts";
import { attributeNumbersOf, numbered } from "./compile.ts";
import type { ConnectSettings } from "./connect_flags.ts";
import type { FlagProblem } from "./flag.ts";
import type { Gathered } from "./gather.ts";
import { identityOf } from "./identity.ts";
import { NamedFiles } from "./named_files.ts";
import type { connectFlags } from "./connect_flags.ts";

/** Files as read. */
export interface ConnectFiles {
  readonly anchors: readonly Certificate[];
  readonly certificates: readonly Certificate[];
  readonly signer: Signer | undefined;
  readonly problems: readonly FlagProblem[];
}

/** Reads CAs, certificate and key. */
export function readConnectFiles(
  settings: Pick<ConnectSettings, "ca" | "cert" | "key">,
  crypto: CryptoProvider,
): ConnectFiles {
  const files = new NamedFiles(crypto);
  return {
    anchors: settings.ca.flatMap((path) => files.certificates("ca", path)),
    certificates: files.certificates("cert", settings.cert),
    signer: files.privateKey("key", settings.key),
    problems: files.problems,
  };
}

/** Flags that do not agree with each other. */
export function checkConnect(gathered: Gathered<typeof connectFlags>): readonly FlagProblem[] {
  const { settings } = gathered;
  const problems: FlagProblem[] = [];
  const need = (name: "user" | "cert" | "key" | "ca", wanted: string): void => {
    const value = settings[name];
    if (value === undefined || value.length === 0) problems.push({ name, wanted });
  };
  if (settings.auth === "cert") {
    need("cert", "a certificate for --auth cert");
    need("key", "its private key");
  } else if (settings.auth === "anyconnect-eap") {
    if (settings.cert === undefined) need("user", "the name to log in with, or a certificate");
    if (settings.cert !== undefined) need("key", "the private key of --cert");
    if (settings.key !== undefined) need("cert", "the certificate of --key");
  } else {
    need("user", "the name to log in with");
  }
  need("ca", "the CA that the gateway's certificate is from");
  return problems;
}

/** What only the user knows. */
export interface LoginSecrets {
  readonly password?: string | undefined;
  /** To whatever a second factor asks. */
  readonly answer?: string | undefined;
}

/** How to log in; `none` when only a stored pair is at hand. */
export function loginOf(
  settings: ConnectSettings,
  files: ConnectFiles,
  { password, answer }: LoginSecrets,
): ClientLogin {
  const { user: name } = settings;
  const user = password === undefined || name === undefined ? undefined : { name, password };
  switch (settings.auth) {
    case "cert": {
      const own = ownCertificate(settings, files);
      return own === undefined ? { kind: "none" } : { kind: "certificate", ...own };
    }
    case "eap-mschapv2":
      return user === undefined
        ? { kind: "none" }
        : { kind: "eap-mschapv2", userName: user.name, password: user.password };
    case "anyconnect-eap": {
      const certificate = ownCertificate(settings, files);
      if (user === undefined && certificate === undefined) return { kind: "none" };
      return {
        kind: "anyconnect-eap",
        user,
        certificate,
        group: settings.group,
        // Who we are, not who we could pretend to be; hardware addresses are nobody's business.
        header: {
          version: buildInfo().version,
          device: { platform: "linux-64" },
          macAddresses: [],
        },
        answer: () => answer,
      };
    }
    default:
      return assertNever(settings.auth);
  }
}

/** Certificate and key of the flags, which must belong together. */
function ownCertificate(
  settings: ConnectSettings,
  { certificates, signer }: ConnectFiles,
): { readonly certificates: readonly Bytes[]; readonly signer: Signer } | undefined {
  const [own] = certificates;
  if (own === undefined || signer === undefined) return undefined;
  if (!equalBytes(own.spki, signer.spki)) {
    throw new StartError(
      `Cannot use key ${settings.key}: it does not belong to certificate ${settings.cert}`,
    );
  }
  return { certificates: certificates.map(({ der }) => der), signer };
}

/** Where the client and its gateway are, and how it logs in. */
export interface ConnectPlace {
  readonly host: string;
  readonly gateway: Endpoint;
  readonly local: Endpoint;
  readonly login: ClientLogin;
}

/** The settings of the core's client. */
export function compileClient(
  settings: ConnectSettings,
  files: ConnectFiles,
  place: ConnectPlace,
): ClientSettings {
  return {
    gateway: place.gateway,
    local: place.local,
    identity: ownIdentity(settings, files),
    gatewayIdentity: identityOf(settings["remote-id"] ?? place.host),
    login: place.login,
    anchors: files.anchors.map(({ der }) => der),
    wants: { ip4: true, ip6: !settings.ipv4only },
    reconnect: !settings["without-reconnect"],
    attributeNumbers: attributeNumbersOf(settings["cisco-attr"]),
    ikeProposals: numbered(settings["ike-proposal"]) ?? defaultIkeProposals(),
    espProposals: numbered(settings["esp-proposal"]) ?? defaultEspProposals(),
    lifetimes: {
      ikeMs: settings["ike-lifetime"] * 1000,
      espMs: settings["esp-lifetime"] * 1000,
    },
    dpd: { intervalMs: settings.dpd * 1000, retryMs: settings["dpd-retry"] * 1000 },
    fragmentMtu: settings["fragment-mtu"],
    mobike: !settings["without-mobike"],
    puzzleBits: settings["puzzle-bits"],
  };
}

/** What was asked for; else the user name; else what the certificate says, at last its subject. */
function ownIdentity(
  settings: ConnectSettings,
  files: ConnectFiles,
): ClientSettings["identity"] {
  if (settings.id !== undefined) return identityOf(settings.id);
  const [own] = files.certificates;
  if (settings.auth !== "cert" || own === undefined) return identityOf(settings.user ?? "rejoin");
  const named = identityOf(userNameOf(own));
  return certificateSpeaksFor(own, named.idType, named.data)
    ? named
    : { idType: IdType.DER_ASN1_DN, data: own.subject.der };
}
