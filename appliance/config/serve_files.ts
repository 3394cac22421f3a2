/** The files that `rejoin serve` is given: read once, every problem gathered, then fitted together. */
import { type Certificate, type CryptoProvider, equalBytes, type Signer } from "../../core/mod.ts";
import type { AccessLists } from "../aaa/access_list/lists.ts";
import type { TlsCredentials } from "../aaa/radius/tls_channel.ts";
import { readSecretFile } from "../aaa/secret_file.ts";
import { StartError } from "../start_error.ts";
import { openUsers } from "../users/users_file.ts";
import { compileAccessLists } from "./access_lists.ts";
import type { Credentials } from "./compile.ts";
import type { FlagProblem } from "./flag.ts";
import { gatewayIdentity } from "./identity.ts";
import { NamedFiles } from "./named_files.ts";
import type { ServeSettings } from "./serve_flags.ts";

/** What servers over TLS need: CA, certificate, key. */
export const radsecFlags = ["radius-tls-ca", "radius-tls-cert", "radius-tls-key"] as const;

/** Files as read. */
export interface ServeFiles {
  /** Of `--cert` and `--chain`, ours first. */
  readonly certificates: readonly Certificate[];
  readonly signer: Signer | undefined;
  readonly clientCas: readonly Certificate[];
  /** Of `--radius-secret-file`, in order. */
  readonly radiusSecrets: readonly Uint8Array[];
  /** Of `--radius-tls-ca`, `-cert` and `-key`; only with all of them. */
  readonly radiusTls: TlsCredentials | undefined;
  readonly dynamicAuthorSecret: Uint8Array | undefined;
  /** Of `--access-list-file`, and those of `--access-list`. */
  readonly accessLists: AccessLists;
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
    | "users"
    | "radius-secret-file"
    | "dynamic-author-secret-file"
    | "access-list"
    | "access-list-file"
    | (typeof radsecFlags)[number]
  >,
  crypto: CryptoProvider,
): ServeFiles {
  const files = new NamedFiles();
  const certificates = [
    ...files.certificates("cert", settings.cert),
    ...files.certificates("chain", settings.chain),
  ];
  const signer = files.privateKey("key", settings.key, crypto);
  const { users } = settings;
  if (users !== undefined) files.attempt("users", users, "users", () => openUsers(users));
  const clientCas = settings["client-ca"].flatMap((path) => files.certificates("client-ca", path));
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
  const radiusTls = radsecCredentials(settings, files, crypto);
  const { accessLists, problems } = compileAccessLists(settings);
  return {
    certificates,
    signer,
    clientCas,
    radiusSecrets,
    radiusTls,
    dynamicAuthorSecret,
    accessLists,
    problems: [...files.problems, ...problems],
  };
}

/** PEM as it stands in the files, once it is known to be what it has to be. */
function radsecCredentials(
  settings: Pick<ServeSettings, (typeof radsecFlags)[number]>,
  files: NamedFiles,
  crypto: CryptoProvider,
): TlsCredentials | undefined {
  const [ca, cert, key] = radsecFlags.map((flag) => settings[flag]);
  const isUsable = [
    files.certificates("radius-tls-ca", ca).length > 0,
    files.certificates("radius-tls-cert", cert).length > 0,
    files.privateKey("radius-tls-key", key, crypto) !== undefined,
  ].every((one) => one);
  if (!isUsable || ca === undefined || cert === undefined || key === undefined) return undefined;
  const read = (path: string): string => Deno.readTextFileSync(path);
  return { ca: read(ca), certificate: read(cert), key: read(key) };
}

/** What the operator's own certificate and key make of the gateway; `StartError` when they do not fit. */
export function givenCredentials(
  settings: Pick<ServeSettings, "cert" | "key" | "id">,
  files: ServeFiles,
): Credentials | undefined {
  const [own] = files.certificates;
  const { signer } = files;
  if (settings.cert === undefined || own === undefined || signer === undefined) return undefined;
  if (!equalBytes(own.spki, signer.spki)) {
    throw new StartError(
      `Cannot use key ${settings.key}: it does not belong to certificate ${settings.cert}`,
    );
  }
  return {
    identity: gatewayIdentity(own, settings.id, settings.cert),
    certificates: files.certificates.map(({ der }) => der),
    signer,
    clientCas: files.clientCas.map(({ der }) => der),
  };
}

/** What is worth a warning about a certificate, by the wall clock. */
export function validityWarning(certificate: Certificate, nowMs: number): string | undefined {
  const soonMs = 14 * 86_400_000;
  const end = new Date(certificate.notAfter).toISOString();
  if (certificate.notBefore > nowMs) {
    return `not valid before ${new Date(certificate.notBefore).toISOString()}`;
  }
  if (certificate.notAfter < nowMs) return `expired at ${end}`;
  return certificate.notAfter - nowMs < soonMs ? `expires at ${end}` : undefined;
}
