/** Pools by name: who gets addresses from which, and who has to make room there (design rule 10). */
import { deepEqual, equal, ok } from "node:assert/strict";
import { AddressPool } from "../../../core/gateway/address_pool.ts";
import type { UserAttributes } from "../../../core/gateway/question.ts";
import { formatIpAddress } from "../../../core/wire/address.ts";
import { silence } from "../../support/sim_claims.ts";
import { address, range } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const MINUTE = 60_000;
/** The client's, long enough to stay out of the way. */
const PATIENT = { dpd: { intervalMs: 600 * MINUTE, retryMs: 2_000 } };

const pools = [
  range("10.99.0.2-10.99.0.9"),
  range("fd00:99::2-fd00:99::9"),
  { ...range("10.1.0.1-10.1.0.1"), name: "staff" },
  { ...range("10.1.1.1-10.1.1.1"), name: "staff" },
  { ...range("10.2.0.1-10.2.0.1"), name: "guests" },
  { ...range("fd00:2::1-fd00:2::1"), name: "guests" },
];

function worldWith(
  seed: number,
  attributes: Readonly<Record<string, UserAttributes>>,
): SimWorld {
  const world = new SimWorld(seed, { pools });
  for (const [user, given] of Object.entries(attributes)) world.backend.attributes.set(user, given);
  return world;
}

const both = { ip4: true, ip6: true };

/** The addresses of a login, or the word for why there are none. */
function outcome(
  attributes: UserAttributes,
  wants: { readonly ip4: boolean; readonly ip6: boolean } = both,
): readonly string[] | string {
  const world = worldWith(701, { alice: attributes });
  const alice = world.addClient("alice", "198.51.100.7", { ...PATIENT, wants });
  world.connect(alice);
  world.run(2_000);
  const [session] = world.show.sessions;
  if (session !== undefined) return session.addresses.map(formatIpAddress);
  equal(alice.last("established"), undefined);
  const refusal = world.traces.find(({ level, facts }) =>
    level === "warning" && facts?.["user"] === "alice"
  );
  ok(world.show.pools.every(({ inUse }) => inUse === 0), "nothing is held for a refused login");
  return [refusal?.event, refusal?.facts?.["pool"]].filter((word) => word !== undefined).join(" ");
}

const cases: readonly (readonly [
  what: string,
  attributes: UserAttributes,
  expected: readonly string[] | string,
  wants?: { readonly ip4: boolean; readonly ip6: boolean },
])[] = [
  ["nobody's name: the pools of everybody", {}, ["10.99.0.2", "fd00:99::2"]],
  ["a pool of one family: the other is everybody's", { pools: ["staff"] }, [
    "10.1.0.1",
    "fd00:99::2",
  ]],
  ["a pool of both families", { pools: ["guests"] }, ["10.2.0.1", "fd00:2::1"]],
  ["two pools: each family of the first that has it", { pools: ["staff", "guests"] }, [
    "10.1.0.1",
    "fd00:2::1",
  ]],
  ["IPv6 of another pool", { pools: ["staff"], ip6Pools: ["guests"] }, ["10.1.0.1", "fd00:2::1"]],
  ["IPv6 alone by name", { ip6Pools: ["guests"] }, ["10.99.0.2", "fd00:2::1"]],
  ["a fixed address goes before a name", {
    addresses: [address("10.99.0.7")],
    pools: ["guests"],
  }, ["10.99.0.7", "fd00:2::1"]],
  ["a fixed address out of a named pool", { addresses: [address("10.2.0.1")] }, [
    "10.2.0.1",
    "fd00:99::2",
  ]],
  ["a pool that is not there", { pools: ["nobody"] }, "unknown-pool nobody"],
  ["one of two that is not there", { pools: ["staff", "nobody"] }, "unknown-pool nobody"],
  ["an IPv6 pool that has no IPv6", { ip6Pools: ["staff"] }, "unknown-pool staff"],
  ["an IPv6 pool that is not there, unasked", { ip6Pools: ["x"] }, "unknown-pool x", {
    ip4: true,
    ip6: false,
  }],
];

for (const [what, attributes, expected, wants] of cases) {
  Deno.test(`pools by name: ${what}`, () => deepEqual(outcome(attributes, wants), expected));
}

Deno.test("pools by name: who names none gets nothing where all have names", () => {
  const world = new SimWorld(702, { pools: pools.filter((one) => "name" in one) });
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(2_000);
  deepEqual(world.show.sessions, []);
  ok(world.traces.some(({ event }) => event === "no-pool-for-user"));
});

Deno.test("pools by name: the next pool is tried when one is full, in their order", () => {
  const world = worldWith(703, {
    alice: { pools: ["staff", "guests"] },
    bob: { pools: ["staff", "guests"] },
    carol: { pools: ["staff", "guests"] },
  });
  const addresses = ["alice", "bob", "carol"].map((user, i) =>
    world.login(user, `198.51.100.${7 + i}`, PATIENT).address
  );
  deepEqual(addresses, ["10.1.0.1", "10.1.1.1", "10.2.0.1"]);
});

Deno.test("design rule 10: a full named pool gives up its own oldest inactive record, no other", () => {
  const world = worldWith(704, { bob: { pools: ["guests"] }, carol: { pools: ["guests"] } });
  const alice = world.login("alice", "198.51.100.7");
  silence(world, alice);
  const bob = world.login("bob", "198.51.100.8");
  equal(bob.address, "10.2.0.1");
  silence(world, bob);
  // Alice has been away for longer, but her address is of no use to carol.
  const carol = world.login("carol", "198.51.100.9", PATIENT);
  equal(carol.address, "10.2.0.1");
  deepEqual(world.show.sessions.map(({ userName }) => userName), ["alice", "carol"]);
  const evictions = world.traces.filter(({ event }) => event === "pool-full");
  deepEqual(evictions.map(({ facts }) => facts?.["user"]), ["bob"]);
  deepEqual(world.show.pools.map(({ inUse }) => inUse), [1, 0, 0, 0, 1, 0]);
});

Deno.test("design rule 10: a login into a full pool of everybody evicts nobody of a named one", () => {
  const world = new SimWorld(705, {
    pools: [range("10.99.0.2-10.99.0.2"), { ...range("10.1.0.1-10.1.0.1"), name: "staff" }],
  });
  world.backend.attributes.set("alice", { pools: ["staff"] });
  silence(world, world.login("alice", "198.51.100.7"));
  world.login("bob", "198.51.100.8", PATIENT);
  const carol = world.addClient("carol", "198.51.100.9");
  world.connect(carol);
  world.run(2_000);
  equal(carol.last("established"), undefined);
  deepEqual(world.show.sessions.map(({ userName }) => userName), ["alice", "bob"]);
  deepEqual(
    world.traces.find(({ event }) => event === "no-address-left")?.facts,
    { user: "carol", family: 4 },
  );
});

Deno.test("design rule 10: nobody is given up for a login that cannot have both its addresses", () => {
  const world = new SimWorld(707, {
    pools: [range("10.99.0.2-10.99.0.2"), { ...range("fd00:2::1-fd00:2::1"), name: "guests" }],
  });
  const guest = { ip6Pools: ["guests"] };
  world.backend.attributes.set("bob", { ...guest, addresses: [address("10.97.0.1")] });
  world.backend.attributes.set("carol", guest);
  silence(world, world.login("alice", "198.51.100.7"));
  world.login("bob", "198.51.100.8", { ...PATIENT, wants: both });
  const carol = world.addClient("carol", "198.51.100.9", { wants: both });
  world.connect(carol);
  world.run(2_000);
  deepEqual(
    world.traces.find(({ event }) => event === "no-address-left")?.facts,
    { user: "carol", family: 6 },
  );
  deepEqual(world.show.sessions.map(({ userName }) => userName), ["alice", "bob"]);
});

Deno.test("who waits elsewhere is not looked through for a login into a small pool that is full", () => {
  const world = worldWith(708, { bob: { pools: ["guests"] }, carol: { pools: ["guests"] } });
  silence(world, world.login("alice", "198.51.100.7"));
  world.login("bob", "198.51.100.8", PATIENT);
  const { isAmong } = AddressPool.prototype;
  let looks = 0;
  AddressPool.prototype.isAmong = function (...given): boolean {
    looks++;
    return isAmong.apply(this, given);
  };
  try {
    world.connect(world.addClient("carol", "198.51.100.9"));
    world.run(2_000);
  } finally {
    AddressPool.prototype.isAmong = isAmong;
  }
  ok(world.traces.some(({ event }) => event === "no-address-left"));
  equal(looks, 0);
});

Deno.test("design rule 6: who comes back keeps an address whose pool has another name by now", () => {
  const world = worldWith(706, { alice: { pools: ["guests"] } });
  const alice = world.login("alice", "198.51.100.7");
  world.crash();
  world.policy = { ...world.policy, pools: [range("10.99.0.2-10.99.0.9")] };
  world.restart();
  world.runUntil(() => alice.how === "reconnect", 3 * MINUTE);
  equal(alice.address, "10.2.0.1");
});
