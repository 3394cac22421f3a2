/** IKE_SA_INIT at the gateway, clause by clause, by a peer that says what the test tells it. */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { hexOf, type OwnedBytes, utf8 } from "../../../core/bytes.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import {
  ExchangeType,
  Group,
  IdType,
  NotifyType,
  PayloadType,
} from "../../../core/message/constants.ts";
import { parseMessage } from "../../../core/message/message.ts";
import { findNotify, notify, parseInvalidKe } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { detectNat, natDetectionHash } from "../../../core/sa/nat_detection.ts";
import { quickCrypto, watchCrypto } from "../../support/sim_crypto.ts";
import { notifiesOf, notifyIn, SimPeer } from "../../support/sim_peer.ts";
import { endpoint, gatewayEndpoint, proposals } from "../../support/sim_settings.ts";
import { calm, SimWorld } from "../../support/sim_world.ts";

/** How many answers octets get, and the first one's payloads. */
function say(peer: SimPeer, bytes: Uint8Array): readonly (readonly Payload[])[] {
  return peer.exchange(bytes).map((answer) => {
    const parsed = parseMessage(answer);
    ok(parsed.ok);
    return parsed.value.payloads;
  });
}

Deno.test("RFC 7296 §2.1: a repeated IKE_SA_INIT request gets the same response octet for octet", () => {
  const world = new SimWorld(201);
  const peer = new SimPeer(world);
  const request = peer.buildInit(peer.initPayloads());
  const [first] = peer.exchange(request);
  const [second] = peer.exchange(request);
  deepEqual(second, first);
  equal(world.show.negotiating, 1);
});

Deno.test("RFC 7296 §2.1: another request under an SPI in use is dropped", () => {
  const world = new SimWorld(202);
  const peer = new SimPeer(world);
  peer.init();
  const other = peer.buildInit(peer.initPayloads());
  deepEqual(peer.exchange(other), []);
  equal(world.show.counters["init-spi-in-use"], 1);
  equal(world.show.negotiating, 1);
});

Deno.test("RFC 7296 §2.1: a copy of an IKE_SA_INIT request that comes after IKE_AUTH begins nothing", () => {
  const world = new SimWorld(231);
  const peer = new SimPeer(world);
  peer.login();
  deepEqual(peer.exchange(peer.initRequest), []);
  equal(world.show.negotiating, 0);
  equal(world.show.counters["init-copy-late"], 1);
  equal(world.show.sessions.length, 1);
  // Later nobody has copies of it.
  world.run(2 * limits.pastInitiationMs);
  equal(peer.exchange(peer.initRequest).length, 1);
});

Deno.test("RFC 7296 §2.1: who was refused may begin again under the same SPI", () => {
  const world = new SimWorld(232);
  const peer = new SimPeer(world);
  peer.init();
  peer.request(ExchangeType.IKE_AUTH, []);
  equal(world.show.negotiating, 0);
  equal(peer.exchange(peer.initRequest).length, 1);
  equal(world.show.negotiating, 1);
});

Deno.test("RFC 7296 §1.2: a wrong guess of the group is answered with INVALID_KE_PAYLOAD and nothing is kept", () => {
  const world = new SimWorld(203);
  const peer = new SimPeer(world, { ike: ["aes128gcm16-prfsha256-ecp256-modp2048"] });
  const request = peer.buildInit(peer.initPayloads(Group.ECP_384));
  const [answer] = say(peer, request);
  const refusal = notifyIn(answer!, NotifyType.INVALID_KE_PAYLOAD)!;
  equal(parseInvalidKe(refusal), Group.ECP_256);
  equal(world.show.negotiating, 0);
  equal(notifiesOf(peer.init()).includes(NotifyType.INVALID_KE_PAYLOAD), false);
  equal(world.show.negotiating, 1);
});

Deno.test("RFC 7296 §1.2: a client of ours tries again with the group that it is asked for", () => {
  const world = new SimWorld(204, {
    ikeProposals: proposals("ike", "aes256gcm16-prfsha384-ecp384"),
  });
  const alice = world.login("alice", "198.51.100.7", {
    ikeProposals: proposals("ike", "aes256gcm16-prfsha384-x25519-ecp256-ecp384"),
  });
  ok(world.carries(alice));
  equal(world.show.counters["init-invalid-ke"], 1);
  equal(world.session.ikeSa?.suite.group, Group.ECP_384);
});

Deno.test("RFC 7296 §2.7: no common suite is NO_PROPOSAL_CHOSEN and nothing is kept", () => {
  const world = new SimWorld(205, {
    ikeProposals: proposals("ike", "aes256gcm16-prfsha384-ecp384"),
  });
  const peer = new SimPeer(world, { ike: ["aes128-sha256-ecp256"] });
  const [answer] = say(peer, peer.buildInit(peer.initPayloads()));
  deepEqual(notifiesOf(answer!), [NotifyType.NO_PROPOSAL_CHOSEN]);
  equal(world.show.negotiating, 0);
  equal(world.show.counters["init-no-proposal-chosen"], 1);
});

Deno.test("RFC 7296 §3.9: nonces shorter than 16 or longer than 256 octets are INVALID_SYNTAX", () => {
  for (const length of [0, 15, 257]) {
    const world = new SimWorld(206);
    const peer = new SimPeer(world);
    const payloads = peer.initPayloads().map((payload) =>
      payload.kind === "Nonce"
        ? { kind: "unknown", payloadType: PayloadType.NONCE, body: new Uint8Array(length) } as const
        : payload
    );
    const answers = say(peer, peer.buildInit(payloads));
    // The parser may refuse it before, silently.
    for (const answer of answers) deepEqual(notifiesOf(answer), [NotifyType.INVALID_SYNTAX]);
    equal(world.show.negotiating, 0, `${length} octets`);
  }
});

Deno.test("RFC 6989 §2: a bad public value is refused and nothing is kept", () => {
  const world = new SimWorld(207);
  const peer = new SimPeer(world);
  const payloads = peer.initPayloads().map((payload) =>
    payload.kind === "KE" ? { ...payload, data: new Uint8Array(8) } : payload
  );
  const [answer] = say(peer, peer.buildInit(payloads));
  deepEqual(notifiesOf(answer!), [NotifyType.INVALID_SYNTAX]);
  equal(world.show.negotiating, 0);
});

Deno.test("RFC 7296 §2.5: a critical payload that is not understood is named in the answer", () => {
  const world = new SimWorld(208);
  const peer = new SimPeer(world);
  const unknown: Payload = {
    kind: "unknown",
    payloadType: 200,
    body: Uint8Array.of(1),
    critical: true,
  };
  const [answer] = say(peer, peer.buildInit([...peer.initPayloads(), unknown]));
  const refusal = notifyIn(answer!, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)!;
  deepEqual([...refusal.data], [200]);
  equal(world.show.negotiating, 0);
});

Deno.test("RFC 7296 §2.5: a payload that is not understood and not critical is skipped", () => {
  const world = new SimWorld(209);
  const peer = new SimPeer(world);
  const unknown: Payload = { kind: "unknown", payloadType: 200, body: Uint8Array.of(1) };
  const payloads = peer.init((usual) => [unknown, ...usual]);
  ok(find(payloads, "KE") !== undefined);
});

Deno.test("RFC 7296 §2.5: a higher major version is answered with INVALID_MAJOR_VERSION", () => {
  const world = new SimWorld(210);
  const peer = new SimPeer(world);
  const request = peer.buildInit(peer.initPayloads());
  request[17] = 0x30;
  const [answer] = peer.exchange(request);
  const parsed = parseMessage(answer!);
  ok(parsed.ok);
  deepEqual(notifiesOf(parsed.value.payloads), [NotifyType.INVALID_MAJOR_VERSION]);
  equal(parsed.value.header.majorVersion, 2);
  request[17] = 0x10;
  deepEqual(peer.exchange(request), [], "a lower one is not");
});

Deno.test("RFC 7296 §2.5: a higher minor version and unknown flags count for nothing", () => {
  const world = new SimWorld(211);
  const peer = new SimPeer(world);
  const request = peer.buildInit(peer.initPayloads());
  request[17] = 0x2f;
  request[19]! |= 0x47;
  const [answer] = peer.exchange(request);
  const parsed = parseMessage(answer!);
  ok(parsed.ok && find(parsed.value.payloads, "KE") !== undefined);
});

Deno.test("RFC 7296 §2.21: unreadable messages and responses to nothing get no answer", () => {
  const world = new SimWorld(212);
  const peer = new SimPeer(world);
  const request = peer.buildInit(peer.initPayloads());
  for (const length of [0, 1, 27, 28, request.length - 1]) {
    deepEqual(peer.exchange(request.slice(0, length)), [], `${length} octets`);
  }
  const response = request.slice();
  response[19] = 0x20;
  deepEqual(peer.exchange(response), []);
  equal(world.show.negotiating, 0);
});

Deno.test("A message in clear that is absurdly long is not read, whatever it says it is", () => {
  const world = new SimWorld(229);
  const peer = new SimPeer(world);
  const usual = peer.initPayloads();
  const padded = (bytes: number): Uint8Array => {
    const spare = bytes - peer.buildInit(usual).length - 4;
    return peer.buildInit([...usual, { kind: "V", data: new Uint8Array(spare) }]);
  };
  deepEqual(peer.exchange(padded(limits.clearMessageBytes + 1)), []);
  equal(world.show.counters["unreadable-bad-length"], 1);
  ok(find(say(peer, padded(limits.clearMessageBytes))[0]!, "KE") !== undefined);
  // With SPIs that are in use, too.
  const peerInUse = new SimPeer(world, { seed: 2 });
  peerInUse.init();
  const clear = padded(60_000);
  clear.set([...peerInUse.spiI, ...peerInUse.spiR]);
  clear[18] = ExchangeType.INFORMATIONAL;
  deepEqual(peerInUse.exchange(clear), []);
  equal(world.show.counters["unreadable-bad-length"], 2);
});

Deno.test("RFC 7296 §2.21.4: a message to an SPI that nobody has is dropped and counted", () => {
  const world = new SimWorld(213);
  const peer = new SimPeer(world);
  peer.init();
  peer.spiR = peer.random.bytes(8);
  const [datagram] = peer.seal(ExchangeType.INFORMATIONAL, []);
  deepEqual(peer.exchange(datagram!), []);
  equal(world.show.counters["unknown-ike-spi"], 1);
});

// --- cookies ----------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.6: from the threshold on a cookie is asked for and nothing is stored before", () => {
  const watch = watchCrypto(quickCrypto);
  const world = new SimWorld(214, { cookieThreshold: 2 }, calm, { crypto: watch.crypto });
  for (const seed of [1, 2]) {
    const early = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
    ok(find(early.init(), "KE") !== undefined);
  }
  equal(world.show.negotiating, 2);
  const peer = new SimPeer(world);
  const request = peer.buildInit(peer.initPayloads());
  watch.calls.length = 0;
  const [demand] = say(peer, request);
  deepEqual(notifiesOf(demand!), [NotifyType.COOKIE]);
  equal(world.show.negotiating, 2);
  deepEqual(watch.calls.filter((call) => !call.startsWith("hmac")), [], "no costly work");
  const cookie = notifyIn(demand!, NotifyType.COOKIE)!;
  ok(cookie.data.length >= 1 && cookie.data.length <= 64);
  const payloads = peer.init((usual) => [notify(NotifyType.COOKIE, cookie.data), ...usual]);
  ok(find(payloads, "KE") !== undefined);
  equal(world.show.negotiating, 3);
});

/** A peer behind a threshold of zero, its request and the cookie it was told. */
function challenged(world: SimWorld): {
  readonly peer: SimPeer;
  readonly usual: Payload[];
  readonly cookie: Uint8Array;
} {
  const peer = new SimPeer(world);
  const usual = peer.initPayloads();
  const [demand] = say(peer, peer.buildInit(usual));
  return { peer, usual, cookie: notifyIn(demand!, NotifyType.COOKIE)!.data };
}

const withCookie = (cookie: Uint8Array, usual: Payload[]): Payload[] => [
  notify(NotifyType.COOKIE, cookie),
  ...usual,
];

Deno.test("RFC 7296 §2.6: the right cookie opens the door", () => {
  const world = new SimWorld(215, { cookieThreshold: 0 });
  const { peer, usual, cookie } = challenged(world);
  const [answer] = say(peer, peer.buildInit(withCookie(cookie, usual)));
  ok(find(answer!, "KE") !== undefined);
  equal(world.show.negotiating, 1);
});

Deno.test("RFC 7296 §2.6: a cookie outlives one change of the secret and not two", () => {
  for (const [waitMs, isGood] of [[limits.cookieSecretMs, true], [130_000, false]] as const) {
    const world = new SimWorld(216, { cookieThreshold: 0 });
    const { peer, usual, cookie } = challenged(world);
    world.run(waitMs);
    const [answer] = say(peer, peer.buildInit(withCookie(cookie, usual)));
    equal(find(answer!, "KE") !== undefined, isGood, `after ${waitMs} ms`);
    if (!isGood) equal(world.show.counters["cookie-wrong"], 1);
  }
});

Deno.test("RFC 7296 §2.6: a cookie is good for its SPI, nonce, address and port only", () => {
  const changes: readonly ((peer: SimPeer, usual: Payload[], cookie: Uint8Array) => void)[] = [
    (peer) => {
      peer.spiI = peer.random.bytes(8);
    },
    (_, usual) => {
      const nonce = usual.findIndex(({ kind }) => kind === "Nonce");
      usual[nonce] = { kind: "Nonce", data: new Uint8Array(32).fill(9) };
    },
    (peer) => {
      peer.endpoint = endpoint("198.51.100.98", 4500);
    },
    (peer) => {
      peer.endpoint = { ...peer.endpoint, port: 4501 };
    },
    (_, __, cookie) => {
      cookie[0]! ^= 1;
    },
  ];
  for (const [i, change] of changes.entries()) {
    const world = new SimWorld(217, { cookieThreshold: 0 });
    const { peer, usual, cookie } = challenged(world);
    const copy = cookie.slice();
    change(peer, usual, copy);
    const [answer] = say(peer, peer.buildInit(withCookie(copy, usual)));
    deepEqual(notifiesOf(answer!), [NotifyType.COOKIE], `change ${i}`);
    equal(world.show.negotiating, 0);
  }
});

Deno.test("RFC 7296 §2.6: a client of ours brings cookie and group together", () => {
  const world = new SimWorld(218, {
    cookieThreshold: 0,
    ikeProposals: proposals("ike", "aes256gcm16-prfsha384-ecp384"),
  });
  const alice = world.login("alice", "198.51.100.7", {
    ikeProposals: proposals("ike", "aes256gcm16-prfsha384-x25519-ecp384"),
  });
  ok(world.carries(alice));
});

Deno.test("RFC 7296 §2.6: a copy from before the cookie begins nothing when the load has fallen meanwhile", () => {
  const world = new SimWorld(226, { cookieThreshold: 1 });
  const early = new SimPeer(world, { seed: 1, host: "203.0.113.1" });
  early.init();
  const peer = new SimPeer(world);
  const usual = peer.initPayloads();
  const first = peer.buildInit(usual);
  const [demand] = say(peer, first);
  const cookie = notifyIn(demand!, NotifyType.COOKIE)!.data;
  early.request(ExchangeType.IKE_AUTH, [...early.certificateProof(), ...early.wishes()]);
  equal(world.show.negotiating, 0, "below the threshold");
  deepEqual(notifiesOf(say(peer, first)[0]!), [NotifyType.COOKIE]);
  equal(world.show.negotiating, 0);
  const request = peer.buildInit(withCookie(cookie, usual));
  const [answer] = peer.exchange(request);
  peer.takeInit(request, answer!);
  ok(
    find(peer.request(ExchangeType.IKE_AUTH, [...peer.certificateProof(), ...peer.wishes()]), "CP"),
  );
  world.run(limits.cookieLingerMs);
  const late = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  ok(find(late.init(), "KE") !== undefined, "and after a while nobody is asked any more");
});

// --- NAT --------------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.23: the gateway always looks as if behind a NAT and tells the peer its own", () => {
  const world = new SimWorld(219);
  const peer = new SimPeer(world);
  const payloads = peer.init();
  const hashes = (type: number): Uint8Array[] =>
    payloads.flatMap((p) => p.kind === "N" && p.notifyType === type ? [p.data] : []);
  const evidence = {
    spiI: peer.spiI,
    spiR: peer.spiR,
    local: peer.endpoint,
    remote: gatewayEndpoint,
    sourceHashes: hashes(NotifyType.NAT_DETECTION_SOURCE_IP),
    destinationHashes: hashes(NotifyType.NAT_DETECTION_DESTINATION_IP),
  };
  deepEqual(detectNat(world.crypto, evidence), { localBehindNat: false, remoteBehindNat: true });
  const moved = { ...evidence, local: endpoint("10.0.0.7", 4500) };
  equal(detectNat(world.crypto, moved).localBehindNat, true);
});

Deno.test("RFC 7296 §2.23: where a NAT is shows in the session", () => {
  const cases = [
    [false, false, "none"],
    [true, false, "outside"],
    [false, true, "inside"],
    [true, true, "both"],
  ] as const;
  for (const [outside, inside, expected] of cases) {
    const world = new SimWorld(220);
    const peer = new SimPeer(world);
    const none = new Uint8Array(8);
    const hash = (at: typeof gatewayEndpoint): Uint8Array =>
      natDetectionHash(world.crypto, peer.spiI, none, at);
    const elsewhere = endpoint("10.0.0.7", 500);
    peer.init((usual) => [
      ...usual.filter(({ kind }) => kind !== "N"),
      notify(NotifyType.NAT_DETECTION_SOURCE_IP, hash(outside ? elsewhere : peer.endpoint)),
      notify(NotifyType.NAT_DETECTION_DESTINATION_IP, hash(inside ? elsewhere : gatewayEndpoint)),
    ]);
    peer.request(ExchangeType.IKE_AUTH, [...peer.certificateProof(), ...peer.wishes()]);
    equal(world.session.ikeSa?.nat, expected);
  }
});

// --- limits -----------------------------------------------------------------------------------

/** A peer somewhere, and whether its IKE_SA_INIT makes an IKE SA, with the cookie that it is asked for. */
function begin(world: SimWorld, seed: number, host: string): readonly [SimPeer, boolean] {
  const peer = new SimPeer(world, { seed, host });
  const usual = peer.initPayloads();
  const [first = []] = say(peer, peer.buildInit(usual));
  const cookie = notifyIn(first, NotifyType.COOKIE)?.data;
  const request = peer.buildInit(cookie === undefined ? usual : withCookie(cookie, usual));
  const [answer] = peer.exchange(request);
  const payloads = answer === undefined ? [] : peer.takeInit(request, answer);
  return [peer, find(payloads, "KE") !== undefined];
}

Deno.test("Half-open SAs are limited, and the limit is counted", () => {
  const world = new SimWorld(221, { maxNegotiating: 3 });
  const isBegun = [1, 2, 3, 4, 5].map((seed) => begin(world, seed, `203.0.113.${seed}`)[1]);
  deepEqual(isBegun, [true, true, true, false, false]);
  equal(world.show.negotiating, 3);
  equal(world.show.counters["negotiating-limit"], 2);
  equal(world.show.counters["cookie-sent"], 2, "a full gateway hears nobody whom it cannot see");
});

Deno.test("A few who log in without end keep nobody else out: the oldest of the largest crowd goes", () => {
  const crowds = [
    ["203.0.113.1", "203.0.113.2"],
    ["2001:db8:1::1", "2001:db8:2::1"],
    // One attacker may have a whole /48.
    ["2001:db8:1:1::1", "2001:db8:1:2::1"],
  ] as const;
  for (const hosts of crowds) {
    const world = new SimWorld(227, { maxNegotiating: 10, loginMethods: ["eap-radius"] });
    const attackers = Array.from({ length: 10 }, (_, i) => {
      const [peer, isBegun] = begin(world, 100 + i, hosts[i % 2]!);
      ok(isBegun);
      peer.beginEap("nobody");
      return peer;
    });
    equal(begin(world, 2, "198.51.100.1")[1], false, "who came a moment ago keeps the place");
    world.run(limits.authenticatingMs - 60_000);
    equal(world.show.negotiating, 10, "who types has time");
    const [alice, isBegun] = begin(world, 1, "198.51.100.1");
    ok(isBegun, hosts.join());
    ok(find(alice.beginEap("alice"), "EAP") !== undefined);
    equal(world.show.negotiating, 10);
    equal(world.show.counters["half-open-crowded-out"], 1);
    // Those who have most get no more for it.
    equal(begin(world, 200, hosts[0])[1] && begin(world, 201, hosts[0])[1], false);
    ok(
      attackers[9] !== undefined && find(
            attackers[9].request(ExchangeType.IKE_AUTH, [
              { kind: "EAP", packet: Uint8Array.of(2, 0, 0, 4) },
            ]),
            "EAP",
          ) !== undefined,
      "the youngest of the crowd goes on",
    );
  }
});

Deno.test("Who fails to log in costs its source a place until it is forgotten", () => {
  const world = new SimWorld(228, { cookieThreshold: 1_000 });
  const told = (bytes: Uint8Array, peer: SimPeer): OwnedBytes | undefined =>
    world.inject(bytes, peer.endpoint).find((output) => output.kind === "transmit")?.bytes;
  /** Whether the gateway listened. */
  const fail = (seed: number): boolean => {
    const peer = new SimPeer(world, { seed, host: "203.0.113.1" });
    const request = peer.buildInit(peer.initPayloads());
    const answer = told(request, peer);
    if (answer === undefined) return false;
    peer.takeInit(request, answer);
    const [auth] = peer.seal(ExchangeType.IKE_AUTH, []);
    deepEqual(notifiesOf(peer.open(told(auth!, peer)!)!.payloads), [NotifyType.INVALID_SYNTAX]);
    return true;
  };
  let failed = 0;
  while (failed < 1_000 && fail(failed)) failed++;
  equal(failed, limits.halfOpenPerSource);
  equal(world.show.negotiating, 0);
  world.run(10_000);
  equal(world.gateway.load().ikeSas, 0);
  ok(fail(1_000));
});

Deno.test("Sessions are limited in all, and who comes back is no new one", () => {
  const world = new SimWorld(222, { maxSa: 1 });
  const login = (seed: number): readonly Payload[] =>
    new SimPeer(world, { seed, host: `203.0.113.${seed}` }).login();
  const first = new SimPeer(world, { seed: 1, host: "203.0.113.1" });
  const pair = first.pairIn(first.login())!;
  ok(findNotify(login(2), NotifyType.INTERNAL_ADDRESS_FAILURE) !== undefined);
  equal(world.show.counters["sa-limit"], 1);
  const back = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  ok(find(back.comeBack(pair), "CP") !== undefined, "a full gateway lets its sessions roam");
  back.logout();
  world.run(10_000);
  ok(find(login(4), "CP") !== undefined);
});

Deno.test("Half-open SAs of one source are limited, and other sources go on", () => {
  const world = new SimWorld(225);
  for (let seed = 1; seed <= limits.halfOpenPerSource + 3; seed++) {
    new SimPeer(world, { seed, host: "203.0.113.1" }).init();
  }
  equal(world.show.negotiating, limits.halfOpenPerSource);
  equal(world.show.counters["negotiating-limit-of-source"], 3);
  const other = new SimPeer(world, { seed: 999, host: "203.0.113.2" });
  ok(find(other.init(), "KE") !== undefined);
});

Deno.test("A half-open SA is not kept by EAP packets that say nothing", () => {
  const world = new SimWorld(226);
  const peer = new SimPeer(world);
  peer.init();
  peer.request(ExchangeType.IKE_AUTH, [{
    kind: "IDi",
    idType: IdType.FQDN,
    data: utf8("nobody"),
  }, ...peer.wishes()]);
  for (let i = 0; i < 4 && world.show.negotiating > 0; i++) {
    peer.request(ExchangeType.IKE_AUTH, [{ kind: "EAP", packet: Uint8Array.of(2, 0, 0, 4) }]);
    world.run(9_000);
  }
  equal(world.show.negotiating, 0);
});

Deno.test("A half-open SA is forgotten after its time", () => {
  const world = new SimWorld(223);
  const peer = new SimPeer(world);
  peer.init();
  world.run(limits.halfOpenMs - 200);
  equal(world.show.negotiating, 1);
  world.run(400);
  equal(world.show.negotiating, 0);
  equal(world.show.counters["half-open-timeout"], 1);
  const [datagram] = peer.seal(ExchangeType.IKE_AUTH, peer.wishes());
  const [answer] = peer.exchange(datagram!);
  deepEqual(notifiesOf(peer.open(answer!)!.payloads), [
    NotifyType.INVALID_IKE_SPI,
    NotifyType.QCD_TOKEN,
  ]);
});

Deno.test("Two IKE SAs of one address have nothing in common", () => {
  const world = new SimWorld(224);
  const [one, two] = [1, 2].map((seed) => {
    const peer = new SimPeer(world, { seed });
    peer.init();
    return peer;
  });
  notEqual(hexOf(one!.spiR), hexOf(two!.spiR));
  notEqual(hexOf(one!.nonceR), hexOf(two!.nonceR));
  equal(world.show.negotiating, 2);
});
