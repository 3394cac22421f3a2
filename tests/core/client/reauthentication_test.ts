/** Reauthentication (RFC 4478): told by the gateway, done by the client in time, and without the user where that is policy. */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import type { Policy, ReauthenticationPolicy } from "../../../core/gateway/policy.ts";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import {
  buildAuthLifetime,
  findNotify,
  notify,
  parseAuthLifetime,
} from "../../../core/message/notify.ts";
import { equalEndpoints } from "../../../core/wire/address.ts";
import { hex } from "../../support/hex.ts";
import { SimPackets } from "../../support/sim_packets.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { gatewayEndpoint } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const HOUR = 3_600_000;
const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };

function worldWith(
  seed: number,
  by: ReauthenticationPolicy["by"],
  change: Partial<Policy> = {},
): SimWorld {
  return new SimWorld(seed, { ...QUIET, reauthentication: { ms: HOUR, by }, ...change });
}

Deno.test("RFC 4478 §3: AUTH_LIFETIME is a number of seconds in four octets", () => {
  deepEqual(buildAuthLifetime(3_600).data, hex("00000e10"));
  equal(parseAuthLifetime(buildAuthLifetime(3_600)), 3_600);
  equal(parseAuthLifetime(notify(NotifyType.AUTH_LIFETIME, hex("0e10"))), undefined);
});

Deno.test("RFC 4478 §3: the last IKE_AUTH response says how long the authentication holds, where policy limits it", () => {
  const lifetimeIn = (world: SimWorld): number | undefined => {
    const told = findNotify(new SimPeer(world).login(), NotifyType.AUTH_LIFETIME);
    return told === undefined ? undefined : parseAuthLifetime(told);
  };
  equal(lifetimeIn(worldWith(1401, "token")), 3_600);
  equal(lifetimeIn(worldWith(1401, "user")), 3_599, "what is left of the session");
  equal(lifetimeIn(worldWith(1401, "token", { sessionLifetimeMs: HOUR / 2 })), 1_799);
  equal(lifetimeIn(new SimWorld(1401, { sessionLifetimeMs: HOUR })), undefined);
});

Deno.test("reauthentication by token: again and again, no user is asked, and no packet is lost", () => {
  const world = worldWith(1402, "token");
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const { address } = alice;
  for (let times = 1; times <= 3; times++) {
    world.run(0.89 * HOUR);
    const packets = new SimPackets(world, alice);
    world.run(0.08 * HOUR, () => alice.count("established") > times);
    equal(alice.count("established"), times + 1, describe(world));
    packets.run(5_000);
    deepEqual(packets.lost, []);
    equal(alice.how, "reconnect");
    equal(alice.address, address);
    equal(alice.last("reconnecting")?.why, "reauthentication");
  }
  equal(world.aaaQuestions, 1);
  equal(world.session.reconnect?.count, 3);
  equal(world.gateway.load().ikeSas, 1);
});

Deno.test("reauthentication by token: whoever does not do it is parked when the time is over, and may come back", () => {
  const world = worldWith(1403, "token", { lifetimes: { ikeMs: 24 * HOUR, espMs: 24 * HOUR } });
  const lazy = new SimPeer(world);
  const pair = lazy.pairIn(lazy.login());
  ok(pair);
  world.run(HOUR - 1_000);
  ok(world.session.ikeSa);
  equal(world.installed.size, 1);
  world.run(2_000);
  equal(world.session.ikeSa, undefined);
  equal(world.installed.size, 0);
  const again = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  ok(find(again.comeBack(pair), "CP"));
});

Deno.test("reauthentication by token: a rekey does not make an authentication hold longer", () => {
  const world = worldWith(1404, "token", { lifetimes: { ikeMs: 24 * HOUR, espMs: 24 * HOUR } });
  const bob = world.login("bob", "198.51.100.8", QUIET);
  world.run(HOUR / 2);
  const before = world.session.ikeSa?.localSpi;
  world.command({ kind: "rekey", id: world.session.id, what: "ike" });
  world.run(1_000);
  notEqual(world.session.ikeSa?.localSpi, before);
  // It cannot reach the gateway when its time comes.
  bob.online = false;
  world.passes = ({ from }) => from !== bob.outer;
  world.run(HOUR / 2 - 3_000);
  ok(world.session.ikeSa, describe(world));
  world.run(3_000);
  equal(world.session.ikeSa, undefined);
});

Deno.test("reauthentication by the user: the session ends, and our client logs in before it does", () => {
  const world = worldWith(1405, "user");
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const first = world.session.id;
  world.run(HOUR / 2);
  world.roam(alice, "203.0.113.9");
  world.run(5_000);
  equal(alice.how, "reconnect", "meanwhile the token is good for coming back");
  equal(world.aaaQuestions, 1);
  world.run(HOUR / 2 - 10_000);
  equal(alice.how, "login", describe(world));
  equal(world.aaaQuestions, 2, "the user is asked once more");
  notEqual(world.session.id, first, "and has one session, a new one");
  ok(world.carries(alice));
  equal(world.gateway.load().ikeSas, 1);
  world.run(2 * HOUR);
  ok(world.carries(alice), describe(world));
  ok(world.aaaQuestions >= 4);
});

Deno.test("RFC 7296 §2.4: who logs in anew tells the gateway of the old session until it has heard", () => {
  const world = worldWith(1408, "user");
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const first = world.session.id;
  let lost = 0;
  world.passes = ({ to, bytes }) => {
    const isDelete = equalEndpoints(to, gatewayEndpoint) &&
      bytes[18] === ExchangeType.INFORMATIONAL && lost < 3;
    if (isDelete) lost++;
    return !isDelete;
  };
  // Nobody but the user ends a session of another machine under the same name.
  const other = world.login("alice", "203.0.113.7", QUIET);
  world.runUntil(() => alice.count("established") === 2, HOUR);
  ok(world.carries(alice));
  ok(world.show.sessions.some(({ id }) => id === first), "the first DELETE is lost");
  world.run(30_000);
  equal(lost, 3);
  ok(world.show.sessions.every(({ id }) => id !== first));
  ok(world.carries(alice) && world.carries(other), describe(world));
  equal(world.show.sessions.length, 2);
  equal(alice.installed.size, 1);
});

Deno.test("reauthentication by the user: who has only a token keeps the tunnel until the end and not longer", () => {
  const world = worldWith(1406, "user");
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const later = world.addClient("alice", "203.0.113.7", { ...QUIET, login: { kind: "none" } });
  world.connect(later, alice.pair);
  alice.online = false;
  world.run(HOUR - 60_000);
  ok(world.carries(later), describe(world));
  world.run(120_000);
  equal(later.events.at(-1)?.kind, "closed");
  deepEqual(world.show.sessions, []);
});

Deno.test("reauthentication: a client logs out in the middle of it", () => {
  const world = worldWith(1407, "token");
  const alice = world.login("alice", "198.51.100.7", QUIET);
  world.runUntil(() => alice.last("reconnecting")?.why === "reauthentication", HOUR);
  world.tellClient(alice, { kind: "disconnect", at: world.at });
  world.run(10_000);
  equal(alice.events.at(-1)?.kind, "closed");
  deepEqual(world.show.sessions, []);
  equal(alice.client.nextTimeout(), undefined);
});
