/**
 * Puts the AAA back end together that the flags ask for: local users, or RADIUS before them; then what
 * their groups say, and what this gateway cannot do.
 */
import {
  type CryptoProvider,
  invariant,
  type IpAddress,
  type LoginMethod,
  parseIpAddress,
  type Random,
  utf8,
} from "../../core/mod.ts";
import type { Clock } from "../clock.ts";
import { readGroups } from "../config/groups.ts";
import type { Pools } from "../config/pools.ts";
import type { ServeSettings } from "../config/serve_flags.ts";
import type { UserVerifier } from "../effects.ts";
import type { Log } from "../log.ts";
import type { AaaServerFacts } from "../show/facts.ts";
import type { AccessLists } from "./access_list/lists.ts";
import type { Authentic } from "./account.ts";
import { GroupPolicy } from "./group_policy.ts";
import { aaaServerFacts } from "./radius/facts.ts";
import { RadiusAccounting } from "./radius/accounting.ts";
import { RadiusClient, usualFirstPauseMs } from "./radius/client.ts";
import type { Purpose } from "./radius/health.ts";
import { addressesOf, type ServersByPurpose, tlsServer, udpServers } from "./radius/servers.ts";
import type { TlsCredentials } from "./radius/tls_channel.ts";
import { RadiusVerifier } from "./radius/verifier.ts";
import { TerritoryCheck } from "./territory.ts";

/** What a back end is made from. */
export interface AaaOptions {
  readonly settings: ServeSettings;
  /** Of `--radius-secret-file`, as they are now: one for all servers, or one each. */
  readonly secrets: () => readonly Uint8Array[];
  /** For servers over TLS, as they are now. */
  readonly tls: () => TlsCredentials | undefined;
  readonly local: UserVerifier;
  readonly pools: Pools;
  /** What filters may be called by name. */
  readonly accessLists: AccessLists;
  readonly nasIdentifier: string;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is said of groups. */
export type GroupSettings = Pick<ServeSettings, "group" | "group-override">;

/** A back end at work. */
export interface Aaa {
  readonly verifier: UserVerifier;
  /** Who takes accounting records, if anybody. */
  readonly accounting: RadiusAccounting | undefined;
  /** Who proves logins of this kind, where that is known. */
  authenticOf(method: LoginMethod): Authentic | undefined;
  /** The servers that decide, for people. */
  readonly names: readonly string[];
  /** By name, for `show`. */
  counters(): Readonly<Record<string, number>>;
  /** Server by server, for `show`. */
  servers(): readonly AaaServerFacts[];
  clearCounters(): void;
  /** Goes by other groups from now on. What access lists say is looked up each time. */
  regroup(settings: GroupSettings): void;
  /** Gives up what is open. */
  close(): void;
}

/** The back end of these settings. */
export function openAaa(options: AaaOptions): Aaa {
  const { settings, pools, accessLists, log } = options;
  const servers = serversOf(options);
  const base = baseOf(options, servers);
  const groupPolicyOf = (said: GroupSettings): GroupPolicy =>
    new GroupPolicy({
      verifier: base.verifier,
      groups: readGroups(said.group, { pools, filterOf: (name) => accessLists.get(name) }).groups,
      overrides: said["group-override"],
      log,
    });
  let groupPolicy = groupPolicyOf(settings);
  const checked = new TerritoryCheck({
    verifier: { verify: (...given) => groupPolicy.verify(...given) },
    territory: {
      pools: pools.ranges,
      inner: pools.all,
      kept: () => [...ownAddresses(), ...addressesOf(servers)],
    },
    log,
  });
  return {
    ...base,
    verifier: checked,
    counters: () => ({ ...base.counters(), ...checked.counted.counts }),
    clearCounters: () => {
      base.clearCounters();
      checked.counted.clear();
    },
    regroup: (said) => {
      groupPolicy = groupPolicyOf(said);
    },
  };
}

/** Who says yes or no. */
function baseOf(options: AaaOptions, servers: ServersByPurpose): Omit<Aaa, "regroup"> {
  const { settings, local, nasIdentifier, clock } = options;
  if (servers.access.length === 0) {
    return {
      verifier: local,
      accounting: undefined,
      authenticOf: () => "local",
      names: [],
      counters: () => ({}),
      servers: () => [],
      clearCounters: () => {},
      close: () => {},
    };
  }
  const clientOf = (purpose: Purpose): RadiusClient =>
    new RadiusClient({
      ...options,
      servers: servers[purpose],
      purpose,
      balance: settings["radius-balance"],
      times: {
        timeoutMs: settings["radius-timeout"] * 1000,
        deadMs: settings["radius-dead-time"] * 1000,
        firstPauseMs: usualFirstPauseMs,
      },
      status: settings["radius-status-server"]
        ? [{ name: "NAS-Identifier", value: utf8(nasIdentifier) }]
        : undefined,
    });
  const client = clientOf("access");
  const verifier = new RadiusVerifier({
    ...options,
    client,
    ignoresUnknown: settings["radius-ignore-unknown"],
    passwords: settings["radius-password"],
    fallsBack: settings["radius-fallback-local"],
  });
  const isOverTls = settings["radius-tls"].length > 0;
  const accountants = !settings["radius-accounting"]
    ? undefined
    : isOverTls
    ? client
    : clientOf("accounting");
  const accounting = accountants === undefined
    ? undefined
    : new RadiusAccounting({ ...options, client: accountants });
  let clearedAt = clock.now().monotonic;
  return {
    verifier,
    accounting,
    authenticOf: (method) => {
      if (method === "certificate") return "local";
      // A server, or a local user in its place.
      const isSure = method === "eap-radius" || !settings["radius-fallback-local"];
      return isSure ? "radius" : undefined;
    },
    names: client.names,
    counters: () => ({
      ...named("radius", [...client.countersOf("access")]),
      ...named("radius", Object.entries(verifier.counted.counts)),
      ...named("radius-accounting", [...accountants?.countersOf("accounting") ?? []]),
    }),
    servers: () =>
      aaaServerFacts({
        access: { servers: servers.access, pictures: client.pictures },
        accounting: accountants === undefined
          ? undefined
          : { servers: servers.accounting, pictures: accountants.pictures },
        transport: isOverTls ? "tls" : "udp",
        isShared: settings["radius-acct"].length === 0,
        clearedMs: clock.now().monotonic - clearedAt,
      }),
    clearCounters: () => {
      clearedAt = clock.now().monotonic;
      client.clearCounters();
      verifier.counted.clear();
      accountants?.clearCounters();
    },
    close: () => {
      client.close();
      accountants?.close();
    },
  };
}

/** The servers that the flags name, over UDP or over TLS. */
function serversOf({ settings, secrets, tls, clock }: AaaOptions): ServersByPurpose {
  if (settings["radius-tls"].length === 0) {
    return udpServers(settings, secrets, {
      source: settings["radius-source"],
      allowUnsigned: settings["radius-allow-unsigned"],
    });
  }
  const credentials = (): TlsCredentials => {
    const now = tls();
    invariant(now !== undefined, "servers over TLS have credentials");
    return now;
  };
  const servers = settings["radius-tls"].map((server) => tlsServer(server, credentials, clock));
  return { access: servers, accounting: servers };
}

function named(
  prefix: string,
  counts: readonly (readonly [string, number])[],
): Record<string, number> {
  return Object.fromEntries(counts.map(([name, count]) => [`${prefix}-${name}`, count]));
}

/** Those of this host, as they are now. */
function ownAddresses(): readonly IpAddress[] {
  return Deno.networkInterfaces().map(({ address }) => parseIpAddress(address))
    .filter((address) => address !== undefined);
}
