/** The files that `rejoin serve` is given: read once, every problem gathered, then fitted together. */
import {
  type Certificate,
  type CryptoProvider,
  equalBytes,
  isSignedRevocationList,
  isStale,
  type RevocationList,
  wall,
} from "../../core/mod.ts";
import type { AccessLists } from "../aaa/access_list/lists.ts";
import type { TlsCredentials } from "../aaa/radius/tls_channel.ts";
import { readSecretFile } from "../aaa/secret_file.ts";
import { openUsers } from "../users/users_file.ts";
import { compileAccessLists } from "./access_lists.ts";
import type { Credentials } from "./compile.ts";
import type { FlagProblem } from "./flag.ts";
import { NamedFiles } from "./named_files.ts";
import { ownCertificates, type OwnFiles } from "./own_certificates.ts";
import type { ServeSettings } from "./serve_flags.ts";

/** What servers over TLS need: CA, certificate, key. */
export const radsecFlags = ["radius-tls-ca", "radius-tls-cert", "radius-tls-key"] as const;

/** Files as read. */
export interface ServeFiles {
  /** Of `--cert`, `--key` and `--chain`. */
  readonly own: OwnFiles;
  readonly clientCas: readonly Certificate[];
  /** Of `--crl`. */
  readonly revocationLists: readonly RevocationList[];
  /** Of `--radius-secret-file`, in order. */
  readonly radiusSecrets: readonly Uint8Array[];
  /** Of `--radius-tls-ca`, `-cert` and `-key`; only with all of them. */
  readonly radiusTls: TlsCredentials | undefined;
  readonly dynamicAuthorSecret: Uint8Array | undefined;
  /** Of `--access-list-file`, and those of `--access-list`. */
  readonly accessLists: AccessLists;
  /** What the files of each flag hold, see `NamedFiles.contents`. */
  readonly contents: ReadonlyMap<string, string>;
  readonly problems: readonly FlagProblem[];
}

/** Reads certificates, keys, secrets, access lists and the users file. */
export function readServeFiles(
  settings: Pick<
    ServeSettings,
    | "cert"
    | "chain"
    | "key"
    | "client-ca"
    | "crl"
    | "users"
    | "radius-secret-file"
    | "dynamic-author-secret-file"
    | "access-list"
    | "access-list-file"
    | (typeof radsecFlags)[number]
  >,
  crypto: CryptoProvider,
): ServeFiles {
  const files = new NamedFiles(crypto);
  const own = {
    certificates: settings.cert.map((path) => ({
      path,
      certificates: files.certificates("cert", path),
    })),
    keys: settings.key.flatMap((path) => {
      const signer = files.privateKey("key", path);
      return signer === undefined ? [] : [{ path, signer }];
    }),
    chain: settings.chain.flatMap((path) => files.certificates("chain", path)),
  };
  const { users } = settings;
  if (users !== undefined) files.attempt("users", users, "users", () => openUsers(users));
  const clientCas = settings["client-ca"].flatMap((path) => files.certificates("client-ca", path));
  const revocationLists = settings.crl.flatMap((path) =>
    files.revocationLists("crl", path).filter((list) => {
      const fault = listFault(list, clientCas, crypto);
      if (fault !== undefined) files.complain("crl", path, fault);
      return fault === undefined;
    })
  );
  const radiusSecrets = settings["radius-secret-file"].flatMap((path) =>
    files.attempt("radius-secret-file", path, "one secret", () => [readSecretFile(path)]) ?? []
  );
  const authorSecret = settings["dynamic-author-secret-file"];
  const dynamicAuthorSecret = authorSecret === undefined ? undefined : files.attempt(
    "dynamic-author-secret-file",
    authorSecret,
    "one secret",
    () => readSecretFile(authorSecret),
  );
  const radiusTls = radsecCredentials(settings, files);
  const { accessLists, problems } = compileAccessLists(settings);
  const listFile = settings["access-list-file"];
  if (listFile !== undefined) files.note("access-list-file", listFile);
  return {
    own: { ...own, others: clientCas },
    clientCas,
    revocationLists,
    radiusSecrets,
    radiusTls,
    dynamicAuthorSecret,
    accessLists,
    contents: files.contents,
    problems: [...files.problems, ...problems],
  };
}

/** PEM as it stands in the files, once it is known to be what it has to be. */
function radsecCredentials(
  settings: Pick<ServeSettings, (typeof radsecFlags)[number]>,
  files: NamedFiles,
): TlsCredentials | undefined {
  const [ca, cert, key] = radsecFlags.map((flag) => settings[flag]);
  const isUsable = [
    files.certificates("radius-tls-ca", ca).length > 0,
    files.certificates("radius-tls-cert", cert).length > 0,
    files.privateKey("radius-tls-key", key) !== undefined,
  ].every((one) => one);
  if (!isUsable || ca === undefined || cert === undefined || key === undefined) return undefined;
  const read = (path: string): string => Deno.readTextFileSync(path);
  return { ca: read(ca), certificate: read(cert), key: read(key) };
}

/** Why a list cannot be used. One of a CA that is not known here may be of an intermediate that clients send. */
function listFault(
  list: RevocationList,
  clientCas: readonly Certificate[],
  crypto: CryptoProvider,
): string | undefined {
  const { unsupported, issuer } = list;
  if (unsupported.length > 0) {
    return `a whole list of one CA; what ${unsupported.join(", ")} in it means is not known`;
  }
  const named = clientCas.filter(({ subject }) => equalBytes(subject.der, issuer.der));
  return named.length === 0 || named.some((ca) => isSignedRevocationList(list, ca, crypto))
    ? undefined
    : `a list signed by ${issuer.text}, whose key of --client-ca is another or may sign none`;
}

/** What the operator's own certificates and keys make of the gateway; `StartError` when they do not fit. */
export function givenCredentials(
  settings: Pick<ServeSettings, "id">,
  files: ServeFiles,
  crypto: CryptoProvider,
): Credentials | undefined {
  const own = ownCertificates(files.own, settings.id, crypto);
  if (own === undefined) return undefined;
  const { identity, all: [main, ...alternates] } = own;
  const clientCas = files.clientCas.map(({ der }) => der);
  return { ...main, identity, alternates, clientCas, revocationLists: files.revocationLists };
}

/** What is worth a warning: an event and what it is about. */
export interface FileWarning {
  readonly event: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** What is worth a warning about files that can be used, by the wall clock. */
export function fileWarnings(files: ServeFiles, nowMs: number): readonly FileWarning[] {
  const { certificates, chain } = files.own;
  const ours = [...certificates.flatMap((file) => file.certificates), ...chain];
  const told = [
    ...ours.map(({ subject, ...one }) => ({
      event: "certificate-validity",
      subject: subject.text,
      problem: validityWarning(one, nowMs),
    })),
    ...files.revocationLists.map((list) => ({
      event: "revocation-list-stale",
      subject: list.issuer.text,
      problem: listWarning(list, nowMs),
    })),
  ];
  return told.flatMap(({ event, subject, problem }) =>
    problem === undefined ? [] : [{ event, facts: { subject, problem } }]
  );
}

function validityWarning(
  { notBefore, notAfter }: Pick<Certificate, "notBefore" | "notAfter">,
  nowMs: number,
): string | undefined {
  const soonMs = 14 * 86_400_000;
  const end = new Date(notAfter).toISOString();
  if (notBefore > nowMs) return `not valid before ${new Date(notBefore).toISOString()}`;
  if (notAfter < nowMs) return `expired at ${end}`;
  return notAfter - nowMs < soonMs ? `expires at ${end}` : undefined;
}

function listWarning(list: RevocationList, nowMs: number): string | undefined {
  if (list.nextUpdate === undefined || !isStale(list, { at: wall(nowMs), clockSkewMs: 0 })) {
    return undefined;
  }
  return `the next list was due at ${new Date(list.nextUpdate).toISOString()}`;
}
