/** IKE_AUTH at the gateway: who gets in and what they get. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { copyBytes, textOf, utf8 } from "../../../core/bytes.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { limits } from "../../../core/limits.ts";
import {
  AuthMethod,
  ConfigAttribute,
  ExchangeType,
  IdType,
  NotifyType,
} from "../../../core/message/constants.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { selectorOfAddress } from "../../../core/sa/narrowing.ts";
import { formatIpAddress } from "../../../core/wire/address.ts";
import { assertNothing, reasons } from "../../support/sim_claims.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { makeSimPki } from "../../support/sim_pki.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { address, range } from "../../support/sim_settings.ts";
import { describe, SimWorld } from "../../support/sim_world.ts";

const AUTH = ExchangeType.IKE_AUTH;

/** Refused by AUTHENTICATION_FAILED for this reason, and nothing is left. */
function assertRefused(world: SimWorld, response: readonly Payload[], reason: string): void {
  deepEqual(notifiesOf(response), [NotifyType.AUTHENTICATION_FAILED]);
  deepEqual(reasons(world), [reason]);
  assertNothing(world);
}

// --- certificates -----------------------------------------------------------------------------

Deno.test("RFC 7296 §1.2: a certificate login takes one round trip after IKE_SA_INIT", () => {
  const world = new SimWorld(301);
  const response = new SimPeer(world).login();
  deepEqual(
    ["IDr", "CERT", "AUTH", "CP", "SA", "TSi", "TSr"].filter((kind) =>
      response.some((payload) => payload.kind === kind)
    ),
    ["IDr", "CERT", "AUTH", "CP", "SA", "TSi", "TSr"],
  );
  const { userName, method, ikeSa } = world.session;
  equal(userName, "alice@example.test");
  equal(method, "certificate");
  equal(ikeSa?.authVerify, "ECDSA");
  equal(world.aaaQuestions, 1, "authorization only");
});

Deno.test("A client of ours logs in by certificate", () => {
  const world = new SimWorld(302);
  const { certificate, signer } = world.pki.client;
  const login = { kind: "certificate", certificates: [certificate], signer } as const;
  const alice = world.login("alice", "198.51.100.7", { login });
  ok(world.carries(alice), describe(world));
});

Deno.test("RFC 7296 §2.15: wrong signature, wrong identity and missing certificate are refused", () => {
  const changes: Record<string, (proof: Payload[]) => Payload[]> = {
    "bad-signature": (proof) =>
      proof.map((payload) => {
        if (payload.kind !== "AUTH") return payload;
        const data = copyBytes(payload.data);
        data[data.length - 1]! ^= 1;
        return { ...payload, data };
      }),
    "certificate-of-another-identity": (proof) =>
      proof.map((payload) =>
        payload.kind === "IDi" ? { ...payload, data: utf8("bob@example.test") } : payload
      ),
    "no-certificate": (proof) => proof.filter(({ kind }) => kind !== "CERT"),
  };
  for (const [reason, change] of Object.entries(changes)) {
    const world = new SimWorld(303);
    const peer = new SimPeer(world);
    peer.init();
    const proof = change(peer.certificateProof());
    assertRefused(world, peer.request(AUTH, [...proof, ...peer.wishes()]), reason);
  }
});

Deno.test("A certificate of another CA, or out of its time, is refused", () => {
  const foreign = new SimWorld(304, { clientCas: [makeSimPki(quickCrypto).gateway.certificate] });
  const response = new SimPeer(foreign).login();
  deepEqual(notifiesOf(response), [NotifyType.AUTHENTICATION_FAILED]);
  equal(reasons(foreign).length, 1);
  assertNothing(foreign);
  const late = new SimWorld(305);
  late.wallOffsetMs = 20 * 365 * 86_400_000;
  deepEqual(notifiesOf(new SimPeer(late).login()), [NotifyType.AUTHENTICATION_FAILED]);
  assertNothing(late);
});

Deno.test("A login method that is off is refused", () => {
  const noCertificates = new SimWorld(306, { loginMethods: ["eap-mschapv2"] });
  assertRefused(
    noCertificates,
    new SimPeer(noCertificates).login(),
    "certificate-login-is-off",
  );
  const noEap = new SimWorld(307, { loginMethods: ["certificate"] });
  const peer = new SimPeer(noEap);
  peer.init();
  assertRefused(noEap, peer.beginEap("alice"), "eap-login-is-off");
});

Deno.test("A client of ours refuses a gateway with another name or another CA", () => {
  const changes = {
    "gateway-has-another-identity": {
      gatewayIdentity: { idType: IdType.FQDN, data: utf8("other.example.test") },
    },
    "gateway-certificate": { anchors: [makeSimPki(quickCrypto).client.certificate] },
  };
  for (const [reason, change] of Object.entries(changes)) {
    const world = new SimWorld(308);
    const alice = world.addClient("alice", "198.51.100.7", change);
    world.connect(alice);
    world.run(60_000);
    ok(alice.last("closed")?.why.startsWith(reason), describe(world));
    equal(alice.last("established"), undefined);
    equal(world.aaaQuestions, 0, "no secret was told");
  }
});

Deno.test("RFC 7296 §2.21.2: a client that does not believe the gateway says so, and nothing stays", () => {
  const world = new SimWorld(316);
  const { certificate, signer } = world.pki.client;
  const alice = world.addClient("alice", "198.51.100.7", {
    login: { kind: "certificate", certificates: [certificate], signer },
    identity: { idType: IdType.RFC822_ADDR, data: utf8("alice@example.test") },
    gatewayIdentity: { idType: IdType.FQDN, data: utf8("other.example.test") },
  });
  world.connect(alice);
  world.run(1_000);
  equal(alice.last("closed")?.why, "gateway-has-another-identity");
  assertNothing(world);
});

Deno.test("AAA says no, cannot say, or says nothing", () => {
  const cases = [["rejects", "not-authorized"], ["fails", "aaa-failed"]] as const;
  for (const [aaa, reason] of cases) {
    const world = new SimWorld(309);
    world.backend.aaa = aaa;
    assertRefused(world, new SimPeer(world).login(), reason);
  }
  const world = new SimWorld(310);
  world.backend.aaa = "silent";
  const peer = new SimPeer(world);
  peer.init();
  const [datagram] = peer.seal(AUTH, [...peer.certificateProof(), ...peer.wishes()]);
  deepEqual(peer.exchange(datagram!), []);
  world.run(limits.answeringMs);
  assertNothing(world);
  ok(world.outputs.some(({ kind }) => kind === "cancel"), "the question is withdrawn");
});

// --- EAP --------------------------------------------------------------------------------------

Deno.test("RFC 7296 §2.16: EAP, then AUTH of both sides keyed by the MSK", () => {
  const world = new SimWorld(311);
  const peer = new SimPeer(world);
  peer.init();
  const first = peer.beginEap("alice");
  ok(find(first, "AUTH") !== undefined && find(first, "EAP") !== undefined);
  const { msk } = peer.runEap("alice", "alicepw", first);
  ok(msk !== undefined);
  const last = peer.request(AUTH, [peer.proofByMsk("alice", msk)]);
  ok(find(last, "AUTH") !== undefined && find(last, "SA") !== undefined);
  equal(world.session.userName, "alice");
  equal(world.session.ikeSa?.authVerify, "EAP");
});

Deno.test("RFC 7296 §2.16: a wrong MSK is refused, though EAP succeeded", () => {
  const world = new SimWorld(312);
  const peer = new SimPeer(world);
  peer.init();
  const { msk } = peer.runEap("alice", "alicepw", peer.beginEap("alice"));
  ok(msk !== undefined);
  const response = peer.request(AUTH, [peer.proofByMsk("alice", new Uint8Array(64))]);
  assertRefused(world, response, "bad-auth-after-eap");
});

Deno.test("RFC 7296 §2.16: AUTH before the end of EAP is refused", () => {
  const world = new SimWorld(313);
  const peer = new SimPeer(world);
  peer.init();
  peer.beginEap("alice");
  const response = peer.request(AUTH, [peer.proofByMsk("alice", peer.keys!.pi)]);
  equal(find(response, "SA"), undefined);
  ok(notifiesOf(response).length === 1);
  assertNothing(world);
});

Deno.test("A wrong password ends in EAP-Failure and nothing is left", () => {
  for (const [user, password] of [["alice", "bobpw"], ["nobody", "x"]] as const) {
    const world = new SimWorld(314);
    const peer = new SimPeer(world);
    peer.init();
    const { last, msk } = peer.runEap(user, password, peer.beginEap(user));
    equal(msk, undefined);
    equal(find(last, "EAP")?.packet[0], 4, "EAP-Failure");
    assertNothing(world);
    equal(reasons(world).length, 1);
  }
});

Deno.test("A client of ours with a wrong password says so and stops", () => {
  const world = new SimWorld(315);
  const login = { kind: "eap-mschapv2", userName: "alice", password: "wrong" } as const;
  const alice = world.addClient("alice", "198.51.100.7", { login });
  world.connect(alice);
  world.run(60_000);
  equal(alice.count("closed"), 1);
  equal(alice.client.nextTimeout(), undefined);
  assertNothing(world);
});

Deno.test("AAA failing in the middle of EAP ends the login", () => {
  const world = new SimWorld(316);
  world.backend.aaa = "fails";
  const peer = new SimPeer(world);
  peer.init();
  const { last, msk } = peer.runEap("alice", "alicepw", peer.beginEap("alice"));
  equal(msk, undefined);
  equal(find(last, "EAP")?.packet[0], 4);
  assertNothing(world);
});

Deno.test("A slow AAA is waited for while the peer repeats its request", () => {
  const world = new SimWorld(317);
  world.backend.answerMs = 20_000;
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(60_000);
  ok(world.carries(alice), describe(world));
  equal(world.aaaQuestions, 1, "asked once, however often the request came");
});

Deno.test("limits.eapRounds: a peer that talks EAP for ever is refused", () => {
  const world = new SimWorld(318);
  const peer = new SimPeer(world);
  peer.init();
  let last = peer.beginEap("alice");
  let rounds = 0;
  while (find(last, "EAP")?.packet[0] === 1 && rounds < 100) {
    rounds++;
    const packet = find(last, "EAP")!.packet;
    // An identity for ever, whatever is asked.
    const body = utf8("alice");
    const answer = Uint8Array.of(2, packet[1]!, 0, 5 + body.length, 1, ...body);
    last = peer.request(AUTH, [{ kind: "EAP", packet: answer }]);
  }
  ok(rounds <= limits.eapRounds + 1, `${rounds} rounds`);
  assertNothing(world);
});

Deno.test("A request without IDi, or without the EAP payload due, is refused", () => {
  const first = new SimWorld(319);
  const peer = new SimPeer(first);
  peer.init();
  deepEqual(notifiesOf(peer.request(AUTH, peer.wishes())), [NotifyType.INVALID_SYNTAX]);
  assertNothing(first);
  const second = new SimWorld(320);
  const other = new SimPeer(second);
  other.init();
  other.beginEap("alice");
  deepEqual(notifiesOf(other.request(AUTH, [])), [NotifyType.INVALID_SYNTAX]);
  assertNothing(second);
});

Deno.test("An identity longer than any that is in use is refused, and stays out of the log", () => {
  for (const [length, isHeard] of [[limits.identityBytes, true], [60_000, false]] as const) {
    const world = new SimWorld(322);
    const peer = new SimPeer(world);
    peer.init();
    const data = new Uint8Array(length).fill(0x78);
    const answer = peer.request(AUTH, [
      { kind: "IDi", idType: IdType.FQDN, data },
      ...peer.wishes(),
    ]);
    equal(find(answer, "EAP") !== undefined, isHeard);
    if (isHeard) continue;
    deepEqual(notifiesOf(answer), [NotifyType.INVALID_SYNTAX]);
    assertNothing(world);
    ok(JSON.stringify(world.traces).length < 1_000);
  }
});

Deno.test("RFC 7296 §2.15: shared keys are for reconnect only", () => {
  const world = new SimWorld(321);
  const peer = new SimPeer(world);
  peer.init();
  const data = peer.random.bytes(32);
  const response = peer.request(AUTH, [
    { kind: "IDi", idType: IdType.RFC822_ADDR, data: utf8("alice@example.test") },
    { kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data },
    ...peer.wishes(),
  ]);
  assertRefused(world, response, "reconnect-refused");
});

Deno.test("Exchanges that are out of turn during authentication make nothing", () => {
  const world = new SimWorld(322);
  const peer = new SimPeer(world);
  peer.init();
  deepEqual(notifiesOf(peer.request(ExchangeType.CREATE_CHILD_SA, peer.wishes())), [
    NotifyType.INVALID_SYNTAX,
  ]);
  equal(world.installed.size, 0);
  const refusal: Payload = {
    kind: "N",
    protocol: 0,
    spi: new Uint8Array(0),
    notifyType: NotifyType.AUTHENTICATION_FAILED,
    data: new Uint8Array(0),
  };
  deepEqual(peer.request(ExchangeType.INFORMATIONAL, [refusal]), []);
  assertNothing(world);
});

// --- what they get ----------------------------------------------------------------------------

Deno.test("RFC 7296 §2.19: no wish for an address is FAILED_CP_REQUIRED", () => {
  const world = new SimWorld(323);
  const peer = new SimPeer(world);
  const response = peer.login(peer.wishes().filter(({ kind }) => kind !== "CP"));
  deepEqual(notifiesOf(response), [NotifyType.FAILED_CP_REQUIRED]);
  ok(find(response, "AUTH") !== undefined, "the IKE SA stands");
  assertNothing(world);
  world.run(40_000);
  ok(world.outputs.length > 0);
});

Deno.test("RFC 7296 §3.15.4: no address left is INTERNAL_ADDRESS_FAILURE", () => {
  const world = new SimWorld(324, { pools: [range("10.99.0.2-10.99.0.2")] });
  new SimPeer(world, { seed: 1, host: "203.0.113.1" }).login();
  const response = new SimPeer(world, { seed: 2, host: "203.0.113.2" }).login();
  deepEqual(notifiesOf(response), [NotifyType.INTERNAL_ADDRESS_FAILURE]);
  equal(world.show.sessions.length, 1);
});

Deno.test("RFC 7296 §2.9: a Child SA that cannot be is refused and takes no address", () => {
  const wrong = (peer: SimPeer, kind: string): Payload[] =>
    peer.wishes().map((payload) => {
      if (kind === "SA" && payload.kind === "SA") return { ...payload, proposals: [] };
      if (kind === "TSi" && payload.kind === "TSi") {
        return { ...payload, selectors: [selectorOfAddress(address("1.2.3.4"))] };
      }
      return payload;
    });
  const cases = [["SA", NotifyType.NO_PROPOSAL_CHOSEN], ["TSi", NotifyType.TS_UNACCEPTABLE]];
  for (const [kind, notifyType] of cases as [string, number][]) {
    const world = new SimWorld(325);
    const peer = new SimPeer(world);
    peer.init();
    const payloads = wrong(peer, kind).filter((p) => p.kind !== "SA" || p.proposals.length > 0);
    const response = peer.request(AUTH, [...peer.certificateProof(), ...payloads]);
    deepEqual(notifiesOf(response), [notifyType]);
    equal(world.show.pools[0]!.inUse, 0);
    equal(world.backend.store.size, 0);
    world.run(1_000);
    equal(world.backend.store.size, 0);
  }
});

Deno.test("RFC 7296 §2.9: selectors are narrowed to the inner address and the networks offered", () => {
  const world = new SimWorld(326);
  const response = new SimPeer(world).login();
  const text = (kind: "TSi" | "TSr"): string[] =>
    find(response, kind)!.selectors.map(({ startAddress, endAddress }) =>
      `${formatIpAddress(startAddress)}-${formatIpAddress(endAddress)}`
    );
  deepEqual(text("TSi"), ["10.99.0.2-10.99.0.2"]);
  ok(text("TSr").includes("0.0.0.0-255.255.255.255"));
  const split = new SimWorld(327);
  const attributes = {
    ...split.policy.attributes,
    splitInclude: [{ address: address("10.1.0.0"), length: 16 }],
  };
  const narrow = new SimWorld(328, { attributes });
  const alice = narrow.login("alice", "198.51.100.7");
  deepEqual(
    alice.last("established")!.assignment.routes.map(({ address, length }) =>
      `${formatIpAddress(address)}/${length}`
    ),
    ["10.1.0.0/16"],
  );
});

Deno.test("IPv6 inside, and both families at once", () => {
  const pools = [range("10.99.0.2-10.99.0.250"), range("2001:db8:9::2-2001:db8:9::ffff")];
  const world = new SimWorld(329, { pools });
  const six = world.login("alice", "198.51.100.7", { wants: { ip4: false, ip6: true } });
  const dual = world.login("bob", "198.51.100.8", { wants: { ip4: true, ip6: true } });
  const addresses = (sim: typeof six): string[] =>
    sim.last("established")!.assignment.addresses.map(formatIpAddress);
  deepEqual(addresses(six), ["2001:db8:9::2"]);
  deepEqual(addresses(dual), ["10.99.0.2", "2001:db8:9::3"]);
  ok(world.carries(six) && world.carries(dual));
  world.roam(dual, "203.0.113.9");
  world.run(1_000);
  equal(dual.how, "reconnect");
  deepEqual(addresses(dual), ["10.99.0.2", "2001:db8:9::3"]);
  deepEqual(world.show.pools.map(({ inUse }) => inUse), [1, 2]);
});

Deno.test("A family without a range is left out, and none at all is INTERNAL_ADDRESS_FAILURE", () => {
  const world = new SimWorld(330);
  const dual = world.login("alice", "198.51.100.7", { wants: { ip4: true, ip6: true } });
  deepEqual(dual.last("established")!.assignment.addresses.map(formatIpAddress), ["10.99.0.2"]);
  const peer = new SimPeer(world);
  const response = peer.login(peer.wishes({ ip4: false, ip6: true }));
  deepEqual(notifiesOf(response), [NotifyType.INTERNAL_ADDRESS_FAILURE]);
});

Deno.test("IPv6 outside", () => {
  const world = new SimWorld(331);
  const peer = new SimPeer(world, { host: "2001:db8::99" });
  ok(find(peer.login(), "CP") !== undefined);
  equal(world.session.lastRemote, "[2001:db8::99]:4500");
  world.clear({ remote: "2001:db8::99" });
  deepEqual(world.show.sessions, []);
});

Deno.test("RFC 7296 §2.4: INITIAL_CONTACT ends the user's older session under the same identity", () => {
  const world = new SimWorld(332);
  const first = new SimPeer(world, { seed: 1, host: "203.0.113.1" });
  const pair = first.pairIn(first.login())!;
  const second = new SimPeer(world, { seed: 2, host: "203.0.113.2" });
  second.login();
  equal(world.show.sessions.length, 2, "without it both live");
  const third = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  third.login([notify(NotifyType.INITIAL_CONTACT), ...third.wishes()]);
  equal(world.show.sessions.length, 1);
  equal(world.session.lastRemote, "203.0.113.3:4500");
  equal(world.show.pools[0]!.inUse, 1);
  equal(world.installed.size, 1);
  equal(world.backend.store.size, 1);
  const late = new SimPeer(world, { seed: 4, host: "203.0.113.4" });
  deepEqual(notifiesOf(late.comeBack(pair)), [NotifyType.AUTHENTICATION_FAILED]);
});

Deno.test("RFC 7296 §3.15: attributes are answered once each, and only those asked for", () => {
  const attributes = {
    ...new SimWorld(333).policy.attributes,
    dns: [address("10.0.0.53"), address("2001:db8::53")],
    nbns: [address("10.0.0.54")],
    domain: "example.test",
    splitInclude: [{ address: address("10.1.0.0"), length: 16 }],
    splitDns: ["a.test", "b.test"],
    banner: "Welcome",
    applicationVersion: "rejoin",
  };
  const world = new SimWorld(333, { attributes });
  const peer = new SimPeer(world);
  const types = [
    ConfigAttribute.INTERNAL_IP4_ADDRESS,
    ConfigAttribute.INTERNAL_IP4_DNS,
    ConfigAttribute.INTERNAL_IP4_DNS,
    ConfigAttribute.INTERNAL_IP4_NBNS,
    ConfigAttribute.APPLICATION_VERSION,
    ConfigAttribute.UNITY_BANNER,
    ConfigAttribute.UNITY_DEF_DOMAIN,
    ConfigAttribute.INTERNAL_DNS_DOMAIN,
    12_345,
  ];
  const wishes = peer.wishes().map((payload) =>
    payload.kind === "CP"
      ? { ...payload, attributes: types.map((type) => ({ type, value: new Uint8Array(0) })) }
      : payload
  );
  const answered = find(peer.login(wishes), "CP")!.attributes;
  deepEqual(answered.map(({ type }) => type), [
    ConfigAttribute.INTERNAL_IP4_ADDRESS,
    ConfigAttribute.INTERNAL_IP4_DNS,
    ConfigAttribute.INTERNAL_IP4_NBNS,
    ConfigAttribute.APPLICATION_VERSION,
    ConfigAttribute.UNITY_BANNER,
    ConfigAttribute.UNITY_DEF_DOMAIN,
    ConfigAttribute.INTERNAL_DNS_DOMAIN,
    ConfigAttribute.INTERNAL_DNS_DOMAIN,
  ]);
  // RFC 8598 §4.1: each domain is an attribute of its own.
  deepEqual(answered.slice(-2).map(({ value }) => textOf(value)), ["a.test", "b.test"]);
  deepEqual([...answered[1]!.value], [10, 0, 0, 53]);
  equal(new TextDecoder().decode(answered[4]!.value), "Welcome");
});

Deno.test("A repeated IKE_AUTH request during a question makes no second one, and gets the answer later", () => {
  const world = new SimWorld(334);
  world.backend.answerMs = 500;
  const peer = new SimPeer(world);
  peer.init();
  const [datagram] = peer.seal(AUTH, [...peer.certificateProof(), ...peer.wishes({ pair: false })]);
  for (let i = 0; i < 3; i++) deepEqual(peer.exchange(datagram!), []);
  world.run(400);
  equal(world.aaaQuestions, 1);
  const [answer] = peer.inbox.slice(-1);
  const [again] = peer.exchange(datagram!);
  deepEqual(again, answer, "octet for octet");
  equal(world.show.sessions.length, 1);
  equal(world.outputs.filter(({ kind }) => kind === "install-child-sa").length, 1);
});
