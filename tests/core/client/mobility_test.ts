/** The client changes its address by MOBIKE, and by token where that does not work (RFC 4555). */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Policy } from "../../../core/gateway/policy.ts";
import { formatEndpoint } from "../../../core/wire/address.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { SimPackets } from "../../support/sim_packets.ts";
import { endpoint } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };
const MOBILE = { ...QUIET, mobike: true };

interface Scene {
  readonly world: SimWorld;
  readonly alice: SimClient;
}

function loggedIn(seed: number, change: Partial<Policy> = {}): Scene {
  const world = new SimWorld(seed, { ...QUIET, ...change });
  return { world, alice: world.login("alice", "198.51.100.7", MOBILE) };
}

/** The tunnel stands on the SA of the login, and the gateway knows where the client is. */
function assertMoved({ world, alice }: Scene): void {
  ok(world.carries(alice), describe(world));
  equal(alice.count("established"), 1);
  equal(alice.count("reconnecting"), 0);
  equal(world.session.lastRemote, formatEndpoint(alice.outer));
  equal(world.session.reconnect?.count, 0);
  const [sa] = [...alice.installed.values()];
  deepEqual(sa!.local, alice.local);
  equal(world.gateway.load().ikeSas, 1);
}

for (const mobike of ["check-first", "move-first"] as const) {
  Deno.test(`RFC 4555 §3.5: a client that changes its address keeps its SAs (${mobike})`, () => {
    const scene = loggedIn(841, { mobike });
    const { world, alice } = scene;
    for (let i = 1; i < 5; i++) {
      world.roam(alice, `203.0.113.${i}`);
      world.run(200);
      assertMoved(scene);
      equal(alice.count("moved"), i);
      ok((alice.last("moved")?.tookMs ?? 999) <= 20);
    }
    equal(world.aaaQuestions, 1);
    // Everything works from there, and the record is there for what MOBIKE cannot do.
    world.tellClient(alice, { kind: "rekey", at: world.at, what: "ike" });
    world.run(200);
    world.roam(alice, "203.0.113.9");
    world.run(200);
    equal(alice.count("moved"), 5);
    world.crash();
    world.restart();
    world.roam(alice, "203.0.113.10");
    world.run(5_000);
    equal(alice.how, "reconnect");
    ok(world.carries(alice));
  });
}

Deno.test("RFC 4555 §3.5: a change of address under traffic costs what was under way, and no more", () => {
  const { world, alice } = loggedIn(842);
  const packets = new SimPackets(world, alice);
  packets.run(200);
  equal(packets.lost.length, 0);
  world.roam(alice, "203.0.113.1");
  packets.run(500);
  // Three ways of 10 ms until the proof is there, and what had left by then; every 5 ms a packet.
  ok(packets.lost.length > 0 && packets.lost.length <= 10, packets.lost.join("\n"));
  ok(packets.lost.every((it) => it.includes("gateway's packet went where the client was")));
  const before = packets.lost.length;
  packets.run(500);
  equal(packets.lost.length, before);
});

Deno.test("RFC 4555 §3.5: an update gets through a network that loses", () => {
  let moved = 0;
  for (let seed = 0; seed < 40; seed++) {
    const { world, alice } = loggedIn(850 + seed);
    world.network.loss = 0.2;
    world.roam(alice, "203.0.113.1");
    world.run(60_000);
    world.network.loss = 0;
    world.run(60_000);
    ok(world.carries(alice), describe(world));
    equal(world.session.addresses.length, 1);
    if (alice.count("reconnecting") === 0) moved++;
  }
  ok(moved >= 36, `${moved} of 40 moved`);
});

Deno.test("RFC 4555 §3.5: a newer change overtakes an older one", () => {
  for (let gapMs = 0; gapMs <= 60; gapMs += 5) {
    const scene = loggedIn(843);
    const { world, alice } = scene;
    world.roam(alice, "203.0.113.1");
    world.run(gapMs);
    world.roam(alice, "203.0.113.2");
    world.run(gapMs);
    world.roam(alice, "203.0.113.3");
    world.run(2_000);
    assertMoved(scene);
    ok(alice.count("moved") >= 1);
  }
});

Deno.test("RFC 4555 §3.5: a change while a request is under way asks again from the new address", () => {
  for (const what of ["ike", "child"] as const) {
    for (const who of ["client", "gateway"] as const) {
      for (let gapMs = 0; gapMs <= 50; gapMs += 5) {
        const { world, alice } = loggedIn(844);
        const { id } = world.session;
        if (who === "gateway") world.command({ kind: "rekey", id, what });
        else world.tellClient(alice, { kind: "rekey", at: world.at, what });
        world.run(gapMs);
        world.roam(alice, "203.0.113.1");
        world.run(20_000);
        ok(world.carries(alice), `${who} ${what} ${gapMs} ${describe(world)}`);
        equal(world.show.sessions.length, 1);
        equal(world.installed.size, 1);
        equal(alice.installed.size, 1);
        equal(world.session.lastRemote, formatEndpoint(alice.outer));
      }
    }
  }
});

Deno.test("A client comes back by token at once where the gateway does not speak MOBIKE", () => {
  const { world, alice } = loggedIn(845, { mobike: "off" });
  world.roam(alice, "203.0.113.1");
  world.run(200);
  equal(alice.how, "reconnect");
  equal(alice.count("moved"), 0);
  ok(world.carries(alice));
});

Deno.test("A client whose update stays unanswered for three seconds comes back by token", () => {
  const { world, alice } = loggedIn(846);
  // Something on the way lets only first messages through.
  world.passes = ({ bytes }) => [34, 35].includes(bytes[18] ?? 0);
  world.roam(alice, "203.0.113.1");
  world.run(2_900);
  equal(alice.count("reconnecting"), 0);
  world.run(300);
  deepEqual(alice.last("reconnecting"), {
    kind: "reconnecting",
    why: "network-changed",
    how: "reconnect",
  });
  equal(alice.how, "reconnect");
  world.passes = () => true;
  ok(world.carries(alice));
  equal(world.session.reconnect?.count, 1);
});

Deno.test("A client whose new address the gateway does not take comes back by token at once", () => {
  const { world, alice } = loggedIn(847);
  world.roam(alice, "10.99.0.200");
  world.run(200);
  deepEqual(alice.last("reconnecting")?.why, "notify-40");
  equal(alice.how, "reconnect");
});

Deno.test("RFC 4555 §3.8: a client notices by its liveness checks that a NAT gave it another endpoint", () => {
  const world = new SimWorld(848, QUIET);
  const dpd = { intervalMs: 20_000, retryMs: 2_000 };
  const alice = world.login("alice", "198.51.100.7", { ...MOBILE, dpd });
  world.run(30_000);
  equal(world.show.counters["address-update"] ?? 0, 0, "nothing has changed");
  alice.outer = endpoint("198.51.100.7", 61_000);
  world.run(30_000);
  equal(world.session.lastRemote, "198.51.100.7:61000");
  ok(world.carries(alice), describe(world));
  equal(world.show.counters["address-update"], 1);
  world.run(100_000);
  equal(world.show.counters["address-update"], 1, "and is told once");
  // A rekey of the IKE SA changes the hashes: one update more than needed, and then none again.
  world.tellClient(alice, { kind: "rekey", at: world.at, what: "ike" });
  world.run(100_000);
  equal(world.show.counters["address-update"], 2);
  // So nothing is missed where both change at once.
  alice.outer = endpoint("198.51.100.7", 62_000);
  world.tellClient(alice, { kind: "rekey", at: world.at, what: "ike" });
  world.run(30_000);
  equal(world.session.lastRemote, "198.51.100.7:62000");
  equal(world.show.counters["address-update"], 3);
});

Deno.test("RFC 4555 §3.8: packets of a client behind a NAT that gave it another endpoint move it, too", () => {
  const { world, alice } = loggedIn(849);
  alice.outer = endpoint("203.0.113.5", 61_000);
  world.traffic(alice);
  equal(world.carries(alice), false, "not before it has answered there");
  world.run(100);
  ok(world.carries(alice));
  equal(world.session.lastRemote, "203.0.113.5:61000");
});
