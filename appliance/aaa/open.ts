/** Puts the AAA back end together that the flags ask for: local users, or RADIUS before them. */
import { type CryptoProvider, type IpAddress, type Random, rangeContains } from "../../core/mod.ts";
import type { Clock } from "../clock.ts";
import type { Pools } from "../config/pools.ts";
import type { ServeSettings } from "../config/serve_flags.ts";
import type { UserVerifier } from "../effects.ts";
import type { Log } from "../log.ts";
import { RadiusClient, usualFirstPauseMs } from "./radius/client.ts";
import { RadiusVerifier } from "./radius/verifier.ts";

/** What a back end is made from. */
export interface AaaOptions {
  readonly settings: ServeSettings;
  /** Of `--radius-secret-file`. */
  readonly secret: Uint8Array | undefined;
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
  /** By name, for `show`. */
  counters(): Readonly<Record<string, number>>;
  clearCounters(): void;
  /** Gives up what is open. */
  close(): void;
}

/** The back end of these settings. */
export function openAaa(options: AaaOptions): Aaa {
  const { settings, secret, local, pools } = options;
  if (settings.radius.length === 0 || secret === undefined) {
    return { verifier: local, counters: () => ({}), clearCounters: () => {}, close: () => {} };
  }
  const client = new RadiusClient({
    ...options,
    secret,
    servers: settings.radius,
    source: settings["radius-source"],
    allowUnsigned: settings["radius-allow-unsigned"],
    times: {
      timeoutMs: settings["radius-timeout"] * 1000,
      deadMs: settings["radius-dead-time"] * 1000,
      firstPauseMs: usualFirstPauseMs,
    },
  });
  const isServed = (address: IpAddress): boolean =>
    pools.ranges.some((range) => rangeContains(range, address));
  const verifier = new RadiusVerifier({
    ...options,
    client,
    isServed,
    passwords: settings["radius-password"],
    fallsBack: settings["radius-fallback-local"],
  });
  return {
    verifier,
    counters: () =>
      Object.fromEntries([...client.counters].map(([name, count]) => [`radius-${name}`, count])),
    clearCounters: () => client.clearCounters(),
    close: () => client.close(),
  };
}
