/** `rejoin pki …`: a CA, gateway and client certificates, for a lab or a small site. */
import { systemClock } from "../clock.ts";
import { optional, single, toggle } from "../config/define.ts";
import { filePath, folderPath, oneOf, wholeNumber } from "../config/forms.ts";
import { settle } from "../config/gather.ts";
import type { SettingsOf, SingleFlag, SwitchFlag } from "../config/flag.ts";
import { providerOfMachine } from "../crypto.ts";
import { fingerprintOf } from "../../core/mod.ts";
import { readAuthority, writeIssued } from "../pki/files.ts";
import {
  type Authority,
  createCa,
  issueClient,
  type Issued,
  issueGateway,
  type IssueOptions,
  usualDays,
} from "../pki/issue.ts";
import { StartError } from "../start_error.ts";
import type { Call, CommandDefinition } from "./command.ts";
import { unexpected } from "./operands.ts";

const group = "Certificates";
const days = wholeNumber(1, 36_500);

/** Flags of all of them. */
type PkiFlags = {
  readonly folder: SingleFlag<string> & { readonly fallback: string };
  readonly "key-type": SingleFlag<"ecdsa" | "rsa"> & { readonly fallback: string };
  readonly days: SingleFlag<number> & { readonly fallback: string };
  readonly force: SwitchFlag;
};

/** The flags, with the days that are usual for one kind. */
function flagsFor(kind: keyof typeof usualDays): PkiFlags {
  return {
    folder: single(group, folderPath, ".", "where the files go: NAME.crt and NAME.key"),
    "key-type": single(group, oneOf("ecdsa", "rsa"), "ecdsa", "kind of the new key"),
    days: single(group, days, String(usualDays[kind]), "days of validity"),
    force: toggle(group, "overwrite files that exist"),
  };
}

const caFlags = flagsFor("ca");

const signedFlags = {
  ca: optional(group, filePath, "certificate of the CA; else ca.crt in the folder"),
  "ca-key": optional(group, filePath, "its key; else beside it, or in the same .pem file"),
};

const gatewayFlags = { ...flagsFor("gateway"), ...signedFlags };
const clientFlags = { ...flagsFor("client"), ...signedFlags };

const ca: CommandDefinition = {
  words: "pki ca",
  operands: "[NAME]",
  summary: "make a CA: ca.crt and ca.key",
  flags: caFlags,
  run: async (call) => {
    const settings = settle(caFlags, call.sources);
    const [name = "rejoin CA", extra] = call.operands;
    if (extra !== undefined) throw unexpected(extra, "one NAME only");
    const options = optionsOf(settings);
    return write(call, settings, "ca", await createCa(name, options), options);
  },
};

const gateway: CommandDefinition = {
  words: "pki gateway",
  operands: "NAME…",
  summary: "make a gateway's certificate for host names and addresses",
  flags: gatewayFlags,
  run: async (call) => {
    const settings = settle(gatewayFlags, call.sources);
    const [first] = call.operands;
    if (first === undefined) throw unexpected("NAME", "a host name or address of the gateway");
    const options = optionsOf(settings);
    const issued = await issueGateway(authorityOf(settings, options), call.operands, options);
    return write(call, settings, leafName(first), issued, options);
  },
};

const client: CommandDefinition = {
  words: "pki client",
  operands: "NAME",
  summary: "make a client's certificate for a user or mail address",
  flags: clientFlags,
  run: async (call) => {
    const settings = settle(clientFlags, call.sources);
    const [name, extra] = call.operands;
    if (name === undefined) throw unexpected("NAME", "a user name or mail address");
    if (extra !== undefined) throw unexpected(extra, "one NAME only");
    const options = optionsOf(settings);
    const issued = await issueClient(authorityOf(settings, options), name, options);
    return write(call, settings, leafName(name), issued, options);
  },
};

/** Everything about certificates. */
export const pkiCommands: readonly CommandDefinition[] = [ca, gateway, client];

function optionsOf(settings: SettingsOf<typeof caFlags>): IssueOptions {
  return {
    crypto: providerOfMachine(),
    now: systemClock.now().wall,
    key: settings["key-type"],
    days: settings.days,
  };
}

function authorityOf(
  settings: SettingsOf<typeof gatewayFlags>,
  { crypto }: IssueOptions,
): Authority {
  const certificate = settings.ca ?? `${settings.folder}/ca.crt`;
  const key = settings["ca-key"] ?? certificate.replace(/\.(crt|cer)$/, ".key");
  return readAuthority({ certificate, key }, crypto);
}

/** With --force a gateway or client of this name would take the place of the CA. */
function leafName(name: string): string {
  if (name !== "ca") return name;
  throw new StartError("Cannot write certificate of ca: the files of the CA have that name");
}

function write(
  call: Call,
  settings: SettingsOf<typeof caFlags>,
  name: string,
  issued: Issued,
  { crypto }: IssueOptions,
): number {
  const safe = name.replaceAll(/[^A-Za-z0-9@._-]/g, "_");
  const files = writeIssued(settings.folder, safe, issued, { force: settings.force });
  call.terminal.out(
    `${files.certificate}\n${files.key}\nSHA-256 ${fingerprintOf(crypto, issued.certificate)}\n`,
  );
  return 0;
}
