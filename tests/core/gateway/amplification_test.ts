/**
 * Nobody can make the gateway say more than they said themselves to an address that has not shown that it
 * is theirs: every answer to an unverified source is measured against its question.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { find } from "../../../core/exchange/payloads.ts";
import type { Policy } from "../../../core/gateway/policy.ts";
import { ExchangeType, Group, NotifyType } from "../../../core/message/constants.ts";
import { parseMessage } from "../../../core/message/message.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { notifiesOf, notifyIn, SimPeer } from "../../support/sim_peer.ts";
import { makeSimPki } from "../../support/sim_pki.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { endpoint } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

/** A gateway that has much to say: many CAs, and cookies from the start or from later on. */
function talkative(seed: number, change: Partial<Policy> = {}): SimWorld {
  const { ca } = makeSimPki(quickCrypto);
  return new SimWorld(seed, {
    clientCas: Array.from({ length: 12 }, () => ca),
    loginMethods: ["anyconnect-eap", "certificate"],
    ...change,
  });
}

const isOf = (...kinds: readonly Payload["kind"][]) => ({ kind }: Payload): boolean =>
  kinds.includes(kind);

/** Requests from the most ordinary to the shortest that can be read. */
function questions(peer: SimPeer): Readonly<Record<string, Uint8Array>> {
  const usual = peer.initPayloads();
  const build = (payloads: readonly Payload[]): Uint8Array => peer.buildInit(payloads);
  const withMajorVersion = build([]);
  withMajorVersion[17] = 0x30;
  const critical = { kind: "unknown", payloadType: 200, body: new Uint8Array(0), critical: true };
  return {
    "ordinary": build(usual),
    "without notifies and vendor IDs": build(usual.filter(isOf("SA", "KE", "Nonce"))),
    "with a short nonce": build(
      usual.filter(isOf("SA", "KE")).concat({ kind: "Nonce", data: new Uint8Array(16) }),
    ),
    "with a wrong cookie": build([notify(NotifyType.COOKIE, Uint8Array.of(1)), ...usual]),
    "with a group that we do not have": build(
      usual.map((it) => it.kind === "KE" ? { ...it, group: Group.MODP_2048 } : it),
    ),
    "with a public value of nothing": build(
      usual.map((it) => it.kind === "KE" ? { ...it, data: new Uint8Array(0) } : it),
    ),
    "without a key exchange": build(usual.filter(isOf("SA", "Nonce"))),
    "without anything": build([]),
    "of another major version": withMajorVersion,
    "with a critical payload alone": build([critical as Payload]),
    "with a vendor ID of Cisco alone": build([{ kind: "V", data: new Uint8Array(16) }]),
  };
}

for (const cookieThreshold of [0, 1_000]) {
  Deno.test(`No answer to an unverified source is longer than its question, cookies from ${cookieThreshold} on`, () => {
    const world = talkative(1101, { cookieThreshold });
    const measured: string[] = [];
    for (const [i, name] of Object.keys(questions(new SimPeer(world))).entries()) {
      const peer = new SimPeer(world, { seed: 10 + i, host: `203.0.113.${10 + i}` });
      const question = questions(peer)[name]!;
      // Asked again and again, as somebody would who wants to drown another.
      for (let times = 0; times < 3; times++) {
        for (const output of world.inject(question, peer.endpoint)) {
          if (output.kind !== "transmit") continue;
          measured.push(name);
          const had = output.bytes.length;
          ok(had <= question.length, `${name}: ${had} octets for ${question.length}`);
        }
      }
    }
    ok(new Set(measured).size >= 5, `${[...new Set(measured)]}`);
  });
}

Deno.test("A long answer is given to who shows a cookie, whatever the load", () => {
  const world = talkative(1102);
  const peer = new SimPeer(world);
  const usual = peer.initPayloads();
  const [demand] = peer.exchange(peer.buildInit(usual));
  const parsed = parseMessage(demand!);
  ok(parsed.ok);
  deepEqual(notifiesOf(parsed.value.payloads), [NotifyType.COOKIE]);
  equal(world.show.negotiating, 0, "nothing is remembered");
  const cookie = notifyIn(parsed.value.payloads, NotifyType.COOKIE)!;
  const request = peer.buildInit([cookie, ...usual]);
  const [answer] = peer.exchange(request);
  ok(answer!.length > request.length);
  ok(find(peer.takeInit(request, answer!), "CERTREQ"));
  ok(
    find(peer.request(ExchangeType.IKE_AUTH, [...peer.certificateProof(), ...peer.wishes()]), "CP"),
  );
});

Deno.test("Before authentication a peer is heard from no other address than it began at", () => {
  const world = new SimWorld(1103);
  const peer = new SimPeer(world);
  peer.init();
  const [request] = peer.seal(ExchangeType.IKE_AUTH, [
    ...peer.certificateProof(),
    ...peer.wishes(),
  ]);
  const victim = endpoint("203.0.113.66", 4500);
  deepEqual(world.inject(request!, victim), []);
  equal(world.show.counters["ike-auth-from-elsewhere"], 1);
  // Another port of the address is the float to NAT traversal, or the NAT itself.
  peer.endpoint = { ...peer.endpoint, port: 6_001 };
  ok(find(peer.responseTo([request!], peer.nextId++), "CP"));
  equal(world.session.ikeSa?.remote.port, 6_001);
});

Deno.test("A request that was answered is repeated to another address only in an answer no longer than it", () => {
  const world = new SimWorld(1104);
  const peer = new SimPeer(world);
  peer.init();
  const [login] = peer.seal(ExchangeType.IKE_AUTH, [
    ...peer.certificateProof(),
    ...peer.wishes({ pair: false }),
  ]);
  const answer = peer.exchange(login!);
  ok(answer.length === 1 && answer[0]!.length > login!.length - 100);
  peer.nextId++;
  const victim = endpoint("203.0.113.66", 4500);
  for (
    const bytes of world.inject(login!, victim).flatMap((it) => "bytes" in it ? [it.bytes] : [])
  ) {
    ok(bytes.length <= login!.length);
  }
  const id = peer.nextId++;
  const [long] = peer.seal(ExchangeType.INFORMATIONAL, [{
    kind: "V",
    data: new SeededRandom(1).bytes(64),
  }], id);
  equal(peer.exchange(long!).length, 1);
  // A client that moved while it waited gets its answer where it is now.
  const [repeated] = world.inject(long!, victim);
  ok(repeated?.kind === "transmit" && repeated.bytes.length < long!.length);
  deepEqual(repeated.remote, victim);
});
