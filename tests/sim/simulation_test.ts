/** Many seeded runs of gateway, clients and a bad network; the claims are in `sim_run.ts`. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, hexOf } from "../../core/bytes.ts";
import { quickCrypto } from "../support/sim_crypto.ts";
import { type RunFacts, simulate } from "../support/sim_run.ts";

const RUNS = 200;

Deno.test(`${RUNS} seeded runs keep every claim and come to rest`, () => {
  let reconnects = 0;
  let refusals = 0;
  let crashes = 0;
  let midway = 0;
  let disconnects = 0;
  let changes = 0;
  let idleEnds = 0;
  let moves = 0;
  let tokens = 0;
  let collisions = 0;
  let reloads = 0;
  let otherStarts = 0;
  let revoked = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const facts = simulate(seed);
    reconnects += facts.reconnects;
    refusals += facts.refusals;
    crashes += facts.crashes;
    midway += facts.midway;
    disconnects += facts.disconnects;
    changes += facts.changes;
    idleEnds += facts.idleEnds;
    moves += facts.moves;
    tokens += facts.tokens;
    collisions += facts.collisions;
    reloads += facts.reloads;
    otherStarts += facts.otherStarts;
    revoked += facts.revoked;
  }
  // The runs are worth something only if what they are about happens in them.
  ok(reconnects > 2 * RUNS, `${reconnects} reconnects`);
  ok(refusals > RUNS / 10, `${refusals} refusals`);
  ok(crashes > RUNS, `${crashes} crashes`);
  ok(midway > RUNS / 2, `${midway} crashes between two outputs of one step`);
  ok(disconnects > RUNS / 2, `${disconnects} disconnects`);
  ok(changes > RUNS / 3, `${changes} changes`);
  ok(idleEnds > RUNS / 4, `${idleEnds} idle for too long`);
  ok(moves > RUNS / 4, `${moves} changes of address`);
  ok(tokens > RUNS / 2, `${tokens} crashes told by token`);
  ok(collisions > RUNS / 20, `${collisions} rekeys that crossed`);
  ok(reloads > RUNS, `${reloads} reloads`);
  ok(otherStarts > RUNS / 2, `${otherStarts} starts with another configuration`);
  ok(revoked > RUNS / 10, `${revoked} sessions whose certificate was taken back`);
});

Deno.test("The same seed gives the same wire, octet for octet, and another seed another", () => {
  const fingerprint = ({ world }: RunFacts): string =>
    hexOf(quickCrypto.digest("sha256", concatBytes(...world.wire.map(({ bytes }) => bytes))));
  const [first, second, other] = [simulate(7), simulate(7), simulate(8)];
  equal(fingerprint(first), fingerprint(second));
  deepEqual(first.world.traces, second.world.traces);
  deepEqual(first.world.nowMs, second.world.nowMs);
  ok(fingerprint(first) !== fingerprint(other));
});
