/** No packet is lost over rekeys, whoever begins them, whatever crosses what, and on a bad network. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../support/seeded_random.ts";
import type { SimClient } from "../support/sim_client.ts";
import { SimPackets } from "../support/sim_packets.ts";
import { describe, SimWorld } from "../support/sim_world.ts";

const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };

type What = "ike" | "child";

function rekey(world: SimWorld, sim: SimClient, who: "gateway" | "client", what: What): void {
  if (who === "client") world.tellClient(sim, { kind: "rekey", at: world.at, what });
  else world.command({ kind: "rekey", id: world.session.id, what });
}

Deno.test("RFC 7296 §2.8: no packet is lost in 100 rekeys under traffic", () => {
  const world = new SimWorld(901, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const packets = new SimPackets(world, alice);
  const random = new SeededRandom(901);
  for (let i = 0; i < 100; i++) {
    rekey(world, alice, random.pick(["gateway", "client"]), random.pick(["ike", "child"]));
    packets.run(random.pick([30, 60, 200]));
  }
  packets.run(1_000);
  deepEqual(packets.lost, []);
  ok(packets.sent > 2_000);
  deepEqual(packets.pairs, [1, 1], describe(world));
  equal(alice.count("established"), 1);
});

Deno.test("RFC 7296 §2.8.1, §2.8.2: no packet is lost when rekeys cross, on a network that loses and doubles", () => {
  let [children, ikeSas] = [0, 0];
  for (let seed = 902; seed < 912; seed++) {
    const world = new SimWorld(seed, QUIET);
    const alice = world.login("alice", "198.51.100.7", QUIET);
    const packets = new SimPackets(world, alice);
    const random = new SeededRandom(seed);
    const whats: readonly What[] = ["ike", "child", "child"];
    Object.assign(world.network, seed % 2 === 0 ? {} : { loss: 0.1, duplication: 0.1 });
    for (let i = 0; i < 40; i++) {
      rekey(world, alice, "gateway", random.pick(whats));
      packets.run(random.pick([0, 5, 10, 15, 20]));
      rekey(world, alice, "client", random.pick(whats));
      packets.run(random.pick([50, 500, 4_000]));
    }
    world.network.loss = 0;
    packets.run(60_000);
    deepEqual(packets.lost, [], `seed ${seed} ${describe(world)}`);
    deepEqual(packets.pairs, [1, 1], describe(world));
    equal(alice.count("established"), 1, "and nobody had to come back");
    const { ikeSas: left, espSpis } = world.gateway.load();
    deepEqual([left, espSpis], [1, 1], "nothing is left of what was redundant");
    const { counters } = world.show;
    children += counters["child-sa-redundant"] ?? 0;
    ikeSas += counters["ike-sa-redundant"] ?? 0;
  }
  ok(children > 10, `${children} rekeys of the Child SA crossed`);
  ok(ikeSas > 10, `${ikeSas} rekeys of the IKE SA crossed`);
});
