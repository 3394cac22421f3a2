/** Which requests are remembered, for how long, and how many. */
import assert from "node:assert/strict";
import { RecentRequests } from "../../../../../appliance/aaa/radius/dynamic_author/recent_requests.ts";

Deno.test("a request is remembered with its answer until its time is over", () => {
  let now = 1_000;
  const recent = new RecentRequests(() => now);
  assert.equal(recent.find("a"), undefined);
  recent.add("a", 100).answer = Uint8Array.of(7);
  recent.add("b", 200);
  assert.deepEqual(recent.find("a")?.answer, Uint8Array.of(7));
  assert.equal(recent.find("b")?.answer, undefined);
  now = 1_100;
  assert.equal(recent.find("a"), undefined);
  assert.ok(recent.find("b") !== undefined);
  recent.add("a", 100);
  assert.equal(recent.find("a")?.answer, undefined, "another one with the same name");
});

Deno.test("ten thousand are remembered: the expired go first, then the oldest", () => {
  let now = 0;
  const recent = new RecentRequests(() => now);
  for (let i = 0; i < 10_000; i++) recent.add(`${i}`, i === 5_000 ? 10 : 1_000);
  assert.equal(recent.size, 10_000);
  now = 10;
  recent.add("new", 1_000);
  assert.equal(recent.size, 10_000);
  assert.equal(recent.find("5000"), undefined);
  assert.ok(recent.find("0") !== undefined);
  recent.add("newer", 1_000);
  assert.equal(recent.size, 10_000);
  assert.equal(recent.find("0"), undefined);
  assert.ok(recent.find("1") !== undefined && recent.find("new") !== undefined);
});
