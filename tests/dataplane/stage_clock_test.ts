import assert from "node:assert/strict";
import { Stage, StageClock } from "../../dataplane/stage_clock.ts";

Deno.test("time goes to the stage that it was spent in, and back to the one around it", () => {
  let now = 100;
  const clock = new StageClock(true, () => now);
  const after = (ms: number): void => void (now += ms);
  after(1);
  clock.enter(Stage.wait);
  after(10);
  const around = clock.enter(Stage.open);
  assert.equal(around, Stage.wait);
  after(20);
  const stage = clock.enter(Stage["tun-write"]);
  after(3);
  clock.enter(stage);
  after(4);
  const spent = clock.read();
  assert.deepEqual(
    [spent?.rest, spent?.wait, spent?.open, spent?.["tun-write"], spent?.send],
    [1, 10, 24, 3, 0],
  );
  after(5);
  assert.equal(clock.read()?.open, 29, "a reading does not end the stage");
});

Deno.test("a loop that is not profiled reads no clock and has nothing to tell", () => {
  const clock = new StageClock(false, () => assert.fail("read"));
  assert.equal(clock.enter(Stage.open), Stage.open);
  assert.equal(clock.read(), undefined);
});
