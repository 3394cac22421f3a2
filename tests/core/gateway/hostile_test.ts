/**
 * Hostile octets at a running gateway. Before authentication: seeds of others and near misses of
 * good messages. After it: a peer that seals near misses of good payload chains properly.
 *
 * Nothing throws, no invariant breaks, and before authentication nothing is made but at most one
 * half-open IKE SA a message.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { hexOf } from "../../../core/bytes.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { Output } from "../../../core/gateway/output.ts";
import {
  ConfigType,
  ExchangeType,
  NotifyType,
  ProtocolId,
} from "../../../core/message/constants.ts";
import { buildPayloads } from "../../../core/message/message.ts";
import { buildRekeySa, notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { anySelector } from "../../../core/sa/narrowing.ts";
import { offerOf } from "../../../core/sa/proposal.ts";
import type { Endpoint } from "../../../core/wire/address.ts";
import { readMessageSeeds } from "../../support/message_seeds.ts";
import {
  bitFlips,
  byteValues,
  chainChanges,
  type Mutant,
  repairHeader,
  spansOf,
  truncations,
  wordValues,
} from "../../support/mutate.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { moment } from "../../../core/moment.ts";
import { endpoint, gatewayEndpoint } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";
import { listVectors, readVector } from "../../support/vectors.ts";

const HEADER = 28;
const SEEDS = "thirdparty/fuzz/ike-seeds";
const ROOMY = { maxSa: 1_000_000, maxNegotiating: 1_000_000, cookieThreshold: 1_000_000 };

/** Feeds octets from an endpoint, or from a port of their own; the outputs. */
function feed(
  world: SimWorld,
  name: string,
  bytes: Uint8Array,
  from: Endpoint | number,
): readonly Output[] {
  try {
    return world.inject(bytes, typeof from === "number" ? endpoint("203.0.113.200", from) : from);
  } catch (error) {
    throw new Error(`${name}: ${hexOf(bytes)}`, { cause: error });
  }
}

function assertNoErrors(world: SimWorld): void {
  equal(world.show.counters["internal-error"], undefined);
  deepEqual(world.traces.filter(({ level }) => level === "error"), []);
}

/** Before authentication: what one message may cost. */
function assertCheap(
  world: SimWorld,
  name: string,
  { length }: Uint8Array,
  outputs: readonly Output[],
  halfOpenBefore: number,
): void {
  for (const { kind } of outputs) {
    ok(kind === "transmit" || kind === "trace", `${name} causes ${kind}`);
  }
  const answers = outputs.flatMap((it) => it.kind === "transmit" ? [it.bytes.length] : []);
  ok(answers.length <= 1, `${name}: one answer at most`);
  for (const answer of answers) ok(answer <= length, `${name}: ${answer} octets for ${length}`);
  const { ikeSas, negotiating, questions, espSpis } = world.gateway.load();
  ok(negotiating - halfOpenBefore <= 1, `${name}: one half-open SA at most`);
  equal(ikeSas, negotiating);
  equal(questions + espSpis, 0);
}

function* changes(seed: Uint8Array, firstType: number): Generator<Mutant> {
  yield* bitFlips(seed);
  yield* truncations(seed);
  const spans = spansOf(seed, firstType, HEADER);
  yield* byteValues(seed, [16, 17, 18, 19, ...spans.map(({ start }) => start)]);
  yield* wordValues(seed, spans.flatMap(({ start }) => [start + 2, start + 6, start + 10]));
  for (const mutant of chainChanges(seed, firstType, HEADER)) {
    yield { ...mutant, bytes: repairHeader(mutant.bytes, mutant.firstType) };
  }
  for (const { name, bytes } of truncations(seed)) {
    yield { name: `${name}, length repaired`, bytes: repairHeader(bytes) };
  }
}

Deno.test("Seeds of others and recorded messages make no more than half-open SAs", () => {
  const world = new SimWorld(701, ROOMY);
  const seeds = [
    ...readMessageSeeds().messages.map(({ name, bytes }) => ({ name, bytes })),
    ...listVectors(SEEDS).flatMap((name) => {
      const bytes = readVector(`${SEEDS}/${name}`);
      return bytes === undefined ? [] : [{ name, bytes }];
    }),
  ];
  ok(seeds.length > 0);
  for (const [i, { name, bytes }] of seeds.entries()) {
    const before = world.show.negotiating;
    assertCheap(world, name, bytes, feed(world, name, bytes, 1_000 + i), before);
    // Some captures have the non-ESP marker in front.
    const rest = bytes.subarray(4);
    const between = world.show.negotiating;
    assertCheap(world, name, rest, feed(world, name, rest, 1_000 + i), between);
  }
  assertNoErrors(world);
  ok(Object.keys(world.show.counters).length > 1, "what is dropped is counted");
});

Deno.test("Near misses of IKE_SA_INIT make no more than a half-open SA each", () => {
  const world = new SimWorld(702, ROOMY);
  const peer = new SimPeer(world);
  const seed = peer.buildInit(peer.initPayloads());
  let count = 0;
  for (const { name, bytes } of changes(seed, 33)) {
    const before = world.gateway.load().negotiating;
    assertCheap(world, name, bytes, feed(world, name, bytes, 1 + count++ % 65_535), before);
  }
  ok(count > 3_000, `${count} mutants`);
  assertNoErrors(world);
  world.run(60_000);
  const nothing = { ikeSas: 0, espSpis: 0, negotiating: 0, timers: 0, questions: 0 };
  deepEqual(world.gateway.load(), nothing);
});

Deno.test("Near misses of a sealed IKE_AUTH change nothing at all", () => {
  const world = new SimWorld(703);
  const peer = new SimPeer(world);
  peer.init();
  const [seed] = peer.seal(ExchangeType.IKE_AUTH, [
    ...peer.certificateProof(),
    ...peer.wishes(),
  ]);
  const before = world.gateway.load();
  let count = 0;
  for (const { name, bytes } of changes(seed!, 46)) {
    if (bytes.length === seed!.length && bytes.every((octet, i) => octet === seed![i])) continue;
    const outputs = feed(world, name, bytes, { ...peer.endpoint, port: 6_000 });
    // Bits of the header that mean nothing, the minor version for one, may be answered in clear.
    ok(outputs.every(({ kind }) => kind === "transmit"), name);
    ok(outputs.length <= 1, name);
    deepEqual(world.gateway.load(), before, name);
    count++;
  }
  ok(count > 3_000, `${count} mutants`);
  assertNoErrors(world);
  ok((world.show.counters["ike-bad-icv"] ?? 0) > 1_000);
  equal(world.show.sessions.length, 0);
  const id = peer.nextId;
  const response = peer.responseTo([seed!], id);
  ok(find(response, "CP") !== undefined, "and the good one is still good");
});

// --- after authentication ---------------------------------------------------------------------

/** Near misses of a chain; the flips are thinned out, since each costs a message. */
function* chainMutants(
  chain: Uint8Array,
  firstType: number,
): Generator<Mutant & { first: number }> {
  let i = 0;
  for (const mutant of bitFlips(chain)) if (i++ % 7 === 0) yield { ...mutant, first: firstType };
  const spans = spansOf(chain, firstType, 0);
  const offsets = spans.flatMap(({ start }) => [start + 2, start + 4, start + 6, start + 8]);
  for (const mutant of wordValues(chain, offsets)) yield { ...mutant, first: firstType };
  for (const mutant of truncations(chain)) {
    if (i++ % 5 === 0) yield { ...mutant, first: firstType };
  }
  for (const mutant of chainChanges(chain, firstType, 0)) {
    yield { ...mutant, first: mutant.firstType };
  }
  for (let first = 0; first < 256; first++) {
    yield { name: `first payload ${first}`, bytes: chain, first };
  }
}

/** One whole request of an established peer, by its name. */
function requests(peer: SimPeer): Record<string, readonly [number, readonly Payload[]]> {
  const { random, world } = peer;
  const ke: Payload = {
    kind: "KE",
    group: 19,
    data: world.crypto.generateKeyPair(19, random).publicValue,
  };
  const nonce: Payload = { kind: "Nonce", data: random.bytes(32) };
  const selectors = [anySelector(4)];
  const child: Payload[] = [
    { kind: "SA", proposals: offerOf(peer.espOffer, random.bytes(4), true) },
    nonce,
    { kind: "TSi", selectors },
    { kind: "TSr", selectors },
  ];
  const CREATE = ExchangeType.CREATE_CHILD_SA;
  return {
    "a new Child SA": [CREATE, child],
    "a rekey of the Child SA": [CREATE, [buildRekeySa(ProtocolId.ESP, peer.espSpi), ...child]],
    "a rekey of the IKE SA": [CREATE, [
      { kind: "SA", proposals: offerOf(peer.ikeOffer, random.bytes(8), true) },
      nonce,
      ke,
    ]],
    "an informational of everything": [ExchangeType.INFORMATIONAL, [
      { kind: "D", protocol: ProtocolId.ESP, spis: [random.bytes(4), peer.espSpi] },
      notify(NotifyType.INITIAL_CONTACT),
      { kind: "CP", configType: ConfigType.REQUEST, attributes: [] },
      { kind: "V", data: random.bytes(8) },
    ]],
  };
}

for (
  const name of [
    "a new Child SA",
    "a rekey of the Child SA",
    "a rekey of the IKE SA",
    "an informational of everything",
  ]
) {
  Deno.test(`A lying peer that is authenticated: near misses of ${name}`, () => {
    const world = new SimWorld(704, ROOMY);
    let seed = 0;
    const login = (): SimPeer => {
      world.clear();
      world.sockets.length = 0;
      const peer = new SimPeer(world, { seed: ++seed, host: `198.19.${seed >> 8}.${seed & 255}` });
      peer.login();
      return peer;
    };
    let peer = login();
    const [exchangeType, payloads] = requests(peer)[name]!;
    const { first, bytes: chain } = buildPayloads(payloads);
    let count = 0;
    let answered = 0;
    for (const mutant of chainMutants(chain, first)) {
      if (count++ % 40 === 39) peer = login();
      const datagram = peer.sealChain(exchangeType, mutant.first, mutant.bytes, peer.nextId++);
      const outputs = world.inject(datagram, peer.endpoint);
      if (outputs.some(({ kind }) => kind === "transmit")) answered++;
      ok(outputs.length < 20, mutant.name);
      equal(world.show.counters["internal-error"], undefined, mutant.name);
      // Whoever is not established any more begins again.
      const { sessions } = world.show;
      const isOver = sessions[0]?.ikeSa?.remoteSpi !== hexOf(peer.spiI).toUpperCase();
      if (isOver) peer = login();
    }
    ok(count > 500 && answered > count / 2, `${answered} answers to ${count} mutants`);
    assertNoErrors(world);
    world.clear();
    world.run(120_000);
    const nothing = { ikeSas: 0, espSpis: 0, negotiating: 0, timers: 0, questions: 0 };
    deepEqual(world.gateway.load(), nothing);
    equal(world.installed.size, 0);
    equal(world.show.pools[0]!.inUse, 0);
  });
}

Deno.test("A lying peer in IKE_AUTH: near misses of a login by certificate and of an answer in EAP", () => {
  const world = new SimWorld(705, ROOMY);
  let seed = 0;
  const begin = (): SimPeer => {
    world.sockets.length = 0;
    const peer = new SimPeer(world, { seed: ++seed, host: `198.19.${seed >> 8}.${seed & 255}` });
    peer.init();
    return peer;
  };
  let count = 0;
  const tell = (peer: SimPeer, mutant: Mutant & { readonly first: number }): void => {
    const datagram = peer.sealChain(ExchangeType.IKE_AUTH, mutant.first, mutant.bytes, peer.nextId);
    world.inject(datagram, peer.endpoint);
    world.run(50);
    world.clear();
    equal(world.show.counters["internal-error"], undefined, mutant.name);
    count++;
  };
  const model = begin();
  const certificate = buildPayloads([...model.certificateProof(), ...model.wishes()]);
  let i = 0;
  for (const mutant of chainMutants(certificate.bytes, certificate.first)) {
    if (i++ % 11 === 0) tell(begin(), mutant);
  }
  const eap = begin();
  const packet = find(eap.beginEap("alice"), "EAP")!.packet;
  const identity = Uint8Array.of(2, packet[1]!, 0, 10, 1, 97, 108, 105, 99, 101);
  const answer = buildPayloads([{ kind: "EAP", packet: identity }]);
  for (const mutant of chainMutants(answer.bytes, answer.first)) {
    if (i++ % 5 !== 0) continue;
    const peer = begin();
    peer.beginEap("alice");
    tell(peer, mutant);
  }
  ok(count > 150, `${count} mutants`);
  assertNoErrors(world);
  world.run(400_000);
  const nothing = { ikeSas: 0, espSpis: 0, negotiating: 0, timers: 0, questions: 0 };
  deepEqual(world.gateway.load(), nothing);
  equal(world.show.pools[0]!.inUse, 0);
  equal(world.backend.store.size, 0);
});

Deno.test("Time that goes backwards, on the wall or on the clock of timers, ends nothing and throws nothing", () => {
  const world = new SimWorld(706, { cookieThreshold: 0 });
  const alice = world.login("alice", "198.51.100.7");
  for (const jump of [-1_000, -3_600_000, -36_000_000]) {
    world.wallOffsetMs += jump;
    world.run(120_000);
    const early = moment(world.nowMs - 30_000, world.at.wall);
    world.gateway.handle({ kind: "timeout", at: early });
    const bytes = world.wire.at(-1)!.bytes;
    const [local, remote] = [gatewayEndpoint, alice.outer];
    world.gateway.handle({ kind: "datagram", at: early, local, remote, bytes });
    world.run(120_000);
    ok(world.carries(alice), `${jump} ms`);
    equal(world.session.state, "active");
  }
  equal(alice.count("established"), 1);
  const bob = world.login("bob", "198.51.100.8");
  ok(world.carries(bob), "and others log in as ever");
  assertNoErrors(world);
});
