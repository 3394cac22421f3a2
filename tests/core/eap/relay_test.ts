/** EAP by way of a server: a whole login, and everything that a peer or a server may do to it. */
import { deepEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import { type OwnedBytes, textOf, utf8 } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { EapClient } from "../../../core/eap/client.ts";
import type { EapStep } from "../../../core/eap/conversation.ts";
import { ntHash } from "../../../core/eap/ms_chap.ts";
import { Mschapv2Client } from "../../../core/eap/mschapv2_client.ts";
import { buildEapPacket, parseEapPacket } from "../../../core/eap/packet.ts";
import { EapRelay } from "../../../core/eap/relay.ts";
import type { Verdict } from "../../../core/gateway/question.ts";
import { limits } from "../../../core/limits.ts";
import { hex, toHex } from "../../support/hex.ts";
import { bitFlips, truncations } from "../../support/mutate.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { SimEapServer } from "../../support/sim_eap_server.ts";

const FIRST = 0x30;

function newServer(offersFirst?: number): SimEapServer {
  return new SimEapServer({
    crypto: nobleProvider,
    random: new SeededRandom(5),
    hashOf: (name) => name === "alice" ? ntHash("alicepw") : undefined,
    attributesOf: () => ({ group: "staff" }),
    ...(offersFirst === undefined ? {} : { offersFirst }),
  });
}

function newClient(password = "alicepw"): EapClient {
  const random = new SeededRandom(9);
  const options = { crypto: nobleProvider, random, userName: "alice", password };
  return new EapClient("alice", new Mschapv2Client(options));
}

function packetOf(step: EapStep): OwnedBytes {
  ok("packet" in step, step.kind);
  return step.packet;
}

function reasonOf(step: EapStep): string {
  ok(step.kind === "failure", step.kind);
  return step.reason;
}

/** Runs all three against each other to the end. */
function run(server: SimEapServer, client: EapClient): {
  step: EapStep;
  end: ReturnType<EapClient["handle"]>;
  packets: string[];
} {
  const relay = new EapRelay(FIRST);
  const packets: string[] = [];
  let step = relay.start();
  for (;;) {
    if (step.kind === "verify") {
      ok(step.credential.kind === "eap");
      equal(step.userName, "alice");
      step = relay.complete(server.verify(step.credential));
    }
    packets.push(toHex(packetOf(step)));
    const end = client.handle(packetOf(step));
    if (end.kind !== "respond") return { step, end, packets };
    packets.push(toHex(end.packet));
    step = relay.handle(end.packet);
  }
}

/** Responses of a peer, by what follows the identifier. */
const identity = (name = "alice", identifier = FIRST): OwnedBytes =>
  buildEapPacket({ kind: "response", identifier, method: { type: 1 }, data: utf8(name) });
const response = (identifier: number, octets = 1, type = 13): OwnedBytes =>
  buildEapPacket({
    kind: "response",
    identifier,
    method: { type },
    data: new Uint8Array(octets),
  });
const request = (identifier: number, octets = 1): Verdict & { readonly kind: "eap-request" } => ({
  kind: "eap-request",
  packet: buildEapPacket({
    kind: "request",
    identifier,
    method: { type: 13 },
    data: new Uint8Array(octets),
  }),
  state: utf8(`state ${identifier}`),
});
const success = hex("03500004");

/** A relay whose server is being asked about the identity. */
function asked(): EapRelay {
  const relay = new EapRelay(FIRST);
  relay.start();
  equal(relay.handle(identity()).kind, "verify");
  return relay;
}

Deno.test("RFC 3748 §2.3: a method between peer and server logs in, and its MSK is the peer's", () => {
  const { step, end, packets } = run(newServer(), newClient());
  ok(step.kind === "success" && end.kind === "success");
  deepEqual(step.msk, end.msk);
  equal(step.msk?.length, 64);
  equal(step.userName, "alice");
  deepEqual(step.attributes, { group: "staff" });
  // The Identity round has our identifier, all that follows the server's.
  deepEqual(
    packets.map((packet) => packet.slice(2, 4)),
    ["30", "30", "58", "58", "59", "59", "59"],
  );
});

Deno.test("RFC 3748 §5.3.1: a Nak goes to the server, which may offer another method", () => {
  const { step, end, packets } = run(newServer(13), newClient());
  equal(packets[2], "013700060d20");
  equal(packets[3], "02370006031a");
  ok(step.kind === "success" && end.kind === "success");
  deepEqual(step.msk, end.msk);
});

Deno.test("a wrong password gets the server's own words and its EAP-Failure", () => {
  const { step, end, packets } = run(newServer(), newClient("wrong"));
  equal(reasonOf(step), "rejected-by-server");
  equal(toHex(packetOf(step)), "04590004");
  deepEqual(end, { kind: "failure", reason: "wrong-password" });
  ok(textOf(hex(packets.at(-3) ?? "")).includes("E=691"));
});

Deno.test("packets go to the server whole, without padding, with the state of its last one", () => {
  const relay = new EapRelay(FIRST);
  deepEqual(relay.start(), { kind: "request", packet: hex("0130000501") });
  const padded = hex(`${toHex(identity())}ffff`);
  const first = relay.handle(padded);
  padded.fill(0);
  deepEqual(first, {
    kind: "verify",
    userName: "alice",
    credential: { kind: "eap", packet: identity(), state: undefined },
  });
  const { packet, state } = request(7);
  const carried = relay.complete({ kind: "eap-request", packet, state: state! });
  const expected = toHex(packet);
  // What the verdict had may be reused by whoever gave it.
  packet.fill(0);
  state!.fill(0);
  equal(toHex(packetOf(carried)), expected);
  equal(toHex(relay.lastRequest!), expected);
  const second = relay.handle(response(7));
  ok(second.kind === "verify" && second.credential.kind === "eap");
  equal(textOf(second.credential.state!), "state 7");
  deepEqual(second.credential.packet, response(7));
  // A request without a state leaves none of the one before.
  relay.complete({ kind: "eap-request", packet: request(8).packet });
  const third = relay.handle(response(8));
  ok(third.kind === "verify" && third.credential.kind === "eap");
  equal(third.credential.state, undefined);
});

Deno.test("RFC 3748 §4.1: what is no response to the last request changes nothing", () => {
  const relay = new EapRelay(FIRST);
  relay.start();
  for (
    const wrong of [
      ...["", "02", "02300003", "0230ffff01", "0130000501", "03300004", "0230000403"],
      toHex(identity("alice", FIRST + 1)), // another identifier
      toHex(response(FIRST)), // no identity
    ]
  ) deepEqual(relay.handle(hex(wrong)), { kind: "ignore" }, wrong);
  equal(relay.handle(identity()).kind, "verify");
  // While the server is being asked nothing else goes there.
  deepEqual(relay.handle(identity()), { kind: "ignore" });
  relay.complete(request(7));
  deepEqual(relay.complete({ kind: "reject" }), { kind: "ignore" });
  deepEqual(relay.handle(identity()), { kind: "ignore" });
  deepEqual(relay.handle(response(8)), { kind: "ignore" });
  equal(relay.handle(response(7)).kind, "verify");
  deepEqual(relay.handle(response(7)), { kind: "ignore" });
  deepEqual(relay.granted(), { kind: "ignore" });
  const done = relay.complete({ kind: "accept", attributes: {}, eap: { packet: success } });
  equal(done.kind, "success");
  deepEqual(relay.handle(response(7)), { kind: "ignore" });
  deepEqual(relay.complete(request(9)), { kind: "ignore" });
});

Deno.test("calls before the start change nothing, and a second start is a bug", () => {
  const relay = new EapRelay(FIRST);
  deepEqual(relay.handle(identity()), { kind: "ignore" });
  deepEqual(relay.complete({ kind: "reject" }), { kind: "ignore" });
  relay.start();
  throws(() => relay.start());
});

Deno.test("an identity that is no name ends the login before the server hears of it", () => {
  for (
    const [name, reason] of [
      ["", "identity-is-no-name"],
      ["\0alice", "identity-is-no-name"],
      ["al\u001bice", "identity-is-no-name"],
      ["al\nice", "identity-is-no-name"],
      ["x".repeat(254), "identity-too-long"],
    ] as const
  ) {
    const relay = new EapRelay(FIRST);
    relay.start();
    const step = relay.handle(identity(name));
    equal(reasonOf(step), reason, JSON.stringify(name));
    equal(toHex(packetOf(step)), "04300004");
  }
  const relay = new EapRelay(FIRST);
  relay.start();
  const step = relay.handle(identity("alice\0options"));
  ok(step.kind === "verify");
  equal(step.userName, "alice");
});

Deno.test("limits.eapRelayRounds: a conversation that does not end is ended", () => {
  const relay = asked();
  relay.complete(request(0));
  for (let round = 1; round < limits.eapRelayRounds; round++) {
    equal(relay.handle(response((round - 1) & 0xff)).kind, "verify");
    equal(relay.complete(request(round & 0xff)).kind, "request");
  }
  equal(reasonOf(relay.handle(response((limits.eapRelayRounds - 1) & 0xff))), "too-many-rounds");
  // Nonsense counts too.
  const other = new EapRelay(FIRST);
  other.start();
  for (let i = 0; i < limits.eapRelayRounds; i++) equal(other.handle(hex("00")).kind, "ignore");
  equal(reasonOf(other.handle(identity())), "too-many-rounds");
});

Deno.test("limits.eapRelayBytes: longer packets end the login on either side", () => {
  const most = limits.eapRelayBytes;
  const relay = asked();
  equal(relay.complete(request(7, most)).kind, "request");
  equal(relay.handle(response(7, most)).kind, "verify");
  relay.complete(request(8));
  equal(reasonOf(relay.handle(response(8, most + 1))), "packet-too-long");
  equal(reasonOf(asked().complete(request(7, most + 1))), "unusable-packet-of-server");
});

Deno.test("RFC 3579 §2.6.3: an accept lets in with EAP-Success alone", () => {
  for (
    const packet of [
      undefined,
      "",
      "04500004", // EAP-Failure
      "015000060d20", // one more request
      "025000060d20",
      "0350", // cut off
      "035000ff", // a length that lies
    ]
  ) {
    const eap = packet === undefined
      ? {}
      : { eap: { packet: hex(packet), msk: new Uint8Array(64) } };
    const step = asked().complete({ kind: "accept", attributes: {}, ...eap });
    equal(reasonOf(step), "accept-without-success", packet);
    equal(toHex(packetOf(step)), "04300004");
  }
});

Deno.test("RFC 3748 §7.10: a key of less than 64 octets is none", () => {
  for (const length of [0, 32, 63]) {
    const eap = { packet: success, msk: new Uint8Array(length) };
    equal(reasonOf(asked().complete({ kind: "accept", attributes: {}, eap })), "key-too-short");
  }
});

Deno.test("an accept has the server's Success, a copy of the key, and the server's name for the user", () => {
  const msk = new Uint8Array(64).fill(7);
  const attributes = { group: "staff" };
  const step = asked().complete({
    kind: "accept",
    attributes,
    userName: "alice@example.test",
    eap: { packet: success, msk },
  });
  msk.fill(0);
  deepEqual(step, {
    kind: "success",
    packet: success,
    userName: "alice@example.test",
    attributes,
    msk: new Uint8Array(64).fill(7),
  });
  const plain = asked().complete({ kind: "accept", attributes, eap: { packet: success } });
  deepEqual(plain, {
    kind: "success",
    packet: success,
    userName: "alice",
    attributes,
    msk: undefined,
  });
});

Deno.test("a reject carries the server's EAP-Failure, or ours where it has none", () => {
  for (
    const [eapPacket, sent] of [
      ["04770004", "04770004"],
      [undefined, "04300004"],
      ["03770004", "04300004"], // EAP-Success
      ["017700060d20", "04300004"],
      ["0477", "04300004"],
    ] as const
  ) {
    const given = eapPacket === undefined ? {} : { eapPacket: hex(eapPacket) };
    const step = asked().complete({ kind: "reject", ...given });
    equal(reasonOf(step), "rejected-by-server");
    equal(toHex(packetOf(step)), sent);
  }
});

Deno.test("a challenge without a packet, or with one that is no request, ends the login", () => {
  const wrong: readonly Verdict[] = [
    { kind: "challenge", message: "Code?" },
    ...["", "025000060d20", "03500004", "0150000a0d20"].map((packet): Verdict => ({
      kind: "eap-request",
      packet: hex(packet),
    })),
  ];
  for (const verdict of wrong) notEqual(reasonOf(asked().complete(verdict)), "");
});

Deno.test("a server that is silent means EAP-Failure under the peer's identifier", () => {
  const relay = asked();
  relay.complete(request(0x61));
  equal(relay.handle(response(0x61)).kind, "verify");
  const step = relay.abandon("aaa-failed");
  equal(reasonOf(step), "aaa-failed");
  equal(toHex(packetOf(step)), "04610004");
  deepEqual(relay.handle(response(0x61)), { kind: "ignore" });
});

Deno.test("no mutant of a peer's packet throws or reaches the server under another identifier", () => {
  const { packets } = run(newServer(13), newClient());
  const seeds = packets.filter((_, i) => i % 2 === 1).map(hex);
  for (const seed of seeds) {
    const identifier = seed[1]!;
    for (const { name, bytes } of [...bitFlips(seed), ...truncations(seed)]) {
      const relay = asked();
      relay.complete(request(identifier));
      const step = relay.handle(bytes);
      ok(step.kind === "verify" || step.kind === "ignore", name);
      if (step.kind === "ignore") continue;
      ok(step.credential.kind === "eap");
      const sent = parseEapPacket(step.credential.packet);
      ok(sent.ok && sent.value.kind === "response" && sent.value.identifier === identifier, name);
    }
  }
});

Deno.test("no mutant of a server's packet throws, and none logs in or shows another kind", () => {
  for (const seed of [request(7, 3).packet, success, hex("04500004")]) {
    for (const { name, bytes } of [...bitFlips(seed), ...truncations(seed)]) {
      const parsed = parseEapPacket(bytes);
      const kind = parsed.ok ? parsed.value.kind : undefined;
      const carried = asked().complete({ kind: "eap-request", packet: bytes });
      equal(carried.kind === "request", kind === "request", name);
      const eap = { packet: bytes };
      const accepted = asked().complete({ kind: "accept", attributes: {}, eap });
      equal(accepted.kind === "success", kind === "success", name);
      const rejected = asked().complete({ kind: "reject", eapPacket: bytes });
      equal(packetOf(rejected)[0], 4, name);
    }
  }
});
