/**
 * When SAs are rekeyed (RFC 7296 §2.8): at a point of their lifetime that is left to chance, so that the
 * peers of a gateway do not all begin at once and the two sides of an SA seldom do.
 */
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import type { SaWorld } from "./world.ts";

/** The share of a lifetime after which a rekey may begin, and how much chance adds to that. */
const REKEY_AFTER = { least: 0.9, spread: 0.06 } as const;

/**
 * When to try again after a rekey was refused for the moment (RFC 7296 §2.25). By chance, because
 * two sides that refuse each other would do it again if both waited for the same time.
 */
const RETRY_REKEY_MS = { least: 2_000, spread: 8_000 } as const;

/** How much of a lifetime, be it time, octets or packets, passes until a rekey begins. */
export function rekeyPoint(world: SaWorld, lifetime: number): number {
  const { least, spread } = REKEY_AFTER;
  return Math.floor(lifetime * (least + spread * chance(world)));
}

/** The moment to begin a rekey of what was made at `start`. */
export function rekeyMoment(world: SaWorld, start: Monotonic, lifetimeMs: number): Monotonic {
  return after(start, rekeyPoint(world, lifetimeMs));
}

/** The moment to try a rekey again. */
export function retryMoment(world: SaWorld, now: Monotonic): Monotonic {
  const { least, spread } = RETRY_REKEY_MS;
  return after(now, least + Math.floor(spread * chance(world)));
}

/** A number from 0 to below 1. */
function chance(world: SaWorld): number {
  const [octet = 0] = world.random.bytes(1);
  return octet / 256;
}
