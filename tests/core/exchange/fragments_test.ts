/** IKE fragmentation (RFC 7383) through running exchanges. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import {
  CertEncoding,
  ExchangeType,
  NotifyType,
  PayloadType,
} from "../../../core/message/constants.ts";
import { parseMessage } from "../../../core/message/message.ts";
import { notify } from "../../../core/message/notify.ts";
import { largestMessage } from "../../../core/sa/protection.ts";
import { equalEndpoints } from "../../../core/wire/address.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { gatewayEndpoint } from "../../support/sim_settings.ts";
import { calm, describe, type Flight, SimWorld } from "../../support/sim_world.ts";

const MTU = 576;
const LARGEST = largestMessage(MTU, 4);
const FRAGMENTS = notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED);

/** A world whose gateway has a long chain, and small packets. */
function bigWorld(seed: number): SimWorld {
  const world = new SimWorld(seed, { fragmentMtu: MTU });
  const { certificates } = world.policy;
  const padding = Array.from({ length: 6 }, () => certificates[0]!);
  return new SimWorld(seed, { fragmentMtu: MTU, certificates: [...certificates, ...padding] });
}

function isFragment({ bytes }: Flight): boolean {
  return bytes[16] === PayloadType.SKF;
}

Deno.test("RFC 7383 §2.5: long messages go out in fragments, both ways, none larger than the MTU allows", () => {
  const world = bigWorld(601);
  const { certificate, signer } = world.pki.client;
  const certificates = Array.from({ length: 5 }, () => certificate);
  const alice = world.login("alice", "198.51.100.7", {
    fragmentMtu: MTU,
    login: { kind: "certificate", certificates, signer },
  });
  ok(world.carries(alice), describe(world));
  const fragments = world.wire.filter(isFragment);
  const fromGateway = fragments.filter(({ from }) => equalEndpoints(from, gatewayEndpoint));
  ok(fromGateway.length >= 4, "the gateway's chain");
  ok(fragments.length - fromGateway.length >= 3, "the client's chain");
  for (const { bytes } of fragments) ok(bytes.length <= LARGEST, `${bytes.length} octets`);
  equal(world.session.ikeSa?.fragmentation, true);
});

Deno.test("RFC 7383 §2.3: without the notify nothing is cut, however long it is", () => {
  const world = bigWorld(602);
  const peer = new SimPeer(world);
  const response = peer.login();
  ok(find(response, "CP") !== undefined);
  equal(world.wire.some(isFragment), false);
  ok(world.wire.some(({ bytes }) => bytes.length > 2 * LARGEST));
});

Deno.test("RFC 7383 §2.6: fragments may come in any order, twice, and be lost", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = bigWorld(seed);
    Object.assign(world.network, { ...calm, loss: 0.15, duplication: 0.3, latencyMs: [1, 60] });
    const { certificate, signer } = world.pki.client;
    const certificates = Array.from({ length: 4 }, () => certificate);
    const alice = world.addClient("alice", "198.51.100.7", {
      fragmentMtu: MTU,
      login: { kind: "certificate", certificates, signer },
    });
    world.connect(alice);
    world.runUntil(() => world.carries(alice), 60_000);
  }
});

/** A first IKE_AUTH request in fragments. */
function fragmented(world: SimWorld): { readonly peer: SimPeer; readonly parts: Uint8Array[] } {
  const peer = new SimPeer(world);
  peer.init((usual) => [...usual, FRAGMENTS]);
  const padding = peer.random.bytes(1_500);
  const request = [
    ...peer.certificateProof(),
    { kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data: padding } as const,
    ...peer.wishes(),
  ];
  const parts = peer.seal(ExchangeType.IKE_AUTH, request, 1, { maxBytes: 600 });
  return { peer, parts: [...parts] };
}

Deno.test("RFC 7383 §2.6: a request is whole when its last fragment has come, whichever that is", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimWorld(603);
    const { peer, parts } = fragmented(world);
    ok(parts.length >= 4);
    const random = new SeededRandom(seed);
    const order = parts.map((part) => ({ part, at: random.fraction() }))
      .sort((a, b) => a.at - b.at).map(({ part }) => part);
    const last = order.pop()!;
    for (const part of order) deepEqual(peer.exchange(part), []);
    equal(world.show.sessions.length, 0);
    const answers = peer.exchange(last);
    ok(answers.length > 0);
    equal(world.session.userName, "alice@example.test");
  }
});

Deno.test("RFC 7383 §2.6.1: of a repeated request in fragments only the first asks for the response", () => {
  const world = new SimWorld(604);
  const { peer, parts } = fragmented(world);
  const before = peer.inbox.length;
  for (const part of parts) peer.exchange(part);
  const answers = peer.inbox.slice(before);
  for (const part of parts.slice(1)) deepEqual(peer.exchange(part), []);
  deepEqual(peer.exchange(parts[0]!), answers, "octet for octet, all of them");
});

Deno.test("RFC 7383 §2.6: a forged fragment does no harm to the others", () => {
  const world = new SimWorld(605);
  const { peer, parts } = fragmented(world);
  const forged = parts[1]!.slice();
  forged[forged.length - 1]! ^= 1;
  deepEqual(peer.exchange(forged), []);
  for (const part of parts) peer.exchange(part);
  equal(world.show.sessions.length, 1);
  ok((world.show.counters["ike-bad-icv"] ?? 0) >= 1);
});

Deno.test("RFC 7383 §2.6: more fragments than the limit are refused", () => {
  const world = new SimWorld(606);
  const peer = new SimPeer(world);
  peer.init((usual) => [...usual, FRAGMENTS]);
  const padding = peer.random.bytes(10_000);
  const request = [
    ...peer.certificateProof(),
    { kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data: padding } as const,
    ...peer.wishes(),
  ];
  const parts = peer.seal(ExchangeType.IKE_AUTH, request, 1, { maxBytes: 200 });
  ok(parts.length > limits.fragmentsPerMessage);
  for (const part of parts) deepEqual(peer.exchange(part), []);
  equal(world.show.counters["unreadable-too-many"], parts.length);
  equal(world.show.sessions.length, 0);
});

Deno.test("A message cut anew into smaller pieces replaces the larger ones", () => {
  const world = new SimWorld(607);
  const { peer, parts } = fragmented(world);
  deepEqual(peer.exchange(parts[0]!), []);
  const padding = peer.random.bytes(1_500);
  const request = [
    ...peer.certificateProof(),
    { kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data: padding } as const,
    ...peer.wishes(),
  ];
  const smaller = peer.seal(ExchangeType.IKE_AUTH, request, 1, { maxBytes: 400 });
  ok(smaller.length > parts.length);
  for (const part of smaller) peer.exchange(part);
  equal(world.show.sessions.length, 1);
  ok(parseMessage(smaller[0]!).ok);
});
