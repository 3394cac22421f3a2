/** Sessions where something goes wrong: users in their own way, crowds, failures halfway. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import type { CryptoProvider } from "../../../core/crypto/provider.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { ClientLogin } from "../../../core/exchange/initiator_settings.ts";
import type { Policy } from "../../../core/gateway/policy.ts";
import { limits } from "../../../core/limits.ts";
import { AuthMethod, ExchangeType, IdType, NotifyType } from "../../../core/message/constants.ts";
import { idBody } from "../../../core/message/identification.ts";
import { notify } from "../../../core/message/notify.ts";
import { authOctets, sharedKeyAuth } from "../../../core/sa/auth_octets.ts";
import { ended, silence } from "../../support/sim_claims.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { address, endpoint, range } from "../../support/sim_settings.ts";
import { calm, SimWorld } from "../../support/sim_world.ts";

const MINUTE = 60_000;
/** A client that does not look for the gateway. */
const PATIENT = { dpd: { intervalMs: 600 * MINUTE, retryMs: 2_000 } };
/** A gateway that does not look for its clients. */
const DEAF: Partial<Policy> = { dpd: { intervalMs: 600 * MINUTE, retryMs: 2_000 } };

function traced(world: SimWorld, event: string): unknown[] {
  return world.traces.filter((trace) => trace.event === event).map(({ facts }) => facts);
}

/** User and state of each session, oldest first. */
function who(world: SimWorld): string[] {
  return world.show.sessions.map(({ userName, state }) => `${userName} ${state}`);
}

function inUse(world: SimWorld): number | undefined {
  return world.show.pools[0]?.inUse;
}

/** Logs in by certificate as alice, one more time; the response. */
function oneMore(world: SimWorld, seed: number): ReturnType<SimPeer["login"]> {
  return new SimPeer(world, { seed, host: `203.0.113.${seed}` }).login();
}

const ALICE = "alice@example.test";

// --- fixed addresses --------------------------------------------------------------------------

for (const fixed of ["10.99.0.77", "172.16.5.5"]) {
  Deno.test(`design rule 14: a fixed address goes on with its user's next login, ${fixed}`, () => {
    const world = new SimWorld(601);
    world.backend.attributes.set("alice", { addresses: [address(fixed)] });
    silence(world, world.login("alice", "198.51.100.7"));
    equal(world.session.state, "inactive");
    const again = world.login("alice", "198.51.100.8");
    equal(again.address, fixed);
    equal(again.how, "login");
    deepEqual(ended(world), ["superseded"]);
    deepEqual(who(world), ["alice active"]);
    equal(world.backend.store.size, 1);
  });
}

Deno.test("design rule 14: a silent session that still looks alive does not keep its user out", () => {
  const world = new SimWorld(602, DEAF);
  world.backend.attributes.set("alice", { addresses: [address("10.99.0.77")] });
  const identity = { idType: IdType.FQDN, data: utf8("tablet") };
  const laptop = world.login("alice", "198.51.100.7", { ...PATIENT, identity });
  laptop.online = false;
  equal(world.session.state, "active");
  const phone = world.login("alice", "198.51.100.8");
  equal(phone.address, "10.99.0.77");
  deepEqual(ended(world), ["superseded"]);
  ok(world.carries(phone));
  equal(world.installed.size, 1);
  equal(inUse(world), 1);
});

Deno.test("design rule 14: nobody is ended for a login that cannot have all of its addresses", () => {
  const world = new SimWorld(603, { pools: [range("10.99.0.2-10.99.0.9")] });
  const six = address("2001:db8::9");
  world.backend.attributes.set(ALICE, { addresses: [address("10.99.0.7")] });
  oneMore(world, 1);
  world.backend.attributes.set("bob", { addresses: [address("10.99.0.8"), six] });
  world.login("bob", "198.51.100.9", { wants: { ip4: true, ip6: true } });
  world.backend.attributes.set(ALICE, { addresses: [address("10.99.0.7"), six] });
  const peer = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  const answer = peer.login(peer.wishes({ ip6: true }));
  deepEqual(notifiesOf(answer), [NotifyType.INTERNAL_ADDRESS_FAILURE]);
  deepEqual(who(world), [`${ALICE} active`, "bob active"]);
  equal(inUse(world), 2);
});

// --- crowds -----------------------------------------------------------------------------------

Deno.test("design rule 10: one user has so many sessions and no more, and takes none from others", () => {
  const world = new SimWorld(604, { pools: [range("10.99.0.2-10.99.0.21")] });
  silence(
    world,
    ...["bob", "carol"].map((user, i) => world.login(user, `198.51.100.${7 + i}`)),
  );
  for (let i = 0; i < limits.sessionsPerUser; i++) {
    ok(find(oneMore(world, 10 + i), "CP") !== undefined, `login ${i}`);
  }
  const refused = oneMore(world, 90);
  deepEqual(notifiesOf(refused), [NotifyType.INTERNAL_ADDRESS_FAILURE]);
  const facts = { user: ALICE, sessions: limits.sessionsPerUser };
  deepEqual(traced(world, "user-session-limit"), [facts]);
  deepEqual(who(world).filter((text) => !text.startsWith(ALICE)), [
    "bob inactive",
    "carol inactive",
  ]);
  equal(inUse(world), limits.sessionsPerUser + 2);
  // And the gateway serves others.
  world.login("bob", "198.51.100.77");
});

Deno.test("design rule 10: at the limit the user's own longest parked session goes first", () => {
  const world = new SimWorld(605);
  const peers = Array.from({ length: limits.sessionsPerUser }, (_, i) => {
    const peer = new SimPeer(world, { seed: 10 + i, host: `203.0.113.${10 + i}` });
    peer.login();
    return peer;
  });
  // The first two fall silent.
  world.run(40_000);
  for (const peer of peers.slice(2)) peer.request(ExchangeType.INFORMATIONAL, []);
  world.runUntil(() => world.show.reconnect.inactiveCapable >= 2, 2 * MINUTE);
  const [first, second] = world.show.sessions;
  deepEqual([first?.state, second?.state], ["inactive", "inactive"]);
  oneMore(world, 90);
  deepEqual(ended(world), ["user-limit"]);
  equal(world.show.sessions.length, limits.sessionsPerUser);
  equal(world.show.sessions.some(({ id }) => id === first?.id), false);
  equal(world.show.sessions.some(({ id }) => id === second?.id), true);
  deepEqual(traced(world, "user-session-limit"), []);
});

Deno.test("design rule 10: in a full pool a user's own parked sessions go before those of others", () => {
  const world = new SimWorld(606, { pools: [range("10.99.0.2-10.99.0.4")] });
  silence(world, world.login("bob", "198.51.100.7"));
  const identity = { idType: IdType.FQDN, data: utf8("tablet") };
  silence(world, world.login("alice", "198.51.100.8", { identity }));
  silence(world, world.login("carol", "198.51.100.9"));
  world.login("alice", "198.51.100.10");
  deepEqual(who(world), ["bob inactive", "carol inactive", "alice active"]);
  deepEqual(ended(world), ["evicted"]);
});

Deno.test("design rule 10: nobody is evicted whose end gives no address back", () => {
  const world = new SimWorld(607, { pools: [range("10.99.0.2-10.99.0.2")] });
  world.backend.attributes.set("alice", { addresses: [address("172.16.5.5")] });
  silence(world, world.login("alice", "198.51.100.7"));
  world.login("bob", "198.51.100.8");
  const carol = world.addClient("carol", "198.51.100.9");
  world.connect(carol);
  world.run(2_000);
  equal(carol.last("established"), undefined);
  deepEqual(who(world), ["alice inactive", "bob active"]);
  silence(world, world.clients[1]!);
  world.connect(carol);
  world.run(2_000);
  equal(carol.address, "10.99.0.2");
  deepEqual(who(world), ["alice inactive", "carol active"]);
});

// --- INITIAL_CONTACT --------------------------------------------------------------------------

/** Logs in by EAP as alice under an IPv4 address as IDi, with INITIAL_CONTACT. */
function initialContact(world: SimWorld, seed: number, data: Uint8Array): void {
  const peer = new SimPeer(world, { seed, host: `198.51.100.${seed}` });
  peer.init();
  const first = peer.request(ExchangeType.IKE_AUTH, [
    { kind: "IDi", idType: IdType.IPV4_ADDR, data },
    notify(NotifyType.INITIAL_CONTACT),
    ...peer.wishes({ pair: false }),
  ]);
  const { msk } = peer.runEap("alice", "alicepw", first);
  const { suite, keys, initRequest, nonceR } = peer;
  const { prf } = suite!;
  const body = idBody(IdType.IPV4_ADDR, data);
  const octets = authOctets(world.crypto, prf, initRequest, nonceR, keys!.pi, body);
  const proof = sharedKeyAuth(world.crypto, prf, msk!, octets);
  peer.request(ExchangeType.IKE_AUTH, [
    { kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data: proof },
  ]);
}

Deno.test("RFC 7296 §2.4: INITIAL_CONTACT counts for the same octets of IDi, be they text or not", () => {
  const world = new SimWorld(608);
  // As text both end in U+FFFD.
  initialContact(world, 31, Uint8Array.of(192, 168, 1, 130));
  initialContact(world, 32, Uint8Array.of(192, 168, 1, 200));
  equal(world.show.sessions.length, 2);
  initialContact(world, 33, Uint8Array.of(192, 168, 1, 200));
  equal(world.show.sessions.length, 2);
  deepEqual(ended(world), ["superseded"]);
  deepEqual(
    world.show.sessions.map(({ lastRemote }) => lastRemote),
    ["198.51.100.31:4500", "198.51.100.33:4500"],
  );
});

// --- reconnect switched off -------------------------------------------------------------------

Deno.test("design rule 11: with reconnect switched off stored pairs are worth nothing", () => {
  const world = new SimWorld(609);
  const { pair } = world.login("alice", "198.51.100.7", PATIENT);
  world.crash();
  world.policy = { ...world.policy, reconnect: { timeoutMs: 0 } };
  world.restart();
  world.run(100);
  deepEqual(world.show.sessions, []);
  equal(world.backend.store.size, 0);
  equal(inUse(world), 0);
  const answer = new SimPeer(world).comeBack(pair);
  deepEqual(notifiesOf(answer), [NotifyType.AUTHENTICATION_FAILED]);
});

// --- failures halfway -------------------------------------------------------------------------

/** A world whose gateway cannot seal its next message once `arm` was called. */
function fragileWorld(seed: number): { readonly world: SimWorld; readonly arm: () => void } {
  let isArmed = false;
  const crypto: CryptoProvider = {
    ...quickCrypto,
    aeadSeal: (...args) => {
      if (isArmed) {
        isArmed = false;
        throw new Error("no");
      }
      return quickCrypto.aeadSeal(...args);
    },
  };
  const world = new SimWorld(seed, {}, calm, { crypto: quickCrypto, gatewayCrypto: crypto });
  return {
    world,
    arm: () => {
      isArmed = true;
    },
  };
}

Deno.test("design rule 14: a login that breaks between admission and the end leaves nothing", () => {
  const { world, arm } = fragileWorld(610);
  const peer = new SimPeer(world);
  peer.init();
  const request = [...peer.certificateProof(), ...peer.wishes()];
  for (const bytes of peer.seal(ExchangeType.IKE_AUTH, request)) world.inject(bytes, peer.endpoint);
  arm();
  world.run(1_000);
  equal(world.show.counters["internal-error"], 1);
  deepEqual(world.show.sessions, []);
  equal(inUse(world), 0);
  equal(world.backend.store.size, 0);
  equal(world.installed.size, 0);
  deepEqual(world.gateway.load(), {
    ikeSas: 0,
    espSpis: 0,
    negotiating: 0,
    timers: 0,
    questions: 0,
  });
});

Deno.test("design rule 14: a return that breaks halfway leaves the session as it was", () => {
  const { world, arm } = fragileWorld(611);
  const alice = world.login("alice", "198.51.100.7");
  const { pair } = alice;
  silence(world, alice);
  world.run(100);
  const before = [...world.backend.store.values()];
  const peer = new SimPeer(world);
  peer.init();
  const request = [...peer.pairProof(pair), ...peer.wishes()];
  for (const bytes of peer.seal(ExchangeType.IKE_AUTH, request)) world.inject(bytes, peer.endpoint);
  arm();
  world.run(1_000);
  equal(world.show.counters["internal-error"], 1);
  equal(world.session.state, "inactive");
  deepEqual([...world.backend.store.values()], before);
  deepEqual(world.show.reconnect, { success: 0, failed: 1, activeCapable: 0, inactiveCapable: 1 });
  const again = new SimPeer(world, { seed: 5, host: "203.0.113.5" });
  ok(find(again.comeBack(pair), "CP") !== undefined);
  equal(world.session.state, "active");
});

Deno.test("design rule 13: a right token whose Child SA is refused is a failed reconnect", () => {
  const world = new SimWorld(612);
  const alice = world.login("alice", "198.51.100.7");
  silence(world, alice);
  const peer = new SimPeer(world);
  peer.init();
  const wishes = peer.wishes().filter(({ kind }) => kind !== "SA");
  const answer = peer.request(ExchangeType.IKE_AUTH, [...peer.pairProof(alice.pair), ...wishes]);
  equal(find(answer, "CP"), undefined);
  deepEqual(world.show.reconnect, { success: 0, failed: 1, activeCapable: 0, inactiveCapable: 1 });
});

Deno.test("design rule 13: of two returns at the same time one succeeds and one fails", () => {
  const world = new SimWorld(613);
  const alice = world.login("alice", "198.51.100.7");
  const { pair } = alice;
  silence(world, alice);
  world.backend.answerMs = 400;
  const send = (seed: number): void => {
    const peer = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
    peer.init();
    const request = [...peer.pairProof(pair), ...peer.wishes()];
    for (const bytes of peer.seal(ExchangeType.IKE_AUTH, request)) {
      world.inject(bytes, peer.endpoint);
    }
  };
  send(1);
  send(2);
  world.run(2_000);
  deepEqual(world.show.reconnect, { success: 1, failed: 1, activeCapable: 1, inactiveCapable: 0 });
  equal(world.session.lastRemote, "203.0.113.2:4500");
});

Deno.test("design rule 2: a record that was stored although the store said no is deleted", () => {
  const world = new SimWorld(614);
  const peer = new SimPeer(world);
  peer.init();
  const request = [...peer.certificateProof(), ...peer.wishes()];
  // The store does what it is told and then says that it could not.
  world.watch = (event) => {
    if (event.kind !== "gateway" || event.output.kind !== "ask") return;
    const { question } = event.output;
    if (question.kind === "store-record") {
      world.backend.store.set(question.record.key, question.record);
    }
    world.backend.storeFails = question.kind === "store-record";
  };
  const answer = peer.request(ExchangeType.IKE_AUTH, request);
  equal(peer.pairIn(answer), undefined);
  deepEqual(who(world), [`${ALICE} active`]);
  equal(world.session.reconnect, undefined);
  equal(world.backend.store.size, 0);
});

// --- where a session is -----------------------------------------------------------------------

Deno.test("RFC 7296 §2.23: a session without a record is known by its peer's present endpoint", () => {
  const world = new SimWorld(615);
  const alice = world.login("alice", "198.51.100.7", { reconnect: false });
  alice.outer = endpoint("198.51.100.200", 4711);
  world.traffic(alice);
  equal(world.session.lastRemote, "198.51.100.200:4711");
  world.clear({ remote: "198.51.100.200" });
  deepEqual(world.show.sessions, []);
  deepEqual(ended(world), ["operator"]);
});

// --- words ------------------------------------------------------------------------------------

Deno.test("design rule 5: a session ends under the name of what ended it", () => {
  const silent = new SimWorld(616);
  silent.login("alice", "198.51.100.7", { ...PATIENT, reconnect: false }).online = false;
  silent.run(2 * MINUTE);
  deepEqual(ended(silent), ["peer-silent"]);

  const down = new SimWorld(617);
  down.login("alice", "198.51.100.7", { ...PATIENT, reconnect: false });
  down.login("bob", "198.51.100.8", PATIENT);
  down.command({ kind: "shutdown" });
  deepEqual(ended(down), ["shutdown"]);
  deepEqual(traced(down, "session-parked").length, 1);

  const broken = fragileWorld(618);
  const peer = new SimPeer(broken.world);
  peer.login(peer.wishes({ pair: false }));
  broken.arm();
  for (const bytes of peer.seal(ExchangeType.INFORMATIONAL, [])) {
    broken.world.inject(bytes, peer.endpoint);
  }
  deepEqual(ended(broken.world), ["internal-error"]);

  const old = new SimWorld(619, { ...DEAF, lifetimes: { ikeMs: MINUTE, espMs: 60 * MINUTE } });
  const quiet = new SimPeer(old);
  quiet.login(quiet.wishes({ pair: false }));
  old.run(2 * MINUTE);
  deepEqual(ended(old), ["lifetime-over"]);
});

// --- names ------------------------------------------------------------------------------------

/** Logs in as `"ANY\\alice"` one way or another; the name of the session and of its record. */
function nameAfterLogin(login: ClientLogin): readonly (string | undefined)[] {
  const loginMethods = login.kind === "none" ? [] : [login.kind];
  const world = new SimWorld(620, { loginMethods });
  world.backend.names.set("ANY\\alice", "alice");
  world.login("alice", "198.51.100.7", { login });
  const [record] = world.backend.store.values();
  return [world.session.userName, record?.userName];
}

Deno.test("design rule 3: a session has the name that AAA gives its user, not the one presented", () => {
  const [userName, password] = ["ANY\\alice", "alicepw"];
  deepEqual(nameAfterLogin({ kind: "eap-mschapv2", userName, password }), ["alice", "alice"]);
  const anyConnect = {
    kind: "anyconnect-eap",
    user: { name: userName, password },
    certificate: undefined,
    group: undefined,
    header: { version: "5.1.8.105", macAddresses: [] },
    answer: () => undefined,
  } as const;
  deepEqual(nameAfterLogin(anyConnect), ["alice", "alice"]);

  const world = new SimWorld(621);
  world.backend.names.set(ALICE, "alice");
  oneMore(world, 1);
  equal(world.session.userName, "alice");
  world.clear({ userName: "alice" });
  deepEqual(world.show.sessions, []);
});
