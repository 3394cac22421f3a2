/** CREATE_CHILD_SA: rekeys of both kinds, begun by either side, alone and against each other. */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import type { Lifetimes } from "../../../core/gateway/policy.ts";
import { limits } from "../../../core/limits.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../core/message/constants.ts";
import { buildRekeySa, notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { anySelector, selectorOfAddress } from "../../../core/sa/narrowing.ts";
import { offerOf } from "../../../core/sa/proposal.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { address, proposals } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const CREATE = ExchangeType.CREATE_CHILD_SA;
const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };
const PFS = { espProposals: proposals("esp", "aes256gcm16-ecp256-noesn") };
const NO_PFS = { espProposals: proposals("esp", "aes256gcm16-noesn") };

/** The gateway's IKE SPI, its Child SA's SPI. */
function facts(world: SimWorld): { readonly ike: string; readonly child: number } {
  const { ikeSa, childSas } = world.session;
  equal(childSas.length, 1, describe(world));
  return { ike: ikeSa!.localSpi, child: childSas[0]!.inboundSpi };
}

function rekeyBy(
  who: "gateway" | "client",
  world: SimWorld,
  sim: SimClient,
  what: "ike" | "child",
): void {
  if (who === "client") return world.tellClient(sim, { kind: "rekey", at: world.at, what });
  world.command({ kind: "rekey", id: world.session.id, what });
}

function assertTidy(world: SimWorld, sim: SimClient): void {
  ok(world.carries(sim), describe(world));
  equal(world.installed.size, 1);
  equal(sim.installed.size, 1);
  equal(world.show.sessions.length, 1);
  equal(sim.count("reconnecting"), 0, describe(world));
  deepEqual(world.traces.filter(({ level }) => level === "error"), []);
}

for (const who of ["gateway", "client"] as const) {
  for (const [name, pfs] of [["with", PFS], ["without", NO_PFS]] as const) {
    Deno.test(`RFC 7296 §1.3.3: a Child SA is rekeyed by the ${who} ${name} PFS`, () => {
      const world = new SimWorld(401, { ...QUIET, ...pfs });
      const alice = world.login("alice", "198.51.100.7", { ...QUIET, ...pfs });
      const before = facts(world);
      let gap = 0;
      world.watch = () => {
        if (world.installed.size === 0 || alice.installed.size === 0) gap++;
      };
      rekeyBy(who, world, alice, "child");
      world.run(200);
      const after = facts(world);
      notEqual(after.child, before.child);
      equal(after.ike, before.ike);
      equal(gap, 0, "there is always a pair in place");
      assertTidy(world, alice);
      const made = world.installed.get(after.child)!;
      equal(made.replaces, before.child);
      equal(made.outboundWaits, who === "client", "the responder waits, RFC 7296 §2.8");
    });
  }

  Deno.test(`RFC 7296 §2.18: the IKE SA is rekeyed by the ${who} and its Child SA goes on`, () => {
    const world = new SimWorld(402, QUIET);
    const alice = world.login("alice", "198.51.100.7", QUIET);
    const before = facts(world);
    rekeyBy(who, world, alice, "ike");
    world.run(200);
    const after = facts(world);
    notEqual(after.ike, before.ike);
    equal(after.child, before.child, "handed on, not made anew");
    equal(world.session.ikeSa?.initiator, who === "gateway");
    assertTidy(world, alice);
    // Both keep working under the new one: a rekey in either direction, and a reconnect.
    rekeyBy("gateway", world, alice, "child");
    world.run(200);
    rekeyBy("client", world, alice, "ike");
    world.run(200);
    rekeyBy("client", world, alice, "child");
    world.run(200);
    assertTidy(world, alice);
    world.roam(alice, "203.0.113.9");
    world.run(1_000);
    equal(alice.how, "reconnect");
    ok(world.carries(alice));
  });

  Deno.test(`RFC 7296 §2.3: a rekey by the ${who} survives lost messages`, () => {
    for (const what of ["ike", "child"] as const) {
      for (let lost = 0; lost < 4; lost++) {
        const world = new SimWorld(403, QUIET);
        const alice = world.login("alice", "198.51.100.7", QUIET);
        const before = facts(world);
        let i = 0;
        world.passes = () => i++ !== lost;
        rekeyBy(who, world, alice, what);
        world.run(5_000);
        const after = facts(world);
        notEqual(
          what === "ike" ? after.ike : after.child,
          what === "ike" ? before.ike : before.child,
        );
        assertTidy(world, alice);
      }
    }
  });
}

Deno.test("RFC 7296 §2.25: rekeys that cross resolve, whatever crosses what", () => {
  for (const first of ["ike", "child"] as const) {
    for (const second of ["ike", "child"] as const) {
      for (const gapMs of [0, 5, 15, 25]) {
        const world = new SimWorld(404, QUIET);
        const alice = world.login("alice", "198.51.100.7", QUIET);
        rekeyBy("gateway", world, alice, first);
        world.run(gapMs);
        rekeyBy("client", world, alice, second);
        const before = world.show.counters;
        world.run(60_000);
        assertTidy(world, alice);
        ok((world.show.counters["child-sa-rekeyed"] ?? 0) >= (before["child-sa-rekeyed"] ?? 0));
        facts(world);
        // All that was wished has happened in the end.
        rekeyBy("client", world, alice, "child");
        world.run(1_000);
        assertTidy(world, alice);
      }
    }
  }
});

Deno.test("Lifetimes: both SAs are rekeyed in time for half a day, and nobody comes back by accident", () => {
  const lifetimes = { ikeMs: 2 * 3_600_000, espMs: 1_800_000 };
  const world = new SimWorld(405, { lifetimes });
  const alice = world.login("alice", "198.51.100.7", { lifetimes });
  const first = facts(world);
  for (let i = 0; i < 12 * 6; i++) {
    world.run(600_000);
    ok(world.carries(alice), describe(world));
  }
  const last = facts(world);
  notEqual(last.ike, first.ike);
  notEqual(last.child, first.child);
  assertTidy(world, alice);
  equal(alice.count("established"), 1);
  equal(world.show.reconnect.success, 0);
});

Deno.test("A soft limit of the packet path rekeys the Child SA, once", () => {
  const world = new SimWorld(406, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const { child } = facts(world);
  for (let i = 0; i < 3; i++) world.report({ kind: "soft-limit", inboundSpi: child });
  world.run(1_000);
  notEqual(facts(world).child, child);
  equal(world.outputs.filter(({ kind }) => kind === "install-child-sa").length, 2);
  world.report({ kind: "soft-limit", inboundSpi: child });
  world.run(1_000);
  assertTidy(world, alice);
});

Deno.test("A lifetime in octets becomes the packet path's soft limit, at a point left to chance", () => {
  const lifetimes = { ikeMs: 86_400_000, espMs: 3_600_000, espBytes: 1_000_000 };
  const world = new SimWorld(407, { lifetimes });
  for (let i = 0; i < 12; i++) world.login("alice", `198.51.100.${i}`);
  const limits = [...world.installed.values()].map(({ softLimitBytes }) => softLimitBytes ?? 0);
  ok(limits.every((limit) => limit >= 900_000 && limit < 960_000), limits.join());
  ok(new Set(limits).size > 6, "they differ");
});

Deno.test("RFC 4301 §4.4.2.1: lifetimes in octets and packets are hard limits, with soft ones some way before", () => {
  const times = { ikeMs: 86_400_000, espMs: 3_600_000 };
  const limitsOf = (lifetimes: Lifetimes): (number | undefined)[] => {
    const world = new SimWorld(417, { lifetimes });
    world.login("alice", "198.51.100.7");
    const [sa] = world.installed.values();
    return [sa?.softLimitBytes, sa?.hardLimitBytes, sa?.softLimitPackets, sa?.hardLimitPackets];
  };
  const none = undefined;
  deepEqual(limitsOf(times), [none, none, none, none]);
  const [softBytes = 0, hardBytes, ...packets] = limitsOf({ ...times, espBytes: 999_999 });
  deepEqual([hardBytes, ...packets], [999_999, none, none]);
  ok(softBytes >= 899_999 && softBytes < 960_000, `${softBytes} octets`);
  const [, , softPackets = 0, hardPackets] = limitsOf({ ...times, espPackets: 1000 });
  equal(hardPackets, 1000);
  ok(softPackets >= 900 && softPackets < 960, `${softPackets} packets`);
});

Deno.test("A hard limit of the packet path rekeys the Child SA if nothing did before", () => {
  const world = new SimWorld(418, QUIET);
  const alice = world.login("alice", "198.51.100.7", QUIET);
  const { child } = facts(world);
  world.report({ kind: "hard-limit", inboundSpi: child });
  world.report({ kind: "hard-limit", inboundSpi: 4711 });
  world.run(1_000);
  notEqual(facts(world).child, child);
  world.run(120_000);
  assertTidy(world, alice);
  equal(world.traces.some(({ event }) => event === "child-sa-lifetime-over"), false);
});

Deno.test("A Child SA at its hard limit whose rekey is refused ends, long before its time", () => {
  for (const soft of [true, false]) {
    const { world, peer } = loggedIn(419);
    const [inboundSpi = 0] = world.installed.keys();
    if (soft) world.report({ kind: "soft-limit", inboundSpi });
    world.report({ kind: "hard-limit", inboundSpi });
    for (let i = 0; i < 60; i++) {
      const mark = peer.inbox.length;
      world.run(1_000);
      for (const request of peer.requests(mark)) {
        const isRekey = request.header.exchangeType === CREATE;
        peer.answer(request, isRekey ? [notify(NotifyType.NO_PROPOSAL_CHOSEN)] : []);
      }
    }
    equal(world.installed.size, 0);
    ok(world.traces.some(({ event }) => event === "child-sa-lifetime-over"));
  }
});

// --- a scripted peer --------------------------------------------------------------------------

function offer(peer: SimPeer, spi: number): Payload {
  return { kind: "SA", proposals: offerOf(peer.espOffer, Uint8Array.of(0xc1, 0, 0, spi), true) };
}

function childRequest(peer: SimPeer, spi: number): Payload[] {
  return [
    offer(peer, spi),
    { kind: "Nonce", data: peer.random.bytes(32) },
    { kind: "TSi", selectors: [anySelector(4)] },
    { kind: "TSr", selectors: [anySelector(4)] },
  ];
}

function loggedIn(seed: number): { readonly world: SimWorld; readonly peer: SimPeer } {
  const world = new SimWorld(seed, QUIET);
  const peer = new SimPeer(world);
  peer.login();
  return { world, peer };
}

Deno.test("RFC 7296 §1.3.1: further Child SAs are made up to the limit, then NO_ADDITIONAL_SAS", () => {
  const { world, peer } = loggedIn(408);
  for (let i = 1; i < limits.childSasPerIkeSa; i++) {
    const response = peer.request(CREATE, childRequest(peer, i));
    ok(find(response, "SA") !== undefined);
    deepEqual(find(response, "TSi")?.selectors, [selectorOfAddress(address("10.99.0.2"))]);
  }
  equal(world.session.childSas.length, limits.childSasPerIkeSa);
  const refused = peer.request(CREATE, childRequest(peer, 100));
  deepEqual(notifiesOf(refused), [NotifyType.NO_ADDITIONAL_SAS]);
  equal(world.installed.size, limits.childSasPerIkeSa);
  peer.logout();
  equal(world.installed.size, 0);
});

Deno.test("RFC 7296 §2.9: a further Child SA cannot carry another's address", () => {
  const { world, peer } = loggedIn(409);
  const stolen = selectorOfAddress(address("10.99.0.3"));
  const request = childRequest(peer, 1).map((payload): Payload =>
    payload.kind === "TSi" ? { ...payload, selectors: [stolen] } : payload
  );
  deepEqual(notifiesOf(peer.request(CREATE, request)), [NotifyType.TS_UNACCEPTABLE]);
  equal(world.installed.size, 1);
});

Deno.test("RFC 7296 §1.3: requests for nothing that we have are refused and leave nothing", () => {
  const { world, peer } = loggedIn(410);
  const unknown = [
    buildRekeySa(ProtocolId.ESP, Uint8Array.of(9, 9, 9, 9)),
    ...childRequest(peer, 1),
  ];
  deepEqual(notifiesOf(peer.request(CREATE, unknown)), [NotifyType.CHILD_SA_NOT_FOUND]);
  const none = childRequest(peer, 2).filter(({ kind }) => kind !== "SA");
  deepEqual(notifiesOf(peer.request(CREATE, none)), [NotifyType.INVALID_SYNTAX]);
  const foreign = offerOf(proposals("esp", "aes256-sha512-modp4096"), peer.espSpi, true);
  const noProposal = childRequest(peer, 3).map((payload): Payload =>
    payload.kind === "SA" ? { ...payload, proposals: foreign } : payload
  );
  // Everything is supported by default, so it is the missing KE that is refused.
  deepEqual(notifiesOf(peer.request(CREATE, noProposal)), [NotifyType.INVALID_KE_PAYLOAD]);
  equal(world.installed.size, 1);
  equal(world.session.childSas.length, 1);
});

Deno.test("RFC 7296 §2.17: a wrong group in CREATE_CHILD_SA is INVALID_KE_PAYLOAD, the right one works", () => {
  const world = new SimWorld(411, { ...QUIET, ...PFS });
  const peer = new SimPeer(world, { esp: ["aes256gcm16-ecp256-ecp384-noesn"] });
  peer.login();
  const pair = (group: number): Payload => {
    const { publicValue } = world.crypto.generateKeyPair(group, peer.random);
    return { kind: "KE", group, data: publicValue };
  };
  const wrong = peer.request(CREATE, [...childRequest(peer, 1), pair(20)]);
  deepEqual(notifiesOf(wrong), [NotifyType.INVALID_KE_PAYLOAD]);
  equal(world.installed.size, 1);
  const right = peer.request(CREATE, [...childRequest(peer, 1), pair(19)]);
  equal(find(right, "KE")?.group, 19);
  equal(world.installed.size, 2);
});

Deno.test("RFC 7296 §2.25: a rekey refused with TEMPORARY_FAILURE is tried again after a while", () => {
  const { world, peer } = loggedIn(412);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(50);
  const [ours] = peer.requests();
  equal(ours!.header.exchangeType, CREATE);
  const mark = peer.inbox.length;
  peer.answer(ours!, [notify(NotifyType.TEMPORARY_FAILURE)]);
  world.run(1_000);
  deepEqual(peer.requests(mark), []);
  world.run(10_000);
  ok(peer.requests(mark).some(({ header }) => header.exchangeType === CREATE));
});

Deno.test("RFC 7296 §4: a peer that says NO_ADDITIONAL_SAS to a rekey is not asked again", () => {
  for (const what of ["ike", "child"] as const) {
    const lifetimes = { ikeMs: 600_000, espMs: 600_000 };
    const world = new SimWorld(413, { ...QUIET, lifetimes });
    const peer = new SimPeer(world);
    peer.login();
    world.command({ kind: "rekey", id: world.session.id, what });
    world.run(50);
    const [ours] = peer.requests();
    const mark = peer.inbox.length;
    peer.answer(ours!, [notify(NotifyType.NO_ADDITIONAL_SAS)]);
    world.run(400_000);
    deepEqual(peer.requests(mark), []);
    equal(world.session.state, "active", "until its time is over");
    world.run(300_000);
    equal(world.session.state, "inactive");
  }
});

Deno.test("RFC 7296 §2.25.2: an IKE SA is not rekeyed while the gateway rekeys a Child SA of it", () => {
  const { world, peer } = loggedIn(414);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  world.run(50);
  const { publicValue } = world.crypto.generateKeyPair(19, peer.random);
  const rekey: Payload[] = [
    { kind: "SA", proposals: offerOf(peer.ikeOffer, peer.random.bytes(8), true) },
    { kind: "Nonce", data: peer.random.bytes(32) },
    { kind: "KE", group: 19, data: publicValue },
  ];
  deepEqual(notifiesOf(peer.request(CREATE, rekey)), [NotifyType.TEMPORARY_FAILURE]);
});

Deno.test("A rekey refused for good is tried again until the SA's time is over, and no sooner than needed", () => {
  const lifetimes = { ikeMs: 86_400_000, espMs: 600_000 };
  const world = new SimWorld(415, { ...QUIET, lifetimes });
  const peer = new SimPeer(world);
  peer.login();
  let asked = 0;
  for (let i = 0; i < 70; i++) {
    const mark = peer.inbox.length;
    world.run(10_000);
    for (const request of peer.requests(mark)) {
      if (request.header.exchangeType === CREATE) asked++;
      peer.answer(
        request,
        request.header.exchangeType === CREATE ? [notify(NotifyType.NO_PROPOSAL_CHOSEN)] : [],
      );
    }
  }
  ok(asked >= 2 && asked <= 40, `${asked} requests`);
  equal(world.installed.size, 0, "the Child SA ended with its time");
  ok(world.traces.some(({ event }) => event === "child-sa-lifetime-over"));
});

Deno.test("RFC 7296 §2.8: an answer to our rekey that makes no sense ends the IKE SA", () => {
  for (const what of ["ike", "child"] as const) {
    const { world, peer } = loggedIn(416);
    world.command({ kind: "rekey", id: world.session.id, what });
    world.run(50);
    const [request] = peer.requests();
    const mark = peer.inbox.length;
    peer.answer(request!, []);
    // A DELETE would mean that the session is over (design rule 5), which it is not.
    deepEqual(peer.requests(mark).filter(({ payloads }) => find(payloads, "D") !== undefined), []);
    equal(world.session.state, "inactive", "the client may come back");
    equal(world.installed.size, 0);
  }
});
