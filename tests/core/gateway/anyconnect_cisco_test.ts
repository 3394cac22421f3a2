/**
 * What a client of Cisco's needs of the gateway and what a hostile one would like to have: every
 * attribute of its CFG_REQUEST, identities, signatures, and how often one may guess.
 */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { type Bytes, concatBytes, hexOf, textOf, utf8 } from "../../../core/bytes.ts";
import type { SignatureScheme, Signer } from "../../../core/crypto/provider.ts";
import { buildGatewayDocument } from "../../../core/eap/anyconnect/gateway_documents.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { ClientAttributes, Policy } from "../../../core/gateway/policy.ts";
import { limits } from "../../../core/limits.ts";
import {
  type CiscoAttributeName,
  knownCiscoAttributes,
} from "../../../core/message/cisco_attributes.ts";
import { AuthMethod, ExchangeType, IdType, NotifyType } from "../../../core/message/constants.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { AnyConnectPeer, ciscoWishes } from "../../support/anyconnect_peer.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { address, anyConnectLogin, endpoint, proposals } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const methods = { loginMethods: ["anyconnect-eap"] } as const;

const told: ClientAttributes = {
  dns: [address("10.0.0.53"), address("10.0.0.54"), address("2001:db8::53")],
  nbns: [address("10.0.0.55")],
  domain: "example.test",
  splitInclude: [
    { address: address("10.1.0.0"), length: 16 },
    { address: address("10.2.3.0"), length: 24 },
  ],
  splitDns: ["a.test", "b.test"],
  banner: "Authorised use only",
  applicationVersion: "rejoin 9",
  mtu: 1406,
  sessionTimeoutSeconds: 86_400,
  idleTimeoutSeconds: 0,
  disconnectedTimeoutSeconds: 1800,
  dpdSeconds: 30,
  keepaliveSeconds: 20,
  smartcardRemovalDisconnect: true,
};

function newWorld(seed: number, change: Partial<Policy> = {}): SimWorld {
  return new SimWorld(seed, { ...methods, attributes: told, ...change });
}

function repliesIn(payloads: readonly Payload[]): readonly (readonly [number, string])[] {
  return find(payloads, "CP")?.attributes.map(({ type, value }) => [type, hexOf(value)]) ?? [];
}

const hexOfText = (text: string): string => hexOf(utf8(text));

Deno.test("AnyConnect: a client that asks for all that Cisco's asks for is told what the table says", () => {
  const peer = new AnyConnectPeer(newWorld(701));
  deepEqual(repliesIn(peer.login("alice", "alicepw")), [
    [1, "0a630002"],
    [2, "ffffffff"],
    [3, "0a000035"],
    [3, "0a000036"],
    [4, "0a000037"],
    [7, hexOfText("rejoin 9")],
    [13, "0a010000ffff0000"],
    [13, "0a020300ffffff00"],
    [28_704, "00015180"],
    [28_705, "00000000"],
    [28_706, "00000708"],
    [28_709, "0000001e"],
    [28_710, "00000014"],
    [28_672, hexOfText("Authorised use only")],
    [28_684, "01"],
    [28_711, "057e"],
    [28_674, hexOfText("example.test")],
    [28_675, hexOfText("a.test,b.test")],
  ]);
  // Unanswered: 5, 8, 28682, 28707, 28708, 28712, 28679, 28683, 28717 to 28727 and 28729.
  equal(ciscoWishes.length, 36);
});

Deno.test("AnyConnect: split-include is 14 octets a network, and nothing is told that nobody asked", () => {
  const wishes = [1, 28_676].map((type) => ({ type, value: new Uint8Array(0) }));
  const peer = new AnyConnectPeer(newWorld(702), { wishes });
  deepEqual(repliesIn(peer.login("alice", "alicepw")), [
    [1, "0a630002"],
    [28_676, "0a010000ffff0000" + "000000000000" + "0a020300ffffff00" + "000000000000"],
  ]);
});

const lengths: Readonly<Record<CiscoAttributeName, number>> = {
  "banner": 19,
  "default-domain": 12,
  "split-dns": 13,
  "split-include": 28,
  "session-timeout": 4,
  "idle-timeout": 4,
  "disconnected-timeout": 4,
  "dpd": 4,
  "keepalive": 4,
  "mtu": 2,
  "smartcard-removal": 1,
  "session-id": 18,
  "session-token": 43,
};

for (const [name, length] of Object.entries(lengths)) {
  Deno.test(`AnyConnect: ${name} goes under every number that it is given, and not under its old one`, () => {
    const [old] = knownCiscoAttributes[name as CiscoAttributeName];
    ok(old !== undefined);
    const numbers = [28_900, 28_901];
    const world = newWorld(703, {
      attributeNumbers: { ...knownCiscoAttributes, [name]: numbers },
    });
    const types = [1, old, ...numbers];
    const wishes = types.map((type) => ({ type, value: new Uint8Array(0) }));
    const replies = repliesIn(new AnyConnectPeer(world, { wishes }).login("alice", "alicepw"));
    deepEqual(replies.map(([type, hex]) => [type, hex.length / 2]), [
      [1, 4],
      ...numbers.map((number) => [number, length]),
    ]);
    equal(replies[1]?.[1], replies[2]?.[1]);
  });
}

Deno.test("AnyConnect: complete is below a kilobyte, and its pair is the one of CFG_REPLY and of the record", () => {
  const world = newWorld(704);
  const types = [
    1,
    ...knownCiscoAttributes["session-id"],
    ...knownCiscoAttributes["session-token"],
  ];
  const wishes = types.map((type) => ({ type, value: new Uint8Array(0) }));
  const peer = new AnyConnectPeer(world, { wishes });
  const last = peer.login("alice", "alicepw");
  ok(peer.document?.kind === "complete");
  ok(buildGatewayDocument(peer.document).length < 1024);
  deepEqual(peer.document.pair, peer.peer.pairIn(last));
  const [record] = world.backend.store.values();
  deepEqual([record?.sessionId, record?.token], [
    peer.document.pair?.sessionId,
    peer.document.pair?.token,
  ]);
});

for (const idType of [IdType.CISCO_GROUP, IdType.KEY_ID]) {
  Deno.test(`AnyConnect: IDr comes once, and INITIAL_CONTACT under the shared identity ends nobody, type ${idType}`, () => {
    const world = newWorld(705);
    const names = ["alice", "bob", "alice"];
    const peers = names.map((name, i) => {
      const peer = new AnyConnectPeer(world, { idType, seed: 20 + i, host: `203.0.113.${i + 1}` });
      peer.begin();
      deepEqual(peer.last.map(({ kind }) => kind), ["IDr", "CERT", "AUTH", "EAP"]);
      peer.init();
      peer.answer({ username: name, password: `${name}pw` });
      peer.acknowledge();
      deepEqual(peer.last.map(({ kind }) => kind), ["EAP"]);
      equal(peer.eapCode, 3);
      equal(find(peer.last, "EAP")?.packet[1], peer.identifier);
      peer.prove();
      deepEqual(peer.last.map(({ kind }) => kind), ["AUTH", "CP", "SA", "TSi", "TSr"]);
      return peer;
    });
    equal(peers.length, 3);
    const { sessions } = world.show;
    deepEqual(sessions.map(({ userName, peerType }) => `${userName} ${peerType}`).sort(), [
      "alice AnyConnect",
      "alice AnyConnect",
      "bob AnyConnect",
    ]);
    equal(world.installed.size, 3);
  });
}

Deno.test("AnyConnect: before the login the gateway does not tell its version", () => {
  const peer = new AnyConnectPeer(newWorld(706));
  const heard: Bytes[] = [];
  const listen = (): void => void heard.push(find(peer.last, "EAP")?.packet ?? new Uint8Array(0));
  peer.begin();
  listen();
  peer.init();
  listen();
  equal(textOf(concatBytes(...heard)).includes("rejoin"), false);
});

/** A gateway with a key that pretends to be RSA and keeps a list of how it was to sign. */
function listeningSigner(world: SimWorld): { signer: Signer; schemes: SignatureScheme[] } {
  const schemes: SignatureScheme[] = [];
  const { spki } = world.policy.signer;
  const sign: Signer["sign"] = (scheme) => {
    schemes.push(scheme);
    return new Uint8Array(256);
  };
  return { schemes, signer: { key: { kind: "rsa", modulusBits: 2048 }, spki, sign } };
}

Deno.test("AnyConnect: method 1 has the hash of the PRF, or SHA-1 by a flag; who announces hashes gets 14", () => {
  const { RSA_SIGNATURE, DIGITAL_SIGNATURE } = AuthMethod;
  const rows = [
    ["sha256", false, "prf", RSA_SIGNATURE, "sha256"],
    ["sha384", false, "prf", RSA_SIGNATURE, "sha384"],
    ["sha512", false, "prf", RSA_SIGNATURE, "sha512"],
    ["sha256", false, "sha1", RSA_SIGNATURE, "sha1"],
    ["sha256", true, "sha1", DIGITAL_SIGNATURE, "sha512"],
    ["sha256", true, "prf", DIGITAL_SIGNATURE, "sha512"],
  ] as const;
  for (const [prf, announcesHashes, rsaHash, method, hash] of rows) {
    const notation = `aes128gcm16-prf${prf}-ecp256`;
    const { signer, schemes } = listeningSigner(new SimWorld(707));
    const ikeProposals = proposals("ike", notation);
    const { anyConnect } = newWorld(707).policy;
    const world = newWorld(707, {
      signer,
      ikeProposals,
      allowSha1: true, // is for peers of other kinds
      anyConnect: { ...anyConnect, rsaHash },
    });
    const peer = new AnyConnectPeer(world, { ike: [notation], announcesHashes });
    peer.begin();
    equal(find(peer.last, "AUTH")?.method, method, notation);
    deepEqual(schemes, [{ kind: "rsa-pkcs1", hash }], `${notation} ${rsaHash}`);
  }
});

/** A peer of one source, behind a port of its own, that has a form before it. */
function atForm(world: SimWorld, seed: number): AnyConnectPeer {
  const peer = new AnyConnectPeer(world, { seed });
  peer.peer.endpoint = endpoint("198.51.100.99", 5000 + seed);
  peer.begin();
  peer.init();
  return peer;
}

Deno.test("AnyConnect: each wrong password counts against its source, also of who leaves before the last", () => {
  const world = newWorld(708);
  const open = atForm(world, 1);
  for (let i = 0; i < limits.failedLoginsPerMinute; i++) {
    const peer = atForm(world, 100 + i);
    peer.answer({ username: "alice", password: "wrong" });
    equal(peer.eapCode, 1, "a form again");
  }
  const guesses = world.aaaQuestions;
  open.answer({ username: "alice", password: "alicepw" });
  deepEqual(notifiesOf(open.last), [NotifyType.AUTHENTICATION_FAILED], "no more guesses");
  const late = new AnyConnectPeer(world, { seed: 2 });
  late.begin();
  deepEqual(notifiesOf(late.last), [NotifyType.AUTHENTICATION_FAILED], "no more conversations");
  equal(world.aaaQuestions, guesses);
  const elsewhere = new AnyConnectPeer(world, { seed: 3, host: "203.0.113.77" });
  ok(find(elsewhere.login("alice", "alicepw"), "SA") !== undefined, "others are not blocked");
});

Deno.test("AnyConnect: that AAA cannot be asked is not held against its users", () => {
  const world = newWorld(709);
  world.backend.aaa = "fails";
  for (let i = 0; i <= limits.failedLoginsPerMinute; i++) {
    const peer = atForm(world, 100 + i);
    peer.answer({ username: "alice", password: "alicepw" });
    equal(peer.eapCode, 4);
  }
  world.backend.aaa = "works";
  const peer = new AnyConnectPeer(world, { seed: 3 });
  ok(find(peer.login("alice", "alicepw"), "SA") !== undefined);
});

Deno.test("AnyConnect: a known and an unknown user see the same, octet for octet but for random ones", () => {
  const sizes = ["alice", "nobo!"].map((username) => {
    const world = newWorld(710);
    const peer = new AnyConnectPeer(world, { seed: 5 });
    peer.begin();
    peer.init();
    for (const _ of [1, 2, 3]) peer.answer({ username, password: "wrong" });
    equal(peer.eapCode, 4);
    return peer.peer.inbox.map((bytes) => bytes.length);
  });
  deepEqual(sizes[0], sizes[1]);
  notEqual(sizes[0]?.length, 0);
});

Deno.test("a wrong MS-CHAPv2 password counts once against its source", () => {
  const world = new SimWorld(711, { loginMethods: ["eap-mschapv2"] });
  for (let i = 0; i < limits.failedLoginsPerMinute; i++) {
    const peer = new SimPeer(world, { seed: 100 + i });
    peer.init();
    const first = peer.beginEap("alice");
    deepEqual(notifiesOf(first), [], `login ${i} is heard`);
    peer.runEap("alice", "wrong", first);
  }
  const late = new SimPeer(world, { seed: 2 });
  late.init();
  deepEqual(notifiesOf(late.beginEap("alice")), [NotifyType.AUTHENTICATION_FAILED]);
});

Deno.test("AnyConnect: while a person types, the client may ask whether the gateway is there", () => {
  const world = newWorld(712);
  const peer = atForm(world, 1);
  for (let i = 0; i < 5; i++) {
    world.run(45_000);
    deepEqual(peer.peer.request(ExchangeType.INFORMATIONAL, []), []);
  }
  peer.answer({ username: "alice", password: "alicepw" });
  peer.acknowledge();
  peer.prove();
  ok(find(peer.last, "SA") !== undefined);
  const leaver = atForm(world, 2);
  const refusal = [notify(NotifyType.AUTHENTICATION_FAILED)];
  deepEqual(leaver.peer.request(ExchangeType.INFORMATIONAL, refusal), []);
  world.run(60_000);
  equal(world.show.negotiating, 0);
  // Asking does not keep a form open for ever.
  const idler = atForm(world, 3);
  for (let i = 0; i < 6; i++) {
    world.run(45_000);
    idler.peer.request(ExchangeType.INFORMATIONAL, []);
  }
  world.run(limits.authenticatingMs - 6 * 45_000);
  equal(world.show.negotiating, 0);
});

Deno.test("AnyConnect: a client of ours that gives up leaves nothing half-open behind", () => {
  const world = newWorld(713);
  const login = anyConnectLogin("alice", { user: { name: "alice", password: "wrong" } });
  const alice = world.addClient("alice", "198.51.100.7", { login });
  world.connect(alice);
  world.runUntil(() => alice.last("closed") !== undefined, 2_000);
  world.run(45_000);
  equal(world.show.negotiating, 0);
});

Deno.test("AnyConnect: who types gets its cached response again, and minutes are limited", () => {
  const world = newWorld(714);
  const peer = atForm(world, 1);
  world.run(limits.authenticatingMs - 5_000);
  peer.answer({ username: "alice", password: "wrong" });
  const { document } = peer;
  peer.repeat();
  equal(world.aaaQuestions, 1);
  deepEqual(peer.document, document);
  world.run(limits.authenticatingMs + 1_000);
  equal(world.show.negotiating, 0);
});

Deno.test("AnyConnect: a login that is left after its address was given keeps it for a minute, with time to read a banner", () => {
  const world = newWorld(716);
  const reader = atForm(world, 1);
  reader.answer({ username: "alice", password: "alicepw" });
  world.run(limits.grantedMs - 5_000);
  reader.acknowledge();
  reader.prove();
  ok(find(reader.last, "SA") !== undefined);
  const leaver = atForm(world, 2);
  leaver.answer({ username: "bob", password: "bobpw" });
  equal(leaver.document?.kind, "complete");
  equal(world.show.pools[0]?.inUse, 2);
  // Nothing that it repeats makes it longer.
  world.run(limits.grantedMs / 2);
  leaver.repeat();
  leaver.peer.request(ExchangeType.INFORMATIONAL, []);
  world.run(limits.grantedMs / 2);
  equal(world.show.pools[0]?.inUse, 1);
  equal(world.show.negotiating, 0);
  deepEqual([...world.backend.store.values()].map(({ userName }) => userName), ["alice"]);
});

Deno.test("AnyConnect: session-timeout is the user's own, and what is left of it on the way back", () => {
  const world = newWorld(715, { sessionLifetimeMs: 86_400_000 });
  world.backend.attributes.set("bob", { sessionLifetimeSeconds: 7200 });
  const [timeout] = knownCiscoAttributes["session-timeout"];
  const [id] = knownCiscoAttributes["session-id"];
  const [token] = knownCiscoAttributes["session-token"];
  ok(timeout !== undefined && id !== undefined && token !== undefined);
  const wishes = [1, timeout, id, token].map((type) => ({ type, value: new Uint8Array(0) }));
  const timeoutIn = (payloads: readonly Payload[]): number =>
    Number.parseInt(repliesIn(payloads).find(([type]) => type === timeout)?.[1] ?? "", 16);
  const alice = new AnyConnectPeer(world, { seed: 1, host: "203.0.113.1", wishes });
  equal(timeoutIn(alice.login("alice", "alicepw")), 86_400);
  const bob = new AnyConnectPeer(world, { seed: 2, host: "203.0.113.2", wishes });
  const first = bob.login("bob", "bobpw");
  equal(timeoutIn(first), 7200);
  const pair = bob.peer.pairIn(first);
  ok(pair !== undefined);
  world.run(600_000);
  const again = new SimPeer(world, { seed: 3, host: "203.0.113.3" });
  again.init();
  const payloads = again.wishes().map((payload) =>
    payload.kind === "CP" ? { ...payload, attributes: wishes } : payload
  );
  const back = again.request(ExchangeType.IKE_AUTH, [...again.pairProof(pair), ...payloads]);
  const left = timeoutIn(back);
  ok(left > 6500 && left <= 6600, String(left));
});
