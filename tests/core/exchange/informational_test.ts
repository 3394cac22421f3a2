/** Message IDs, retransmission, DELETE, DPD and endpoint changes on an established IKE SA. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { equalEndpoints, formatEndpoint } from "../../../core/wire/address.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { endpoint, gatewayEndpoint } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const INFORMATIONAL = ExchangeType.INFORMATIONAL;
const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };
const DELETE_IKE: Payload = { kind: "D", protocol: ProtocolId.IKE, spis: [] };

function loggedIn(
  seed: number,
  change = QUIET,
): { readonly world: SimWorld; readonly peer: SimPeer } {
  const world = new SimWorld(seed, change);
  const peer = new SimPeer(world);
  peer.login();
  return { world, peer };
}

function deleteChild(spi: Uint8Array): Payload {
  return { kind: "D", protocol: ProtocolId.ESP, spis: [spi] };
}

// --- Message IDs ------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.3: a retransmitted request gets the cached response octet for octet", () => {
  const { world, peer } = loggedIn(501);
  const [datagram] = peer.seal(INFORMATIONAL, []);
  const [first] = peer.exchange(datagram!);
  const [second] = peer.exchange(datagram!);
  deepEqual(second, first);
  equal(world.show.counters["retransmission-answered"], 1);
  peer.nextId++;
  peer.request(INFORMATIONAL, []);
  deepEqual(peer.exchange(datagram!), [], "what is older gets none");
  equal(world.show.counters["stale-message-id"], 1);
});

Deno.test("RFC 7296 §2.3: requests beyond the window are dropped", () => {
  const { world, peer } = loggedIn(502);
  const [ahead] = peer.seal(INFORMATIONAL, [], peer.nextId + 1);
  deepEqual(peer.exchange(ahead!), []);
  equal(world.show.counters["message-id-outside-window"], 1);
  deepEqual(peer.request(INFORMATIONAL, []), [], "the one that is due works");
});

Deno.test("RFC 7296 §2.3: responses that nobody waits for are dropped", () => {
  const { world, peer } = loggedIn(503);
  for (const id of [0, 1, 5]) {
    const [stray] = peer.seal(INFORMATIONAL, [], id, { response: true });
    deepEqual(peer.exchange(stray!), []);
  }
  equal(world.show.counters["unexpected-response"], 3);
});

Deno.test("RFC 7296 §3.14: a forged message changes nothing", () => {
  const { world, peer } = loggedIn(504);
  const [good] = peer.seal(INFORMATIONAL, [DELETE_IKE]);
  for (const offset of [30, good!.length - 1]) {
    const forged = good!.slice();
    forged[offset]! ^= 1;
    deepEqual(peer.exchange(forged), []);
  }
  peer.endpoint = endpoint("203.0.113.66", 4500);
  const forged = good!.slice();
  forged[good!.length - 1]! ^= 1;
  deepEqual(peer.exchange(forged), []);
  equal(world.session.state, "active");
  equal(world.session.lastRemote, "198.51.100.99:4500", "and moves nobody");
  ok((world.show.counters["ike-bad-icv"] ?? 0) >= 1);
});

Deno.test("RFC 7296 §3.1: the initiator flag must fit the SA", () => {
  const { world, peer } = loggedIn(505);
  const [datagram] = peer.seal(INFORMATIONAL, []);
  const wrong = datagram!.slice();
  wrong[19]! ^= 0x08;
  deepEqual(peer.exchange(wrong), []);
  equal(world.session.state, "active");
});

Deno.test("RFC 7296 §2.21.2: an authentic request that cannot be read gets INVALID_SYNTAX", () => {
  const { world, peer } = loggedIn(506);
  const id = peer.nextId++;
  const broken = Uint8Array.of(0, 0, 0, 3, 1);
  const response = peer.responseTo([peer.sealChain(INFORMATIONAL, 41, broken, id)], id);
  deepEqual(notifiesOf(response), [NotifyType.INVALID_SYNTAX]);
  equal(world.session.state, "active");
  const critical: Payload = {
    kind: "unknown",
    payloadType: 201,
    body: new Uint8Array(2),
    critical: true,
  };
  deepEqual(notifiesOf(peer.request(INFORMATIONAL, [critical])), [
    NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD,
  ]);
});

Deno.test("An exchange type that nobody knows gets INVALID_SYNTAX", () => {
  const { peer } = loggedIn(507);
  deepEqual(notifiesOf(peer.request(43, [])), [NotifyType.INVALID_SYNTAX]);
  deepEqual(notifiesOf(peer.request(ExchangeType.IKE_AUTH, [])), [NotifyType.INVALID_SYNTAX]);
});

// --- DELETE -----------------------------------------------------------------------------------

Deno.test("RFC 7296 §1.4.1: DELETE of the IKE SA by the peer takes its Child SAs along", () => {
  const { world, peer } = loggedIn(508);
  deepEqual(peer.logout(), []);
  deepEqual(world.show.sessions, []);
  equal(world.installed.size, 0);
  equal(world.gateway.nextTimeout() === undefined || world.show.negotiating === 0, true);
});

Deno.test("RFC 7296 §2.3: the response to DELETE is repeated though the SA is gone", () => {
  const { world, peer } = loggedIn(509);
  const [datagram] = peer.seal(INFORMATIONAL, [DELETE_IKE]);
  const [first] = peer.exchange(datagram!);
  const [second] = peer.exchange(datagram!);
  deepEqual(second, first);
  world.run(10_000);
  const [later] = peer.exchange(datagram!);
  const said = notifiesOf(peer.open(later!)!.payloads);
  deepEqual(said, [NotifyType.INVALID_IKE_SPI, NotifyType.QCD_TOKEN], "but not for ever");
  equal(world.show.counters["unknown-ike-spi"], 1);
});

Deno.test("RFC 7296 §1.4.1: DELETE of a Child SA is answered with our half, and the IKE SA stays", () => {
  const { world, peer } = loggedIn(510);
  const { inboundSpi } = world.session.childSas[0]!;
  const response = peer.request(INFORMATIONAL, [deleteChild(peer.espSpi)]);
  const [spi] = find(response, "D")!.spis;
  equal(new DataView(Uint8Array.from(spi!).buffer).getUint32(0), inboundSpi);
  equal(world.installed.size, 0);
  equal(world.session.state, "active");
  deepEqual(
    peer.request(INFORMATIONAL, [deleteChild(peer.espSpi)]),
    [],
    "a second time is nothing",
  );
});

Deno.test("RFC 7296 §1.4.1: deletes that cross do not name the same half twice", () => {
  const { world, peer } = loggedIn(511);
  // A rekey ends with our DELETE of the old pair; the peer deletes the same pair meanwhile.
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(50);
  const [rekey] = peer.requests();
  const sa = find(rekey!.payloads, "SA")!.proposals[0]!;
  const spi = Uint8Array.of(0xc7, 0, 0, 1);
  const chosen = {
    ...sa,
    spi,
    transforms: sa.transforms.filter(({ type }, i, all) =>
      type !== 4 && all.findIndex((other) => other.type === type) === i
    ),
  };
  const mark = peer.inbox.length;
  peer.answer(rekey!, [
    { kind: "SA", proposals: [chosen] },
    { kind: "Nonce", data: peer.random.bytes(32) },
    find(rekey!.payloads, "TSi")!,
    find(rekey!.payloads, "TSr")!,
  ]);
  const farewell = peer.requests(mark).find(({ payloads }) => find(payloads, "D") !== undefined);
  ok(farewell !== undefined, describe(world));
  deepEqual(peer.request(INFORMATIONAL, [deleteChild(peer.espSpi)]), []);
  peer.answer(farewell, []);
  equal(world.installed.size, 1);
  equal(world.session.childSas[0]!.outboundSpi, 0xc7000001);
});

Deno.test("RFC 7296 §1.4.1: DELETE of both sides at once ends the session once", () => {
  const world = new SimWorld(512, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.tellClient(alice, { kind: "disconnect", at: world.at });
  world.clear();
  world.run(60_000);
  equal(alice.count("closed"), 1);
  deepEqual(world.show.sessions, []);
  equal(alice.installed.size, 0);
  equal(alice.client.nextTimeout(), undefined);
  equal(world.traces.filter(({ event }) => event === "session-ended").length, 1);
});

Deno.test("A client that logs out while nobody hears it stays logged out", () => {
  const world = new SimWorld(513, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  alice.online = false;
  world.tellClient(alice, { kind: "disconnect", at: world.at });
  world.run(30_000);
  alice.online = true;
  world.run(120_000);
  deepEqual(alice.last("closed"), { kind: "closed", why: "disconnected" });
  equal(alice.count("established"), 1);
  equal(alice.installed.size, 0);
  equal(alice.client.nextTimeout(), undefined);
});

Deno.test("A client that changes the network while it logs out stays logged out", () => {
  const world = new SimWorld(514, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  alice.online = false;
  world.tellClient(alice, { kind: "disconnect", at: world.at });
  alice.online = true;
  world.roam(alice, "203.0.113.9");
  world.run(60_000);
  deepEqual(alice.last("closed"), { kind: "closed", why: "disconnected" });
  equal(alice.count("established"), 1);
});

Deno.test("Shutdown says DELETE to those who cannot come back and parks the others", () => {
  const world = new SimWorld(515, QUIET);
  const bob = world.login("bob", "198.51.100.8", { ...QUIET, reconnect: false });
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.command({ kind: "shutdown" });
  world.run(100);
  deepEqual(bob.last("closed"), { kind: "closed", why: "deleted-by-gateway" });
  equal(alice.count("closed"), 0);
  equal(world.session.userName, "alice");
  equal(world.session.state, "inactive");
  equal(world.installed.size, 0);
  equal([...world.backend.store.values()][0]?.state, "inactive");
});

// --- DPD --------------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.4: a client finds out that the gateway is dead and comes back", () => {
  const world = new SimWorld(516, QUIET);
  const alice = world.login("alice", "198.51.100.7", {
    dpd: { intervalMs: 20_000, retryMs: 2_000 },
  });
  world.crash();
  world.run(28_000);
  equal(alice.count("reconnecting"), 0);
  world.run(4_000);
  deepEqual(alice.last("reconnecting"), {
    kind: "reconnecting",
    why: "peer-silent",
    how: "reconnect",
  });
  world.run(60_000);
  world.restart();
  world.runUntil(() => world.carries(alice), 10_000);
  equal(alice.how, "reconnect");
});

Deno.test("RFC 7296 §2.4: a request of ours that stays unanswered is repeated, then the peer is dead", () => {
  const { world, peer } = loggedIn(517);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(60_000);
  const copies = peer.inbox.slice(-limits.transmissions);
  equal(new Set(copies.map(String)).size, 1, "octet for octet");
  equal(peer.requests().length, limits.transmissions);
  equal(world.session.state, "inactive");
});

// --- endpoints --------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.23: the gateway follows an authenticated peer to its new endpoint", () => {
  const { world, peer } = loggedIn(518);
  peer.endpoint = endpoint("203.0.113.5", 61_000);
  peer.request(INFORMATIONAL, []);
  equal(world.session.lastRemote, "203.0.113.5:61000");
  const [sa] = [...world.installed.values()];
  equal(formatEndpoint(sa!.remote), "203.0.113.5:61000");
  ok(world.outputs.some(({ kind }) => kind === "move-child-sa"));
  const mark = peer.inbox.length;
  world.clear();
  world.run(50);
  equal(peer.inbox.length, mark + 1, "DELETE goes there too");
});

Deno.test("RFC 7296 §2.23: packets move the peer as messages do", () => {
  const world = new SimWorld(519, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  alice.outer = endpoint("203.0.113.5", 61_000);
  equal(world.carries(alice), false);
  const [inboundSpi] = world.installed.keys();
  world.report({ kind: "peer-moved", inboundSpi: inboundSpi!, remote: alice.outer });
  ok(world.carries(alice));
  equal(world.session.lastRemote, "203.0.113.5:61000");
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(200);
  ok(world.carries(alice), describe(world));
});

Deno.test("RFC 7296 §2.1: a repeated request is answered where it came from and moves nobody", () => {
  const { world, peer } = loggedIn(520);
  const [datagram] = peer.seal(INFORMATIONAL, []);
  const [first] = peer.exchange(datagram!);
  peer.endpoint = endpoint("203.0.113.5", 61_000);
  deepEqual(peer.exchange(datagram!), [first]);
  equal(world.session.lastRemote, "198.51.100.99:4500");
  ok(
    world.wire.some(({ from, to }) =>
      equalEndpoints(from, gatewayEndpoint) && equalEndpoints(to, peer.endpoint)
    ),
  );
});
