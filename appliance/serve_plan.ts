/** What `rejoin serve` is to do: flags and files read and fitted together, before anything is touched. */
import type { Bytes, CryptoProvider, RevocationList } from "../core/mod.ts";
import type { AccessLists } from "./aaa/access_list/lists.ts";
import type { TlsCredentials } from "./aaa/radius/tls_channel.ts";
import { type Credentials, poolsOf } from "./config/compile.ts";
import { changedFlags, keepFixed } from "./config/fixed_flags.ts";
import { demand, gather, type Gathered, type Sources } from "./config/gather.ts";
import type { Pools } from "./config/pools.ts";
import { checkServe } from "./config/serve_checks.ts";
import {
  type FileWarning,
  fileWarnings,
  givenCredentials,
  readServeFiles,
  type ServeFiles,
} from "./config/serve_files.ts";
import { serveFlags, type ServeSettings } from "./config/serve_flags.ts";
import { InvariantError } from "../core/mod.ts";

/** Everything that was settled before anything was touched. */
export interface ServePlan {
  readonly settings: ServeSettings;
  readonly crypto: CryptoProvider;
  readonly pools: Pools;
  /** Of the operator's certificates; without them one is made. */
  readonly credentials: Credentials | undefined;
  /** DER of the CAs of `--client-ca`. */
  readonly clientCas: readonly Bytes[];
  /** Of `--crl`. */
  readonly revocationLists: readonly RevocationList[];
  /** Shared with RADIUS servers: one for all, or one each. */
  readonly radiusSecrets: readonly Uint8Array[];
  /** For RADIUS servers over TLS. */
  readonly radiusTls: TlsCredentials | undefined;
  /** Shared with RADIUS clients; only with `--dynamic-author`. */
  readonly dynamicAuthorSecret: Uint8Array | undefined;
  /** What filters may be called by name. */
  readonly accessLists: AccessLists;
  /** What the files of each flag hold, see `NamedFiles.contents`. */
  readonly contents: ReadonlyMap<string, string>;
  /** What is worth a warning about the files. */
  readonly warnings: readonly FileWarning[];
  /** The same again from the same sources as they are now. */
  readonly again: () => NextPlan;
}

/** A plan for a gateway that runs already. */
export interface NextPlan {
  /** With the values of before where they cannot change. */
  readonly plan: ServePlan;
  /** Flags that have another value than before. */
  readonly changed: readonly string[];
  /** Flags whose files hold something else than before, under the same names. */
  readonly changedFiles: readonly string[];
  /** Flags that have one and keep the old value until a restart. */
  readonly needRestart: readonly string[];
}

/** Where a plan comes from. */
export interface PlanSources {
  /** Flags; a flags file is read each time. */
  readonly flags: Sources;
  readonly crypto: CryptoProvider;
  /** Milliseconds of the wall clock. */
  readonly nowMs: () => number;
}

/** A plan; `UsageError` with all that is wrong in flags and files, `StartError` where they do not fit. */
export function planServe(sources: PlanSources): ServePlan {
  return planOf(sources, gather(serveFlags, sources.flags));
}

function planOf(sources: PlanSources, gathered: Gathered<typeof serveFlags>): ServePlan {
  const { crypto, nowMs } = sources;
  let files: ServeFiles | undefined;
  const settings = demand(gathered, () => {
    const read = files = readServeFiles(gathered.settings, crypto);
    const problems = checkServe(gathered, (name) => read.accessLists.get(name));
    return [...problems, ...read.problems];
  });
  if (files === undefined) throw new InvariantError("flags were not checked");
  const pools = poolsOf(settings);
  const { contents } = files;
  return {
    settings,
    crypto,
    pools,
    credentials: givenCredentials(settings, files, crypto),
    clientCas: files.clientCas.map(({ der }) => der),
    revocationLists: files.revocationLists,
    radiusSecrets: files.radiusSecrets,
    radiusTls: files.radiusTls,
    dynamicAuthorSecret: files.dynamicAuthorSecret,
    accessLists: files.accessLists,
    contents,
    warnings: fileWarnings(files, nowMs()),
    again: () => {
      const now = gather(serveFlags, sources.flags);
      // What would not start is not taken over in part either.
      const fresh = planOf(sources, now);
      const { changed, needRestart } = changedFlags(settings, now.settings);
      // Files are read once where they can: a revocation list may have many megabytes.
      const plan = needRestart.length === 0 ? fresh : planOf(sources, keepFixed(gathered, now));
      const named: readonly string[] = changed;
      const changedFiles = [...plan.contents]
        .filter(([name, text]) => !named.includes(name) && text !== contents.get(name))
        .map(([name]) => name);
      return { plan, changed, changedFiles, needRestart };
    },
  };
}
