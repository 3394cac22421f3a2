/** What tests of sessions look at again and again, and do to their clients. */
import { deepEqual, equal } from "node:assert/strict";
import type { SessionRecord } from "../../core/gateway/record.ts";
import type { SimClient } from "./sim_client.ts";
import type { SimWorld } from "./sim_world.ts";

/** Why sessions ended, oldest first. */
export function ended(world: SimWorld): unknown[] {
  return world.traces.filter(({ event }) => event === "session-ended")
    .map(({ facts }) => facts?.["why"]);
}

/** Why logins and returns were refused, oldest first. */
export function reasons(world: SimWorld): unknown[] {
  return world.traces.filter(({ event }) => event === "authentication-failed")
    .map(({ facts }) => facts?.["reason"]);
}

/** The only record in the store. */
export function stored(world: SimWorld): SessionRecord {
  const records = [...world.backend.store.values()];
  equal(records.length, 1);
  return records[0]!;
}

/** The clients' network goes away until the gateway has noticed. */
export function silence(world: SimWorld, ...clients: readonly SimClient[]): void {
  const before = world.show.reconnect.inactiveCapable;
  for (const client of clients) client.online = false;
  const claim = (): boolean => world.show.reconnect.inactiveCapable === before + clients.length;
  world.runUntil(claim, 180_000);
}

/** Nothing is left of a login that came to nothing. */
export function assertNothing(world: SimWorld): void {
  equal(world.show.negotiating, 0);
  deepEqual(world.show.sessions, []);
  equal(world.show.pools[0]!.inUse, 0);
  equal(world.installed.size, 0);
  equal(world.backend.waiting, 0);
}
