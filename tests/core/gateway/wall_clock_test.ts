/** Two clocks of which one jumps. */
import { equal } from "node:assert/strict";
import { WallClock } from "../../../core/gateway/wall_clock.ts";
import { moment, monotonic, wall } from "../../../core/moment.ts";

Deno.test("a jump of the wall clock is noticed once, in either direction, and drift is none", () => {
  const clock = new WallClock(moment(0, 1_000_000));
  equal(clock.hasJumped(moment(100, 1_000_100)), false);
  equal(clock.hasJumped(moment(200, 1_000_700)), false, "500 ms are drift");
  equal(clock.hasJumped(moment(300, 1_000_801)), true);
  equal(clock.hasJumped(moment(400, 1_000_901)), false);
  equal(clock.hasJumped(moment(500, 0)), true, "time goes backwards");
  equal(clock.hasJumped(moment(600, 100)), false);
});

Deno.test("a wall time is reached when the other clock has gone as far, and a past one at once", () => {
  const clock = new WallClock(moment(0, 1_000_000));
  equal(clock.nextLook(monotonic(7)), undefined, "nothing ends by the wall clock");
  equal(clock.reach(wall(1_005_000.5), moment(2_000, 1_002_000)), 5_001);
  equal(clock.reach(wall(1_000_000), moment(2_000, 1_002_000)), 2_000);
  equal(clock.nextLook(monotonic(7)), 1_007);
});
