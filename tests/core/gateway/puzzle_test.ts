/** Client puzzles in IKE_SA_INIT (RFC 8019 §7.1): what the gateway asks, and how our client answers. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import { NotifyType, PrfId } from "../../../core/message/constants.ts";
import { parseMessage } from "../../../core/message/message.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { parsePuzzle, type PuzzleTerms } from "../../../core/message/puzzle.ts";
import { PuzzleSolver } from "../../../core/sa/puzzle.ts";
import { quickCrypto, watchCrypto } from "../../support/sim_crypto.ts";
import { notifiesOf, notifyIn, SimPeer } from "../../support/sim_peer.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

const BITS = 6;
const asking = { cookieThreshold: 0, puzzles: { threshold: 0, bits: BITS } };

/** A peer that was asked for a solution. */
interface Challenged {
  readonly peer: SimPeer;
  readonly usual: readonly Payload[];
  readonly cookie: Payload & { readonly kind: "N" };
  readonly terms: PuzzleTerms;
}

function payloadsOf(bytes: Uint8Array | undefined): readonly Payload[] {
  const parsed = parseMessage(bytes ?? new Uint8Array(0));
  ok(parsed.ok);
  return parsed.value.payloads;
}

function challenged(world: SimWorld, options = {}): Challenged {
  const peer = new SimPeer(world, options);
  const usual = peer.initPayloads();
  const demand = payloadsOf(peer.exchange(peer.buildInit(usual))[0]);
  deepEqual(notifiesOf(demand), [NotifyType.COOKIE, NotifyType.PUZZLE]);
  const terms = parsePuzzle(notifyIn(demand, NotifyType.PUZZLE)!);
  ok(terms);
  return { peer, usual, cookie: notifyIn(demand, NotifyType.COOKIE)!, terms };
}

function solutionOf({ peer, cookie, terms }: Challenged): Uint8Array {
  const solver = new PuzzleSolver(peer.world.crypto, { ...terms, subject: cookie.data });
  for (;;) {
    const solution = solver.work(100);
    if (solution !== undefined) return solution;
  }
}

/** Sends the request once more, with what was asked; the notifies of the answer, none for an IKE SA. */
function comeBack({ peer, usual, cookie }: Challenged, solution?: Uint8Array): readonly number[] {
  const solved: readonly Payload[] = solution === undefined ? [] : [{ kind: "PS", data: solution }];
  const answer = payloadsOf(peer.exchange(peer.buildInit([cookie, ...solved, ...usual]))[0]);
  return find(answer, "KE") === undefined ? notifiesOf(answer) : [];
}

Deno.test("RFC 8019 §7.1.1: a puzzle comes with a cookie, from its own threshold on, and nothing is kept", () => {
  const world = new SimWorld(1301, { cookieThreshold: 1, puzzles: { threshold: 2, bits: BITS } });
  new SimPeer(world, { seed: 1, host: "203.0.113.1" }).init();
  const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  const usual = second.initPayloads();
  const demand = payloadsOf(second.exchange(second.buildInit(usual))[0]);
  deepEqual(notifiesOf(demand), [NotifyType.COOKIE], "at first a cookie does");
  const cookie = notifyIn(demand, NotifyType.COOKIE)!;
  ok(find(payloadsOf(second.exchange(second.buildInit([cookie, ...usual]))[0]), "KE"));
  const third = challenged(world, { seed: 3, host: "203.0.113.3" });
  deepEqual(third.terms, { prf: PrfId.HMAC_SHA2_256, bits: BITS });
  equal(world.show.negotiating, 2);
});

Deno.test("RFC 8019 §7.1.4: the right solution opens the door, and is cheap to look at", () => {
  const watch = watchCrypto(quickCrypto);
  const world = new SimWorld(1302, asking, calm, {
    crypto: quickCrypto,
    gatewayCrypto: watch.crypto,
  });
  watch.calls.length = 0;
  const one = challenged(world);
  const solution = solutionOf(one);
  deepEqual(watch.calls.filter((call) => !call.startsWith("hmac")), [], "no costly work before");
  watch.calls.length = 0;
  deepEqual(comeBack(one, solution), []);
  equal(world.show.negotiating, 1);
  const first = watch.calls.findIndex((call) => !call.startsWith("hmac"));
  ok(first >= 0 && first <= 8, `${first} hashes before the key exchange`);
});

Deno.test("RFC 8019 §7.1.4: a wrong solution, or one of another cookie, is asked for again", () => {
  const world = new SimWorld(1303, asking);
  const one = challenged(world);
  const right = solutionOf(one);
  const wrong = right.slice();
  wrong[15]! ^= 1;
  const again = [NotifyType.COOKIE, NotifyType.PUZZLE];
  deepEqual(comeBack(one, wrong), again);
  deepEqual(comeBack(one, new Uint8Array(0)), again);
  const other = challenged(world, { seed: 5, host: "203.0.113.5" });
  deepEqual(comeBack(other, right), again);
  equal(world.show.negotiating, 0);
  equal(world.show.counters["puzzle-wrong"], 3);
  deepEqual(comeBack(one, right), [], "and the right one is still good");
});

Deno.test("RFC 8019 §7.1.4: the cookie says how hard its puzzle was, and nobody makes it easier", () => {
  const world = new SimWorld(1304, asking);
  const one = challenged(world);
  const data = one.cookie.data.slice();
  data[0] = 1;
  const easier = { ...one, cookie: { ...one.cookie, data }, terms: { ...one.terms, bits: 1 } };
  deepEqual(comeBack(easier, solutionOf(easier)), [NotifyType.COOKIE, NotifyType.PUZZLE]);
  equal(world.show.negotiating, 0);
});

Deno.test("RFC 8019 §7.1.4: of those who know no puzzles some get in", () => {
  const world = new SimWorld(1305, asking);
  const count = 40 * limits.puzzleLegacyOdds;
  let admitted = 0;
  for (let seed = 1; seed <= count; seed++) {
    const host = `203.0.${seed >> 8}.${seed & 255}`;
    if (comeBack(challenged(world, { seed, host })).length === 0) admitted++;
  }
  ok(admitted > 20 && admitted < 60, `${admitted} of ${count}`);
});

Deno.test("RFC 8019 §7.1.2: our client solves a puzzle and logs in, a part of the work at a time", () => {
  const world = new SimWorld(1306, { ...asking, puzzles: { threshold: 0, bits: 11 } });
  const alice = world.login("alice", "198.51.100.7", { puzzleBits: 12 });
  ok(world.carries(alice), describe(world));
  equal(world.show.counters["puzzle-sent"], 1);
  equal(world.show.counters["puzzle-wrong"], undefined);
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  equal(alice.how, "reconnect", "and comes back the same way");
});

Deno.test("RFC 8019 §7.1.2: our client does not work for a puzzle that is too hard, or when it was told not to", () => {
  for (const [puzzleBits, bits] of [[0, 4], [5, 6]] as const) {
    const world = new SimWorld(1307, { ...asking, puzzles: { threshold: 0, bits } });
    const alice = world.addClient("alice", "198.51.100.7", { puzzleBits });
    world.connect(alice);
    world.run(1_000);
    const requests = world.wire.filter(({ bytes }) => bytes[18] === 34 && bytes[19] === 8);
    ok(requests.length >= 2, "it shows the cookie alone");
    for (const { bytes } of requests) equal(find(payloadsOf(bytes), "PS"), undefined);
    // And now and then that is enough.
    world.runUntil(() => world.carries(alice), 60_000);
  }
});
