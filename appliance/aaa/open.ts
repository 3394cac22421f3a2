/** Puts the AAA back end together that the flags ask for: local users, or RADIUS before them. */
import {
  type CryptoProvider,
  type IpAddress,
  type Random,
  rangeContains,
  utf8,
} from "../../core/mod.ts";
import type { Clock } from "../clock.ts";
import type { Pools } from "../config/pools.ts";
import type { ServeSettings } from "../config/serve_flags.ts";
import type { UserVerifier } from "../effects.ts";
import type { Log } from "../log.ts";
import type { AaaServerFacts } from "../show/facts.ts";
import { aaaServerFacts } from "./radius/facts.ts";
import { RadiusAccounting } from "./radius/accounting.ts";
import { RadiusClient, type RadiusServerSettings, usualFirstPauseMs } from "./radius/client.ts";
import { withSecrets } from "./radius/secrets.ts";
import { RadiusVerifier } from "./radius/verifier.ts";

/** What a back end is made from. */
export interface AaaOptions {
  readonly settings: ServeSettings;
  /** Of `--radius-secret-file`: one for all servers, or one each. */
  readonly secrets: readonly Uint8Array[];
  readonly local: UserVerifier;
  readonly pools: Pools;
  readonly nasIdentifier: string;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

/** A back end at work. */
export interface Aaa {
  readonly verifier: UserVerifier;
  /** Where sessions are accounted for, if anywhere. */
  readonly accounting: RadiusAccounting | undefined;
  /** By name, for `show`. */
  counters(): Readonly<Record<string, number>>;
  /** Server by server, for `show`. */
  servers(): readonly AaaServerFacts[];
  clearCounters(): void;
  /** Gives up what is open. */
  close(): void;
}

/** The back end of these settings. */
export function openAaa(options: AaaOptions): Aaa {
  const { settings, secrets, local, pools, nasIdentifier, clock } = options;
  if (settings.radius.length === 0) {
    return {
      verifier: local,
      accounting: undefined,
      counters: () => ({}),
      servers: () => [],
      clearCounters: () => {},
      close: () => {},
    };
  }
  const clientOf = (servers: readonly RadiusServerSettings[]): RadiusClient =>
    new RadiusClient({
      ...options,
      servers,
      balance: settings["radius-balance"],
      source: settings["radius-source"],
      allowUnsigned: settings["radius-allow-unsigned"],
      times: {
        timeoutMs: settings["radius-timeout"] * 1000,
        deadMs: settings["radius-dead-time"] * 1000,
        firstPauseMs: usualFirstPauseMs,
      },
      status: settings["radius-status-server"]
        ? [{ name: "NAS-Identifier", value: utf8(nasIdentifier) }]
        : undefined,
    });
  const named = withSecrets(settings, secrets);
  const client = clientOf(named.access);
  const isServed = (address: IpAddress): boolean =>
    pools.ranges.some((range) => rangeContains(range, address));
  const verifier = new RadiusVerifier({
    ...options,
    client,
    isServed,
    passwords: settings["radius-password"],
    fallsBack: settings["radius-fallback-local"],
  });
  const accountants = settings["radius-accounting"] ? clientOf(named.accounting) : undefined;
  const accounting = accountants === undefined
    ? undefined
    : new RadiusAccounting({ ...options, client: accountants });
  let clearedAt = clock.now().monotonic;
  return {
    verifier,
    accounting,
    counters: () => ({
      ...countersOf("radius", client),
      ...(accountants === undefined ? {} : countersOf("radius-accounting", accountants)),
      ...(accounting === undefined ? {} : { "radius-accounting-lost": accounting.lost }),
    }),
    servers: () =>
      aaaServerFacts({
        access: { servers: named.access, pictures: client.pictures },
        accounting: accountants === undefined
          ? undefined
          : { servers: named.accounting, pictures: accountants.pictures },
        isShared: settings["radius-acct"].length === 0,
        clearedMs: clock.now().monotonic - clearedAt,
      }),
    clearCounters: () => {
      clearedAt = clock.now().monotonic;
      client.clearCounters();
      accountants?.clearCounters();
      accounting?.clearCounters();
    },
    close: () => {
      client.close();
      accountants?.close();
    },
  };
}

function countersOf(prefix: string, { counters }: RadiusClient): Record<string, number> {
  return Object.fromEntries([...counters].map(([name, count]) => [`${prefix}-${name}`, count]));
}
