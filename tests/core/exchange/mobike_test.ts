/** MOBIKE as responder: a scripted peer that changes its address (RFC 4555). */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, equalBytes, hexOf } from "../../../core/bytes.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../core/message/constants.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { natDetectionHash } from "../../../core/sa/nat_detection.ts";
import type { Policy } from "../../../core/gateway/policy.ts";
import type { Endpoint } from "../../../core/wire/address.ts";
import { equalEndpoints, formatEndpoint } from "../../../core/wire/address.ts";
import type { Heard } from "../../support/sim_peer.ts";
import { notifiesOf, notifyIn, SimPeer } from "../../support/sim_peer.ts";
import { address, endpoint, gatewayEndpoint } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const INFORMATIONAL = ExchangeType.INFORMATIONAL;
const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };
const SUPPORTED = notify(NotifyType.MOBIKE_SUPPORTED);
const UPDATE = notify(NotifyType.UPDATE_SA_ADDRESSES);
const ADDRESSES: readonly number[] = [16397, 16398, 16399];
const HOME = "198.51.100.99:4500";
const ELSEWHERE = endpoint("203.0.113.5", 61_000);
const FURTHER = endpoint("203.0.113.77", 62_000);

interface Scene {
  readonly world: SimWorld;
  readonly peer: SimPeer;
}

function loggedIn(seed: number, change: Partial<Policy> = {}): Scene {
  const world = new SimWorld(seed, { ...QUIET, ...change });
  const peer = new SimPeer(world);
  const response = peer.login([...peer.wishes(), SUPPORTED]);
  ok(notifiesOf(response).includes(NotifyType.MOBIKE_SUPPORTED));
  return { world, peer };
}

/** Where packets to the peer go. */
function trafficTo(world: SimWorld): string {
  const [sa] = [...world.installed.values()];
  return formatEndpoint(sa!.remote);
}

/** Requests with a COOKIE2 that the gateway sent since `from`, without repetitions. */
function checks(peer: SimPeer, from = 0): readonly Heard[] {
  const found = peer.requests(from).filter(({ payloads }) =>
    notifyIn(payloads, NotifyType.COOKIE2) !== undefined
  );
  return found.filter(({ bytes }, i) =>
    found.findIndex((other) => equalBytes(other.bytes, bytes)) === i
  );
}

/** Answers a check as an honest peer does. */
function answerCheck(peer: SimPeer, check: Heard): void {
  peer.answer(check, [notifyIn(check.payloads, NotifyType.COOKIE2)!]);
}

/** Where the last messages of the gateway went. */
function destinations(world: SimWorld, last: number): string[] {
  return world.wire.filter(({ from }) => equalEndpoints(from, gatewayEndpoint)).slice(-last)
    .map(({ to }) => formatEndpoint(to));
}

/** The peer receives there alone from now on. */
function goTo(peer: SimPeer, where: Endpoint): void {
  peer.endpoint = where;
}

Deno.test("RFC 4555 §3.3: MOBIKE_SUPPORTED is answered where it is asked for and wanted", () => {
  const cases = [["check-first", true], ["move-first", true], ["off", false]] as const;
  for (const [mobike, isOn] of cases) {
    const world = new SimWorld(601, { ...QUIET, mobike });
    const peer = new SimPeer(world);
    const response = peer.login([...peer.wishes(), SUPPORTED]);
    equal(notifiesOf(response).includes(NotifyType.MOBIKE_SUPPORTED), isOn, mobike);
  }
  const world = new SimWorld(601, QUIET);
  const unasked = notifiesOf(new SimPeer(world).login());
  equal(unasked.includes(NotifyType.MOBIKE_SUPPORTED), false);
});

Deno.test("RFC 4555 §3.4: the gateway tells its other addresses, as far as it knows them", () => {
  const told = (...texts: string[]): string[] => {
    const world = new SimWorld(602, { ...QUIET, outerAddresses: texts.map(address) });
    const peer = new SimPeer(world);
    return peer.login([...peer.wishes(), SUPPORTED]).flatMap((payload) =>
      payload.kind === "N" && ADDRESSES.includes(payload.notifyType)
        ? [`${payload.notifyType} ${hexOf(payload.data)}`]
        : []
    );
  };
  deepEqual(told(), []);
  deepEqual(told("192.0.2.1"), ["16399 "], "NO_ADDITIONAL_ADDRESSES");
  deepEqual(told("192.0.2.1", "192.0.2.2", "2001:db8::1"), [
    "16397 c0000202",
    "16398 20010db8000000000000000000000001",
  ]);
});

Deno.test("RFC 4555 §3.8: a message that says nothing of addresses is answered where it came from and moves nobody", () => {
  const { world, peer } = loggedIn(603);
  goTo(peer, ELSEWHERE);
  const nat = [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP, new Uint8Array(20)),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP, new Uint8Array(20)),
  ];
  const response = peer.request(INFORMATIONAL, nat);
  const { spiI, spiR } = peer;
  deepEqual(
    notifyIn(response, NotifyType.NAT_DETECTION_DESTINATION_IP)?.data,
    natDetectionHash(world.crypto, spiI, spiR, ELSEWHERE),
    "and it learns as whom it is seen",
  );
  equal(notifyIn(response, NotifyType.NAT_DETECTION_SOURCE_IP)?.data.length, 20);
  equal(world.session.lastRemote, HOME);
  equal(trafficTo(world), HOME);
  equal(world.outputs.some(({ kind }) => kind === "move-child-sa"), false);
});

Deno.test("RFC 4555 §3.5, §3.7: packets take a new address once it has answered with the cookie", () => {
  const { world, peer } = loggedIn(604);
  goTo(peer, ELSEWHERE);
  const mark = peer.inbox.length;
  const cookie = notify(NotifyType.COOKIE2, new Uint8Array(16).fill(7));
  const response = peer.request(INFORMATIONAL, [UPDATE, cookie]);
  deepEqual(response, [cookie], "what the peer sent comes back");
  equal(world.session.ikeSa?.remote.port, ELSEWHERE.port, "the IKE SA moves at once");
  equal(trafficTo(world), HOME, "packets do not");
  const [check, ...more] = checks(peer, mark);
  deepEqual(more, []);
  equal(notifyIn(check!.payloads, NotifyType.COOKIE2)!.data.length, 16);
  answerCheck(peer, check!);
  equal(trafficTo(world), formatEndpoint(ELSEWHERE));
  equal(world.session.lastRemote, formatEndpoint(ELSEWHERE));
  equal(world.show.counters["address-proven"], 1);
  const moved = world.traces.filter(({ event }) => event === "peer-moved");
  equal(moved.length, 1);
  equal(world.installed.values().next().value?.followWaits, true);
});

Deno.test("RFC 4555 §3.7: by another policy packets move at once, and the address is checked behind", () => {
  const { world, peer } = loggedIn(605, { mobike: "move-first" });
  goTo(peer, ELSEWHERE);
  const mark = peer.inbox.length;
  deepEqual(peer.request(INFORMATIONAL, [UPDATE]), []);
  equal(trafficTo(world), formatEndpoint(ELSEWHERE));
  equal(world.installed.values().next().value?.followWaits, undefined);
  answerCheck(peer, checks(peer, mark)[0]!);
  equal(world.traces.filter(({ event }) => event === "peer-moved").length, 1);
  // Who does not answer is gone, wherever the packets went meanwhile.
  goTo(peer, FURTHER);
  peer.request(INFORMATIONAL, [UPDATE]);
  equal(trafficTo(world), formatEndpoint(FURTHER));
  world.run(60_000);
  equal(world.session.state, "inactive");
  equal(world.installed.size, 0);
});

Deno.test("RFC 4555 §3.7: a wrong cookie, or none, ends the session with a DELETE", () => {
  for (const lie of [[], [notify(NotifyType.COOKIE2, new Uint8Array(16))]]) {
    const { world, peer } = loggedIn(606);
    goTo(peer, ELSEWHERE);
    peer.request(INFORMATIONAL, [UPDATE]);
    const mark = peer.inbox.length;
    peer.answer(checks(peer)[0]!, lie);
    const [farewell] = peer.requests(mark);
    equal(find(farewell!.payloads, "D")?.protocol, ProtocolId.IKE);
    deepEqual(world.show.sessions, []);
    equal(world.backend.store.size, 0);
    equal(world.installed.size, 0);
  }
});

Deno.test("RFC 4555 §3.7: an address that never answers gets no packet, and the session waits for its user", () => {
  const { world, peer } = loggedIn(607);
  goTo(peer, ELSEWHERE);
  peer.request(INFORMATIONAL, [UPDATE]);
  world.run(60_000);
  equal(peer.inbox.filter((bytes) => equalBytes(bytes, checks(peer)[0]!.bytes)).length, 7);
  equal(limits.transmissions, 7);
  equal(world.session.state, "inactive");
  const moves = world.outputs.flatMap((it) => it.kind === "move-child-sa" ? [it.remote] : []);
  deepEqual(moves, []);
});

Deno.test("RFC 4555 §3.5: a newer update overtakes an older one whose address is not proven yet", () => {
  const { world, peer } = loggedIn(608);
  goTo(peer, ELSEWHERE);
  peer.request(INFORMATIONAL, [UPDATE]);
  const [first] = checks(peer);
  goTo(peer, FURTHER);
  const mark = peer.inbox.length;
  peer.request(INFORMATIONAL, [UPDATE]);
  deepEqual(checks(peer, mark).map(({ bytes }) => bytes), [first!.bytes], "asked again over there");
  answerCheck(peer, first!);
  equal(trafficTo(world), HOME, "that answer proves nothing of the newer address");
  const [, second] = checks(peer);
  answerCheck(peer, second!);
  equal(trafficTo(world), formatEndpoint(FURTHER));
  const moves = world.outputs.flatMap((it) =>
    it.kind === "move-child-sa" ? [formatEndpoint(it.remote)] : []
  );
  deepEqual(moves, [formatEndpoint(FURTHER)], "never to the older one");
});

Deno.test("RFC 4555 §3.5: of a repeated update the first copy that arrives says where the peer is", () => {
  const { world, peer } = loggedIn(609);
  const [datagram] = peer.seal(INFORMATIONAL, [UPDATE]);
  // The peer moved on and repeated its request from there; the first copy is the slower one.
  goTo(peer, FURTHER);
  const [response] = peer.exchange(datagram!);
  const ikeRemote = (): string => formatEndpoint(world.session.ikeSa!.remote);
  equal(ikeRemote(), formatEndpoint(FURTHER));
  goTo(peer, ELSEWHERE);
  deepEqual(peer.exchange(datagram!)[0], response, "answered where it came from");
  equal(ikeRemote(), formatEndpoint(FURTHER), "and moves nobody");
  peer.nextId++;
});

Deno.test("RFC 4555 §3.5: what the gateway asks meanwhile is asked again at the new address, under its Message ID", () => {
  const { world, peer } = loggedIn(610);
  goTo(peer, ELSEWHERE);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(50);
  equal(peer.requests().length, 0, "it went where the peer was");
  peer.request(INFORMATIONAL, [UPDATE]);
  const [rekey, ...others] = peer.requests();
  equal(rekey!.header.exchangeType, ExchangeType.CREATE_CHILD_SA);
  equal(rekey!.header.messageId, 0);
  deepEqual(others, [], "the check waits for its turn, RFC 7296 §2.3");
  peer.answer(rekey!, [notify(NotifyType.TEMPORARY_FAILURE)]);
  const [check] = checks(peer);
  equal(check!.header.messageId, 1);
  answerCheck(peer, check!);
  equal(trafficTo(world), formatEndpoint(ELSEWHERE));
});

Deno.test("RFC 4555 §3.8: packets from elsewhere make the gateway ask there, and move everything when it answers", () => {
  const { world, peer } = loggedIn(611);
  goTo(peer, ELSEWHERE);
  const [inboundSpi] = world.installed.keys();
  for (let i = 0; i < 3; i++) {
    world.report({ kind: "peer-moved", inboundSpi: inboundSpi!, remote: ELSEWHERE });
  }
  world.run(50);
  equal(trafficTo(world), HOME);
  equal(formatEndpoint(world.session.ikeSa!.remote), HOME);
  const [check, ...more] = checks(peer);
  deepEqual(more, []);
  answerCheck(peer, check!);
  equal(trafficTo(world), formatEndpoint(ELSEWHERE));
  equal(formatEndpoint(world.session.ikeSa!.remote), formatEndpoint(ELSEWHERE));
  equal(world.session.lastRemote, formatEndpoint(ELSEWHERE));
});

Deno.test("RFC 4555 §3.7: packets that somebody else repeats from elsewhere move nothing and cost no session", () => {
  const { world, peer } = loggedIn(612);
  const [inboundSpi] = world.installed.keys();
  world.report({ kind: "peer-moved", inboundSpi: inboundSpi!, remote: ELSEWHERE });
  world.run(4_000);
  deepEqual(destinations(world, 4), [
    ...Array.from({ length: 3 }, () => formatEndpoint(ELSEWHERE)),
    HOME,
  ]);
  // It reaches the peer in the end, who answers: that proves nothing.
  const [check] = checks(peer);
  answerCheck(peer, check!);
  equal(trafficTo(world), HOME);
  equal(formatEndpoint(world.session.ikeSa!.remote), HOME);
  equal(world.session.state, "active");
  equal(world.show.counters["address-not-proven"], 1);
  const mark = peer.inbox.length;
  world.run(60_000);
  deepEqual(peer.requests(mark), []);
});

Deno.test("RFC 4555 §3.5: addresses that make no sense are UNACCEPTABLE_ADDRESSES", () => {
  for (
    const where of [
      endpoint("10.99.0.7", 4500),
      endpoint("224.0.0.1", 4500),
      endpoint("255.255.255.255", 4500),
      endpoint("203.0.113.5", 0),
    ]
  ) {
    const { world, peer } = loggedIn(613);
    goTo(peer, where);
    deepEqual(notifiesOf(peer.request(INFORMATIONAL, [UPDATE])), [
      NotifyType.UNACCEPTABLE_ADDRESSES,
    ]);
    equal(formatEndpoint(world.session.ikeSa!.remote), HOME);
    equal(trafficTo(world), HOME);
    deepEqual(checks(peer), []);
    goTo(peer, endpoint("198.51.100.99", 4500));
    deepEqual(peer.request(INFORMATIONAL, []), [], "and the SA goes on");
  }
});

/** NO_NATS_ALLOWED for a way from `source` to the gateway. */
function noNats(source: Endpoint): Payload {
  const port = ({ port }: Endpoint): Uint8Array => Uint8Array.of(port >> 8, port & 0xff);
  return notify(
    NotifyType.NO_NATS_ALLOWED,
    concatBytes(
      source.address.octets,
      gatewayEndpoint.address.octets,
      port(source),
      port(gatewayEndpoint),
    ),
  );
}

Deno.test("RFC 4555 §3.9: an update that says another way than it came is UNEXPECTED_NAT_DETECTED", () => {
  const { world, peer } = loggedIn(614);
  goTo(peer, ELSEWHERE);
  const broken = notify(NotifyType.NO_NATS_ALLOWED, new Uint8Array(11));
  for (const claim of [noNats(FURTHER), noNats(endpoint("203.0.113.5", 4500)), broken]) {
    deepEqual(notifiesOf(peer.request(INFORMATIONAL, [UPDATE, claim])), [
      NotifyType.UNEXPECTED_NAT_DETECTED,
    ]);
    equal(formatEndpoint(world.session.ikeSa!.remote), HOME);
  }
  deepEqual(notifiesOf(peer.request(INFORMATIONAL, [UPDATE, noNats(ELSEWHERE)])), []);
  equal(formatEndpoint(world.session.ikeSa!.remote), formatEndpoint(ELSEWHERE));
});

Deno.test("RFC 4555 §3.7: a cookie comes back from a refused update, too", () => {
  const cookie = notify(NotifyType.COOKIE2, new Uint8Array(16).fill(7));
  const cases = [
    [endpoint("10.99.0.7", 4500), [], NotifyType.UNACCEPTABLE_ADDRESSES],
    [ELSEWHERE, [noNats(FURTHER)], NotifyType.UNEXPECTED_NAT_DETECTED],
  ] as const;
  for (const [where, claims, why] of cases) {
    const { peer } = loggedIn(620);
    goTo(peer, where);
    const answer = peer.request(INFORMATIONAL, [UPDATE, ...claims, cookie]);
    deepEqual(notifiesOf(answer), [why, NotifyType.COOKIE2]);
    deepEqual(notifyIn(answer, NotifyType.COOKIE2)?.data, cookie.data);
  }
});

Deno.test("RFC 4555 §3.9: IKE_AUTH that says another way than it came is UNEXPECTED_NAT_DETECTED", () => {
  const world = new SimWorld(615, QUIET);
  const peer = new SimPeer(world);
  const refused = peer.login([...peer.wishes(), SUPPORTED, noNats(ELSEWHERE)]);
  deepEqual(notifiesOf(refused), [NotifyType.UNEXPECTED_NAT_DETECTED]);
  deepEqual(world.show.sessions, []);
  const other = new SimPeer(world, { seed: 98 });
  const response = other.login([...other.wishes(), SUPPORTED, noNats(other.endpoint)]);
  ok(find(response, "AUTH") !== undefined);
});

Deno.test("RFC 4555 §3.6: a list of a peer's other addresses is answered, and otherwise left alone", () => {
  const { world, peer } = loggedIn(616);
  const more = notify(NotifyType.ADDITIONAL_IP4_ADDRESS, address("203.0.113.9").octets);
  deepEqual(peer.request(INFORMATIONAL, [more, more]), []);
  deepEqual(peer.request(INFORMATIONAL, [notify(NotifyType.NO_ADDITIONAL_ADDRESSES)]), []);
  equal(trafficTo(world), HOME);
});

Deno.test("Without MOBIKE an update is no more than any other message", () => {
  const world = new SimWorld(617, QUIET);
  const peer = new SimPeer(world);
  peer.login();
  goTo(peer, ELSEWHERE);
  const cookie = notify(NotifyType.COOKIE2, new Uint8Array(16).fill(7));
  deepEqual(peer.request(INFORMATIONAL, [UPDATE, cookie]), []);
  equal(trafficTo(world), formatEndpoint(ELSEWHERE), "RFC 7296 §2.23");
  deepEqual(checks(peer), []);
});

Deno.test("The reconnect record of a session that moves says where it was last", () => {
  const { world, peer } = loggedIn(618);
  const stored = (): string | undefined => [...world.backend.store.values()][0]?.lastRemote;
  equal(stored(), HOME);
  world.run(10_000);
  goTo(peer, ELSEWHERE);
  peer.request(INFORMATIONAL, [UPDATE]);
  answerCheck(peer, checks(peer)[0]!);
  world.run(100);
  equal(stored(), formatEndpoint(ELSEWHERE), describe(world));
  // Who moves all the time does not keep the store busy.
  const before = world.backend.questions.length;
  for (let i = 1; i <= 20; i++) {
    goTo(peer, endpoint("203.0.113.5", 61_000 + i));
    const mark = peer.inbox.length;
    peer.request(INFORMATIONAL, [UPDATE]);
    answerCheck(peer, checks(peer, mark)[0]!);
  }
  ok(world.backend.questions.length - before <= 3);
  world.run(10_000);
  peer.request(INFORMATIONAL, []);
  world.run(100);
  equal(stored(), "203.0.113.5:61020");
});

Deno.test("Whatever a peer says about addresses breaks nothing, and costs nobody but itself anything", () => {
  const { world, peer } = loggedIn(619);
  const bob = world.login("bob", "198.51.100.8", QUIET);
  const types = [16388, 16389, ...Array.from({ length: 7 }, (_, i) => 16396 + i), 16419, 40, 41, 4];
  const { random } = peer;
  for (let i = 0; i < 300; i++) {
    peer.endpoint = endpoint(
      random.pick(["203.0.113.5", "203.0.113.6", "10.99.0.9", "224.0.0.9", "198.51.100.99"]),
      random.pick([0, 1, 4500, 65_535]),
    );
    const count = random.pick([0, 1, 3, 20]);
    const payloads = Array.from(
      { length: count },
      () =>
        notify(
          random.pick(types),
          random.bytes(random.pick([0, 1, 4, 12, 16, 20, 36, 64, 65, 300])),
        ),
    );
    const id = peer.nextId++;
    const answers = peer.exchange(peer.seal(INFORMATIONAL, payloads, id)[0]!);
    ok(answers.length > 0, "every request gets its answer");
    for (const heard of peer.requests(peer.inbox.length - answers.length)) {
      peer.answer(heard, heard.payloads);
    }
  }
  equal(world.show.counters["internal-error"] ?? 0, 0);
  ok(world.carries(bob), describe(world));
  equal(bob.count("reconnecting"), 0);
  ok(world.gateway.load().ikeSas <= 2);
});
