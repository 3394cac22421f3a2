/** Which server is asked next. */
import assert from "node:assert/strict";
import {
  type Balance,
  type Candidate,
  choose,
  isPromising,
} from "../../../../appliance/aaa/radius/order.ts";

function server(index: number, change: Partial<Candidate> = {}): Candidate {
  return {
    index,
    standing: "alive",
    deadUntil: 0,
    isOnTrial: false,
    outstanding: 0,
    lastAsked: 0,
    ...change,
  };
}

const choices: readonly (readonly [string, Balance, readonly Candidate[], number | undefined])[] = [
  ["the first one alive", "in-order", [server(0), server(1)], 0],
  ["however busy it is", "in-order", [server(0, { outstanding: 9 }), server(1)], 0],
  ["not a dead one", "in-order", [server(0, { standing: "dead" }), server(1)], 1],
  ["one whose dead time is over", "in-order", [server(0, { standing: "due" }), server(1)], 0],
  [
    "but for one question alone",
    "in-order",
    [server(0, { standing: "due", isOnTrial: true }), server(1)],
    1,
  ],
  ["no trial of those behind", "in-order", [server(0), server(1, { standing: "due" })], 0],
  [
    "of dead ones the longest dead",
    "in-order",
    [
      server(0, { standing: "dead", deadUntil: 30 }),
      server(1, { standing: "dead", deadUntil: 10 }),
      server(2, { standing: "due", deadUntil: 20, isOnTrial: true }),
    ],
    1,
  ],
  [
    "the least busy one",
    "least-outstanding",
    [server(0, { outstanding: 2 }), server(1, { outstanding: 1 }), server(2, { outstanding: 3 })],
    1,
  ],
  [
    "of equals the one that was left alone for longest",
    "least-outstanding",
    [server(0, { lastAsked: 7 }), server(1, { lastAsked: 5 }), server(2, { lastAsked: 6 })],
    1,
  ],
  [
    "no dead one, though it has nothing to do",
    "least-outstanding",
    [server(0, { outstanding: 9 }), server(1, { standing: "dead" })],
    0,
  ],
  ["nobody of nobody", "least-outstanding", [], undefined],
];

for (const [what, balance, servers, wanted] of choices) {
  Deno.test(`${balance}: ${what}`, () => assert.equal(choose(servers, balance)?.index, wanted));
}

Deno.test("a dead server is no promise, nor one on trial", () => {
  assert.deepEqual(
    [server(0), server(0, { standing: "due" })].map(isPromising),
    [true, true],
  );
  assert.deepEqual(
    [server(0, { standing: "dead" }), server(0, { standing: "due", isOnTrial: true })]
      .map(isPromising),
    [false, false],
  );
});
