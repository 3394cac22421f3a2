/** Two clients at once: two addresses, traffic of both side by side, and not each other's packets. */
import assert from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";

interopTest("two users hold two addresses and carry traffic at the same time", async (scene) => {
  const [first, second] = scene.sites;
  assert.ok(first && second);
  const alice = await scene.client(first, { auth: "eap", user: "alice" });
  const bob = await scene.client(second, { auth: "eap", user: "bob" });
  await Promise.all([alice.initiate("net"), bob.initiate("net")]);
  const [a, b] = await Promise.all([scene.gateway.session("alice"), scene.gateway.session("bob")]);
  const [aliceAddress = "", bobAddress = ""] = [a?.addresses[0], b?.addresses[0]];
  assert.notEqual(aliceAddress, bobAddress);
  const server = { namespace: scene.inside, address: innerTarget };
  const [up, answers] = await Promise.all([
    iperf({ namespace: first.namespace, address: aliceAddress }, server),
    ping(second.namespace, innerTarget, { source: bobAddress, count: 10 }),
  ]);
  assert.ok(up.bitsPerSecond > 1e6);
  assert.equal(answers.received, 10);
  const bobs = (await scene.gateway.session("bob"))?.childSas[0];
  assert.equal(bobs?.packetsIn, 10, "only bob's own packets came through bob's SA");
}, { sites: 2 });
