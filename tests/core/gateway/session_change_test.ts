/** What AAA may do to sessions while they last (RFC 5176 §2): end them, and change them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { SessionChange } from "../../../core/gateway/input.ts";
import type { PacketFilter } from "../../../core/gateway/packet_filter.ts";
import { NotifyType } from "../../../core/message/constants.ts";
import { ended, silence, stored } from "../../support/sim_claims.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { address } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** A client that asks often whether the gateway is there. */
const CURIOUS = { dpd: { intervalMs: 10 * SECOND, retryMs: 2_000 } };

function disconnect(world: SimWorld): void {
  world.command({ kind: "disconnect-session", id: world.session.id });
}

function change(world: SimWorld, change: SessionChange): void {
  world.command({ kind: "change-session", id: world.session.id, change });
}

// --- which sessions -----------------------------------------------------------------------------

Deno.test("sessions are found by user, address, account, peer and number, all of them at once", () => {
  const world = new SimWorld(901);
  const alice = world.login("alice", "198.51.100.7");
  world.login("bob", "198.51.100.8");
  const [first, second] = world.show.sessions;
  const held = address(alice.address ?? "");
  const names = (selector: Parameters<typeof world.gateway.find>[0]): string[] =>
    world.gateway.find(selector).map(({ userName }) => userName);
  deepEqual(names({}), ["alice", "bob"]);
  deepEqual(names({ userName: "alice" }), ["alice"]);
  deepEqual(names({ userName: "Alice" }), []);
  deepEqual(names({ addresses: [held] }), ["alice"]);
  deepEqual(names({ addresses: [held, address("2001:db8::1")] }), []);
  deepEqual(names({ accountingId: second?.accounting.id ?? "" }), ["bob"]);
  deepEqual(names({ remote: "198.51.100.7" }), ["alice"]);
  deepEqual(names({ id: first?.id ?? 0, userName: "bob" }), []);
  deepEqual(names({ accountingId: first?.accounting.id ?? "", userName: "alice" }), ["alice"]);
  silence(world, alice);
  deepEqual(world.gateway.find({ userName: "alice" }).map(({ state }) => state), ["inactive"]);
});

// --- the end ------------------------------------------------------------------------------------

Deno.test("RFC 5176 §2.1: a disconnected session is gone with its record, and its client is told", () => {
  const world = new SimWorld(902);
  const alice = world.login("alice", "198.51.100.7");
  const { pair } = alice;
  disconnect(world);
  deepEqual(ended(world), ["disconnected"]);
  world.run(SECOND);
  equal(alice.last("closed")?.why, "deleted-by-gateway");
  equal(world.backend.store.size, 0);
  equal(world.installed.size, 0);
  equal(world.show.pools[0]?.inUse, 0);
  const back = new SimPeer(world).comeBack(pair);
  deepEqual(notifiesOf(back), [NotifyType.AUTHENTICATION_FAILED]);
});

Deno.test("RFC 5176 §2.1: an inactive session is disconnected for good as well", () => {
  const world = new SimWorld(903);
  const alice = world.login("alice", "198.51.100.7");
  const { pair } = alice;
  silence(world, alice);
  disconnect(world);
  deepEqual(ended(world), ["disconnected"]);
  world.run(SECOND);
  equal(world.backend.store.size, 0);
  deepEqual(notifiesOf(new SimPeer(world).comeBack(pair)), [NotifyType.AUTHENTICATION_FAILED]);
  world.crash();
  world.restart();
  deepEqual(world.show.sessions, [], "also after a restart");
});

Deno.test("RFC 5176 §2.1: a user on the way back is disconnected too", () => {
  const world = new SimWorld(904);
  world.backend.answerMs = 400;
  const alice = world.login("alice", "198.51.100.7");
  silence(world, alice);
  alice.online = true;
  world.roam(alice, "203.0.113.9");
  world.run(100);
  disconnect(world);
  world.run(5 * SECOND);
  deepEqual(ended(world), ["disconnected"]);
  equal(world.backend.store.size, world.show.sessions.length);
  ok(world.show.sessions.every(({ reconnect }) => reconnect?.count === 0), "only by a login");
});

Deno.test("an order about a session that is gone does nothing", () => {
  const world = new SimWorld(905);
  world.login("alice", "198.51.100.7");
  const { id } = world.session;
  world.clear();
  const before = world.outputs.length;
  world.command({ kind: "disconnect-session", id });
  world.command({ kind: "change-session", id, change: { idleTimeoutSeconds: 60 } });
  equal(world.outputs.length, before);
});

// --- changes ------------------------------------------------------------------------------------

Deno.test("RFC 5176 §2.2: a new session lifetime counts from now, shorter, longer or none", () => {
  for (const [seconds, alive] of [[60, 59], [7200, 7199], [0, 86_400]] as const) {
    const world = new SimWorld(906, { sessionLifetimeMs: 60 * MINUTE });
    world.login("alice", "198.51.100.7", CURIOUS);
    world.run(10 * MINUTE);
    change(world, { sessionLifetimeSeconds: seconds });
    const end = seconds === 0 ? undefined : world.at.wall + seconds * SECOND;
    equal(world.session.absoluteEnd, end);
    world.run(5);
    equal(stored(world).absoluteEnd, end, "and is stored");
    world.run(alive * SECOND);
    deepEqual(ended(world), []);
    world.run(2 * SECOND);
    deepEqual(ended(world), seconds === 0 ? [] : ["session-lifetime"]);
  }
});

Deno.test("RFC 5176 §2.2: a session that is idle for longer than a new limit is over at once", () => {
  const world = new SimWorld(907);
  world.login("alice", "198.51.100.7", CURIOUS);
  world.run(10 * MINUTE);
  change(world, { idleTimeoutSeconds: 300 });
  world.run(1);
  deepEqual(ended(world), ["idle-timeout"]);
});

Deno.test("RFC 5176 §2.2: a new idle limit counts from the last packet, shorter, longer or none", () => {
  for (const [seconds, since] of [[120, 120], [1200, 1200], [0, undefined]] as const) {
    const world = new SimWorld(908);
    world.backend.attributes.set("alice", { idleTimeoutSeconds: 600 });
    const alice = world.login("alice", "198.51.100.7", CURIOUS);
    world.traffic(alice);
    world.run(MINUTE);
    change(world, { idleTimeoutSeconds: seconds });
    equal(world.session.idle?.limitSeconds, seconds);
    world.run(5);
    equal(stored(world).attributes.idleTimeoutSeconds, seconds);
    world.run(((since ?? 7200) - 60) * SECOND - 10);
    deepEqual(ended(world), []);
    world.run(10);
    deepEqual(ended(world), since === undefined ? [] : ["idle-timeout"]);
  }
});

Deno.test("RFC 5176 §2.2: what was changed stays so over a return and a restart", () => {
  const world = new SimWorld(909);
  const alice = world.login("alice", "198.51.100.7", CURIOUS);
  change(world, { sessionLifetimeSeconds: 7200, idleTimeoutSeconds: 900 });
  const { absoluteEnd } = world.session;
  const holds = (): void => {
    equal(world.session.absoluteEnd, absoluteEnd);
    equal(world.session.idle?.limitSeconds, 900);
    equal(stored(world).absoluteEnd, absoluteEnd);
    equal(stored(world).attributes.idleTimeoutSeconds, 900);
  };
  silence(world, alice);
  alice.online = true;
  world.runUntil(() => world.show.reconnect.success === 1, 2 * MINUTE);
  holds();
  world.crash();
  world.restart();
  world.runUntil(() => world.session.state === "active", 2 * MINUTE);
  world.run(SECOND);
  holds();
});

Deno.test("RFC 5176 §2.2: an inactive session is changed as well", () => {
  const world = new SimWorld(910);
  const alice = world.login("alice", "198.51.100.7");
  silence(world, alice);
  change(world, { sessionLifetimeSeconds: 300, idleTimeoutSeconds: 900 });
  world.run(5);
  equal(stored(world).state, "inactive");
  equal(stored(world).absoluteEnd, world.session.absoluteEnd);
  equal(stored(world).attributes.idleTimeoutSeconds, 900);
  world.run(300 * SECOND);
  deepEqual(ended(world), ["session-lifetime"]);
});

Deno.test("RFC 5176 §2.2: a change in the middle of a return is not lost with the old record", () => {
  for (const afterMs of [50, 250, 450]) {
    const world = new SimWorld(911);
    world.backend.answerMs = 400;
    const alice = world.login("alice", "198.51.100.7", CURIOUS);
    silence(world, alice);
    world.run(SECOND);
    alice.online = true;
    world.roam(alice, "203.0.113.9");
    world.run(afterMs);
    change(world, { sessionLifetimeSeconds: 7200, idleTimeoutSeconds: 900 });
    const { absoluteEnd } = world.session;
    world.runUntil(() => world.show.reconnect.success === 1, 2 * MINUTE);
    world.run(15 * SECOND);
    equal(stored(world).absoluteEnd, absoluteEnd, `${afterMs}`);
    equal(stored(world).attributes.idleTimeoutSeconds, 900);
    const { sessionId, token } = alice.pair;
    deepEqual([stored(world).sessionId, stored(world).token], [sessionId, token]);
    equal(stored(world).previous, undefined);
    world.crash();
    world.restart();
    equal(world.session.absoluteEnd, absoluteEnd);
    world.runUntil(() => world.session.state === "active", 2 * MINUTE);
    equal(world.session.idle?.limitSeconds, 900);
    equal(alice.how, "reconnect");
  }
});

Deno.test("RFC 5176 §2.2: a new filter is put on every pair of the session, and stored", () => {
  const world = new SimWorld(912);
  world.login("alice", "198.51.100.7");
  world.login("bob", "198.51.100.8");
  const [session] = world.gateway.find({ userName: "alice" });
  const spis = session?.childSas.map(({ inboundSpi }) => inboundSpi);
  const filter: PacketFilter = { name: "web", rules: [{ action: "permit", family: 4 }] };
  world.command({ kind: "change-session", id: session?.id ?? 0, change: { filter } });
  const changed = world.outputs.filter((output) => output.kind === "filter-child-sa");
  deepEqual(changed.map((output) => output.inboundSpi), spis);
  deepEqual(changed.map((output) => output.filter), [filter]);
  world.run(5);
  const records = [...world.backend.store.values()];
  deepEqual(records.map(({ userName, attributes }) => [userName, attributes.filter]), [
    ["alice", filter],
    ["bob", undefined],
  ]);
});
