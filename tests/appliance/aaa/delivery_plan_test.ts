/** Whose turn it is: order, silence of servers, records that nobody answers, the sheet that goes alone. */
import assert from "node:assert/strict";
import { DeliveryPlan } from "../../../appliance/aaa/delivery_plan.ts";

const times = { mostAtOnce: 2, firstPauseMs: 10, longestPauseMs: 35 };

/** A plan whose sheets have records as long as they are named. */
function planOf(...names: readonly string[]): DeliveryPlan & { readonly full: Set<string> } {
  const full = new Set(names);
  const plan = new DeliveryPlan({ times, hasRecords: (name) => full.has(name) });
  for (const name of names) plan.wake(name);
  return Object.assign(plan, { full });
}

/** Everybody who has a turn now. */
function takeAll(plan: DeliveryPlan, now: number): readonly string[] {
  const taken: string[] = [];
  for (let name = plan.take(now); name !== undefined; name = plan.take(now)) taken.push(name);
  return taken;
}

Deno.test("those that waited longest go first, so many at once", () => {
  const plan = planOf("a", "b", "c");
  assert.deepEqual(takeAll(plan, 0), ["a", "b"]);
  assert.equal(plan.nextAt(), undefined, "only an answer can bring more");
  plan.answered("a", true, 1);
  assert.deepEqual(takeAll(plan, 1), ["c"]);
  plan.answered("b", false, 2);
  assert.deepEqual(takeAll(plan, 2), ["a"]);
  plan.wake("a");
  plan.skipped("c", false);
  assert.deepEqual(takeAll(plan, 3), [], "who is busy has no second turn");
});

Deno.test("while nobody answers one at a time asks, another each time, with growing pauses", () => {
  const plan = planOf("a", "b", "c", "d");
  assert.deepEqual(takeAll(plan, 0), ["a", "b"]);
  plan.missed("a", 5);
  assert.equal(plan.isOutage, true);
  assert.deepEqual(takeAll(plan, 6), []);
  plan.missed("b", 7);
  assert.equal(plan.nextAt(), 15, "what was under way then is no second failure");
  assert.deepEqual(takeAll(plan, 14), []);
  assert.deepEqual(takeAll(plan, 15), ["c"]);
  assert.equal(plan.nextAt(), undefined);
  plan.missed("c", 20);
  assert.equal(plan.nextAt(), 40);
  assert.deepEqual(takeAll(plan, 40), ["d"]);
  plan.missed("d", 45);
  assert.equal(plan.nextAt(), 80, "the longest pause");
  assert.deepEqual(takeAll(plan, 80), ["a"]);
  plan.answered("a", false, 81);
  assert.equal(plan.isOutage, false);
  assert.deepEqual(takeAll(plan, 81), ["b", "c"]);
});

Deno.test("a record that nobody answers while others are answered makes its own sheet wait", () => {
  const plan = planOf("poison", "a");
  assert.deepEqual(takeAll(plan, 0), ["poison", "a"]);
  plan.answered("a", true, 1);
  assert.deepEqual(takeAll(plan, 2), ["a"]);
  plan.missed("poison", 5);
  assert.equal(plan.isOutage, false);
  plan.wake("poison");
  plan.answered("a", true, 6);
  assert.deepEqual(takeAll(plan, 7), ["a"]);
  assert.equal(plan.nextAt(), 15);
  assert.deepEqual(takeAll(plan, 15), ["poison"]);
  plan.answered("a", false, 16);
  plan.missed("poison", 17);
  assert.equal(plan.nextAt(), 37, "longer every time");
  assert.deepEqual(takeAll(plan, 37), ["poison"]);
  plan.answered("poison", true, 38);
  assert.deepEqual(takeAll(plan, 38), ["poison"]);
});

Deno.test("poison alone does not keep others from asking whether a server is there", () => {
  const plan = planOf("poison");
  assert.deepEqual(takeAll(plan, 0), ["poison"]);
  plan.missed("poison", 5);
  plan.wake("a");
  assert.deepEqual(takeAll(plan, 15), ["poison"]);
  plan.missed("poison", 20);
  assert.deepEqual(takeAll(plan, 40), ["a"]);
  plan.answered("a", false, 41);
  assert.deepEqual(takeAll(plan, 41), ["poison"]);
  plan.missed("poison", 50);
  assert.equal(plan.isOutage, false, "somebody was answered since the last time");
  assert.deepEqual(takeAll(plan, 60), ["poison"]);
  plan.missed("poison", 70);
  assert.equal(plan.isOutage, false, "and so it stays");
  plan.wake("b");
  assert.deepEqual(takeAll(plan, 71), ["b"]);
});

Deno.test("the sheet that goes alone comes after those before it and ahead of those behind", () => {
  const plan = planOf("a", "b", "c");
  plan.full.add("gateway");
  plan.goAlone("gateway", ["a", "b", "c", "empty", "gateway"]);
  plan.wake("gateway");
  plan.wake("later");
  assert.deepEqual(takeAll(plan, 0), ["a", "b"]);
  plan.full.delete("a");
  plan.answered("a", false, 1);
  plan.answered("b", true, 1);
  assert.deepEqual(takeAll(plan, 1), ["c", "b"]);
  plan.full.delete("b");
  plan.answered("b", false, 2);
  assert.deepEqual(takeAll(plan, 2), [], "one is still on its way");
  plan.full.delete("c");
  plan.answered("c", false, 3);
  assert.deepEqual(takeAll(plan, 3), ["gateway"]);
  plan.answered("gateway", false, 4);
  assert.deepEqual(takeAll(plan, 4), ["later"]);
});

Deno.test("nothing waits longer than one try for the sheet that goes alone", () => {
  const plan = planOf();
  plan.goAlone("gateway", []);
  plan.wake("later");
  assert.deepEqual(takeAll(plan, 0), [], "it is not stored yet");
  plan.wake("gateway");
  assert.deepEqual(takeAll(plan, 0), ["gateway"]);
  plan.missed("gateway", 5);
  assert.deepEqual(takeAll(plan, 15), ["later"]);
  plan.answered("later", true, 16);
  assert.deepEqual(takeAll(plan, 16), ["gateway", "later"]);
  plan.answered("later", false, 17);
  plan.missed("gateway", 18);
  plan.wake("more");
  assert.deepEqual(takeAll(plan, 19), ["more"]);
});

Deno.test("the sheet that goes alone waits neither for an outage to end nor for poison", () => {
  const plan = planOf("a", "b");
  plan.goAlone("gateway", ["a", "b"]);
  plan.wake("gateway");
  plan.wake("later");
  assert.deepEqual(takeAll(plan, 0), ["a", "b"]);
  plan.missed("a", 5);
  plan.missed("b", 5);
  assert.deepEqual(takeAll(plan, 15), ["a"], "in its order all the same");
  plan.answered("a", false, 16);
  assert.deepEqual(takeAll(plan, 16).toSorted(), ["b", "gateway"]);
  const other = planOf("poison", "a");
  other.goAlone("gateway", ["poison", "a"]);
  other.wake("gateway");
  assert.deepEqual(takeAll(other, 0), ["poison", "a"]);
  other.full.delete("a");
  other.answered("a", false, 1);
  assert.deepEqual(takeAll(other, 1), []);
  other.missed("poison", 1);
  assert.deepEqual(takeAll(other, 1), ["gateway"]);
});

Deno.test("a sheet that is to go alone twice has its place each time", () => {
  const plan = planOf("a");
  plan.full.add("gateway");
  plan.goAlone("gateway", ["a"]);
  plan.wake("gateway");
  plan.full.add("b");
  plan.wake("b");
  plan.goAlone("gateway", ["a", "b"]);
  plan.wake("later");
  assert.deepEqual(takeAll(plan, 0), ["a"]);
  plan.full.delete("a");
  plan.answered("a", false, 1);
  assert.deepEqual(takeAll(plan, 1), ["gateway"]);
  plan.answered("gateway", true, 2);
  assert.deepEqual(takeAll(plan, 2), ["b"]);
  plan.full.delete("b");
  plan.answered("b", false, 3);
  assert.deepEqual(takeAll(plan, 3), ["gateway"]);
  plan.answered("gateway", false, 4);
  assert.deepEqual(takeAll(plan, 4), ["later"]);
});
