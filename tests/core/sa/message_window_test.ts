import assert from "node:assert/strict";
import { limits } from "../../../core/limits.ts";
import { type Monotonic, monotonic } from "../../../core/moment.ts";
import { InvariantError } from "../../../core/result.ts";
import { patientPlan, RequesterWindow, ResponderWindow } from "../../../core/sa/message_window.ts";
import { hex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const datagrams = [hex("01"), hex("0203")];

/** Octets that are always the same, so that waits are exact: 0 means no jitter, 255 the most. */
function constantRandom(octet: number): { bytes(length: number): Uint8Array } {
  return { bytes: (length) => new Uint8Array(length).fill(octet) };
}

Deno.test("RFC 7296 §2.1: a retransmitted request gets the cached response octet for octet", () => {
  const window = new ResponderWindow(0);
  assert.equal(window.onRequest(0), "new");
  window.accept(0);
  assert.equal(window.onRequest(0), "retransmission");
  assert.deepEqual(window.response, [], "nothing to repeat while the answer is being made");
  window.respond(datagrams);
  assert.equal(window.onRequest(0), "retransmission");
  assert.equal(window.response, datagrams);
  assert.equal(window.next, 1);
});

Deno.test("RFC 7296 §2.2: requests count up one by one", () => {
  const window = new ResponderWindow(1);
  assert.equal(window.onRequest(0), "retransmission");
  assert.equal(window.onRequest(2), "ahead");
  for (let id = 1; id < 5; id++) {
    assert.equal(window.onRequest(id), "new");
    assert.equal(window.onRequest(id), "new", "asking changes nothing");
    window.accept(id);
    window.respond([hex("aa")]);
  }
  assert.equal(window.onRequest(4), "retransmission");
  assert.equal(window.onRequest(3), "stale");
  assert.equal(window.onRequest(0), "stale");
  assert.equal(window.onRequest(0xffffffff), "ahead");
});

Deno.test("RFC 7296 §2.3: with a window of one the next request waits for the response", () => {
  const window = new ResponderWindow(1);
  window.accept(1);
  assert.equal(window.onRequest(2), "ahead");
  window.respond(datagrams);
  assert.equal(window.onRequest(2), "new");
  window.accept(2);
  assert.deepEqual(window.response, [], "the old response is gone");
});

Deno.test("RFC 7383 §2.6.1: of a repeated request in fragments only the first is answered", () => {
  const window = new ResponderWindow(1);
  assert.equal(window.onRequest(1, 2), "new");
  window.accept(1);
  window.respond(datagrams);
  assert.equal(window.onRequest(1, 1), "retransmission");
  assert.equal(window.onRequest(1, 2), "stale");
});

Deno.test("Accepting what was not expected is our own mistake", () => {
  assert.throws(() => new ResponderWindow(1).accept(2), InvariantError);
});

Deno.test("RFC 7296 §2.2: no Message ID comes a second time, since the IKE SA ends before", () => {
  const theirs = new ResponderWindow(0xfffffffe);
  theirs.accept(0xfffffffe);
  theirs.respond(datagrams);
  assert.throws(() => theirs.accept(0xffffffff), InvariantError);
  assert.equal(theirs.onRequest(0), "stale");
  const ours = new RequesterWindow(0xfffffffe, constantRandom(0));
  ours.begin(datagrams, monotonic(0));
  ours.finish(0xfffffffe);
  assert.throws(() => ours.begin(datagrams, monotonic(0)), InvariantError);
});

/** Runs a request to its end and returns when each transmission left and when it was given up. */
function schedule(octet: number): { sent: number[]; gaveUp: number } {
  const window = new RequesterWindow(0, constantRandom(octet));
  window.begin(datagrams, monotonic(1000));
  const sent = [1000];
  for (;;) {
    const now: Monotonic = window.deadline!;
    const step = window.onTimeout(now);
    if (step.kind === "give-up") return { sent, gaveUp: now };
    assert.ok(step.kind === "retransmit");
    assert.equal(step.datagrams, datagrams);
    sent.push(now);
  }
}

Deno.test("RFC 7296 §2.4: a request is repeated with growing waits, then the peer is given up", () => {
  const { sent, gaveUp } = schedule(0);
  assert.equal(sent.length, limits.transmissions);
  const waits = sent.slice(1).map((at, i) => at - sent[i]!);
  assert.deepEqual(waits, [500, 900, 1620, 2916, 5249, 9448]);
  assert.equal(gaveUp - sent.at(-1)!, 17006);
});

Deno.test("A patient request is repeated without end, at even waits after a while", () => {
  const window = new RequesterWindow(0, constantRandom(0));
  window.begin(datagrams, monotonic(0), patientPlan);
  const sent: number[] = [];
  while (sent.length < 50) {
    const now = window.deadline!;
    assert.equal(window.onTimeout(now).kind, "retransmit");
    sent.push(now);
  }
  assert.deepEqual(sent.slice(0, 3), [500, 1400, 3020]);
  assert.equal(sent[49]! - sent[48]!, limits.longestRetransmitMs);
});

Deno.test("Jitter shortens each wait by a tenth at most", () => {
  const longest = schedule(0);
  const shortest = schedule(255);
  const ratio = (shortest.gaveUp - 1000) / (longest.gaveUp - 1000);
  assert.ok(ratio > 0.899 && ratio < 0.901, String(ratio));
  const window = new RequesterWindow(0, new SeededRandom(41));
  for (let run = 0; run < 200; run++) {
    window.begin(datagrams, monotonic(0));
    assert.ok(window.deadline! >= 450 && window.deadline! <= 500);
    window.finish(run);
  }
});

Deno.test("A spurious timeout is harmless", () => {
  const window = new RequesterWindow(0, constantRandom(0));
  assert.deepEqual(window.onTimeout(monotonic(5)), { kind: "wait" });
  window.begin(datagrams, monotonic(0));
  assert.deepEqual(window.onTimeout(monotonic(499)), { kind: "wait" });
  assert.equal(window.onTimeout(monotonic(500)).kind, "retransmit");
  assert.deepEqual(window.onTimeout(monotonic(500)), { kind: "wait" });
});

Deno.test("Only the response to the outstanding request counts, and it ends the waiting", () => {
  const window = new RequesterWindow(3, constantRandom(0));
  assert.equal(window.next, 3);
  assert.equal(window.outstanding, undefined);
  assert.ok(!window.awaits(3));
  window.begin(datagrams, monotonic(0));
  assert.equal(window.outstanding, 3);
  assert.equal(window.next, 4);
  assert.ok(window.awaits(3));
  assert.ok(!window.awaits(2) && !window.awaits(4));
  window.finish(3);
  assert.equal(window.deadline, undefined);
  assert.ok(!window.awaits(3), "a second copy of the response is nothing new");
  assert.deepEqual(window.onTimeout(monotonic(1e6)), { kind: "wait" });
  assert.throws(() => window.finish(3), InvariantError);
});

Deno.test("RFC 4555 §3.5: a request that takes a new path is the same, counted from the start", () => {
  const window = new RequesterWindow(3, constantRandom(0));
  assert.deepEqual(window.restart(monotonic(0)), [], "there is none");
  assert.equal(window.deadline, undefined);
  window.begin(datagrams, monotonic(0));
  assert.equal(window.onTimeout(monotonic(500)).kind, "retransmit");
  assert.equal(window.restart(monotonic(1000)), datagrams);
  assert.equal(window.outstanding, 3);
  assert.equal(window.next, 4);
  assert.equal(window.deadline, 1500);
});

Deno.test("There is one request at a time, and an abandoned one makes room", () => {
  const window = new RequesterWindow(0, constantRandom(0));
  window.begin(datagrams, monotonic(0));
  assert.throws(() => window.begin(datagrams, monotonic(0)), InvariantError);
  window.abandon();
  window.begin(datagrams, monotonic(0));
  assert.equal(window.outstanding, 1);
  assert.throws(
    () => new RequesterWindow(0xffffffff, constantRandom(0)).begin(datagrams, monotonic(0)),
    InvariantError,
  );
});

Deno.test("RFC 7296 §2.6: IKE_SA_INIT with a cookie keeps its Message ID and counts anew", () => {
  const window = new RequesterWindow(0, constantRandom(0));
  window.begin(datagrams, monotonic(0));
  window.onTimeout(monotonic(500));
  const other = [hex("ff")];
  window.replace(other, monotonic(600));
  assert.equal(window.outstanding, 0);
  assert.equal(window.next, 1);
  assert.equal(window.deadline, 1100);
  assert.deepEqual(window.onTimeout(monotonic(1100)), { kind: "retransmit", datagrams: other });
});

Deno.test("A plan of its own makes a request more or less patient", () => {
  const window = new RequesterWindow(0, constantRandom(0));
  const plan = { firstMs: 100, transmissions: 2, backoff: 3, longestMs: 1_000 };
  window.begin(datagrams, monotonic(0), plan);
  assert.equal(window.onTimeout(monotonic(100)).kind, "retransmit");
  assert.equal(window.deadline, 400);
  assert.equal(window.onTimeout(monotonic(400)).kind, "give-up");
  assert.equal(window.outstanding, undefined);
});
