/** Quick crash detection: what the gateway tells of IKE SAs that it has lost, and to whom (RFC 6290). */
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { CrashDetection } from "../../../core/gateway/crash_detection.ts";
import { CrashNotices } from "../../../core/gateway/crash_notices.ts";
import type { Session } from "../../../core/gateway/session.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../core/message/constants.ts";
import { parseMessage } from "../../../core/message/message.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { monotonic } from "../../../core/moment.ts";
import { offerOf } from "../../../core/sa/proposal.ts";
import { equalEndpoints } from "../../../core/wire/address.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { notifiesOf, notifyIn, SimPeer } from "../../support/sim_peer.ts";
import { address, anyConnectLogin, endpoint, gatewayEndpoint } from "../../support/sim_settings.ts";
import type { Flight } from "../../support/sim_world.ts";
import { calm, SimWorld } from "../../support/sim_world.ts";

const INFORMATIONAL = ExchangeType.INFORMATIONAL;
const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };
/** As long as the answer, at least. */
const LONG = notify(NotifyType.NAT_DETECTION_SOURCE_IP, new Uint8Array(20));

/** A peer that has logged in, and its token. */
function loggedIn(seed: number): {
  readonly world: SimWorld;
  readonly peer: SimPeer;
  readonly token: Uint8Array;
} {
  const world = new SimWorld(seed, QUIET);
  const peer = new SimPeer(world);
  const told = notifyIn(peer.login(), NotifyType.QCD_TOKEN);
  ok(told !== undefined);
  equal(told.protocol, ProtocolId.IKE, "RFC 6290 §4.1");
  equal(told.spi.length, 0);
  return { world, peer, token: Uint8Array.from(told.data) };
}

function restart(world: SimWorld): void {
  world.crash();
  world.restart();
}

/** Messages of the gateway in clear about IKE SAs that it does not have. */
function notices(world: SimWorld): readonly Flight[] {
  return world.wire.filter(({ from, bytes }) =>
    equalEndpoints(from, gatewayEndpoint) && bytes[16] === 41 && bytes[18] === INFORMATIONAL
  );
}

Deno.test("RFC 6290 §4.5: after a restart a protected message is answered in clear with the token that was told", () => {
  const { world, peer, token } = loggedIn(701);
  restart(world);
  const [datagram] = peer.seal(INFORMATIONAL, [LONG], 7);
  const [answer] = peer.exchange(datagram!);
  const { header, payloads } = peer.open(answer!)!;
  deepEqual(notifiesOf(payloads), [NotifyType.INVALID_IKE_SPI, NotifyType.QCD_TOKEN]);
  deepEqual(notifyIn(payloads, NotifyType.QCD_TOKEN)!.data, token);
  equal(token.length, 16);
  deepEqual([header.initiatorSpi, header.responderSpi], [peer.spiI, peer.spiR]);
  deepEqual([header.exchangeType, header.messageId], [INFORMATIONAL, 7]);
  deepEqual([header.flags.initiator, header.flags.response], [false, true]);
  ok(answer!.length <= datagram!.length);
  equal(world.show.counters["crash-told"], 1);
  equal(world.gateway.load().ikeSas, 0, "and nothing is kept");
});

Deno.test("No answer is longer than what it answers", () => {
  const { world, peer } = loggedIn(702);
  restart(world);
  const [short] = peer.seal(INFORMATIONAL, []);
  equal(short!.length, 57);
  deepEqual(peer.exchange(short!), []);
  const [enough] = peer.seal(INFORMATIONAL, [notify(NotifyType.INITIAL_CONTACT)]);
  equal(enough!.length, 65);
  equal(peer.exchange(enough!)[0]?.length, 60);
});

Deno.test("RFC 6290 §9.1: the token of a living IKE SA is not to be had, whichever way one asks", () => {
  const { world, peer } = loggedIn(703);
  // Damaged, so that it is not answered as what it is; the SPIs and the flags are what is looked at.
  const [good] = peer.seal(INFORMATIONAL, [LONG]);
  const variants = [0x00, 0x08, 0x20, 0x28].map((flags) => {
    const datagram = good!.slice();
    datagram[19] = flags;
    datagram[datagram.length - 1]! ^= 1;
    return datagram;
  });
  for (const datagram of variants) {
    deepEqual(peer.exchange(datagram), []);
    const swapped = datagram.slice();
    swapped.set(peer.spiR, 0);
    swapped.set(peer.spiI, 8);
    const [answer] = peer.exchange(swapped);
    // For the other pair there may be one, which is good for nothing.
    if (answer === undefined) continue;
    const parsed = parseMessage(answer);
    ok(parsed.ok);
    notDeepEqual(
      notifyIn(parsed.value.payloads, NotifyType.QCD_TOKEN)?.data,
      quickToken(world, peer.spiI, peer.spiR),
    );
  }
  equal(world.session.state, "active");
});

function quickToken(world: SimWorld, spiI: Uint8Array, spiR: Uint8Array): Uint8Array {
  return new CrashDetection(quickCrypto, world.crashSecret!).tokenOf(spiI, spiR);
}

Deno.test("RFC 6290 §9.2: tokens of SPIs that we never made are not to be had", () => {
  const { world, peer } = loggedIn(704);
  restart(world);
  world.run(5_000);
  const { spiR } = peer;
  let answered = 0;
  for (let i = 0; i < 100; i++) {
    peer.spiR = peer.random.bytes(8);
    const [datagram] = peer.seal(INFORMATIONAL, [LONG]);
    answered += peer.exchange(datagram!).length;
  }
  equal(answered, 0);
  peer.spiR = spiR;
  equal(peer.exchange(peer.seal(INFORMATIONAL, [LONG])[0]!).length, 1);
});

Deno.test("RFC 7296 §1.5: what is not protected, and what is an answer, gets no answer", () => {
  const { world, peer } = loggedIn(705);
  restart(world);
  const [datagram] = peer.seal(INFORMATIONAL, [LONG], 0, { response: true });
  deepEqual(peer.exchange(datagram!), []);
  const clear = peer.exchange(peer.seal(INFORMATIONAL, [LONG])[0]!)[0]!;
  deepEqual(peer.exchange(clear), []);
  clear[19] = 0x08;
  deepEqual(peer.exchange(clear), [], "in clear");
});

Deno.test("RFC 6290 §9.2: a source gets so many answers a minute, and all sources so many a second", () => {
  const crypto = quickCrypto;
  const random = new SeededRandom(1);
  const crash = new CrashDetection(crypto, random.bytes(32));
  const header = {
    initiatorSpi: random.bytes(8),
    responderSpi: crash.mark(random.bytes(8)),
    exchangeType: INFORMATIONAL,
    flags: { initiator: true, response: false },
    messageId: 1,
  };
  const ask = (ms: number, host: string): boolean =>
    crash.answer(monotonic(ms), header, 100, address(host)) !== undefined;
  const count = (n: number, act: (i: number) => boolean): number =>
    Array.from({ length: n }, (_, i) => act(i)).filter(Boolean).length;
  equal(count(1_000, () => ask(0, "192.0.2.1")), limits.crashAnswersPerMinute);
  equal(ask(59_000, "192.0.2.1"), false);
  equal(ask(60_000, "192.0.2.1"), true);
  const total = count(1_000, (i) => ask(100_000, `198.51.${i >> 8}.${i & 255}`));
  equal(total, limits.crashAnswersPerSecond);
  equal(ask(100_999, "203.0.113.1"), false);
  equal(ask(101_000, "203.0.113.1"), true);
});

Deno.test("RFC 6290 §4.3: a rekeyed IKE SA has a token of its own, told by whoever answers or after the fact", () => {
  const { world, peer, token } = loggedIn(706);
  const { crypto } = world;
  const pair = crypto.generateKeyPair(19, peer.random);
  const spiI = peer.random.bytes(8);
  const response = peer.request(ExchangeType.CREATE_CHILD_SA, [
    { kind: "SA", proposals: offerOf(peer.ikeOffer, spiI, true) },
    { kind: "Nonce", data: peer.random.bytes(32) },
    { kind: "KE", group: 19, data: pair.publicValue },
  ]);
  const fresh = notifyIn(response, NotifyType.QCD_TOKEN)!.data;
  deepEqual(fresh, quickToken(world, spiI, find(response, "SA")!.proposals[0]!.spi));
  notDeepEqual(fresh, token);
  // Where the gateway begins the rekey, our own client learns it by one more exchange.
  const other = new SimWorld(707, QUIET);
  const alice = other.login("alice", "198.51.100.7", QUIET);
  other.command({ kind: "rekey", id: other.session.id, what: "ike" });
  other.run(200);
  restart(other);
  other.run(300);
  equal(alice.last("reconnecting")?.why, "peer-restarted");
});

Deno.test("RFC 6290: after kill -9 a silent client is told, and is back without a word of its own", () => {
  const world = new SimWorld(708, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.run(60_000);
  restart(world);
  world.run(300);
  equal(alice.last("reconnecting")?.why, "peer-restarted");
  equal(alice.how, "reconnect");
  ok(world.carries(alice));
  equal(world.session.reconnect?.count, 1);
  world.run(10_000);
  equal(notices(world).length, 1, "who is back is left alone");
});

Deno.test("RFC 6290: an orderly end is told by the next gateway, too", () => {
  const world = new SimWorld(709, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.command({ kind: "shutdown" });
  world.run(100);
  equal(alice.count("reconnecting"), 0);
  restart(world);
  world.run(300);
  equal(alice.last("reconnecting")?.why, "peer-restarted");
  ok(world.carries(alice));
});

Deno.test("RFC 6290: a notice that is lost comes again, three times in all", () => {
  const world = new SimWorld(710, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  alice.online = false;
  restart(world);
  world.run(60_000);
  deepEqual(notices(world).map(({ at }) => at - notices(world)[0]!.at), [0, 1_000, 2_000]);
  ok(notices(world).every(({ to }) => equalEndpoints(to, alice.outer)));
});

Deno.test("A client's request is answered with the token, too, when all notices are lost", () => {
  const world = new SimWorld(711, QUIET);
  const dpd = { intervalMs: 20_000, retryMs: 2_000 };
  const alice = world.login("alice", "198.51.100.7", { dpd });
  world.passes = ({ at }) => at < world.nowMs + 1_000 && notices(world).length === 0;
  restart(world);
  world.run(4_000);
  world.passes = () => true;
  equal(alice.count("reconnecting"), 0);
  world.run(17_000);
  equal(alice.last("reconnecting")?.why, "peer-restarted", "at the first liveness check");
  ok(world.carries(alice));
});

Deno.test("Nobody is told who was not up when the gateway ended, or knows no token", () => {
  const world = new SimWorld(712, { loginMethods: ["anyconnect-eap", "eap-mschapv2"] });
  const alice = world.login("alice", "198.51.100.7");
  world.login("carol", "198.51.100.8", { login: anyConnectLogin("carol") });
  world.login("bob", "198.51.100.9", { reconnect: false });
  alice.online = false;
  world.run(70_000);
  equal(world.show.sessions.filter(({ state }) => state === "inactive").length, 1);
  restart(world);
  world.run(5_000);
  deepEqual(notices(world), []);
});

Deno.test("The record says which IKE SA carries the session, over rekeys and moves", () => {
  const world = new SimWorld(713, QUIET);
  const alice = world.login("alice", "198.51.100.7", { ...QUIET, mobike: true });
  const stored = () => [...world.backend.store.values()][0]!.ikeSa;
  const localSpi = (): string => world.session.ikeSa!.localSpi;
  const hex = (bytes: Uint8Array): string =>
    [...bytes].map((octet) => octet.toString(16).padStart(2, "0")).join("").toUpperCase();
  equal(hex(stored()!.spiR), localSpi());
  deepEqual(stored()!.remote, alice.outer);
  deepEqual(stored()!.local, gatewayEndpoint);
  world.tellClient(alice, { kind: "rekey", at: world.at, what: "ike" });
  world.run(200);
  equal(hex(stored()!.spiR), localSpi());
  world.command({ kind: "rekey", id: world.session.id, what: "ike" });
  world.run(200);
  equal(hex(stored()!.spiI), localSpi(), "which the gateway began");
  world.run(10_000);
  world.roam(alice, "203.0.113.9");
  world.run(200);
  deepEqual(stored()!.remote, endpoint("203.0.113.9", 4500));
  restart(world);
  world.run(300);
  equal(alice.last("reconnecting")?.why, "peer-restarted", "found at the new address");
});

Deno.test("A gateway without a secret of its own tells nothing", () => {
  const world = new SimWorld(714, QUIET, calm, { withoutCrashTokens: true });
  const peer = new SimPeer(world);
  equal(notifyIn(peer.login(), NotifyType.QCD_TOKEN), undefined);
  restart(world);
  deepEqual(peer.exchange(peer.seal(INFORMATIONAL, [LONG])[0]!), []);
  world.run(5_000);
  deepEqual(notices(world), []);
});

Deno.test("Notices go out at their rate, the first one to each before the second to any", () => {
  const sessions = Array.from({ length: 2_000 }, (_, id) => ({ id }) as Session);
  const queue = new CrashNotices();
  const back = new Set<Session>();
  const sent: { readonly at: number; readonly id: number }[] = [];
  queue.begin(sessions, monotonic(0));
  for (let next = queue.next; next !== undefined; next = queue.next) {
    for (const session of queue.take(next, (it) => !back.has(it))) {
      sent.push({ at: next, id: session.id });
      if (session.id % 2 === 0) back.add(session);
    }
  }
  const perSecond = new Map<number, number>();
  for (const { at } of sent) {
    const second = Math.floor((at - 100) / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  ok([...perSecond.values()].every((count) => count <= limits.crashNoticesPerSecond));
  deepEqual(sent.slice(0, 2_000).map(({ id }) => id), sessions.map(({ id }) => id));
  equal(sent.length, 1_000 + 3 * 1_000, "and who is back hears no more");
  equal(sent[0]!.at, 100);
});

const unprotected = (world: SimWorld, ...payloads: readonly Payload[]): Uint8Array => {
  const { bytes } = world.wire.findLast(({ to }) => equalEndpoints(to, gatewayEndpoint))!;
  const header = bytes.slice(0, 28);
  const chain = payloads.map((payload, i) => {
    if (payload.kind !== "N") throw new Error("notifies only");
    const length = 8 + payload.data.length;
    const head = [i === payloads.length - 1 ? 0 : 41, 0, length >> 8, length & 255];
    const body = [payload.protocol, 0, payload.notifyType >> 8, payload.notifyType & 255];
    return Uint8Array.of(...head, ...body, ...payload.data);
  });
  const length = chain.reduce((sum, part) => sum + part.length, 28);
  header[16] = 41;
  header[18] = INFORMATIONAL;
  header[19] = 0x20;
  header.set([length >> 24, length >> 16, length >> 8, length], 24);
  return Uint8Array.from([...header, ...chain.flatMap((part) => [...part])]);
};

Deno.test("RFC 6290 §4.5: a client believes no token but its own, among the first four, and nobody without one", () => {
  const token = (data: Uint8Array): Payload => notify(NotifyType.QCD_TOKEN, data);
  const invalid = notify(NotifyType.INVALID_IKE_SPI);
  const lies: readonly (readonly Payload[])[] = [
    [invalid, token(new Uint8Array(16))],
    [invalid, token(new Uint8Array(0))],
    [invalid, token(new Uint8Array(128))],
    [token(new Uint8Array(16))],
    [invalid],
    [notify(NotifyType.INVALID_SPI)],
  ];
  const world = new SimWorld(715, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const hear = (bytes: Uint8Array): void =>
    world.tellClient(alice, {
      kind: "datagram",
      at: world.at,
      local: alice.local,
      remote: gatewayEndpoint,
      bytes,
    });
  for (const lie of lies) hear(unprotected(world, ...lie));
  world.run(1_000);
  equal(alice.count("reconnecting"), 0);
  ok(world.carries(alice));
  const header = parseMessage(unprotected(world, invalid));
  ok(header.ok);
  const { initiatorSpi, responderSpi } = header.value.header;
  const right = token(quickToken(world, initiatorSpi, responderSpi));
  const wrong = token(new Uint8Array(16));
  hear(unprotected(world, invalid, wrong, wrong, wrong, wrong, right));
  equal(alice.count("reconnecting"), 0, "the fifth is not looked at");
  hear(unprotected(world, invalid, wrong, wrong, wrong, right));
  equal(alice.last("reconnecting")?.why, "peer-restarted");
});

Deno.test("RFC 7296 §2.4: an INVALID_IKE_SPI that anybody may have sent makes a client ask, now and then", () => {
  const world = new SimWorld(716, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const lie = unprotected(world, notify(NotifyType.INVALID_IKE_SPI));
  const before = world.wire.length;
  for (let second = 0; second < 25; second++) {
    for (let i = 0; i < 10; i++) {
      world.tellClient(alice, {
        kind: "datagram",
        at: world.at,
        local: alice.local,
        remote: endpoint("203.0.113.66", 4500),
        bytes: lie,
      });
    }
    world.run(1_000);
  }
  const asked = world.wire.slice(before).filter(({ to }) => equalEndpoints(to, gatewayEndpoint));
  equal(asked.length, 3, "250 lies, three questions");
  equal(alice.count("reconnecting"), 0);
  // A gateway that is gone indeed is found out so much sooner.
  world.crash();
  world.run(10_000);
  world.tellClient(alice, {
    kind: "datagram",
    at: world.at,
    local: alice.local,
    remote: gatewayEndpoint,
    bytes: lie,
  });
  world.run(15_000);
  equal(alice.last("reconnecting")?.why, "peer-silent");
});
