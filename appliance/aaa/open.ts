/**
 * Puts the AAA back end together that the flags ask for: local users, or RADIUS before them; then what
 * their groups say, and what this gateway cannot do.
 */
import {
  type CryptoProvider,
  type Endpoint,
  type IpAddress,
  type LoginMethod,
  parseIpAddress,
  type Random,
} from "../../core/mod.ts";
import type { Clock } from "../clock.ts";
import { readGroups } from "../config/groups.ts";
import type { Pools } from "../config/pools.ts";
import type { ServeSettings } from "../config/serve_flags.ts";
import type { UserVerifier } from "../effects.ts";
import type { Log } from "../log.ts";
import type { AccessLists } from "./access_list/lists.ts";
import { GroupPolicy } from "./group_policy.ts";
import type { Authentic } from "./account.ts";
import { RadiusAccounting } from "./radius/accounting.ts";
import { RadiusClient, usualFirstPauseMs } from "./radius/client.ts";
import { RadiusVerifier } from "./radius/verifier.ts";
import { TerritoryCheck } from "./territory.ts";

/** What a back end is made from. */
export interface AaaOptions {
  readonly settings: ServeSettings;
  /** Of `--radius-secret-file`. */
  readonly secret: Uint8Array | undefined;
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

/** A back end at work. */
export interface Aaa {
  readonly verifier: UserVerifier;
  /** Who takes accounting records, if anybody. */
  readonly accounting: RadiusAccounting | undefined;
  /** Who proves logins of this kind, where that is known. */
  authenticOf(method: LoginMethod): Authentic | undefined;
  /** By name, for `show`. */
  counters(): Readonly<Record<string, number>>;
  clearCounters(): void;
  /** Gives up what is open. */
  close(): void;
}

/** The back end of these settings. */
export function openAaa(options: AaaOptions): Aaa {
  const { settings, pools, accessLists, log } = options;
  const base = baseOf(options);
  const { groups } = readGroups(settings.group, {
    pools,
    filterOf: (name) => accessLists.get(name),
  });
  const checked = new TerritoryCheck({
    verifier: new GroupPolicy({
      verifier: base.verifier,
      groups,
      overrides: settings["group-override"],
      log,
    }),
    territory: {
      pools: pools.ranges,
      inner: pools.all,
      kept: () => [...ownAddresses(), ...settings.radius.map(({ address }) => address)],
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
  };
}

/** Who says yes or no. */
function baseOf(options: AaaOptions): Aaa {
  const { settings, secret, local } = options;
  if (settings.radius.length === 0 || secret === undefined) {
    return {
      verifier: local,
      accounting: undefined,
      authenticOf: () => "local",
      counters: () => ({}),
      clearCounters: () => {},
      close: () => {},
    };
  }
  const clientOf = (servers: readonly Endpoint[]): RadiusClient =>
    new RadiusClient({
      ...options,
      secret,
      servers,
      source: settings["radius-source"],
      allowUnsigned: settings["radius-allow-unsigned"],
      times: {
        timeoutMs: settings["radius-timeout"] * 1000,
        deadMs: settings["radius-dead-time"] * 1000,
        firstPauseMs: usualFirstPauseMs,
      },
    });
  const client = clientOf(settings.radius);
  const verifier = new RadiusVerifier({
    ...options,
    client,
    ignoresUnknown: settings["radius-ignore-unknown"],
    passwords: settings["radius-password"],
    fallsBack: settings["radius-fallback-local"],
  });
  const accountants = clientOf(
    settings.radius.map(({ address, port }) => ({ address, port: port + 1 })),
  );
  const accounting = settings["radius-accounting"]
    ? new RadiusAccounting({ ...options, client: accountants })
    : undefined;
  return {
    verifier,
    accounting,
    authenticOf: (method) => {
      if (method === "certificate") return "local";
      // A server, or a local user in its place.
      const isSure = method === "eap-radius" || !settings["radius-fallback-local"];
      return isSure ? "radius" : undefined;
    },
    counters: () => ({
      ...named("radius", [...client.counters]),
      ...named("radius", Object.entries(verifier.counted.counts)),
      ...named("radius-accounting", [...accountants.counters]),
    }),
    clearCounters: () => {
      client.clearCounters();
      verifier.counted.clear();
      accountants.clearCounters();
    },
    close: () => {
      client.close();
      accountants.close();
    },
  };
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
