/** When a server is believed to be there: pure state, times in milliseconds. */
import assert from "node:assert/strict";
import { ServerHealth } from "../../../../appliance/aaa/radius/health.ts";

const times = { timeoutMs: 90_000, deadMs: 60_000, firstPauseMs: 2_000 };

function answered(health: ServerHealth, now: number, tookMs: number, count = 1): void {
  for (let i = 0; i < count; i++) health.heard(now, { purpose: "access", tookMs });
}

Deno.test("a server that was never heard may be silent for a third of the patience", () => {
  assert.equal(new ServerHealth(times, 0).patienceMs(), 30_000);
});

Deno.test("a quick server is missed after the first retransmission, a slow one after all its time", () => {
  const health = new ServerHealth(times, 0);
  answered(health, 10, 20);
  assert.equal(health.patienceMs(), 3_000);
  answered(health, 10, 15_000);
  assert.equal(health.patienceMs(), 60_000);
  answered(health, 10, 40_000);
  assert.equal(health.patienceMs(), 90_000);
});

Deno.test("a slow answer is forgotten little by little, and accounting does not hide it", () => {
  const health = new ServerHealth(times, 0);
  answered(health, 10, 20_000);
  for (let i = 0; i < 1_000; i++) health.heard(20, { purpose: "accounting", tookMs: 5 });
  assert.equal(health.patienceMs(), 80_000);
  health.heard(30);
  assert.equal(health.patienceMs(), 80_000);
  answered(health, 40, 5, 100);
  const after = health.patienceMs();
  assert.ok(after > 25_000 && after < 35_000, String(after));
});

Deno.test("dead, due, alive: what is told of a life", () => {
  const health = new ServerHealth(times, 1_000);
  assert.equal(health.standing(1_000), "alive");
  assert.equal(health.die(11_000), true);
  assert.equal(health.die(12_000), false);
  assert.equal(health.deadUntil, 72_000);
  assert.equal(health.standing(71_999), "dead");
  assert.equal(health.standing(72_000), "due");
  assert.deepEqual(health.picture(21_000), {
    isAlive: false,
    durationMs: 10_000,
    previousMs: 10_000,
    deadMs: 10_000,
    deaths: 1,
  });
  assert.equal(health.heard(81_000), true);
  assert.equal(health.heard(82_000), false);
  assert.equal(health.standing(82_000), "alive");
  assert.deepEqual(health.picture(91_000), {
    isAlive: true,
    durationMs: 10_000,
    previousMs: 70_000,
    deadMs: 70_000,
    deaths: 1,
  });
  health.clear(91_000);
  const { deadMs, deaths, durationMs } = health.picture(91_000);
  assert.deepEqual([deadMs, deaths, durationMs], [0, 0, 10_000]);
});

Deno.test("without a dead time nobody is remembered as dead", () => {
  const health = new ServerHealth({ ...times, deadMs: 0 }, 0);
  assert.equal(health.die(10), false);
  assert.equal(health.standing(10), "alive");
});
