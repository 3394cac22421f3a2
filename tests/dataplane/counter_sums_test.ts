import assert from "node:assert/strict";
import { sumPairs, sumReadings } from "../../dataplane/counter_sums.ts";
import { namedCounters, newCounters } from "../../dataplane/counters.ts";
import type { ChildSaCounters } from "../../dataplane/mod.ts";

const nothing = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0, dropsIn: 0, dropsOut: 0 };
const received: ChildSaCounters = {
  ...nothing,
  ...{
    inboundSpi: 7,
    packetsIn: 3,
    bytesIn: 300,
    dropsIn: 2,
    drops: { replay: 1, "hard-limit": 1 },
  },
};
const sent: ChildSaCounters = {
  ...nothing,
  ...{ inboundSpi: 7, packetsOut: 5, bytesOut: 500, dropsOut: 4, drops: { "hard-limit": 4 } },
};
const whole: ChildSaCounters = {
  ...{ inboundSpi: 7, packetsIn: 3, bytesIn: 300, packetsOut: 5, bytesOut: 500 },
  ...{ dropsIn: 2, dropsOut: 4, drops: { replay: 1, "hard-limit": 5 } },
};

Deno.test("what two loops have counted on a pair is added, and drops by cause", () => {
  assert.deepEqual(sumPairs(received, sent), whole);
  assert.deepEqual(sumPairs(sent, received), whole);
});

Deno.test("readings are added: totals by name, pairs by SPI", () => {
  const totals = namedCounters(newCounters());
  const other: ChildSaCounters = { ...nothing, inboundSpi: 8, drops: {} };
  const sum = sumReadings([
    { totals: { ...totals, "packets-in": 3, "hard-limit": 1 }, perSa: [received, other] },
    { totals: { ...totals, "packets-out": 5, "hard-limit": 4 }, perSa: [sent] },
  ]);
  assert.deepEqual(sum.perSa, [whole, other]);
  assert.deepEqual(sum.totals, {
    ...totals,
    ...{ "packets-in": 3, "packets-out": 5, "hard-limit": 5 },
  });
});

Deno.test("one reading is what it is", () => {
  const totals = { ...namedCounters(newCounters()), keepalive: 9 };
  assert.deepEqual(sumReadings([{ totals, perSa: [whole] }]), { totals, perSa: [whole] });
});
