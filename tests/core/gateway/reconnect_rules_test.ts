/** Reconnect as design.md section 3 has it, rule by rule, against a running gateway. */
import { deepEqual, equal, match, notEqual, ok, throws } from "node:assert/strict";
import { hexOf } from "../../../core/bytes.ts";
import type { Output } from "../../../core/gateway/output.ts";
import { Gateway } from "../../../core/gateway/gateway.ts";
import type { SessionPair, SessionRecord } from "../../../core/gateway/record.ts";
import { storedRecord } from "../../../core/gateway/stored_record.ts";
import type { ReconnectStats } from "../../../core/gateway/snapshot.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import {
  ConfigAttribute,
  ExchangeType,
  IdType,
  NotifyType,
} from "../../../core/message/constants.ts";
import { utf8 } from "../../../core/bytes.ts";
import { equalEndpoints, formatIpAddress } from "../../../core/wire/address.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { ended, silence, stored } from "../../support/sim_claims.ts";
import { quickCrypto, watchCrypto } from "../../support/sim_crypto.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { address, gatewayEndpoint, range, simNumbers } from "../../support/sim_settings.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

const MINUTE = 60_000;
const TIMEOUT = 30 * MINUTE;
/** The client's, long enough to stay out of the way. */
const PATIENT = { dpd: { intervalMs: 600 * MINUTE, retryMs: 2_000 } };

function stats(world: SimWorld): number[] {
  const { success, failed, activeCapable, inactiveCapable }: ReconnectStats = world.show.reconnect;
  return [success + failed, success, failed, activeCapable, inactiveCapable];
}

function inUse(world: SimWorld): number {
  return world.show.pools[0]!.inUse;
}

function indexOf(outputs: readonly Output[], claim: (output: Output) => boolean): number {
  const index = outputs.findIndex(claim);
  ok(index >= 0, "the output is there");
  return index;
}

// --- rule 1 -----------------------------------------------------------------------------------

Deno.test("design rule 1: a client that asks gets a pair of 18 letters and 43 letters and digits", () => {
  const world = new SimWorld(101);
  const pairs = ["alice", "bob", "carol"].map((user, i) =>
    world.login(user, `198.51.100.${7 + i}`).pair
  );
  for (const { sessionId, token } of pairs) {
    match(sessionId, /^[A-Za-z]{18}$/);
    match(token, /^[A-Za-z0-9]{43}$/);
  }
  equal(new Set(pairs.map(({ sessionId }) => sessionId)).size, 3);
  equal(new Set(pairs.map(({ token }) => token)).size, 3);
});

Deno.test("design rule 1: a client that does not ask gets none and is not reconnect capable", () => {
  const world = new SimWorld(102);
  const alice = world.login("alice", "198.51.100.7", { reconnect: false });
  equal(alice.client.pair, undefined);
  equal(world.backend.store.size, 0);
  equal(world.session.reconnect, undefined);
  deepEqual(stats(world), [0, 0, 0, 0, 0]);
});

Deno.test("design rule 1: half a question is no question", () => {
  const world = new SimWorld(103);
  for (const type of [...simNumbers["session-id"], ...simNumbers["session-token"]]) {
    const peer = new SimPeer(world, { seed: type, host: `198.51.100.${type % 200}` });
    const types = [ConfigAttribute.INTERNAL_IP4_ADDRESS, type];
    const attributes = types.map((type) => ({ type, value: new Uint8Array(0) }));
    const wishes = peer.wishes().map((payload) =>
      payload.kind === "CP" ? { ...payload, attributes } : payload
    );
    const answered = find(peer.login(wishes), "CP")?.attributes.map(({ type }) => type);
    deepEqual(answered, [ConfigAttribute.INTERNAL_IP4_ADDRESS]);
  }
  equal(world.backend.store.size, 0);
});

Deno.test("design rule 1: with reconnect off nobody gets a pair", () => {
  const world = new SimWorld(104, { reconnect: { timeoutMs: 0 } });
  const alice = world.login("alice", "198.51.100.7");
  equal(alice.client.pair, undefined);
  equal(world.backend.store.size, 0);
  alice.online = false;
  world.run(2 * MINUTE);
  deepEqual(world.show.sessions, []);
  equal(inUse(world), 0);
});

// --- rule 2 -----------------------------------------------------------------------------------

Deno.test("design rule 2: the record is stored before the reply with the pair leaves", () => {
  const world = new SimWorld(105);
  world.backend.answerMs = 400;
  const peer = new SimPeer(world);
  peer.init();
  const first = [...peer.certificateProof(), ...peer.wishes()];
  for (const bytes of peer.seal(ExchangeType.IKE_AUTH, first)) {
    world.send(peer.endpoint, gatewayEndpoint, bytes);
  }
  const heard = peer.inbox.length;
  world.run(405);
  equal(world.backend.store.size, 0);
  world.runUntil(() => world.backend.store.size === 1, 300);
  equal(peer.inbox.length, heard, "stored, but not yet told");
  world.run(300);
  equal(peer.inbox.length, heard + 1);
  const told = peer.pairIn(peer.open(peer.inbox.at(-1)!)!.payloads);
  deepEqual(told, { sessionId: stored(world).sessionId, token: stored(world).token });
});

Deno.test("design rule 2: when the store fails the login succeeds without a pair and says so", () => {
  const world = new SimWorld(106);
  world.backend.storeFails = true;
  const alice = world.login("alice", "198.51.100.7");
  equal(alice.client.pair, undefined);
  equal(alice.address, "10.99.0.2");
  ok(world.carries(alice));
  deepEqual(stats(world), [0, 0, 0, 0, 0]);
  ok(world.traces.some(({ event }) => event === "reconnect-record-not-stored"), describe(world));
  silenceWithoutRecord(world, alice);
});

function silenceWithoutRecord(world: SimWorld, alice: SimClient): void {
  alice.online = false;
  world.run(2 * MINUTE);
  deepEqual(world.show.sessions, [], "nothing to come back to");
  equal(inUse(world), 0);
}

Deno.test("design rule 2: a session that ends while its record is being stored leaves none behind", () => {
  for (const clearAfterMs of [100, 300]) {
    const world = new SimWorld(106);
    world.backend.answerMs = 400;
    const peer = new SimPeer(world);
    peer.init();
    const first = [...peer.certificateProof(), ...peer.wishes()];
    const [datagram] = peer.seal(ExchangeType.IKE_AUTH, first);
    world.inject(datagram!, peer.endpoint);
    world.run(400 + clearAfterMs);
    equal(world.backend.store.size, clearAfterMs > 200 ? 1 : 0);
    world.clear();
    world.run(2_000);
    equal(world.backend.store.size, 0);
    equal(inUse(world), 0);
    equal(world.installed.size, 0);
    deepEqual(world.show.sessions, []);
  }
});

// --- rule 3 -----------------------------------------------------------------------------------

Deno.test("design rule 3: the record holds what the session needs to come back", () => {
  const world = new SimWorld(107, { sessionLifetimeMs: 8 * 60 * MINUTE });
  world.backend.attributes.set("alice", { group: "staff" });
  const alice = world.login("alice", "198.51.100.7");
  const record = stored(world);
  const now = world.at.wall;
  equal(record.version, 1);
  equal(record.sessionId, alice.pair.sessionId);
  equal(record.token, alice.pair.token);
  equal(record.userName, "alice");
  deepEqual(record.attributes, { group: "staff" });
  equal(record.method, "eap-mschapv2");
  equal(record.peerType, "Other");
  deepEqual(record.addresses.map(formatIpAddress), ["10.99.0.2"]);
  equal(record.state, "active");
  equal(record.reconnectCount, 0);
  equal(record.lastRemote, "198.51.100.7:4500");
  equal(record.gatewayName, "gw");
  equal(record.identity.idType, IdType.RFC822_ADDR);
  equal(hexOf(record.identity.data), hexOf(utf8("alice@example.test")));
  ok(record.firstLogin <= now && record.firstLogin > now - 1_000);
  equal(record.absoluteEnd, record.firstLogin + 8 * 60 * MINUTE);
  equal(record.deadline, record.lastSeen + TIMEOUT);
  ok(record.accounting.sessionId.length > 0);
});

// --- rule 4 -----------------------------------------------------------------------------------

Deno.test("design rule 4: a silent peer becomes inactive and keeps its address until the deadline", () => {
  const world = new SimWorld(108);
  const alice = world.login("alice", "198.51.100.7");
  silence(world, alice);
  const since = world.at.wall;
  const { state, reconnect, childSas, ikeSa } = world.session;
  equal(state, "inactive");
  equal(ikeSa, undefined);
  deepEqual(childSas, []);
  equal(world.installed.size, 0);
  equal(reconnect?.deadline, since + TIMEOUT);
  equal(stored(world).state, "active", "the store hears of it, but takes its time");
  world.run(10);
  equal(stored(world).state, "inactive");
  equal(stored(world).deadline, since + TIMEOUT);
  equal(inUse(world), 1);
  const bob = world.login("bob", "198.51.100.8", PATIENT);
  notEqual(bob.address, alice.address);
});

// --- rule 5 -----------------------------------------------------------------------------------

Deno.test("design rule 5: DELETE from the client ends the session for good", () => {
  const world = new SimWorld(109);
  const alice = world.login("alice", "198.51.100.7");
  const pair = alice.pair;
  world.tellClient(alice, { kind: "disconnect", at: world.at });
  world.run(1_000);
  deepEqual(alice.last("closed"), { kind: "closed", why: "disconnected" });
  deepEqual(ended(world), ["user-request"]);
  assertGone(world, pair);
});

Deno.test("design rule 5: clearing ends an active session for good", () => {
  const world = new SimWorld(110);
  const alice = world.login("alice", "198.51.100.7");
  const pair = alice.pair;
  world.clear({ userName: "nobody" });
  world.run(100);
  equal(world.show.sessions.length, 1);
  world.clear({ remote: "198.51.100.7" });
  world.run(1_000);
  deepEqual(ended(world), ["operator"]);
  deepEqual(alice.last("closed"), { kind: "closed", why: "deleted-by-gateway" });
  assertGone(world, pair);
});

Deno.test("design rule 5: clearing ends an inactive session for good", () => {
  const world = new SimWorld(111);
  const alice = world.login("alice", "198.51.100.7");
  const pair = alice.pair;
  silence(world, alice);
  world.clear({ id: world.session.id });
  world.run(100);
  assertGone(world, pair);
});

Deno.test("design rule 5: the absolute lifetime counts from the first login, whatever reconnects come", () => {
  const world = new SimWorld(112, { sessionLifetimeMs: 60 * MINUTE });
  const alice = world.login("alice", "198.51.100.7");
  const end = world.session.absoluteEnd!;
  world.run(30 * MINUTE);
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  equal(alice.how, "reconnect");
  equal(world.session.absoluteEnd, end);
  const pair = alice.pair;
  world.run(end - world.at.wall - 1);
  equal(world.show.sessions.length, 1);
  world.run(1_000);
  deepEqual(ended(world), ["session-lifetime"]);
  deepEqual(alice.last("closed"), { kind: "closed", why: "deleted-by-gateway" });
  assertGone(world, pair);
});

Deno.test("design rule 5: AAA's session lifetime goes before the policy's", () => {
  const world = new SimWorld(113, { sessionLifetimeMs: 60 * MINUTE });
  world.backend.attributes.set("alice", { sessionLifetimeSeconds: 120 });
  world.login("alice", "198.51.100.7");
  equal(world.session.absoluteEnd, world.session.firstLogin + 120_000);
  world.run(121_000);
  deepEqual(ended(world), ["session-lifetime"]);
});

Deno.test("design rule 5: the deadline ends an inactive session, at most one second late", () => {
  const world = new SimWorld(114);
  const alice = world.login("alice", "198.51.100.7");
  const pair = alice.pair;
  silence(world, alice);
  const deadline = world.session.reconnect!.deadline!;
  world.run(deadline - world.at.wall - 1);
  equal(world.show.sessions.length, 1);
  world.runUntil(() => world.show.sessions.length === 0, 1_001);
  deepEqual(ended(world), ["reconnect-timeout"]);
  world.run(100);
  assertGone(world, pair);
});

Deno.test("design rule 5: the reaper is not late after the wall clock jumps", () => {
  for (const jump of [TIMEOUT, 10 * MINUTE, -10 * MINUTE]) {
    const world = new SimWorld(115);
    const alice = world.login("alice", "198.51.100.7");
    silence(world, alice);
    const deadline = world.session.reconnect!.deadline!;
    world.wallOffsetMs += jump;
    world.runUntil(() => world.show.sessions.length === 0, 60 * MINUTE);
    const late = world.at.wall - Math.max(deadline, world.at.wall - world.nowMs);
    ok(world.at.wall >= deadline, `after a jump of ${jump} ms`);
    const due = Math.max(deadline, 0);
    ok(jump === TIMEOUT || world.at.wall - due <= 1_000, `${late} ms late after ${jump} ms`);
    if (jump === TIMEOUT) ok(world.nowMs < 5 * MINUTE, "at once when the deadline has passed");
  }
});

Deno.test("design rule 5: between deadline and reaper a pair is no good either", () => {
  const world = new SimWorld(116);
  const alice = world.login("alice", "198.51.100.7");
  const pair = alice.pair;
  silence(world, alice);
  const peer = new SimPeer(world);
  peer.init();
  world.wallOffsetMs += TIMEOUT + 1;
  const request = [...peer.pairProof(pair), ...peer.wishes()];
  const [datagram] = peer.seal(ExchangeType.IKE_AUTH, request);
  const outputs = world.inject(datagram!, peer.endpoint);
  equal(outputs.some(({ kind }) => kind === "install-child-sa"), false);
  deepEqual(stats(world).slice(0, 3), [1, 0, 1]);
});

/** Nothing is left of the session, and its pair is refused. */
function assertGone(world: SimWorld, pair: SessionPair): void {
  deepEqual(world.show.sessions, []);
  equal(inUse(world), 0);
  equal(world.backend.store.size, 0);
  equal(world.installed.size, 0);
  const [, , failed] = stats(world);
  const peer = new SimPeer(world, { host: "203.0.113.77", seed: 5 });
  deepEqual(notifiesOf(peer.comeBack(pair)), [NotifyType.AUTHENTICATION_FAILED]);
  equal(stats(world)[2], failed! + 1);
}

// --- rule 6 -----------------------------------------------------------------------------------

Deno.test("design rule 6: whatever the ID type, IDi octets find an inactive record, and AAA is not asked", () => {
  const types = [IdType.KEY_ID, IdType.FQDN, IdType.RFC822_ADDR, IdType.IPV4_ADDR, 9, 200];
  for (const idType of types) {
    const world = new SimWorld(117);
    const alice = world.login("alice", "198.51.100.7");
    silence(world, alice);
    const asked = world.aaaQuestions;
    const peer = new SimPeer(world);
    const response = peer.comeBack(alice.pair, idType);
    deepEqual(addressesIn(response), [alice.address], `ID type ${idType}`);
    equal(find(response, "AUTH") === undefined, false);
    equal(
      find(response, "CERT") === undefined,
      false,
      "the gateway proves itself by certificate",
    );
    equal(world.aaaQuestions, asked);
    deepEqual(stats(world), [1, 1, 0, 1, 0]);
    equal(world.session.userName, "alice");
    equal(world.session.state, "active");
  }
});

Deno.test("design rule 6: an active record is found as well", () => {
  const world = new SimWorld(118);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const peer = new SimPeer(world);
  deepEqual(addressesIn(peer.comeBack(alice.pair)), [alice.address]);
  deepEqual(stats(world), [1, 1, 0, 1, 0]);
});

Deno.test("design rule 6: the record is looked up before any login method is", () => {
  const world = new SimWorld(119);
  const alice = world.login("alice", "198.51.100.7");
  silence(world, alice);
  // After a restart the gateway has no login method that fits; the pair is good nevertheless.
  world.run(100);
  world.crash();
  world.policy = { ...world.policy, loginMethods: [] };
  world.restart();
  const peer = new SimPeer(world);
  deepEqual(addressesIn(peer.comeBack(alice.pair)), [alice.address]);
});

Deno.test("design rule 6: a client of ours comes back in one round trip with the same attributes", () => {
  const world = new SimWorld(120);
  const alice = world.login("alice", "198.51.100.7");
  const first = alice.last("established")!.assignment;
  world.roam(alice, "203.0.113.9");
  const before = world.wire.length;
  world.run(1_000);
  const toAndFro = world.wire.slice(before).filter(({ from, to }) =>
    equalEndpoints(from, alice.local) || equalEndpoints(to, alice.local)
  );
  const second = alice.last("established")!;
  equal(second.how, "reconnect");
  deepEqual(second.assignment.addresses, first.addresses);
  deepEqual(second.assignment.dns, first.dns);
  equal(toAndFro.length, 3, "a response, a request and its response");
  ok(world.carries(alice));
});

function addressesIn(payloads: readonly Parameters<typeof find>[0][number][]): string[] {
  const attributes = find(payloads, "CP")?.attributes ?? [];
  return attributes.filter(({ type }) => type === ConfigAttribute.INTERNAL_IP4_ADDRESS)
    .map(({ value }) => [...value].join("."));
}

// --- rule 7 -----------------------------------------------------------------------------------

Deno.test("design rule 7: a takeover replaces the old SA in one step without a gap", () => {
  const world = new SimWorld(121);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const before = world.session;
  const old = before.childSas[0]!.inboundSpi;
  const mark = world.outputs.length;
  const peer = new SimPeer(world, { host: "203.0.113.9" });
  deepEqual(addressesIn(peer.comeBack(alice.pair)), [alice.address]);
  const outputs = world.outputs.slice(mark);
  const installed = indexOf(outputs, ({ kind }) => kind === "install-child-sa");
  const replied = indexOf(outputs.slice(installed), ({ kind }) => kind === "transmit") + installed;
  const removed = indexOf(
    outputs,
    (output) => output.kind === "remove-child-sa" && output.inboundSpi === old,
  );
  ok(installed < replied && replied < removed, "install, reply, remove");
  const made = outputs[installed]!;
  equal(made.kind === "install-child-sa" && made.sa.replaces, old);
  equal(made.kind === "install-child-sa" && made.sa.outboundWaits, false);
  const farewell = outputs.slice(replied + 1).find((output) => output.kind === "transmit");
  deepEqual(
    farewell?.kind === "transmit" && farewell.remote,
    alice.local,
    "DELETE to the old endpoint",
  );
  const now = world.session;
  equal(now.id, before.id);
  equal(now.userName, before.userName);
  equal(now.peerType, before.peerType);
  equal(now.firstLogin, before.firstLogin);
  equal(now.childSas.length, 1);
  equal(now.lastRemote, "203.0.113.9:4500");
  equal(inUse(world), 1);
  equal(world.installed.size, 1);
  equal(now.reconnect?.count, 1);
});

Deno.test("design rule 7: accounting goes on over a takeover", () => {
  const world = new SimWorld(122);
  const alice = world.login("alice", "198.51.100.7");
  const first = stored(world);
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  const second = stored(world);
  deepEqual(second.accounting, first.accounting);
  equal(second.key, first.key);
  equal(second.firstLogin, first.firstLogin);
  equal(second.peerType, first.peerType);
  equal(second.method, first.method);
  equal(second.reconnectCount, 1);
});

// --- rule 8 -----------------------------------------------------------------------------------

Deno.test("design rule 8: unknown id, expired record and wrong token are refused alike, after the same work", () => {
  const watch = watchCrypto(quickCrypto);
  const world = new SimWorld(123, {}, calm, { crypto: watch.crypto });
  const alice = world.login("alice", "198.51.100.7");
  const expired = alice.pair;
  silence(world, alice);
  world.run(TIMEOUT + MINUTE);
  const carol = world.login("carol", "198.51.100.9", PATIENT);
  const cases: Record<string, SessionPair> = {
    unknown: { sessionId: "abcdefghijklmnopqr", token: "y".repeat(43) },
    expired,
    "wrong token": { ...carol.pair, token: "z".repeat(43) },
    empty: { sessionId: "", token: "y".repeat(43) },
  };
  const seen = Object.entries(cases).map(([name, pair], i) => {
    const peer = new SimPeer(world, { host: `203.0.113.${i + 1}`, seed: 900 + i });
    peer.init();
    const request = [...peer.pairProof(pair), ...peer.wishes()];
    const [datagram] = peer.seal(ExchangeType.IKE_AUTH, request);
    watch.calls.length = 0;
    const outputs = world.inject(datagram!, peer.endpoint);
    const work = [...watch.calls];
    const answers = outputs.flatMap((output) =>
      output.kind === "transmit" ? [peer.open(output.bytes)!.payloads] : []
    );
    const sizes = outputs.flatMap((output) =>
      output.kind === "transmit" ? [output.bytes.length] : []
    );
    return { name, work, answers, sizes, kinds: outputs.map(({ kind }) => kind) };
  });
  const [first, ...others] = seen;
  equal(first!.answers.length, 1);
  deepEqual(notifiesOf(first!.answers[0]!), [NotifyType.AUTHENTICATION_FAILED]);
  for (const other of others) {
    deepEqual(other.work, first!.work, other.name);
    deepEqual(other.answers, first!.answers, other.name);
    deepEqual(other.sizes, first!.sizes, other.name);
    deepEqual(other.kinds, first!.kinds, other.name);
  }
  const failed = Object.keys(cases).length;
  deepEqual(stats(world).slice(0, 3), [failed, 0, failed]);
});

Deno.test("design rule 8: who fails too often gets no answer for a minute, but a right pair always passes", () => {
  const world = new SimWorld(124);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const wrong = { ...alice.pair, token: "z".repeat(43) };
  const host = "203.0.113.5";
  const attempt = (pair: SessionPair, seed: number, from = host): boolean =>
    find(new SimPeer(world, { host: from, seed }).comeBack(pair), "CP") !== undefined;
  const counter = (): number => world.show.counters["reconnect-refused-unanswered"] ?? 0;
  for (let i = 0; i < limits.failedReconnectsPerMinute; i++) {
    equal(attempt(wrong, 1_000 + i), false);
  }
  equal(counter(), 0);
  throws(() => attempt(wrong, 1_900), /no response/);
  equal(counter(), 1);
  equal(stats(world)[2], limits.failedReconnectsPerMinute + 1);
  equal(attempt(alice.pair, 2_000), true, "others behind the same address are not punished");
  world.run(MINUTE);
  equal(attempt(wrong, 2_001), false, "answered again");
});

Deno.test("design rule 8: other sources are not blocked", () => {
  const world = new SimWorld(125);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const wrong = { ...alice.pair, token: "z".repeat(43) };
  for (let i = 0; i < limits.failedReconnectsPerMinute; i++) {
    new SimPeer(world, { host: "203.0.113.5", seed: 1_000 + i }).comeBack(wrong);
  }
  const elsewhere = new SimPeer(world, { host: "203.0.113.7" }).comeBack(wrong);
  deepEqual(notifiesOf(elsewhere), [NotifyType.AUTHENTICATION_FAILED], "heard and answered");
  const response = new SimPeer(world, { host: "203.0.113.6" }).comeBack(alice.pair);
  deepEqual(addressesIn(response), [alice.address]);
});

Deno.test("design rule 8: neither session ids nor tokens are traced", () => {
  const world = new SimWorld(126);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const first = alice.pair;
  new SimPeer(world, { seed: 3 }).comeBack({ ...first, token: "z".repeat(43) });
  new SimPeer(world, { seed: 4 }).comeBack(first);
  const { sessionId, token } = stored(world);
  const traced = JSON.stringify(world.traces);
  for (const secret of [first.sessionId, first.token, sessionId, token]) {
    equal(traced.includes(secret), false);
  }
  // IOS prints the session id that was used as remote id; it is void by then, and no token is told.
  const shown = JSON.stringify(world.show);
  for (const secret of [first.token, sessionId, token]) equal(shown.includes(secret), false);
});

// --- rule 9 -----------------------------------------------------------------------------------

Deno.test("design rule 9: a reconnect that asks gets a new pair, and the old one is void once the SA is used", () => {
  const world = new SimWorld(127);
  const first = new SimPeer(world, { seed: 1 });
  const pair = first.pairIn(first.login())!;
  const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  const fresh = second.pairIn(second.comeBack(pair))!;
  notEqual(fresh.sessionId, pair.sessionId);
  notEqual(fresh.token, pair.token);
  deepEqual(stored(world).previous, pair, "the old one is still good");
  // The first authenticated message on the new SA.
  second.request(ExchangeType.INFORMATIONAL, []);
  equal(stored(world).previous, undefined);
  equal(stored(world).sessionId, fresh.sessionId);
  const third = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  deepEqual(notifiesOf(third.comeBack(pair)), [NotifyType.AUTHENTICATION_FAILED]);
  const fourth = new SimPeer(world, { seed: 4, host: "203.0.113.4" });
  deepEqual(addressesIn(fourth.comeBack(fresh)), ["10.99.0.2"]);
});

Deno.test("design rule 9: packets on the new SA void the old pair too", () => {
  const world = new SimWorld(128);
  const alice = world.login("alice", "198.51.100.7");
  const old = alice.pair;
  world.roam(alice, "203.0.113.9");
  world.runUntil(() => alice.how === "reconnect", 1_000);
  equal(stored(world).previous?.sessionId, old.sessionId);
  world.traffic(alice);
  world.run(10);
  equal(stored(world).previous, undefined);
  equal(stored(world).sessionId, alice.pair.sessionId);
});

Deno.test("design rule 9: when the reply is lost the old pair is still good", () => {
  const world = new SimWorld(129);
  const first = new SimPeer(world, { seed: 1 });
  const pair = first.pairIn(first.login())!;
  let lost: SessionPair | undefined;
  for (const seed of [2, 3, 4]) {
    const peer = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
    const response = peer.comeBack(pair);
    deepEqual(addressesIn(response), ["10.99.0.2"]);
    lost = peer.pairIn(response);
  }
  equal(world.show.sessions.length, 1);
  equal(stored(world).reconnectCount, 3);
  deepEqual(stored(world).previous, pair);
  equal(stored(world).sessionId, lost?.sessionId);
});

Deno.test("design rule 9: a client of ours survives any number of lost replies", () => {
  const world = new SimWorld(130);
  const alice = world.login("alice", "198.51.100.7");
  // Everything in IKE_AUTH from the gateway is lost for a while.
  world.passes = ({ from, bytes }) =>
    from !== gatewayEndpoint || bytes[18] !== ExchangeType.IKE_AUTH;
  world.roam(alice, "203.0.113.9");
  world.run(3 * MINUTE);
  world.passes = () => true;
  world.runUntil(() => alice.how === "reconnect" && world.carries(alice), 2 * MINUTE);
  equal(alice.address, "10.99.0.2");
  equal(alice.count("pair-refused"), 0);
  equal(world.aaaQuestions, 1);
});

Deno.test("design rule 9: a reconnect that does not ask keeps its pair", () => {
  const world = new SimWorld(131);
  const first = new SimPeer(world, { seed: 1 });
  const pair = first.pairIn(first.login())!;
  for (const seed of [2, 3]) {
    const peer = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
    peer.init();
    const request = [...peer.pairProof(pair), ...peer.wishes({ pair: false })];
    const response = peer.request(ExchangeType.IKE_AUTH, request);
    deepEqual(addressesIn(response), ["10.99.0.2"]);
    equal(peer.pairIn(response), undefined);
    peer.request(ExchangeType.INFORMATIONAL, []);
  }
  equal(stored(world).sessionId, pair.sessionId);
  equal(stored(world).previous, undefined);
});

Deno.test("design rule 9: when a rotated pair cannot be stored the old one goes on", () => {
  const world = new SimWorld(132);
  const first = new SimPeer(world, { seed: 1 });
  const pair = first.pairIn(first.login())!;
  world.backend.storeFails = true;
  const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  const response = second.comeBack(pair);
  deepEqual(addressesIn(response), ["10.99.0.2"]);
  equal(second.pairIn(response), undefined, "a pair that is not stored is not shown");
  second.request(ExchangeType.INFORMATIONAL, []);
  world.backend.storeFails = false;
  const third = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  deepEqual(addressesIn(third.comeBack(pair)), ["10.99.0.2"]);
});

Deno.test("design rule 9: after a crash between store and reply either pair leads to the one session", () => {
  for (const which of ["old", "new"] as const) {
    const world = new SimWorld(133);
    const first = new SimPeer(world, { seed: 1 });
    const pair = first.pairIn(first.login())!;
    world.backend.answerMs = 40;
    const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
    second.init();
    const request = [...second.pairProof(pair), ...second.wishes()];
    for (const bytes of second.seal(ExchangeType.IKE_AUTH, request)) {
      world.send(second.endpoint, gatewayEndpoint, bytes);
    }
    const heard = second.inbox.length;
    world.runUntil(() => stored(world).previous !== undefined, 100);
    world.crash();
    world.restart();
    world.run(100);
    equal(second.inbox.length, heard, "the reply never left");
    const { sessionId, token } = stored(world);
    const used = which === "old" ? pair : { sessionId, token };
    equal(world.session.state, "inactive");
    const third = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
    deepEqual(addressesIn(third.comeBack(used)), ["10.99.0.2"], `by the ${which} pair`);
    third.request(ExchangeType.INFORMATIONAL, []);
    const other = which === "old" ? { sessionId, token } : pair;
    const fourth = new SimPeer(world, { seed: 4, host: "203.0.113.4" });
    deepEqual(notifiesOf(fourth.comeBack(other)), [NotifyType.AUTHENTICATION_FAILED]);
    equal(world.show.sessions.length, 1);
    equal(inUse(world), 1);
  }
});

Deno.test("design rule 9: the old SA falling silent while the new pair is being stored does not undo it", () => {
  const world = new SimWorld(134);
  const first = new SimPeer(world, { seed: 1 });
  const pair = first.pairIn(first.login())!;
  // The old SA is given up just while the rotated record is on its way to the store.
  world.run(45_000 + 4 * 2_000);
  world.backend.answerMs = 3_000;
  const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  second.init();
  const request = [...second.pairProof(pair), ...second.wishes()];
  const [datagram] = second.seal(ExchangeType.IKE_AUTH, request);
  world.inject(datagram!, second.endpoint);
  world.runUntil(() => world.traces.some(({ event }) => event === "session-parked"), 3_000);
  world.runUntil(() => world.show.reconnect.success === 1, 4_000);
  world.run(50);
  const fresh = second.pairIn(second.open(second.inbox.at(-1)!)!.payloads)!;
  world.run(4_000);
  equal(stored(world).sessionId, fresh.sessionId, "what was shown is what is stored");
  world.crash();
  world.backend.answerMs = 5;
  world.restart();
  const third = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  deepEqual(addressesIn(third.comeBack(fresh)), ["10.99.0.2"]);
});

// --- rule 10 ----------------------------------------------------------------------------------

Deno.test("design rule 10: a full pool gives up the oldest inactive record and never an active one", () => {
  const world = new SimWorld(135, { pools: [range("10.99.0.2-10.99.0.4")] });
  const alice = world.login("alice", "198.51.100.7");
  const bob = world.login("bob", "198.51.100.8");
  const carol = world.login("carol", "198.51.100.9");
  alice.online = false;
  world.run(10_000);
  bob.online = false;
  world.runUntil(() => world.show.reconnect.inactiveCapable === 2, 3 * MINUTE);
  const late = (seed: number): SimPeer => new SimPeer(world, { seed, host: `203.0.113.${seed}` });
  deepEqual(addressesIn(late(1).login()), [alice.address], "who has been away the longest");
  deepEqual(ended(world), ["evicted"]);
  ok(world.traces.some(({ event, level }) => event === "pool-full" && level === "warning"));
  deepEqual(addressesIn(late(2).login()), [bob.address]);
  const refused = late(3).login();
  deepEqual(notifiesOf(refused), [NotifyType.INTERNAL_ADDRESS_FAILURE]);
  ok(world.carries(carol), "active sessions keep what they have");
  equal(world.show.reconnect.inactiveCapable, 0);
});

// --- rule 11 ----------------------------------------------------------------------------------

Deno.test("design rule 11: after a restart active records are inactive with last seen + timeout", () => {
  const world = new SimWorld(136);
  const alice = world.login("alice", "198.51.100.7");
  const seen = stored(world).lastSeen;
  world.crash();
  world.run(10 * MINUTE);
  alice.online = false;
  world.restart();
  world.run(10);
  equal(world.session.state, "inactive");
  equal(world.session.reconnect?.deadline, seen + TIMEOUT);
  equal(stored(world).deadline, seen + TIMEOUT, "so that the next start makes the same of it");
  deepEqual(world.session.addresses.map(formatIpAddress), ["10.99.0.2"]);
  deepEqual(stats(world), [0, 0, 0, 0, 1]);
  const bob = world.login("bob", "198.51.100.8", PATIENT);
  notEqual(bob.address, alice.address, "the address is reserved");
});

Deno.test("design rule 11: after a restart expired records are gone", () => {
  const world = new SimWorld(137, { sessionLifetimeMs: 100 * MINUTE });
  const alice = world.login("alice", "198.51.100.7");
  const pair = alice.pair;
  world.crash();
  alice.online = false;
  world.run(TIMEOUT + 1);
  world.restart();
  world.run(10);
  assertGone(world, pair);
});

Deno.test("design rule 11: the client comes back by itself after a restart, without AAA", () => {
  const world = new SimWorld(138);
  const alice = world.login("alice", "198.51.100.7");
  world.crash();
  world.run(5_000);
  world.restart();
  world.runUntil(() => alice.how === "reconnect" && world.carries(alice), 2 * MINUTE);
  equal(alice.address, "10.99.0.2");
  equal(world.aaaQuestions, 1);
});

Deno.test("design rule 11: what lived long before a crash is remembered as seen lately", () => {
  const world = new SimWorld(139);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  for (let i = 0; i < 60; i++) {
    world.run(MINUTE);
    world.traffic(alice);
  }
  world.run(10);
  ok(world.at.wall - stored(world).lastSeen <= 5 * MINUTE);
  world.crash();
  alice.online = false;
  world.restart();
  equal(world.session.state, "inactive");
});

Deno.test("design rule 11: of two records with one address the later one is restored", () => {
  const world = new SimWorld(146);
  const alice = world.login("alice", "198.51.100.7");
  const stale = stored(world);
  // The store forgets to delete, and the address goes to somebody else.
  world.clear();
  world.run(100);
  world.backend.store.set(stale.key, stale);
  world.policy = { ...world.policy, pools: [range("10.99.0.2-10.99.0.2")] };
  world.crash();
  world.backend.store.clear();
  world.restart();
  const bob = world.login("bob", "198.51.100.8");
  equal(bob.address, alice.address);
  const right = stored(world);
  for (const records of [[stale, right], [right, stale]]) {
    world.crash();
    world.backend.store.clear();
    for (const record of records) world.backend.store.set(record.key, record);
    world.traces.length = 0;
    world.restart();
    world.run(10);
    equal(world.session.userName, "bob");
    equal(stored(world).userName, "bob");
    ok(world.traces.some(({ event }) => event === "record-with-taken-address"));
  }
});

Deno.test("design rule 11: a start reads of a record no more than it needs, and shows all of it", () => {
  const world = new SimWorld(148);
  world.login("alice", "198.51.100.7");
  const before = stored(world);
  world.crash();
  const gateway = new Gateway({
    policy: world.policy,
    crypto: quickCrypto,
    random: new SeededRandom(1),
    now: world.at,
  });
  let reads = 0;
  const read = (): SessionRecord => {
    reads++;
    return before;
  };
  const records = [{ ...storedRecord(before), read }];
  gateway.handle({ kind: "command", at: world.at, command: { kind: "restore", records } });
  equal(reads, 0);
  const [session] = gateway.snapshot().sessions;
  const { userName, method, firstLogin, lastRemote, addresses } = before;
  deepEqual(
    [session?.userName, session?.method, session?.firstLogin, session?.lastRemote],
    [userName, method, firstLogin, lastRemote],
  );
  deepEqual(session?.addresses, addresses);
});

Deno.test("design rule 11: eviction after a restart takes who was parked first", () => {
  const world = new SimWorld(147, { pools: [range("10.99.0.2-10.99.0.3")] });
  const alice = world.login("alice", "198.51.100.7");
  const bob = world.login("bob", "198.51.100.8");
  alice.online = false;
  world.run(MINUTE);
  equal(world.show.reconnect.inactiveCapable, 1);
  bob.online = false;
  world.run(MINUTE + 30_000);
  equal(world.show.reconnect.inactiveCapable, 2);
  world.crash();
  world.restart();
  deepEqual(addressesIn(new SimPeer(world).login()), [alice.address]);
  deepEqual(world.show.sessions.map(({ userName }) => userName).sort(), [
    "alice@example.test",
    "bob",
  ]);
});

// --- rule 12 ----------------------------------------------------------------------------------

Deno.test("design rule 12: DPD asks only when neither IKE nor ESP came for the interval", () => {
  const world = new SimWorld(140);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const sent = (): number =>
    world.outputs.filter((output) =>
      output.kind === "transmit" && output.bytes[18] === ExchangeType.INFORMATIONAL
    ).length;
  for (let i = 0; i < 20; i++) {
    world.run(40_000);
    world.traffic(alice);
  }
  equal(sent(), 0, "packets are a sign of life");
  world.run(44_999);
  equal(sent(), 0);
  world.run(2);
  equal(sent(), 1, "after the interval");
  world.run(44_900);
  equal(sent(), 1, "and its answer is one too");
  world.run(200);
  equal(sent(), 2);
});

Deno.test("design rule 12: a dead peer is asked five times, every two seconds", () => {
  const world = new SimWorld(141);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  const start = world.nowMs;
  alice.online = false;
  const times: number[] = [];
  world.watch = (event) => {
    if (event.kind === "sent") times.push(world.nowMs - start);
  };
  silence(world, alice);
  equal(times.length, limits.dpdTransmissions);
  for (const [i, time] of times.slice(1).entries()) {
    const wait = time - times[i]!;
    ok(wait > 1_700 && wait <= 2_000, `waited ${wait} ms`);
  }
  ok(world.nowMs - start < 56_000);
});

// --- rule 13 ----------------------------------------------------------------------------------

Deno.test("design rule 13: the five counters through a session's life", () => {
  const world = new SimWorld(142);
  deepEqual(stats(world), [0, 0, 0, 0, 0]);
  const alice = world.login("alice", "198.51.100.7");
  deepEqual(stats(world), [0, 0, 0, 1, 0], "after the first login");
  silence(world, alice);
  deepEqual(stats(world), [0, 0, 0, 0, 1], "after the client was lost");
  alice.online = true;
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  deepEqual(stats(world), [1, 1, 0, 1, 0], "after it came back");
  world.roam(alice, "203.0.113.10");
  world.run(1_000);
  deepEqual(stats(world), [2, 2, 0, 1, 0], "after a takeover");
  new SimPeer(world).comeBack({ sessionId: "nobodynobodynobody", token: "x".repeat(43) });
  deepEqual(stats(world), [3, 2, 1, 1, 0], "after a refusal");
  world.command({ kind: "clear-stats" });
  deepEqual(stats(world), [0, 0, 0, 1, 0], "after the counters were cleared");
  world.clear();
  deepEqual(stats(world), [0, 0, 0, 0, 0], "after the session was cleared");
});

// --- rule 14 ----------------------------------------------------------------------------------

Deno.test("design rule 14: of two that come back at once only one lives", () => {
  for (const gapMs of [0, 1, 3]) {
    const world = new SimWorld(143);
    const alice = world.login("alice", "198.51.100.7", PATIENT);
    const peers = [1, 2].map((seed) => {
      const peer = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
      peer.init();
      return peer;
    });
    for (const peer of peers) {
      const request = [...peer.pairProof(alice.pair), ...peer.wishes()];
      const [datagram] = peer.seal(ExchangeType.IKE_AUTH, request);
      world.inject(datagram!, peer.endpoint);
      world.run(gapMs);
    }
    world.run(500);
    equal(world.show.sessions.length, 1);
    equal(world.session.childSas.length, 1);
    equal(world.installed.size, 1);
    equal(inUse(world), 1);
    equal(world.session.lastRemote, "203.0.113.2:4500", "the later one");
    const told = peers[1]!.pairIn(peers[1]!.open(peers[1]!.inbox.at(-1)!)!.payloads)!;
    equal(stored(world).sessionId, told.sessionId);
    deepEqual(world.traces.filter(({ event }) => event === "internal-error"), []);
  }
});

Deno.test("design rule 14: an attempt that was under way for long does not take over from a later one", () => {
  for (const waitMs of [0, 1_000]) {
    const world = new SimWorld(148);
    const alice = world.login("alice", "198.51.100.7", PATIENT);
    const { pair } = alice;
    const [early, late] = [1, 2].map((seed) => {
      const peer = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
      peer.init();
      return peer;
    });
    // Both know the same pair; the message of the first is late.
    const request = [...late!.pairProof(pair), ...late!.wishes()];
    const [datagram] = late!.seal(ExchangeType.IKE_AUTH, request);
    world.inject(datagram!, late!.endpoint);
    world.run(waitMs);
    const delayed = [...early!.pairProof(pair), ...early!.wishes()];
    const [stale] = early!.seal(ExchangeType.IKE_AUTH, delayed);
    world.inject(stale!, early!.endpoint);
    world.run(1_000);
    equal(world.session.lastRemote, "203.0.113.2:4500");
    equal(world.session.state, "active");
    equal(world.installed.size, 1);
    deepEqual(late!.requests(), [], "nobody tells the living SA that it is gone");
  }
});

Deno.test("design rule 14: a fixed address has one holder, inside and outside of every pool", () => {
  for (const fixed of ["10.99.0.77", "172.16.5.5"]) {
    const world = new SimWorld(144);
    world.backend.attributes.set("alice", { addresses: [address(fixed)] });
    world.backend.attributes.set("bob", { addresses: [address(fixed)] });
    const first = world.login("alice", "198.51.100.7", PATIENT);
    equal(first.address, fixed);
    const second = world.addClient("bob", "198.51.100.8");
    world.connect(second);
    world.run(2_000);
    equal(second.last("established"), undefined, `${fixed} is taken`);
    equal(world.show.sessions.length, 1);
    ok(world.carries(first));
    const refusal = world.traces.find(({ event }) => event === "fixed-address-taken");
    deepEqual(refusal?.facts, { user: "bob", address: fixed, holder: "alice" });
  }
});

Deno.test("design rule 14: a client with a stored pair takes over from its own dead self", () => {
  const world = new SimWorld(145);
  const alice = world.login("alice", "198.51.100.7", PATIENT);
  world.restartClient(alice);
  world.run(1_000);
  equal(alice.how, "reconnect");
  equal(alice.address, "10.99.0.2");
  equal(world.installed.size, 1);
});
