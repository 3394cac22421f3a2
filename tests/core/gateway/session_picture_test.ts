/** What accounting asks the gateway: one session by its number, whose an ESP SPI is, who has moved. */
import { deepEqual, equal } from "node:assert/strict";
import { formatEndpoint } from "../../../core/wire/address.ts";
import { endpoint } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const PATIENT = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };

Deno.test("a picture of one session is that of all, and ends with the session", () => {
  const world = new SimWorld(821, PATIENT);
  world.backend.attributes.set("alice", { interimSeconds: 300 });
  world.login("alice", "198.51.100.7");
  world.login("bob", "198.51.100.8");
  for (const session of world.show.sessions) {
    deepEqual(world.gateway.session(session.id), session);
    equal(session.attributes.interimSeconds, session.userName === "alice" ? 300 : undefined);
  }
  const [first] = world.show.sessions;
  world.clear({ userName: "alice" });
  equal(world.gateway.session(first!.id), undefined);
  equal(world.gateway.session(999), undefined);
});

Deno.test("an ESP SPI is its session's from the installation to the removal, over a rekey", () => {
  const world = new SimWorld(822, PATIENT);
  world.login("alice", "198.51.100.7");
  const { id } = world.session;
  const [old] = world.installed.keys();
  equal(world.gateway.sessionOfEsp(old!), id);
  world.command({ kind: "rekey", id, what: "child" });
  world.run(1_000);
  const [next] = world.installed.keys();
  equal(next === old, false);
  equal(world.gateway.sessionOfEsp(next!), id);
  equal(world.gateway.sessionOfEsp(old!), undefined);
  world.command({ kind: "rekey", id, what: "ike" });
  world.run(1_000);
  equal(world.gateway.sessionOfEsp(next!), id);
  world.clear();
  equal(world.gateway.sessionOfEsp(next!), undefined);
});

Deno.test("that a peer has moved is traced with its session, once", () => {
  const world = new SimWorld(823, PATIENT);
  const alice = world.login("alice", "198.51.100.7");
  const moves = (): readonly string[] =>
    world.traces.filter(({ event }) => event === "session-moved")
      .map(({ sessionId, remote }) => `${sessionId} ${remote && formatEndpoint(remote)}`);
  deepEqual(moves(), []);
  const [inboundSpi] = world.installed.keys();
  const remote = endpoint("203.0.113.5", 61_000);
  alice.outer = remote;
  for (let i = 0; i < 2; i++) world.report({ kind: "peer-moved", inboundSpi: inboundSpi!, remote });
  world.report({ kind: "traffic-seen", inboundSpis: [inboundSpi!], carryingSpis: [] });
  deepEqual(moves(), [`${world.session.id} 203.0.113.5:61000`]);
});
