/** Messages that overtake others around a reconnect: nobody loses a good pair by them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { limits } from "../../../core/limits.ts";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import { notify } from "../../../core/message/notify.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { ClientLogin, ClientSettings } from "../../../core/exchange/initiator_settings.ts";
import { reasons, stored } from "../../support/sim_claims.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { makeSimPki } from "../../support/sim_pki.ts";
import { equalEndpoints } from "../../../core/wire/address.ts";
import { anyConnectLogin, gatewayEndpoint } from "../../support/sim_settings.ts";
import { describe, type Flight, SimWorld } from "../../support/sim_world.ts";

const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };

/** Whether the gateway sent this, in an exchange of this type. */
function isAnswer({ from, bytes }: Flight, exchangeType: number): boolean {
  return equalEndpoints(from, gatewayEndpoint) && bytes[18] === exchangeType;
}

function untilBack(world: SimWorld, alice: SimClient): void {
  world.runUntil(() => alice.how === "reconnect" && world.carries(alice), 30_000);
}

Deno.test("design rule 9: an answer to a request of ours does not show that the new pair has arrived", () => {
  const world = new SimWorld(831, QUIET);
  const first = new SimPeer(world, { seed: 1 });
  const pair = first.pairIn(first.login())!;
  const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  // The response with the new pair is lost, and our request comes first.
  second.comeBack(pair);
  const before = second.inbox.length;
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(50);
  const [request] = second.requests(before);
  second.answer(request!, [notify(NotifyType.INVALID_SYNTAX)]);
  deepEqual(stored(world).previous, pair);
  const third = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  ok(find(third.comeBack(pair), "CP") !== undefined, "the pair that the client has is good");
});

Deno.test("A client leaves a rekey that overtakes the last response of IKE_AUTH until it comes again", () => {
  for (const what of ["ike", "child"] as const) {
    const world = new SimWorld(832, QUIET);
    const alice = world.login("alice", "198.51.100.7", QUIET);
    world.passes = (flight) => !isAnswer(flight, ExchangeType.IKE_AUTH);
    world.roam(alice, "203.0.113.9");
    world.run(100);
    world.command({ kind: "rekey", id: world.session.id, what });
    world.run(100);
    const isEarly = world.wire.some(({ from, bytes }) =>
      equalEndpoints(from, alice.outer) && bytes[18] === ExchangeType.CREATE_CHILD_SA
    );
    ok(!isEarly, "nothing is said about an SA that is not there yet");
    world.passes = () => true;
    untilBack(world, alice);
    world.run(5_000);
    ok(world.carries(alice), describe(world));
    equal(world.show.counters["rekey-refused"], undefined);
    equal(alice.count("pair-refused"), 0);
    deepEqual([alice.installed.size, world.installed.size], [1, 1]);
  }
});

Deno.test("design rule 7: a rekey of the old SA that arrives late does not make a return too late", () => {
  const world = new SimWorld(833, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const peer = new SimPeer(world);
  peer.init();
  world.tellClient(alice, { kind: "rekey", at: world.at, what: "ike" });
  world.run(100);
  const request = [...peer.pairProof(alice.pair), ...peer.wishes()];
  ok(find(peer.request(ExchangeType.IKE_AUTH, request), "CP") !== undefined, describe(world));
  equal(world.session.lastRemote, "198.51.100.99:4500");
});

/**
 * Runs until a client that asks has sent two requests of which the gateway answers the first: while somebody
 * else is half-open a cookie is demanded, and the demand comes when nobody wants it any more.
 */
function crossDemand(world: SimWorld, sim: SimClient, ask: () => void): void {
  const other = new SimPeer(world);
  other.init();
  let demand: Flight | undefined;
  world.passes = (flight) => {
    if (!isAnswer(flight, ExchangeType.IKE_SA_INIT) || flight.bytes.length > 100) return true;
    demand = flight;
    return false;
  };
  ask();
  world.run(100);
  ok(demand !== undefined);
  other.request(ExchangeType.IKE_AUTH, [...other.certificateProof(), ...other.wishes()]);
  world.run(limits.cookieLingerMs);
  world.passes = (flight) => {
    if (demand === undefined || !isAnswer(flight, ExchangeType.IKE_SA_INIT)) return true;
    const { from, bytes } = demand;
    demand = undefined;
    const local = sim.local;
    world.tellClient(sim, { kind: "datagram", at: world.at, local, remote: from, bytes });
    return true;
  };
}

Deno.test("A demand for a cookie that comes late costs nobody the pair", () => {
  const world = new SimWorld(834, { ...QUIET, cookieThreshold: 1 });
  const alice = world.login("alice", "198.51.100.7", QUIET);
  crossDemand(world, alice, () => world.roam(alice, "203.0.113.9"));
  untilBack(world, alice);
  equal(alice.count("pair-refused"), 0);
  equal(world.show.reconnect.failed, 1, "it went wrong once, and was tried again");
});

const { certificate, signer } = makeSimPki(quickCrypto).client;
const logins: Readonly<Record<string, Partial<ClientSettings>>> = {
  "EAP-MSCHAPv2": {},
  "certificate": { login: { kind: "certificate", certificates: [certificate], signer } },
  "AnyConnect-EAP": { login: anyConnectLogin("alice") },
};
for (const [name, login] of Object.entries(logins)) {
  Deno.test(`A demand for a cookie that comes late costs nobody the login by ${name}`, () => {
    const loginMethods = ["anyconnect-eap", "eap-mschapv2", "certificate"] as const;
    const world = new SimWorld(837, { ...QUIET, loginMethods, cookieThreshold: 1 });
    const alice = world.addClient("alice", "198.51.100.7", { ...QUIET, ...login });
    crossDemand(world, alice, () => world.connect(alice));
    world.runUntil(() => world.carries(alice), 20_000);
    equal(reasons(world).length, 1, "it went wrong once, and was tried again");
    equal(alice.count("closed"), 0);
    equal(world.show.sessions.length, 2, "hers, and that of the other one");
  });
}

Deno.test("A login that is refused is not tried again, where every request brings a cookie", () => {
  const loginMethods = ["anyconnect-eap", "eap-mschapv2"] as const;
  const world = new SimWorld(838, { ...QUIET, loginMethods, cookieThreshold: 0 });
  const wrong: readonly ClientLogin[] = [
    { kind: "eap-mschapv2", userName: "alice", password: "wrong" },
    anyConnectLogin("alice", { user: { name: "alice", password: "wrong" } }),
  ];
  for (const [i, login] of wrong.entries()) {
    const alice = world.addClient("alice", `198.51.100.${7 + i}`, { ...QUIET, login });
    world.connect(alice);
    world.runUntil(() => alice.last("closed") !== undefined, 5_000);
    equal(world.show.counters["ike-sa-init-answered"], i + 1);
  }
});

Deno.test("A pair that is void is given up at the second refusal, where every request brings a cookie", () => {
  const world = new SimWorld(835, { ...QUIET, cookieThreshold: 0 });
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.clear();
  world.run(100);
  equal(alice.last("closed")?.why, "deleted-by-gateway");
  world.connect(alice, { sessionId: "A".repeat(18), token: "b".repeat(43) });
  world.runUntil(() => world.carries(alice), 10_000);
  equal(alice.count("pair-refused"), 1);
  equal(world.show.reconnect.failed, 2);
  equal(alice.how, "login");
});
