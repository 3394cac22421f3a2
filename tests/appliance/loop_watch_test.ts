import assert from "node:assert/strict";
import { LoopWatch } from "../../appliance/loop_watch.ts";
import { until } from "../support/background.ts";

Deno.test("an event loop that is held up is seen to be late, until that is cleared", async () => {
  const watch = new LoopWatch(() => performance.now());
  try {
    assert.deepEqual(watch.counters, { "loop-latest-ms": 0, "loop-late": 0 });
    const end = performance.now() + 250;
    while (performance.now() < end);
    await until("lateness", () => watch.counters["loop-late"] > 0 ? true : undefined, 5_000);
    // It was due 100 ms after the start at the earliest.
    const { "loop-latest-ms": latest } = watch.counters;
    assert.ok(latest >= 140, `${latest} ms`);
    watch.clear();
    assert.ok(watch.counters["loop-latest-ms"] < latest);
  } finally {
    watch.close();
  }
});
