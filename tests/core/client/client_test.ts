/** The client: how it begins, comes back, gives up, and whom it does not believe. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { hexOf } from "../../../core/bytes.ts";
import { buildInitResponse } from "../../../core/exchange/ike_sa_init.ts";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import { parseMessage } from "../../../core/message/message.ts";
import { buildCookie, buildInvalidKe, notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { endpoint, gatewayEndpoint, proposals } from "../../support/sim_settings.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };

/** Answers the client's last IKE_SA_INIT as if from the gateway. */
function forge(world: SimWorld, sim: SimClient, payloads: readonly Payload[]): void {
  const request = world.wire.findLast(({ bytes }) => bytes[18] === ExchangeType.IKE_SA_INIT)!;
  const parsed = parseMessage(request.bytes);
  ok(parsed.ok);
  const bytes = buildInitResponse(parsed.value, new Uint8Array(8), payloads);
  world.tellClient(sim, {
    kind: "datagram",
    at: world.at,
    local: sim.local,
    remote: gatewayEndpoint,
    bytes,
  });
}

Deno.test("A client repeats IKE_SA_INIT until the gateway is there", () => {
  const world = new SimWorld(801);
  world.gatewayUp = false;
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(300_000);
  equal(alice.count("closed"), 0);
  ok(world.wire.length > 20);
  world.gatewayUp = true;
  world.runUntil(() => world.carries(alice), 10_000);
  equal(alice.how, "login");
});

Deno.test("A forged error to IKE_SA_INIT delays a client by no more than a pause", () => {
  for (const type of [NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX]) {
    const world = new SimWorld(802);
    const alice = world.addClient("alice", "198.51.100.7");
    world.connect(alice);
    forge(world, alice, [notify(type)]);
    world.runUntil(() => world.carries(alice), 5_000);
  }
});

Deno.test("A client does not let itself be talked into a group that it did not offer, nor into a loop", () => {
  const offer = { ikeProposals: proposals("ike", "aes256gcm16-prfsha384-x25519-ecp256") };
  const foreign = new SimWorld(803, offer);
  const alice = foreign.addClient("alice", "198.51.100.7", offer);
  foreign.connect(alice);
  forge(foreign, alice, [buildInvalidKe(14)]);
  const before = foreign.wire.length;
  foreign.run(900);
  ok(foreign.wire.length - before <= 2, "no new request at once");
  foreign.runUntil(() => foreign.carries(alice), 5_000);

  const loop = new SimWorld(804, offer);
  loop.gatewayUp = false;
  const bob = loop.addClient("bob", "198.51.100.8", offer);
  loop.connect(bob);
  for (let i = 0; i < 20; i++) {
    forge(loop, bob, [buildCookie(Uint8Array.of(i))]);
    forge(loop, bob, [buildInvalidKe(i % 2 === 0 ? 19 : 31)]);
  }
  ok(loop.wire.length <= 8, `${loop.wire.length} requests`);
});

Deno.test("RFC 7296 §2.6: a request with a cookie says what the first one said, and is made once", () => {
  const world = new SimWorld(813, { cookieThreshold: 0 }, { ...calm, duplication: 1 });
  const alice = world.login("alice", "198.51.100.7", QUIET);
  ok(world.carries(alice), "however often the demand comes");
  const requests = world.wire.filter(({ bytes }) => bytes[18] === 34 && bytes[19] === 0x08)
    .map(({ bytes }) => hexOf(bytes));
  const [plain = "", brought = "", ...more] = new Set(requests);
  deepEqual(more, []);
  // Behind header and cookie comes the rest, octet for octet.
  equal(brought.slice(2 * (28 + 25)), plain.slice(2 * 28));
});

Deno.test("A demand for the group that was sent already is a copy, and costs no time", () => {
  const offer = { ikeProposals: proposals("ike", "aes256gcm16-prfsha384-x25519-ecp256") };
  const only = { ikeProposals: proposals("ike", "aes256gcm16-prfsha384-ecp256") };
  const world = new SimWorld(814, only, { ...calm, duplication: 1 });
  const alice = world.addClient("alice", "198.51.100.7", offer);
  world.connect(alice);
  world.runUntil(() => world.carries(alice), 300);
});

Deno.test("Messages of other exchanges and for nobody are ignored", () => {
  const world = new SimWorld(805);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const before = world.wire.length;
  for (const bytes of world.wire.map((flight) => flight.bytes)) {
    for (const cut of [bytes, bytes.slice(0, 28), bytes.slice(0, -1), new Uint8Array(3)]) {
      world.tellClient(alice, {
        kind: "datagram",
        at: world.at,
        local: alice.local,
        remote: endpoint("203.0.113.1", 4500),
        bytes: cut,
      });
    }
  }
  equal(world.wire.length, before, "not even an answer");
  ok(world.carries(alice));
});

Deno.test("RFC 7296 §2.23: a client does not follow whoever repeats the gateway's messages", () => {
  const world = new SimWorld(806);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  const request = world.wire.at(-1)!;
  world.tellClient(alice, {
    kind: "datagram",
    at: world.at,
    local: alice.local,
    remote: endpoint("203.0.113.66", 4500),
    bytes: request.bytes,
  });
  const answer = world.wire.at(-1)!;
  deepEqual(answer.to, gatewayEndpoint);
  world.run(500);
  ok(world.carries(alice));
});

Deno.test("A client with nothing but a stored pair comes back, and without a good one gives up", () => {
  const world = new SimWorld(807);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const returning = world.addClient("alice", "203.0.113.7", { login: { kind: "none" } });
  world.connect(returning, alice.pair);
  world.run(1_000);
  equal(returning.how, "reconnect");
  equal(returning.address, alice.address);
  const stranger = world.addClient("alice", "203.0.113.8", { login: { kind: "none" } });
  world.connect(stranger, { sessionId: "x".repeat(18), token: "y".repeat(43) });
  world.run(1_000);
  deepEqual(stranger.events.map(({ kind }) => kind), ["pair-refused", "closed"]);
});

Deno.test("A client that does not want reconnect logs in again when its SA is lost", () => {
  const world = new SimWorld(808);
  const dpd = { intervalMs: 20_000, retryMs: 2_000 };
  const alice = world.login("alice", "198.51.100.7", { reconnect: false, dpd });
  world.crash();
  world.run(60_000);
  deepEqual(alice.last("reconnecting")?.how, "login");
  world.restart();
  world.runUntil(() => alice.count("established") === 2, 60_000);
  equal(alice.how, "login");
  equal(world.aaaQuestions, 2);
});

Deno.test("A DELETE in the middle of IKE_AUTH makes a client begin again", () => {
  const world = new SimWorld(809);
  const alice = world.addClient("alice", "198.51.100.7");
  // The last response of the login is lost, and the session is cleared before it is repeated.
  world.passes = ({ bytes, from }) =>
    !(from === gatewayEndpoint && bytes[18] === ExchangeType.IKE_AUTH && bytes[23] === 5);
  world.connect(alice);
  world.runUntil(() => world.show.sessions.length === 1, 1_000);
  world.clear();
  world.passes = () => true;
  world.runUntil(() => world.carries(alice), 5_000);
  equal(world.show.sessions.length, 1, describe(world));
});

Deno.test("Changing the network in the middle of anything begins again from the new address", () => {
  for (let afterMs = 0; afterMs < 160; afterMs += 10) {
    const world = new SimWorld(810);
    const alice = world.addClient("alice", "198.51.100.7");
    world.connect(alice);
    world.run(afterMs);
    world.roam(alice, "203.0.113.9");
    world.runUntil(() => world.carries(alice), 5_000);
    equal(alice.installed.size, 1);
  }
});

Deno.test("Logging out in the middle of anything leaves no timer and no SA", () => {
  for (let afterMs = 0; afterMs < 160; afterMs += 10) {
    const world = new SimWorld(811);
    const alice = world.addClient("alice", "198.51.100.7");
    world.connect(alice);
    world.run(afterMs);
    world.tellClient(alice, { kind: "disconnect", at: world.at });
    world.run(5_000);
    equal(alice.count("closed"), 1);
    equal(alice.client.nextTimeout(), undefined);
    equal(alice.installed.size, 0);
    equal(alice.client.pair, undefined);
  }
});

Deno.test("A request queued behind an IKE rekey is repeated as soon as any other", () => {
  const world = new SimWorld(812, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const { id } = world.session;
  world.command({ kind: "rekey", id, what: "ike" });
  world.command({ kind: "rekey", id, what: "child" });
  let isLost = false;
  world.passes = ({ from, bytes }) => {
    const isQueued = from === gatewayEndpoint && bytes[18] === ExchangeType.CREATE_CHILD_SA &&
      bytes[23] === 0 && world.show.counters["ike-sa-rekeyed"] === 1;
    if (!isQueued || isLost) return true;
    isLost = true;
    return false;
  };
  const before = world.session.childSas[0]!.inboundSpi;
  world.run(2_000);
  ok(isLost);
  ok(world.session.childSas.every(({ inboundSpi }) => inboundSpi !== before), describe(world));
  ok(world.carries(alice));
});

Deno.test("An SA that ends in the middle of a rekey gives its SPIs back", () => {
  const world = new SimWorld(813, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  alice.online = false;
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  equal(world.gateway.load().espSpis, 2);
  world.run(60_000);
  equal(world.session.state, "inactive");
  equal(world.gateway.load().espSpis, 0);
});
