/** Sessions whose user sends nothing: when they are over, and what they become. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { UserAttributes } from "../../../core/gateway/question.ts";
import type { Policy } from "../../../core/gateway/policy.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { hexOf } from "../../../core/bytes.ts";
import { ended, silence } from "../../support/sim_claims.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { simNumbers, simPolicy } from "../../support/sim_settings.ts";
import { makeSimPki } from "../../support/sim_pki.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { SimWorld } from "../../support/sim_world.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const LIMIT = 600 * SECOND;
/** The client asks often whether the gateway is there, so that IKE itself is never silent. */
const CURIOUS = { dpd: { intervalMs: 10 * SECOND, retryMs: 2_000 } };
/** One that does not ask. */
const PATIENT = { dpd: { intervalMs: 600 * MINUTE, retryMs: 2_000 } };

/** A gateway with an idle timeout of ten minutes. */
function worldOf(seed: number, change: Partial<Policy> = {}): SimWorld {
  const { attributes } = simPolicy(makeSimPki(quickCrypto));
  return new SimWorld(seed, { attributes: { ...attributes, idleTimeoutSeconds: 600 }, ...change });
}

function parked(world: SimWorld): unknown[] {
  return world.traces.filter(({ event }) => event === "session-parked")
    .map(({ facts }) => facts?.["reason"]);
}

/** Seconds that the gateway says the only session is idle. */
function idleSeconds(world: SimWorld): number {
  const { idle } = world.session;
  ok(idle !== undefined);
  return (world.at.monotonic - idle.since) / SECOND;
}

Deno.test("Idle-Timeout: a user who sends nothing is gone after it, however alive the client is", () => {
  const world = worldOf(801);
  const alice = world.login("alice", "198.51.100.7", CURIOUS);
  const since = world.session.idle?.since ?? 0;
  world.run(since + LIMIT - 1 - world.nowMs);
  equal(world.session.state, "active");
  world.run(2);
  deepEqual(ended(world), ["idle-timeout"]);
  deepEqual(world.show.sessions, []);
  equal(world.show.pools[0]?.inUse, 0);
  equal(world.installed.size, 0);
  world.run(SECOND);
  equal(world.backend.store.size, 0, "nobody comes back to it");
  equal(alice.last("closed")?.why, "deleted-by-gateway", "and the client was told");
});

Deno.test("Idle-Timeout: a packet begins the time anew, an empty one does not", () => {
  for (
    const [what, end] of [["packets", LIMIT + 9 * MINUTE], ["dummies", LIMIT]] as const
  ) {
    const world = worldOf(802);
    const alice = world.login("alice", "198.51.100.7", CURIOUS);
    const since = world.session.idle?.since ?? 0;
    world.run(since + 9 * MINUTE - world.nowMs);
    world.traffic(alice, what);
    equal(idleSeconds(world), what === "packets" ? 0 : 540);
    world.run(since + end - 1 - world.nowMs);
    deepEqual(ended(world), [], what);
    world.run(2);
    deepEqual(ended(world), ["idle-timeout"], what);
  }
});

Deno.test("Idle-Timeout: many packets cost no timer each", () => {
  // DPD and rekeys, which have timers of their own, are far away.
  const world = worldOf(803, { ...PATIENT, lifetimes: { ikeMs: 86_400_000, espMs: 86_400_000 } });
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const before = world.gateway.load().timers;
  const due = new Set<number | undefined>();
  for (let second = 0; second < 3600; second++) {
    world.traffic(alice);
    due.add(world.gateway.nextTimeout());
    world.run(SECOND);
  }
  equal(world.session.state, "active");
  equal(world.gateway.load().timers, before);
  ok(due.size <= 7, `${due.size} wake-ups in an hour`);
});

Deno.test("Idle-Timeout: it is the session's, not the SA's: rekeys do not begin it anew", () => {
  const world = worldOf(804, { lifetimes: { ikeMs: 8 * MINUTE, espMs: 3 * MINUTE } });
  const patient = { lifetimes: { ikeMs: 80 * MINUTE, espMs: 80 * MINUTE }, ...CURIOUS };
  const alice = world.login("alice", "198.51.100.7", patient);
  world.run(4 * MINUTE);
  world.traffic(alice);
  const { since } = world.session.idle!;
  const { localSpi } = world.session.ikeSa!;
  const spis = world.session.childSas.map(({ inboundSpi }) => inboundSpi);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(MINUTE);
  world.command({ kind: "rekey", id: world.session.id, what: "ike" });
  world.run(3 * MINUTE);
  ok(world.session.ikeSa?.localSpi !== localSpi);
  ok(!spis.includes(world.session.childSas[0]!.inboundSpi));
  equal(world.session.idle?.since, since);
  world.run(since + LIMIT - 1 - world.nowMs);
  deepEqual(ended(world), []);
  world.run(2);
  deepEqual(ended(world), ["idle-timeout"]);
});

Deno.test("Idle-Timeout: a packet on a rekeyed pair is a packet of the session", () => {
  const world = worldOf(805);
  const alice = world.login("alice", "198.51.100.7", CURIOUS);
  for (const what of ["child", "ike"] as const) {
    world.run(9 * MINUTE);
    world.command({ kind: "rekey", id: world.session.id, what });
    world.run(MINUTE - SECOND);
    world.traffic(alice);
    equal(idleSeconds(world), 0, what);
  }
  deepEqual(ended(world), []);
});

Deno.test("Idle-Timeout: who is away is not idle, and who comes back begins anew", () => {
  const world = worldOf(806);
  const alice = world.login("alice", "198.51.100.7", CURIOUS);
  world.run(8 * MINUTE);
  silence(world, alice);
  equal(world.session.idle, undefined);
  world.run(15 * MINUTE);
  equal(world.session.state, "inactive", "it waits for as long as any other");
  alice.online = true;
  world.runUntil(() => world.show.reconnect.success === 1, 2 * MINUTE);
  ok(idleSeconds(world) < 1);
  const { since } = world.session.idle!;
  world.run(since + LIMIT - 1 - world.nowMs);
  deepEqual(ended(world), []);
  world.run(2);
  deepEqual(ended(world), ["idle-timeout"]);
});

Deno.test("Idle-Timeout: after a restart the time begins with the return", () => {
  const world = worldOf(807);
  const alice = world.login("alice", "198.51.100.7", CURIOUS);
  world.run(9 * MINUTE);
  world.crash();
  world.restart();
  equal(world.session.idle, undefined);
  world.runUntil(() => world.session.state === "active", 5 * MINUTE);
  ok(idleSeconds(world) < 1);
  world.run(SECOND);
  equal(alice.how, "reconnect");
});

Deno.test("Idle-Timeout: a takeover at the last moment wins", () => {
  const world = worldOf(808);
  world.backend.answerMs = 400;
  const alice = world.login("alice", "198.51.100.7", CURIOUS);
  const since = world.session.idle?.since ?? 0;
  world.run(since + LIMIT - 100 - world.nowMs);
  // The record of the return is being stored while the time of the old SA runs out.
  world.roam(alice, "203.0.113.9");
  world.run(SECOND);
  deepEqual(ended(world), []);
  equal(world.session.reconnect?.count, 1);
  equal(world.session.state, "active");
  ok(idleSeconds(world) <= 1);
});

Deno.test("Idle-Timeout: by policy it parks the session, which then is come back to", () => {
  const world = worldOf(809, { idleAction: "park" });
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  alice.online = false;
  // Dummies keep the SA alive by DPD's measure.
  while (world.show.reconnect.inactiveCapable === 0 && world.nowMs < 2 * LIMIT) {
    world.run(10 * SECOND);
    alice.online = true;
    world.traffic(alice, "dummies");
    alice.online = false;
  }
  deepEqual(parked(world), ["idle-timeout"]);
  deepEqual(ended(world), []);
  equal(world.installed.size, 0);
  equal(world.session.state, "inactive");
  equal(world.backend.store.size, 1);
  equal(alice.last("closed"), undefined, "the client is not told: it would give up");
  alice.online = true;
  world.roam(alice, "203.0.113.9");
  world.runUntil(() => world.show.reconnect.success === 1, 5 * MINUTE);
  equal(alice.address, "10.99.0.2");
  ok(idleSeconds(world) < 1);
});

Deno.test("Idle-Timeout: what cannot be come back to ends where others are parked", () => {
  for (const change of [{ reconnect: { timeoutMs: 0 } }, {}]) {
    const world = worldOf(810, { idleAction: "park", ...change });
    const alice = world.login("alice", "198.51.100.7", { ...CURIOUS, reconnect: false });
    world.run(LIMIT + SECOND);
    deepEqual(ended(world), ["idle-timeout"]);
    deepEqual(world.show.sessions, []);
    equal(alice.last("closed")?.why, "deleted-by-gateway");
  }
});

Deno.test("Idle-Timeout: the wall clock may jump without ending or saving anybody", () => {
  for (const jump of [-86_400_000, 86_400_000]) {
    const world = worldOf(811);
    const alice = world.login("alice", "198.51.100.7", CURIOUS);
    const since = world.session.idle?.since ?? 0;
    world.run(5 * MINUTE);
    world.wallOffsetMs += jump;
    world.run(since + LIMIT - 1 - world.nowMs);
    equal(world.session.state, "active", `${jump}`);
    world.run(2);
    deepEqual(ended(world), ["idle-timeout"], `${jump}`);
    equal(alice.settings.reconnect, true);
  }
});

Deno.test("Idle-Timeout: the shorter of idle time and session lifetime decides", () => {
  const world = worldOf(812, { sessionLifetimeMs: 5 * MINUTE });
  world.login("alice", "198.51.100.7", CURIOUS);
  world.run(5 * MINUTE);
  deepEqual(ended(world), ["session-lifetime"]);
});

const limitsOf: readonly (readonly [UserAttributes, number])[] = [
  [{}, 600],
  [{ idleTimeoutSeconds: 60 }, 60],
  [{ idleTimeoutSeconds: 3600 }, 3600],
  [{ idleTimeoutSeconds: 0 }, 0],
];

for (const [attributes, seconds] of limitsOf) {
  Deno.test(`Idle-Timeout: AAA's word is above the policy's, ${JSON.stringify(attributes)}`, () => {
    const world = worldOf(813);
    world.backend.attributes.set("alice", attributes);
    world.login("alice", "198.51.100.7", CURIOUS);
    equal(world.session.idle?.limitSeconds, seconds);
    world.run((seconds || 86_400) * SECOND - SECOND);
    deepEqual(ended(world), []);
    world.run(2 * SECOND);
    deepEqual(ended(world), seconds === 0 ? [] : ["idle-timeout"]);
  });
}

Deno.test("Idle-Timeout: Cisco's attribute tells a client its own limit", () => {
  for (const [seconds, told] of [[undefined, "00000258"], [90, "0000005a"], [0, "00000000"]]) {
    const world = worldOf(814);
    if (typeof seconds === "number") {
      world.backend.attributes.set("alice@example.test", { idleTimeoutSeconds: seconds });
    }
    const peer = new SimPeer(world);
    const [type = 0] = simNumbers["idle-timeout"];
    const asked = { type, value: new Uint8Array(0) };
    const response = peer.login(
      peer.wishes().map((payload) =>
        payload.kind === "CP" ? { ...payload, attributes: [...payload.attributes, asked] } : payload
      ),
    );
    const answer = find(response, "CP")?.attributes.find((one) => one.type === type);
    equal(hexOf(answer?.value ?? new Uint8Array(0)), told);
  }
});
