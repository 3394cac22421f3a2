/** Rekeys and deletes of both sides at once, played by a scripted peer (RFC 7296 §2.8.1, §2.8.2, §2.25). */
import { deepEqual, equal, ok } from "node:assert/strict";
import { hexOf as lowerHexOf } from "../../../core/bytes.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../core/message/constants.ts";
import { buildRekeySa, notify } from "../../../core/message/notify.ts";
import type { Payload, Proposal } from "../../../core/message/payload.ts";
import { anySelector } from "../../../core/sa/narrowing.ts";
import { offerOf } from "../../../core/sa/proposal.ts";
import type { Heard } from "../../support/sim_peer.ts";
import { notifiesOf, SimPeer, spiNumber } from "../../support/sim_peer.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

const CREATE = ExchangeType.CREATE_CHILD_SA;
const INFORMATIONAL = ExchangeType.INFORMATIONAL;
const QUIET = { dpd: { intervalMs: 36_000_000, retryMs: 2_000 } };
const DELETE_IKE: Payload = { kind: "D", protocol: ProtocolId.IKE, spis: [] };
/** The lowest nonce there is, and the highest. */
const LOW = new Uint8Array(32);
const HIGH = new Uint8Array(32).fill(0xff);
/** What the peer calls the pair that it makes, and the one that it makes for the gateway. */
const OWN = Uint8Array.of(0xc1, 0, 0, 1);
const MADE = Uint8Array.of(0xc7, 0, 0, 1);

interface Scene {
  readonly world: SimWorld;
  readonly peer: SimPeer;
  /** The gateway's rekey request, unanswered. */
  readonly ours: Heard;
}

/** A peer that has logged in, and a rekey of the gateway's under way. */
function rekeying(what: "ike" | "child", seed = 431): Scene {
  const world = new SimWorld(seed, QUIET, calm, { withoutCrashTokens: true });
  const peer = new SimPeer(world);
  peer.login();
  world.command({ kind: "rekey", id: world.session.id, what });
  world.run(50);
  const [ours] = peer.requests();
  if (ours === undefined) throw new Error("the gateway does not rekey");
  return { world, peer, ours };
}

function deleteChild(spi: Uint8Array): Payload {
  return { kind: "D", protocol: ProtocolId.ESP, spis: [spi] };
}

/** The Child SAs that the gateway's DELETE requests since `from` name, as numbers. */
function deletedBy(peer: SimPeer, from: number): readonly Heard[] {
  return peer.requests(from).filter(({ payloads }) => find(payloads, "D") !== undefined);
}

function spisOf(heard: Heard | undefined): number[] {
  return (find(heard?.payloads ?? [], "D")?.spis ?? []).map(spiNumber);
}

/** The peer's own rekey of the Child SA. */
function rekeyChild(peer: SimPeer, { payloads }: Heard, nonce: Uint8Array): readonly Payload[] {
  return peer.request(CREATE, [
    buildRekeySa(ProtocolId.ESP, peer.espSpi),
    { kind: "SA", proposals: offerOf(peer.espOffer, OWN, true) },
    { kind: "Nonce", data: nonce },
    { kind: "TSi", selectors: find(payloads, "TSr")!.selectors },
    { kind: "TSr", selectors: find(payloads, "TSi")!.selectors },
  ]);
}

/** One transform of each kind, and no key exchange, of what the gateway offers. */
function chosenOf({ payloads }: Heard, spi: Uint8Array): Proposal {
  const offered = find(payloads, "SA")!.proposals[0]!;
  const transforms = offered.transforms.filter(({ type }, i, all) =>
    type !== 4 && all.findIndex((other) => other.type === type) === i
  );
  return { ...offered, spi, transforms };
}

/** The peer's answer to the gateway's rekey of the Child SA. */
function answerChild(peer: SimPeer, ours: Heard, nonce: Uint8Array): void {
  peer.answer(ours, [
    { kind: "SA", proposals: [chosenOf(ours, MADE)] },
    { kind: "Nonce", data: nonce },
    find(ours.payloads, "TSi")!,
    find(ours.payloads, "TSr")!,
  ]);
}

const outboundOf = ({ session }: SimWorld): number[] =>
  session.childSas.map(({ outboundSpi }) => outboundSpi);

// --- Child SA -----------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.8.1: the gateway answers a rekey of the Child SA that it rekeys, and the pair with the lowest nonce goes", () => {
  for (const isOursLower of [true, false]) {
    const { world, peer, ours } = rekeying("child");
    const [old] = world.session.childSas;
    const response = rekeyChild(peer, ours, isOursLower ? HIGH : LOW);
    ok(find(response, "SA") !== undefined, "answered as usual");
    const theirs = spiNumber(find(response, "SA")!.proposals[0]!.spi);
    equal(world.installed.get(theirs)!.outboundWaits, true);
    equal(world.installed.get(theirs)!.replaces, old!.inboundSpi);
    const mark = peer.inbox.length;
    answerChild(peer, ours, isOursLower ? LOW : HIGH);
    const [farewell, ...more] = deletedBy(peer, mark);
    deepEqual(more, []);
    const mine = spiNumber(find(ours.payloads, "SA")!.proposals[0]!.spi);
    // Who made the redundant pair deletes it; who made the other deletes the old one.
    deepEqual(spisOf(farewell), [isOursLower ? mine : old!.inboundSpi]);
    equal(world.installed.get(mine)!.inboundOnly, isOursLower ? true : undefined);
    peer.answer(farewell!, [deleteChild(isOursLower ? MADE : peer.espSpi)]);
    const last = peer.request(INFORMATIONAL, [deleteChild(isOursLower ? peer.espSpi : OWN)]);
    deepEqual(find(last, "D")!.spis.map(spiNumber), [isOursLower ? old!.inboundSpi : theirs]);
    deepEqual(outboundOf(world), [spiNumber(isOursLower ? OWN : MADE)]);
    equal(world.installed.size, 1, describe(world));
    equal(world.gateway.load().espSpis, 1);
  }
});

Deno.test("RFC 7296 §2.8.1: the peer may have deleted the old pair before its answer to our rekey comes", () => {
  for (const isOursLower of [true, false]) {
    const { world, peer, ours } = rekeying("child");
    const response = rekeyChild(peer, ours, isOursLower ? HIGH : LOW);
    const theirs = spiNumber(find(response, "SA")!.proposals[0]!.spi);
    const gone = peer.request(INFORMATIONAL, [deleteChild(peer.espSpi)]);
    equal(find(gone, "D")!.spis.length, 1, "RFC 7296 §2.25.1: answered with our half");
    equal(world.installed.size, 1);
    const mark = peer.inbox.length;
    answerChild(peer, ours, isOursLower ? LOW : HIGH);
    const mine = spiNumber(find(ours.payloads, "SA")!.proposals[0]!.spi);
    const farewells = deletedBy(peer, mark);
    deepEqual(farewells.map(spisOf), isOursLower ? [[mine]] : []);
    for (const farewell of farewells) peer.answer(farewell, [deleteChild(MADE)]);
    if (!isOursLower) peer.request(INFORMATIONAL, [deleteChild(OWN)]);
    deepEqual([...world.installed.keys()], [isOursLower ? theirs : mine]);
  }
});

Deno.test("A redundant pair that its maker does not delete is deleted by the other side, after a while", () => {
  const { world, peer, ours } = rekeying("child");
  rekeyChild(peer, ours, LOW);
  const mark = peer.inbox.length;
  answerChild(peer, ours, HIGH);
  peer.answer(deletedBy(peer, mark)[0]!, [deleteChild(peer.espSpi)]);
  equal(world.installed.size, 2);
  const later = peer.inbox.length;
  world.run(9_000);
  deepEqual(deletedBy(peer, later), []);
  world.run(2_000);
  const [farewell] = deletedBy(peer, later);
  equal(world.installed.get(spisOf(farewell)[0]!)?.outboundSpi, spiNumber(OWN));
  peer.answer(farewell!, []);
  deepEqual(outboundOf(world), [spiNumber(MADE)]);
  equal(world.session.state, "active");
});

Deno.test("A pair that the peer has rekeyed and never deletes is deleted when it must have had the answer", () => {
  const { world, peer, ours } = rekeying("ike");
  peer.answer(ours, [notify(NotifyType.TEMPORARY_FAILURE)]);
  const selectors = [anySelector(4)];
  const payloads = [{ kind: "TSi", selectors }, { kind: "TSr", selectors }] as const;
  rekeyChild(peer, { ...ours, payloads }, LOW);
  const mark = peer.inbox.length;
  // Meanwhile the IKE SA is not rekeyed: the peer would refuse that (RFC 7296 §2.25.2).
  world.run(25_000);
  deepEqual(peer.requests(mark), []);
  for (let i = 0; i < 20 && deletedBy(peer, mark).length === 0; i++) {
    world.run(10_000);
    for (const heard of peer.requests(mark)) {
      const isDelete = find(heard.payloads, "D") !== undefined;
      if (!isDelete) peer.answer(heard, [notify(NotifyType.NO_ADDITIONAL_SAS)]);
    }
  }
  const [farewell] = deletedBy(peer, mark);
  peer.answer(farewell!, [deleteChild(peer.espSpi)]);
  deepEqual(outboundOf(world), [spiNumber(OWN)]);
});

Deno.test("RFC 7296 §2.25.1: whoever refuses our rekey and has made a pair of its own keeps that", () => {
  for (const type of [NotifyType.TEMPORARY_FAILURE, NotifyType.CHILD_SA_NOT_FOUND]) {
    const { world, peer, ours } = rekeying("child");
    rekeyChild(peer, ours, HIGH);
    const mark = peer.inbox.length;
    peer.answer(ours, [notify(type)]);
    peer.request(INFORMATIONAL, [deleteChild(peer.espSpi)]);
    world.run(30_000);
    deepEqual(peer.requests(mark), [], "nothing is tried again");
    deepEqual(outboundOf(world), [spiNumber(OWN)]);
    equal(world.gateway.load().espSpis, 1);
  }
});

Deno.test("RFC 7296 §2.25.1: TEMPORARY_FAILURE for a Child SA that is being closed or is in dispute already", () => {
  const { world, peer, ours } = rekeying("child");
  rekeyChild(peer, ours, LOW);
  deepEqual(notifiesOf(rekeyChild(peer, ours, HIGH)), [NotifyType.TEMPORARY_FAILURE]);
  equal(world.installed.size, 2);
  answerChild(peer, ours, HIGH);
  deepEqual(notifiesOf(rekeyChild(peer, ours, HIGH)), [NotifyType.TEMPORARY_FAILURE], "closing");
  equal(world.installed.size, 3);
});

Deno.test("A rekey of ours that waits for its turn is dropped when the peer's comes first", () => {
  const world = new SimWorld(434, { dpd: { intervalMs: 10_000, retryMs: 2_000 } });
  const peer = new SimPeer(world);
  peer.login();
  world.run(10_500);
  const [check] = peer.requests();
  deepEqual(check!.payloads, []);
  world.command({ kind: "rekey", id: world.session.id, what: "child" });
  const selectors = [anySelector(4)];
  const response = rekeyChild(
    peer,
    { ...check!, payloads: [{ kind: "TSi", selectors }, { kind: "TSr", selectors }] },
    LOW,
  );
  ok(find(response, "SA") !== undefined);
  const mark = peer.inbox.length;
  peer.answer(check!, []);
  world.run(5_000);
  deepEqual(peer.requests(mark), []);
});

Deno.test("RFC 7296 §2.25: a Child SA that the peer does not know is made from scratch", () => {
  const { world, peer, ours } = rekeying("child");
  const mark = peer.inbox.length;
  peer.answer(ours, [notify(NotifyType.CHILD_SA_NOT_FOUND)]);
  const [fresh, ...more] = peer.requests(mark);
  deepEqual(more, []);
  equal(fresh!.header.exchangeType, CREATE);
  deepEqual(notifiesOf(fresh!.payloads), [], "no REKEY_SA");
  deepEqual(find(fresh!.payloads, "TSr"), find(ours.payloads, "TSr"));
  equal(world.installed.size, 0);
  answerChild(peer, fresh!, HIGH);
  deepEqual(outboundOf(world), [spiNumber(MADE)]);
  equal(world.gateway.load().espSpis, 1);
});

Deno.test("An IKE SA whose last Child SA cannot be made anew ends, and its client may come back", () => {
  const { world, peer, ours } = rekeying("child");
  const mark = peer.inbox.length;
  peer.answer(ours, [notify(NotifyType.CHILD_SA_NOT_FOUND)]);
  const [fresh] = peer.requests(mark);
  peer.answer(fresh!, [notify(NotifyType.NO_ADDITIONAL_SAS)]);
  equal(world.session.state, "inactive");
  equal(world.gateway.load().espSpis, 0);
});

// --- IKE SA -------------------------------------------------------------------------------------

/** Answers the gateway's rekey of the IKE SA; its SPI of the IKE SA that this makes. */
function answerIke(peer: SimPeer, ours: Heard, nonce: Uint8Array): string {
  const { crypto } = peer.world;
  const offered = find(ours.payloads, "SA")!.proposals;
  const { group } = find(ours.payloads, "KE")!;
  const withGroup = offered.find(({ transforms }) =>
    transforms.some(({ type, id }) => type === 4 && id === group)
  )!;
  const transforms = withGroup.transforms.filter((it, i, all) =>
    it.type === 4 ? it.id === group : all.findIndex((other) => other.type === it.type) === i
  );
  const pair = crypto.generateKeyPair(group, peer.random);
  peer.answer(ours, [
    { kind: "SA", proposals: [{ ...withGroup, transforms, spi: peer.random.bytes(8) }] },
    { kind: "Nonce", data: nonce },
    { kind: "KE", group, data: pair.publicValue },
  ]);
  return hexOf(withGroup.spi);
}

/** SPIs as snapshots have them. */
const hexOf = (bytes: Uint8Array): string => lowerHexOf(bytes).toUpperCase();

Deno.test("RFC 7296 §2.8.2: the gateway answers a rekey of the IKE SA that it rekeys, and that with the lowest nonce goes", () => {
  for (const isOursLower of [true, false]) {
    const { world, peer, ours } = rekeying("ike");
    const before = world.session.ikeSa!.localSpi;
    const [child] = world.session.childSas;
    const next = peer.rekeyIke(isOursLower ? HIGH : LOW);
    equal(world.session.ikeSa!.localSpi, before, "nothing is settled yet");
    equal(world.gateway.load().ikeSas, 2);
    const mark = peer.inbox.length;
    const mine = answerIke(peer, ours, isOursLower ? LOW : HIGH);
    equal(world.gateway.load().ikeSas, 3);
    equal(world.session.ikeSa!.localSpi, isOursLower ? hexOf(next.spiR) : mine);
    deepEqual(world.session.childSas, [child], "everything is inherited");
    // Who made the redundant one deletes it, under its own protection.
    const farewells = peer.inbox.slice(mark);
    equal(farewells.length, 1);
    const isOnOld = hexOf(farewells[0]!.subarray(0, 8)) === hexOf(peer.spiI);
    equal(isOnOld, !isOursLower);
    if (isOursLower) {
      // The survivor works, and the peer closes the old one.
      deepEqual(next.request(INFORMATIONAL, []), []);
      deepEqual(peer.request(INFORMATIONAL, [DELETE_IKE]), []);
      equal(world.session.ikeSa!.localSpi, hexOf(next.spiR));
    } else {
      // The peer closes the redundant one, and answers the gateway's DELETE of the old one.
      deepEqual(next.request(INFORMATIONAL, [DELETE_IKE]), []);
      peer.answer(peer.requests(mark)[0]!, []);
      equal(world.session.ikeSa!.localSpi, mine);
    }
    world.run(70_000);
    equal(world.gateway.load().ikeSas, 1, "what nobody deletes goes by itself");
    equal(world.session.state, "active");
  }
});

Deno.test("A peer that rekeys its IKE SA again and again, and deletes none, keeps a few old ones at most", () => {
  for (const deletes of [false, true]) {
    const world = new SimWorld(443, QUIET, calm, { withoutCrashTokens: true });
    let peer = new SimPeer(world);
    peer.login();
    for (let i = 0; i < 20; i++) {
      const next = peer.rekeyIke(peer.random.bytes(32));
      if (deletes) deepEqual(peer.request(INFORMATIONAL, [DELETE_IKE]), []);
      peer = next;
      equal(world.gateway.load().ikeSas, 1 + Math.min(i + 1, limits.replacedIkeSas));
    }
    equal(world.session.ikeSa!.localSpi, hexOf(peer.spiR));
    equal(world.session.childSas.length, 1);
    world.run(70_000);
    equal(world.gateway.load().ikeSas, 1);
    deepEqual(peer.request(INFORMATIONAL, []), []);
  }
});

Deno.test("RFC 7296 §2.1: the DELETE of a redundant IKE SA is repeated until it is answered", () => {
  const { world, peer, ours } = rekeying("ike");
  peer.rekeyIke(HIGH);
  const mark = peer.inbox.length;
  answerIke(peer, ours, LOW);
  world.run(2_000);
  const copies = peer.inbox.slice(mark).map(String);
  ok(copies.length >= 3, `${copies.length} transmissions`);
  equal(new Set(copies).size, 1);
});

Deno.test("RFC 7296 §2.25.2: a DELETE of the IKE SA that we rekey means that the peer's own rekey counts", () => {
  const { world, peer } = rekeying("ike");
  const next = peer.rekeyIke(LOW);
  deepEqual(peer.request(INFORMATIONAL, [DELETE_IKE]), []);
  equal(world.session.ikeSa!.localSpi, hexOf(next.spiR));
  equal(world.session.childSas.length, 1);
  deepEqual(next.request(INFORMATIONAL, []), []);
  world.run(70_000);
  equal(world.gateway.load().ikeSas, 1);
  equal(world.session.state, "active");
});

Deno.test("RFC 7296 §2.8.2: a peer that uses its new IKE SA has chosen it", () => {
  const { world, peer, ours } = rekeying("ike");
  const next = peer.rekeyIke(HIGH);
  deepEqual(next.request(INFORMATIONAL, []), []);
  equal(world.session.ikeSa!.localSpi, hexOf(next.spiR));
  // Our own exchange ends all the same: what it made is redundant and deleted.
  const mark = peer.inbox.length;
  answerIke(peer, ours, HIGH);
  equal(peer.inbox.length, mark + 1);
  equal(world.session.ikeSa!.localSpi, hexOf(next.spiR));
  world.run(70_000);
  equal(world.gateway.load().ikeSas, 1);
});

Deno.test("RFC 7296 §2.8.2: a peer that deletes its new IKE SA has given way", () => {
  const { world, peer, ours } = rekeying("ike");
  const before = world.session.ikeSa!.localSpi;
  const next = peer.rekeyIke(HIGH);
  deepEqual(next.request(INFORMATIONAL, [DELETE_IKE]), []);
  equal(world.session.ikeSa!.localSpi, before);
  equal(world.session.state, "active");
  const mine = answerIke(peer, ours, LOW);
  equal(world.session.ikeSa!.localSpi, mine);
});

Deno.test("RFC 7296 §2.25.2: a peer that refuses our rekey of the IKE SA after its own went through keeps that", () => {
  const { world, peer, ours } = rekeying("ike");
  const next = peer.rekeyIke(LOW);
  peer.answer(ours, [notify(NotifyType.TEMPORARY_FAILURE)]);
  equal(world.session.ikeSa!.localSpi, hexOf(next.spiR));
  const mark = peer.inbox.length;
  world.run(30_000);
  equal(peer.inbox.length, mark, "nothing is tried again");
});

Deno.test("RFC 7296 §2.25.2: an IKE SA under rekey makes no Child SA, and is disputed once only", () => {
  const { world, peer, ours } = rekeying("ike");
  const child: Payload[] = [
    { kind: "SA", proposals: offerOf(peer.espOffer, OWN, true) },
    { kind: "Nonce", data: HIGH },
    { kind: "TSi", selectors: [anySelector(4)] },
    { kind: "TSr", selectors: [anySelector(4)] },
  ];
  deepEqual(notifiesOf(peer.request(CREATE, child)), [NotifyType.TEMPORARY_FAILURE]);
  peer.rekeyIke(LOW);
  const again = peer.request(CREATE, [
    { kind: "SA", proposals: offerOf(peer.ikeOffer, peer.random.bytes(8), true) },
    { kind: "Nonce", data: HIGH },
    find(ours.payloads, "KE")!,
  ]);
  deepEqual(notifiesOf(again), [NotifyType.TEMPORARY_FAILURE]);
  equal(world.gateway.load().ikeSas, 2);
});

Deno.test("RFC 7296 §2.25.2: deletes that cross a rekey end what they name", () => {
  // Of a Child SA while the IKE SA is rekeyed: answered with our half.
  const first = rekeying("ike");
  const gone = first.peer.request(INFORMATIONAL, [deleteChild(first.peer.espSpi)]);
  equal(find(gone, "D")!.spis.length, 1);
  equal(first.world.installed.size, 0);
  // Of the IKE SA while it is rekeyed, and nothing else has been made: the session is over.
  const second = rekeying("ike", 433);
  deepEqual(second.peer.request(INFORMATIONAL, [DELETE_IKE]), []);
  deepEqual(second.world.show.sessions, []);
  second.world.run(10_000);
  equal(second.world.gateway.load().ikeSas, 0);
});

Deno.test("A disputed IKE SA goes with the one that it was to replace", () => {
  const { world, peer } = rekeying("ike");
  peer.rekeyIke(LOW);
  equal(world.gateway.load().ikeSas, 2);
  world.run(60_000);
  equal(world.session.state, "inactive", "nobody answered");
  equal(world.gateway.load().ikeSas, 0);
  equal(world.gateway.load().timers, 1, "the session's own");
});
