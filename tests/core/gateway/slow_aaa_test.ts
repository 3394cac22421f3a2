/** AAA takes minutes, because somebody has to press a button: gateway and client wait. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { limits } from "../../../core/limits.ts";
import { anyConnectLogin } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const MINUTE = 60_000;

for (
  const [name, change, login] of [
    ["EAP-MSCHAPv2", {}, {}],
    ["AnyConnect-EAP", { loginMethods: ["anyconnect-eap"] }, {
      login: anyConnectLogin("alice", { user: { name: "alice", password: "alicepw" } }),
    }],
  ] as const
) {
  Deno.test(`a login by ${name} waits five minutes for AAA, which is asked once`, () => {
    for (const minutes of [2, 5]) {
      const world = new SimWorld(801, change);
      world.backend.thinkingMs = minutes * MINUTE;
      const alice = world.addClient("alice", "198.51.100.7", login);
      world.connect(alice);
      world.run(minutes * MINUTE - 1_000);
      equal(alice.last("established"), undefined);
      equal(world.show.negotiating, 1);
      world.run(3_000);
      equal(alice.last("established")?.how, "login", describe(world));
      ok(world.carries(alice));
      equal(world.aaaQuestions, 1);
    }
  });
}

Deno.test("an answer that is lost after minutes of waiting is fetched soon", () => {
  const world = new SimWorld(802);
  world.backend.thinkingMs = 2 * MINUTE;
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(2 * MINUTE - 1_000);
  world.passes = () => false;
  world.run(2_000);
  world.passes = () => true;
  world.run(limits.longestRetransmitMs + 1_000);
  equal(alice.last("established")?.how, "login", describe(world));
  equal(world.aaaQuestions, 1);
});

Deno.test("who waits in vain is told so", () => {
  const world = new SimWorld(803);
  world.backend.aaa = "fails";
  world.backend.thinkingMs = 5 * MINUTE;
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(5 * MINUTE + 1_000);
  ok(alice.last("closed") !== undefined, describe(world));
  const reasons = world.traces.filter(({ event }) => event === "authentication-failed")
    .map(({ facts }) => facts?.["reason"]);
  deepEqual(reasons, ["aaa-failed"]);
});
