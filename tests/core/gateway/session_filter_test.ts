/** What a user may send stays with the session: over rekeys, returns, restarts; and AAA may change it. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { PacketFilter } from "../../../core/gateway/packet_filter.ts";
import { ExchangeType } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { anySelector } from "../../../core/sa/narrowing.ts";
import { offerOf } from "../../../core/sa/proposal.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { address, gatewayEndpoint } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };

function filterOf(name: string, host: string): PacketFilter {
  return {
    name,
    rules: [{
      action: "permit",
      family: 4,
      protocol: 6,
      destination: { address: address(host), length: 32 },
      destinationPorts: [{ first: 443, last: 443 }],
    }],
  };
}

const staff = filterOf("staff", "10.0.0.5");
const guests = filterOf("guests", "10.0.0.6");

function newWorld(seed: number): SimWorld {
  const world = new SimWorld(seed, QUIET);
  world.backend.attributes.set("alice", { filter: staff });
  return world;
}

/** What is installed, oldest first. */
function installed(world: SimWorld): readonly (PacketFilter | undefined)[] {
  return [...world.installed.values()].map(({ filter }) => filter);
}

function storedFilters(world: SimWorld): readonly (PacketFilter | undefined)[] {
  return [...world.backend.store.values()].map(({ attributes }) => attributes.filter);
}

Deno.test("a user's first Child SA has the filter that AAA gave, others have none", () => {
  const world = newWorld(1);
  world.login("alice", "198.51.100.7", QUIET);
  world.login("bob", "198.51.100.8", QUIET);
  deepEqual(installed(world), [staff, undefined]);
  deepEqual(world.show.sessions.map(({ attributes }) => attributes.filter), [staff, undefined]);
  deepEqual(storedFilters(world), [staff, undefined]);
  const started = world.traces.filter(({ event }) => event === "session-started");
  deepEqual(started.map(({ facts }) => facts?.["filter"]), ["staff", undefined]);
});

for (const who of ["gateway", "client"] as const) {
  Deno.test(`the filter stays when the ${who} rekeys, the Child SA and the IKE SA`, () => {
    const world = newWorld(2);
    const alice = world.login("alice", "198.51.100.7", QUIET);
    for (const what of ["child", "ike", "child"] as const) {
      const [before] = [...world.installed.keys()];
      if (who === "client") world.tellClient(alice, { kind: "rekey", at: world.at, what });
      else world.command({ kind: "rekey", id: world.session.id, what });
      world.run(500);
      const [after, ...more] = [...world.installed.keys()];
      deepEqual(more, []);
      equal(after === before, what === "ike");
      deepEqual(installed(world), [staff]);
      ok(world.carries(alice));
    }
  });
}

/** CREATE_CHILD_SA for one more pair. */
function childRequest(peer: SimPeer, spi: number): Payload[] {
  return [
    { kind: "SA", proposals: offerOf(peer.espOffer, Uint8Array.of(0xc1, 0, 0, spi), true) },
    { kind: "Nonce", data: peer.random.bytes(32) },
    { kind: "TSi", selectors: [anySelector(4)] },
    { kind: "TSr", selectors: [anySelector(4)] },
  ];
}

Deno.test("further Child SAs have the filter too, and a change reaches all of them", () => {
  const world = newWorld(3);
  world.backend.attributes.set("peer", { filter: staff });
  const peer = new SimPeer(world);
  peer.login();
  world.backend.attributes.clear();
  peer.request(ExchangeType.CREATE_CHILD_SA, childRequest(peer, 1));
  const filters = installed(world);
  equal(filters.length, 2);
  equal(filters[0], filters[1]);
  world.command({ kind: "change-session", id: world.session.id, change: { filter: guests } });
  deepEqual(installed(world), [guests, guests]);
  peer.request(ExchangeType.CREATE_CHILD_SA, childRequest(peer, 2));
  deepEqual(installed(world), [guests, guests, guests]);
});

Deno.test("the filter stays when the client comes back over its old SA, and after silence", () => {
  const world = newWorld(4);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.backend.attributes.clear();
  const questions = world.aaaQuestions;
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  equal(alice.how, "reconnect");
  deepEqual(installed(world), [staff]);
  equal(world.aaaQuestions, questions);
});

Deno.test("the filter comes back from the store after a crash", () => {
  const world = newWorld(5);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.backend.attributes.clear();
  world.crash();
  world.run(1_000);
  world.restart();
  equal(world.session.attributes.filter?.name, "staff");
  world.roam(alice, "203.0.113.9");
  world.run(5_000);
  ok(world.carries(alice));
  deepEqual(installed(world), [staff]);
});

Deno.test("a changed filter is installed at once, and is what rekeys, returns and restarts find", () => {
  const world = newWorld(6);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.command({ kind: "change-session", id: world.session.id, change: { filter: guests } });
  deepEqual(installed(world), [guests]);
  equal(world.session.attributes.filter?.name, "guests");
  for (const what of ["child", "ike", "child"] as const) {
    world.tellClient(alice, { kind: "rekey", at: world.at, what });
    world.run(500);
    deepEqual(installed(world), [guests]);
  }
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  deepEqual(installed(world), [guests]);
  deepEqual(storedFilters(world), [guests]);
  world.crash();
  world.run(1_000);
  world.restart();
  world.roam(alice, "203.0.113.10");
  world.run(5_000);
  ok(world.carries(alice));
  deepEqual(installed(world), [guests]);
});

Deno.test("an inactive session is changed too", () => {
  const world = newWorld(7);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.crash();
  world.run(1_000);
  world.restart();
  world.command({ kind: "change-session", id: world.session.id, change: { filter: guests } });
  world.run(100);
  deepEqual(storedFilters(world), [guests]);
  world.roam(alice, "203.0.113.9");
  world.run(5_000);
  deepEqual(installed(world), [guests]);
});

Deno.test("a change while the record of a return is being stored is not lost", () => {
  const world = newWorld(8);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const peer = new SimPeer(world, { seed: 5, host: "203.0.113.5" });
  peer.init();
  world.backend.answerMs = 400;
  const payloads = [...peer.pairProof(alice.pair), ...peer.wishes()];
  for (const bytes of peer.seal(ExchangeType.IKE_AUTH, payloads)) {
    world.send(peer.endpoint, gatewayEndpoint, bytes);
  }
  world.run(100);
  equal(world.session.reconnect?.count, 0, "not yet back");
  const { id } = world.session;
  world.command({ kind: "change-session", id, change: { filter: guests } });
  world.run(2_000);
  equal(world.session.reconnect?.count, 1);
  deepEqual(installed(world), [guests]);
  deepEqual(storedFilters(world), [guests]);
  world.crash();
  world.restart();
  equal(world.session.attributes.filter?.name, "guests");
});

Deno.test("a change for a session that is not there does nothing", () => {
  const world = newWorld(9);
  const before = world.outputs.length;
  world.command({ kind: "change-session", id: 77, change: { filter: guests } });
  equal(world.outputs.length, before);
});
