/** Cisco's fragments (payload 132) through running exchanges, both ways. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { parseHex } from "../../../core/bytes.ts";
import {
  buildCiscoFragments,
  CiscoReassembly,
  isCiscoFragment,
  parseCiscoFragment,
} from "../../../core/eap/anyconnect/cisco_fragments.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { monotonic } from "../../../core/moment.ts";
import { largestMessage } from "../../../core/sa/protection.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { SimWorld } from "../../support/sim_world.ts";

const MTU = 576;
const LARGEST = largestMessage(MTU, 4);
const FRAGMENTATION: Payload = {
  kind: "V",
  data: parseHex("4048b7d56ebce88525e7de7f00d6c2d3")!,
};

/** A peer of a world with small packets and a long chain; `extra` goes into IKE_SA_INIT. */
function begun(seed: number, extra: readonly Payload[]): { world: SimWorld; peer: SimPeer } {
  const { certificates } = new SimWorld(seed).policy;
  const chain = Array.from({ length: 6 }, () => certificates[0]!);
  const world = new SimWorld(seed, { fragmentMtu: MTU, certificates: chain });
  const peer = new SimPeer(world);
  peer.init((usual) => [...usual, ...extra]);
  return { world, peer };
}

Deno.test("A peer that announces only Cisco's fragments gets long messages in them", () => {
  const { world, peer } = begun(651, [FRAGMENTATION]);
  const [request] = peer.seal(
    ExchangeType.IKE_AUTH,
    [...peer.certificateProof(), ...peer.wishes()],
    1,
  );
  const answers = peer.exchange(request!);
  ok(answers.length > 2 && answers.every(isCiscoFragment));
  for (const { length } of answers) ok(length <= LARGEST, `${length} octets`);
  const reassembly = new CiscoReassembly();
  const outcomes = answers.map((bytes) => {
    const parsed = parseCiscoFragment(bytes);
    return parsed.ok ? reassembly.add(parsed.value, monotonic(0)) : undefined;
  });
  const last = outcomes.at(-1);
  const message = last?.kind === "complete" ? last.message : undefined;
  ok(find(peer.open(message!)!.payloads, "CP") !== undefined);
  equal(world.show.sessions.length, 1);
  deepEqual(peer.exchange(request!), answers, "a repeated request gets the same pieces");
});

Deno.test("A peer that speaks RFC 7383 gets its fragments, whatever else it announces", () => {
  const { peer } = begun(652, [FRAGMENTATION, notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)]);
  const [request] = peer.seal(
    ExchangeType.IKE_AUTH,
    [...peer.certificateProof(), ...peer.wishes()],
    1,
  );
  const answers = peer.exchange(request!);
  ok(answers.length > 2);
  equal(answers.some(isCiscoFragment), false);
});

Deno.test("A request in Cisco's fragments is taken in any order, and pieces of strangers are not kept", () => {
  const { world, peer } = begun(653, []);
  const [request] = peer.seal(
    ExchangeType.IKE_AUTH,
    [...peer.certificateProof(), ...peer.wishes()],
    1,
  );
  const pieces = buildCiscoFragments(request!, 300);
  const foreign = pieces[0]!.slice();
  foreign[10]! ^= 1; // another responder's SPI
  deepEqual(peer.exchange(foreign), []);
  equal(world.show.counters["unknown-ike-spi"], 1);
  for (const piece of pieces.slice(1).reverse()) deepEqual(peer.exchange(piece), []);
  ok(peer.exchange(pieces[0]!).length > 0);
  equal(world.show.sessions.length, 1);
});
