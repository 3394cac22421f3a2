/** Late copies of first messages: what is known of them, for how long, and how much at most. */
import { deepEqual, equal } from "node:assert/strict";
import { PastInitiations } from "../../../core/gateway/past_initiations.ts";
import { limits } from "../../../core/limits.ts";
import { monotonic } from "../../../core/moment.ts";

Deno.test("A first message is known for its time at least, and for twice that at most", () => {
  const { pastInitiationMs: ms } = limits;
  for (const addedAt of [0, 1, ms / 2, ms - 1, ms, 3 * ms + 7]) {
    const past = new PastInitiations();
    past.has("other", monotonic(0));
    past.add("a", monotonic(addedAt));
    equal(past.has("b", monotonic(addedAt)), false);
    equal(past.has("a", monotonic(addedAt + ms - 1)), true, `${addedAt}`);
    equal(past.has("a", monotonic(addedAt + 2 * ms)), false, `${addedAt}`);
  }
});

Deno.test("A crowd of first messages pushes the oldest out and nothing grows", () => {
  const most = limits.pastInitiations;
  const past = new PastInitiations();
  const now = monotonic(5);
  for (let i = 0; i < 3 * most; i++) past.add(`${i}`, now);
  const known = (i: number): boolean => past.has(`${i}`, now);
  deepEqual([0, most - 1, most, 3 * most - 1].map(known), [false, false, true, true]);
});
