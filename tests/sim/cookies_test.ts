/**
 * Logins while the gateway is at its threshold for cookies, on a network that doubles and reorders: AUTH
 * covers the IKE_SA_INIT that was answered (RFC 7296 §2.15), so both sides must mean the same one.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../support/seeded_random.ts";
import { describe, SimWorld } from "../support/sim_world.ts";

/** Copies arrive long after the message itself, also when the gateway has time again. */
const TWISTED = { loss: 0, duplication: 0.6, latencyMs: [5, 300] } as const;

Deno.test("RFC 7296 §2.6: nobody fails to log in because a copy from before the cookie comes late", () => {
  let cookies = 0;
  const failed: number[] = [];
  for (let seed = 1; seed <= 300; seed++) {
    const world = new SimWorld(seed, { cookieThreshold: 1 }, TWISTED);
    const random = new SeededRandom(seed);
    for (const [i, user] of ["alice", "bob", "carol"].entries()) {
      const sim = world.addClient(user, `198.51.100.${7 + i}`);
      world.connect(sim);
      world.run(random.below(200));
    }
    world.run(60_000);
    cookies += world.show.counters["cookie-sent"] ?? 0;
    if (world.show.counters["authentication-failed"] !== undefined) failed.push(seed);
    for (const sim of world.clients) equal(sim.count("closed"), 0, describe(world));
  }
  deepEqual(failed, []);
  ok(cookies > 300, `${cookies} cookies were asked for`);
});
