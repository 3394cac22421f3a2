/** AnyConnect-EAP through whole exchanges, our client against our gateway in virtual time. */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import type { ClientLogin } from "../../../core/exchange/initiator_settings.ts";
import { formatIpAddress } from "../../../core/wire/address.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const header = { version: "5.1.8.105", macAddresses: [] };

function anyConnect(name: string, password: string): ClientLogin {
  return {
    kind: "anyconnect-eap",
    user: { name, password },
    certificate: undefined,
    group: undefined,
    header,
    answer: () => undefined,
  };
}

Deno.test("a client logs in by AnyConnect-EAP and comes back by the pair", () => {
  const world = new SimWorld(301, { loginMethods: ["anyconnect-eap"] });
  const alice = world.addClient("alice", "198.51.100.7", { login: anyConnect("alice", "alicepw") });
  world.connect(alice);
  world.run(3000);
  const first = alice.last("established");
  ok(first !== undefined, describe(world));
  equal(first.how, "login");
  equal(formatIpAddress(first.assignment.addresses[0]!), "10.99.0.2");
  ok(world.carries(alice));
  const [session] = world.gateway.snapshot().sessions;
  deepEqual([session?.userName, session?.peerType, session?.method], [
    "alice",
    "AnyConnect",
    "anyconnect-eap",
  ]);
  world.crash();
  world.restart();
  world.run(60_000);
  const second = alice.last("established");
  equal(second?.how, "reconnect", describe(world));
  notEqual(second?.assignment.pair?.token, first.assignment.pair?.token);
  const [back] = world.gateway.snapshot().sessions;
  deepEqual([back?.userName, back?.peerType, back?.ikeSa?.authVerify], [
    "alice",
    "AnyConnect",
    "PSK",
  ]);
});
