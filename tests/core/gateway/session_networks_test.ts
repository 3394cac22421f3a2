/** Networks behind users: what selectors, Child SAs and the log make of them. */
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import type { UserAttributes } from "../../../core/gateway/question.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../core/message/constants.ts";
import { buildRekeySa } from "../../../core/message/notify.ts";
import type { Payload, TrafficSelector } from "../../../core/message/payload.ts";
import { offerOf } from "../../../core/sa/proposal.ts";
import { formatSelector, selectorOfAddress, selectorOfPrefix } from "../../../core/sa/narrowing.ts";
import { type AddressPrefix, formatPrefix, parsePrefix } from "../../../core/wire/address.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { address } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const MINUTE = 60_000;

function prefix(text: string): AddressPrefix {
  const parsed = parsePrefix(text);
  ok(parsed);
  return parsed;
}

/** Users of `SimPeer` are called so by their certificate. */
const peerUser = "alice@example.test";

function worldWith(seed: number, ...networks: readonly string[]): SimWorld {
  const world = new SimWorld(seed);
  give(world, peerUser, ...networks);
  return world;
}

function give(world: SimWorld, user: string, ...networks: readonly string[]): void {
  const attributes: UserAttributes = { networks: networks.map(prefix) };
  world.backend.attributes.set(user, attributes);
}

function proposing(peer: SimPeer, ...selectors: readonly TrafficSelector[]): readonly Payload[] {
  return peer.wishes().map((payload) =>
    payload.kind === "TSi" ? { ...payload, selectors } : payload
  );
}

const narrowed = (payloads: readonly Payload[]): readonly string[] =>
  find(payloads, "TSi")?.selectors.map(formatSelector) ?? [];

const routed = (world: SimWorld): readonly string[] =>
  [...world.installed.values()].at(-1)?.networks?.map(formatPrefix) ?? [];

const any = selectorOfPrefix(prefix("0.0.0.0/0"));
const cases: readonly (readonly [
  what: string,
  offered: readonly TrafficSelector[],
  selectors: readonly string[],
  networks: readonly string[],
])[] = [
  ["everything", [any], ["10.99.0.2/32", "10.77.0.0/24", "10.78.0.0/16"], [
    "10.77.0.0/24",
    "10.78.0.0/16",
  ]],
  ["its address alone", [selectorOfAddress(address("10.99.0.2"))], ["10.99.0.2/32"], []],
  ["one network alone", [selectorOfPrefix(prefix("10.77.0.0/24"))], ["10.77.0.0/24"], [
    "10.77.0.0/24",
  ]],
  [
    "a part of one, and something else",
    [
      selectorOfPrefix(prefix("10.78.4.0/30")),
      selectorOfPrefix(prefix("10.1.0.0/16")),
    ],
    ["10.78.4.0/30"],
    ["10.78.0.0/16"],
  ],
];

for (const [what, offered, selectors, networks] of cases) {
  Deno.test(`networks behind a user: a client that proposes ${what}`, () => {
    const world = worldWith(901, "10.77.0.0/24", "10.78.0.0/16", "fd77::/64");
    const peer = new SimPeer(world);
    deepEqual(narrowed(peer.login(proposing(peer, ...offered))), selectors);
    deepEqual(routed(world), networks);
  });
}

Deno.test("networks behind a user: nobody has one without AAA's word", () => {
  const world = worldWith(902, "10.77.0.0/24");
  const peer = new SimPeer(world);
  const other = selectorOfPrefix(prefix("10.76.0.0/24"));
  deepEqual(notifiesOf(peer.login(proposing(peer, other))), [NotifyType.TS_UNACCEPTABLE]);
  equal(world.installed.size, 0);
  const bob = world.login("bob", "198.51.100.8");
  deepEqual(
    world.session.childSas[0]?.remoteSelectors.map(formatSelector),
    [`${bob.address}/32`],
  );
  deepEqual(routed(world), []);
});

Deno.test("networks behind a user: they stay over rekeys and over every return", () => {
  const world = worldWith(903, "10.77.0.0/24");
  const peer = new SimPeer(world);
  const last = peer.login();
  const pair = peer.pairIn(last);
  ok(pair !== undefined);
  const inbound = world.session.childSas[0]?.inboundSpi;
  ok(inbound !== undefined);
  const rekey = peer.request(ExchangeType.CREATE_CHILD_SA, [
    buildRekeySa(ProtocolId.ESP, peer.espSpi),
    { kind: "SA", proposals: offerOf(peer.espOffer, Uint8Array.of(0xc1, 0, 0, 1), false) },
    { kind: "Nonce", data: peer.random.bytes(32) },
    { kind: "TSi", selectors: [any] },
    { kind: "TSr", selectors: [any] },
  ]);
  deepEqual(narrowed(rekey), ["10.99.0.2/32", "10.77.0.0/24"]);
  deepEqual([...world.installed.values()].map(({ networks }) => networks?.map(formatPrefix)), [
    ["10.77.0.0/24"],
    ["10.77.0.0/24"],
  ]);
  world.crash();
  world.restart();
  const again = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  deepEqual(narrowed(again.comeBack(pair)), ["10.99.0.2/32", "10.77.0.0/24"]);
  deepEqual(routed(world), ["10.77.0.0/24"]);
  equal(world.aaaQuestions, 1);
});

for (const who of ["gateway", "client"] as const) {
  Deno.test(`networks behind a user: our client keeps them over rekeys by the ${who} and over returns`, () => {
    const world = new SimWorld(904);
    give(world, "alice", "10.77.0.0/24", "10.99.0.0/28");
    const alice = world.login("alice", "198.51.100.7");
    const all = ["10.99.0.2/32", "10.77.0.0/24", "10.99.0.0/28"];
    const agreed = (): readonly (readonly string[])[] =>
      [alice.installed, world.installed].map((installed) => {
        const [only, ...more] = installed.values();
        ok(only && more.length === 0);
        return (installed === world.installed ? only.remoteSelectors : only.localSelectors)
          .map(formatSelector);
      });
    deepEqual(agreed(), [all, all]);
    for (let i = 0; i < 2; i++) {
      const before = [...world.installed.keys()];
      if (who === "gateway") {
        world.command({ kind: "rekey", id: world.session.id, what: "child" });
      } else world.tellClient(alice, { kind: "rekey", at: world.at, what: "child" });
      world.run(500);
      notDeepEqual([...world.installed.keys()], before, "a new pair");
      deepEqual(agreed(), [all, all]);
      deepEqual(routed(world), ["10.77.0.0/24", "10.99.0.0/28"]);
    }
    world.roam(alice, "203.0.113.9");
    world.run(1_000);
    deepEqual(agreed(), [all, all]);
  });
}

Deno.test("networks behind a user: a family that the user has no address of is left out", () => {
  const world = worldWith(904, "fd77::/64");
  const peer = new SimPeer(world);
  deepEqual(narrowed(peer.login()), ["10.99.0.2/32"]);
  deepEqual(routed(world), []);
});

Deno.test("networks behind a user: two with one network are told, as long as both are there", () => {
  const world = new SimWorld(905);
  give(world, "alice", "10.77.0.0/24");
  give(world, "bob", "10.77.0.128/25", "10.79.0.0/24");
  give(world, "carol", "10.78.0.0/24");
  const alice = world.login("alice", "198.51.100.7");
  const told = (): readonly unknown[] =>
    world.traces.filter(({ event }) => event === "network-shared").map(({ facts }) => facts);
  deepEqual(told(), []);
  world.login("carol", "198.51.100.9");
  const bob = world.login("bob", "198.51.100.8");
  const shared = { user: "bob", network: "10.77.0.128/25", holder: "alice" };
  deepEqual(told(), [shared]);
  alice.online = false;
  world.runUntil(() => world.show.reconnect.inactiveCapable === 1, 3 * MINUTE);
  world.roam(bob, "203.0.113.8");
  world.run(1_000);
  equal(bob.how, "reconnect");
  deepEqual(told(), [shared], "who waits to come back uses no network");
  alice.online = true;
  world.runUntil(() => alice.count("established") === 2, 10 * MINUTE);
  world.run(100);
  deepEqual(told()[1], { user: "alice", network: "10.77.0.0/24", holder: "bob" });
});
