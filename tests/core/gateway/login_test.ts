import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { equal, ok } from "node:assert/strict";
import { formatIpAddress } from "../../../core/wire/address.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

Deno.test("a client logs in by EAP-MSCHAPv2 and gets an address, DNS and a pair", () => {
  const world = new SimWorld(1, {}, calm, { crypto: nobleProvider });
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(2000);
  const established = alice.last("established");
  ok(established !== undefined, describe(world));
  equal(established.how, "login");
  equal(alice.address, "10.99.0.2");
  equal(formatIpAddress(established.assignment.dns[0]!), "10.0.0.53");
  ok(/^[A-Za-z]{18}$/.test(established.assignment.pair?.sessionId ?? ""));
  ok(/^[A-Za-z0-9]{43}$/.test(established.assignment.pair?.token ?? ""));
  ok(world.carries(alice));
  equal(world.aaaQuestions, 1);
});
