/** Sessions that did not come back with the gateway: why they ended, and when. */
import assert from "node:assert/strict";
import { newSheet } from "../../../appliance/aaa/account_sheet.ts";
import { endOfLost, type Meanwhile } from "../../../appliance/aaa/lost_accounts.ts";
import { type SessionRecord, wall } from "../../../core/mod.ts";
import { recordOf } from "../support/records.ts";
import { accountOf } from "./support/accounts.ts";

const seen = 1_000;
const now = 9_000;

/** A record without an absolute end. */
function waiting(deadline: number, absoluteEnd?: number): SessionRecord {
  const { absoluteEnd: _, ...record } = recordOf("key", 1, 0);
  const end = absoluteEnd === undefined ? {} : { absoluteEnd: wall(absoluteEnd) };
  return { ...record, ...end, deadline: wall(deadline) };
}

const cases: readonly (readonly [
  what: string,
  meanwhile: Partial<Meanwhile> & { readonly parked?: string },
  end: readonly [why: string, at: number],
])[] = [
  ["on one SA, no sign of life later", {}, ["gateway-died", seen]],
  ["on one SA, the gateway lived on", { lastAlive: wall(5_000) }, ["gateway-died", 5_000]],
  ["on one SA, an old sign of life", { lastAlive: wall(500) }, ["gateway-died", seen]],
  ["its time was over", { record: waiting(8_000, 7_000) }, ["session-lifetime", 7_000]],
  ["its time is not over", { record: waiting(8_000, 9_500) }, ["gateway-died", 8_000]],
  ["its time would have been over later", { record: waiting(6_000, 7_000) }, [
    "gateway-died",
    6_000,
  ]],
  ["nobody could come back to a dead gateway", { record: waiting(8_000) }, ["gateway-died", 8_000]],
  ["nobody came back since the peer was silent", {
    record: waiting(8_000),
    parked: "peer-silent",
  }, ["reconnect-timeout", 8_000]],
  ["nobody could come back to a stopped gateway", {
    record: waiting(8_000),
    parked: "shutdown",
  }, ["shutdown", 8_000]],
  ["twice dead", { record: waiting(8_000), parked: "gateway-died" }, ["gateway-died", 8_000]],
  ["reconnect was switched off", { record: waiting(9_500), canReconnect: false }, [
    "shutdown",
    now,
  ]],
  ["another session has its address", { record: waiting(9_500) }, ["evicted", now]],
];

for (const [what, { parked, ...meanwhile }, end] of cases) {
  Deno.test(`how a session ended that is not there any more: ${what}`, () => {
    const sheet = {
      ...newSheet(accountOf("key"), wall(seen)),
      ...(parked === undefined ? {} : { parked }),
    };
    const { why, at } = endOfLost(sheet, {
      record: undefined,
      lastAlive: undefined,
      now: wall(now),
      canReconnect: true,
      ...meanwhile,
    });
    assert.deepEqual([why, at], end);
  });
}
