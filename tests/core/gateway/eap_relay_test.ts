/** Login by EAP of a server through whole exchanges, in virtual time. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { buildEapPacket } from "../../../core/eap/packet.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { Verdict } from "../../../core/gateway/question.ts";
import type { LoginMethod } from "../../../core/gateway/record.ts";
import { limits } from "../../../core/limits.ts";
import { AuthMethod, ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { assertNothing, reasons } from "../../support/sim_claims.ts";
import { SimEapServer } from "../../support/sim_eap_server.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

const AUTH = ExchangeType.IKE_AUTH;

function newWorld(seed: number, loginMethods: readonly LoginMethod[] = ["eap-radius"]): SimWorld {
  return new SimWorld(seed, { loginMethods }, calm, { crypto: nobleProvider });
}

/** The kinds of credentials that AAA was asked about. */
function credentials(world: SimWorld): string[] {
  return world.backend.questions.flatMap((question) =>
    question.kind === "verify" ? [`${question.userName} ${question.credential.kind}`] : []
  );
}

/** Lets AAA say this to everything. */
function says(world: SimWorld, verdict: Verdict): void {
  const server = new SimEapServer(world.backend.eapOptions());
  world.backend.eapServer = server;
  server.verify = () => verdict;
}

Deno.test("a client logs in by EAP of a server, and comes back without a question", () => {
  const world = newWorld(701);
  world.backend.attributes.set("alice", { group: "staff" });
  const alice = world.login("alice", "198.51.100.7");
  ok(world.carries(alice), describe(world));
  const { userName, method, ikeSa } = world.session;
  deepEqual([userName, method, ikeSa?.authVerify], ["alice", "eap-radius", "EAP"]);
  deepEqual(credentials(world), ["alice eap", "alice eap", "alice eap"]);
  world.crash();
  world.restart();
  world.run(60_000);
  equal(alice.last("established")?.how, "reconnect", describe(world));
  ok(world.carries(alice));
  equal(world.session.method, "eap-radius");
  equal(credentials(world).length, 3);
});

Deno.test("RFC 7296 §2.16: after EAP of a server, AUTH of both sides is keyed by its MSK", () => {
  for (const wrong of [false, true]) {
    const world = newWorld(702);
    const peer = new SimPeer(world);
    peer.init();
    const { msk } = peer.runEap("alice", "alicepw", peer.beginEap("alice"));
    ok(msk !== undefined);
    if (wrong) msk.fill(0);
    const response = peer.request(AUTH, [peer.proofByMsk("alice", msk)]);
    if (wrong) {
      deepEqual(notifiesOf(response), [NotifyType.AUTHENTICATION_FAILED]);
      deepEqual(reasons(world), ["bad-auth-after-eap"]);
      assertNothing(world);
    } else {
      equal(find(response, "AUTH")?.method, AuthMethod.SHARED_KEY_MIC);
      equal(world.session.userName, "alice");
    }
  }
});

/** A peer whose server says this to its identity; the response to that. */
function afterIdentity(world: SimWorld, verdict: Verdict): readonly [SimPeer, readonly Payload[]] {
  says(world, verdict);
  const peer = new SimPeer(world);
  peer.init();
  const first = find(peer.beginEap("alice"), "EAP")!.packet;
  const packet = buildEapPacket({
    kind: "response",
    identifier: first[1]!,
    method: { type: 1 },
    data: utf8("alice"),
  });
  return [peer, peer.request(AUTH, [{ kind: "EAP", packet }])];
}

const success = Uint8Array.of(3, 9, 0, 4);

Deno.test("RFC 7296 §2.16: after a method without an MSK, AUTH is keyed by SK_pi", () => {
  const world = newWorld(703);
  const [peer, response] = afterIdentity(world, {
    kind: "accept",
    attributes: {},
    userName: "alice@example.test",
    eap: { packet: success },
  });
  deepEqual(find(response, "EAP")?.packet, success);
  const last = peer.request(AUTH, [peer.proofByMsk("alice", peer.keys!.pi)]);
  ok(find(last, "AUTH") !== undefined);
  equal(world.session.userName, "alice@example.test");
});

Deno.test("a server's reject, silence and contradiction end in EAP-Failure, and nothing is left", () => {
  const rejected = newWorld(704);
  const eapPacket = Uint8Array.of(4, 9, 0, 4);
  const [, refused] = afterIdentity(rejected, { kind: "reject", eapPacket, message: "Go away" });
  deepEqual(find(refused, "EAP")?.packet, eapPacket);
  deepEqual(reasons(rejected), ["rejected-by-server"]);
  const told = rejected.traces.find(({ event }) => event === "aaa-rejected");
  deepEqual(told?.facts, { message: "Go away" });
  assertNothing(rejected);

  const failing = newWorld(705);
  failing.backend.aaa = "fails";
  const [, silent] = afterIdentity(failing, { kind: "reject" });
  equal(find(silent, "EAP")?.packet[0], 4);
  deepEqual(reasons(failing), ["aaa-failed"]);
  const cause = failing.traces.find(({ event }) => event === "aaa-failed");
  deepEqual(cause?.facts, { reason: "no RADIUS server answers" });
  assertNothing(failing);

  const lying = newWorld(706);
  const [, contradicting] = afterIdentity(lying, {
    kind: "accept",
    attributes: {},
    eap: { packet: eapPacket, msk: new Uint8Array(64) },
  });
  equal(find(contradicting, "EAP")?.packet[0], 4);
  deepEqual(reasons(lying), ["accept-without-success"]);
  assertNothing(lying);
});

Deno.test("AUTH before EAP of a server is over is refused", () => {
  const world = newWorld(707);
  const packet = Uint8Array.of(1, 9, 0, 6, 13, 0x20);
  const [peer] = afterIdentity(world, { kind: "eap-request", packet });
  const response = peer.request(AUTH, [peer.proofByMsk("alice", peer.keys!.pi)]);
  deepEqual(notifiesOf(response), [NotifyType.INVALID_SYNTAX]);
  assertNothing(world);
});

Deno.test("nonsense of a peer gets the server's request once more, and asks nobody", () => {
  const world = newWorld(708);
  const packet = Uint8Array.of(1, 9, 0, 6, 13, 0x20);
  const [peer] = afterIdentity(world, { kind: "eap-request", packet });
  const nonsense = Uint8Array.of(2, 10, 0, 6, 13, 0);
  const response = peer.request(AUTH, [{ kind: "EAP", packet: nonsense }]);
  deepEqual(find(response, "EAP")?.packet, packet);
  deepEqual(credentials(world), ["alice eap"]);
});

Deno.test("a peer that talks for ever with a server is refused", () => {
  const world = newWorld(709);
  const packet = Uint8Array.of(1, 9, 0, 6, 13, 0x20);
  const [peer, first] = afterIdentity(world, { kind: "eap-request", packet });
  let last = first;
  let rounds = 1;
  while (find(last, "EAP")?.packet[0] === 1 && rounds <= limits.eapRelayRounds + 1) {
    rounds++;
    last = peer.request(AUTH, [{ kind: "EAP", packet: Uint8Array.of(2, 9, 0, 6, 13, 0) }]);
  }
  equal(rounds, limits.eapRelayRounds + 1);
  deepEqual(reasons(world), ["too-many-rounds"]);
  assertNothing(world);
});

Deno.test("each login that a server rejects counts against its source", () => {
  const world = newWorld(710);
  for (let i = 0; i < limits.failedLoginsPerMinute; i++) afterIdentity(world, { kind: "reject" });
  equal(credentials(world).length, limits.failedLoginsPerMinute);
  const peer = new SimPeer(world);
  peer.init();
  deepEqual(notifiesOf(peer.beginEap("alice")), [NotifyType.AUTHENTICATION_FAILED]);
  equal(reasons(world).at(-1), "too-many-failures");
});

Deno.test("a person may take minutes for the PIN that a server's method wants", () => {
  const world = newWorld(711);
  const packet = Uint8Array.of(1, 9, 0, 6, 13, 0x20);
  const [peer] = afterIdentity(world, { kind: "eap-request", packet });
  world.run(limits.authenticatingMs - 1000);
  equal(world.show.negotiating, 1);
  const answer = Uint8Array.of(2, 9, 0, 6, 13, 0);
  const response = peer.request(AUTH, [{ kind: "EAP", packet: answer }]);
  equal(find(response, "EAP")?.packet[0], 1);
  world.run(limits.authenticatingMs + 1000);
  assertNothing(world);
});

Deno.test("of two methods for standard EAP the one that stands first is used", () => {
  for (
    const [methods, used] of [
      [["eap-radius", "eap-mschapv2"], "eap-radius"],
      [["certificate", "eap-mschapv2", "eap-radius"], "eap-mschapv2"],
    ] as const
  ) {
    const world = newWorld(712, methods);
    world.login("alice", "198.51.100.7");
    equal(world.session.method, used);
  }
});
