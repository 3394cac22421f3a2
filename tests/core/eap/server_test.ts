/** The gateway's side of EAP: a recorded conversation, our own client, and everything that goes wrong. */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import type { OwnedBytes } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { EapClient } from "../../../core/eap/client.ts";
import type { EapStep } from "../../../core/eap/conversation.ts";
import { ntHash, verifyMschapv2 } from "../../../core/eap/ms_chap.ts";
import { Mschapv2Server } from "../../../core/eap/mschapv2.ts";
import { Mschapv2Client } from "../../../core/eap/mschapv2_client.ts";
import { buildEapPacket, parseEapPacket } from "../../../core/eap/packet.ts";
import { EapServer } from "../../../core/eap/server.ts";
import type { Verdict } from "../../../core/gateway/question.ts";
import { limits } from "../../../core/limits.ts";
import type { Random } from "../../../core/random.ts";
import { hex, toHex } from "../../support/hex.ts";
import { bitFlips, truncations } from "../../support/mutate.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";

interface Recording {
  readonly auth: { readonly auth_shared_secret: string };
  readonly messages: readonly {
    readonly decrypted?: { readonly inner_payloads?: readonly { type: number; body: string }[] };
  }[];
}

const recording = readVectorJson<Recording>(
  "own/strongswan-recordings/eap-mschapv2-ikegcm-espcbc.expected.json",
);

function eapPackets(of: Recording): OwnedBytes[] {
  return of.messages.flatMap(({ decrypted }) => decrypted?.inner_payloads ?? [])
    .filter(({ type }) => type === 48).map(({ body }) => hex(body));
}

/** Gives the octets it was told to, for replaying what another program drew. */
function scripted(...draws: readonly Uint8Array[]): Random {
  let next = 0;
  return {
    bytes(length: number): OwnedBytes {
      const draw = draws[next++];
      if (draw?.length !== length) throw new RangeError(`no draw of ${length} octets`);
      return draw.slice();
    },
  };
}

/** What AAA would say about a user with this password. */
function judge(step: EapStep, password: string): Verdict {
  ok(step.kind === "verify" && step.credential.kind === "mschapv2");
  const proof = verifyMschapv2(nobleProvider, ntHash(password), step.credential, step.userName);
  if (proof === undefined) return { kind: "reject" };
  return { kind: "accept", attributes: { group: "staff" }, mschapv2: proof };
}

function packetOf(step: EapStep): OwnedBytes {
  ok("packet" in step, step.kind);
  return step.packet;
}

function newServer(asksIdentity = true, firstIdentifier = 1): EapServer {
  const method = new Mschapv2Server({ random: new SeededRandom(7), serverName: "gw.test" });
  return new EapServer({ method, asksIdentity, firstIdentifier });
}

function newClient(password = "alicepw", userName = "alice"): EapClient {
  const options = { crypto: nobleProvider, random: new SeededRandom(9), userName, password };
  return new EapClient(userName, new Mschapv2Client(options));
}

/** Runs both sides against each other; gives the last step of each. */
function run(server: EapServer, client: EapClient, password: string): {
  server: EapStep;
  client: ReturnType<EapClient["handle"]>;
  packets: string[];
} {
  const packets: string[] = [];
  let step = server.start();
  for (;;) {
    if (step.kind === "verify") step = server.complete(judge(step, password));
    packets.push(toHex(packetOf(step)));
    const answer = client.handle(packetOf(step));
    if (answer.kind !== "respond") return { server: step, client: answer, packets };
    packets.push(toHex(answer.packet));
    step = server.handle(answer.packet);
  }
}

vectorTest(
  "a recorded conversation is answered octet by octet as strongSwan did",
  recording,
  (r) => {
    const [identityRequest, identity, challenge, response, success, ack, end] = eapPackets(r);
    ok(identityRequest && identity && challenge && response && success && ack && end);
    const method = new Mschapv2Server({
      random: scripted(challenge.subarray(10, 26)),
      serverName: "strongSwan",
    });
    // Identifiers: 0 in the Identity round, then from 0x27 on, as that program chose.
    const server = new EapServer({ method, asksIdentity: false, firstIdentifier: challenge[1]! });
    equal(toHex(packetOf(server.start())), toHex(challenge));
    const asked = server.handle(response);
    ok(asked.kind === "verify");
    equal(asked.userName, "alice");
    const verdict = judge(asked, "alicepw");
    const proof = server.complete(verdict);
    ok(proof.kind === "request");
    const said = /^S=[0-9A-F]{40} /;
    const textIn = (packet: Uint8Array): string => new TextDecoder().decode(packet.subarray(9));
    equal(said.exec(textIn(proof.packet))?.[0], said.exec(textIn(success))?.[0]);
    const done = server.handle(ack);
    ok(done.kind === "success");
    equal(toHex(done.packet), toHex(end));
    equal(toHex(done.msk ?? hex("")), r.auth.auth_shared_secret);
    equal(done.userName, "alice");
    deepEqual(done.attributes, { group: "staff" });
  },
);

vectorTest("a recorded gateway is answered as strongSwan's client did", recording, (r) => {
  const [identityRequest, identity, challenge, response, success, ack, end] = eapPackets(r);
  ok(identityRequest && identity && challenge && response && success && ack && end);
  const random = scripted(response.subarray(10, 26));
  const options = { crypto: nobleProvider, random, userName: "alice", password: "alicepw" };
  const client = new EapClient("alice", new Mschapv2Client(options));
  for (const [request, answer] of [[identityRequest, identity], [challenge, response]] as const) {
    deepEqual(client.handle(request), { kind: "respond", packet: answer });
  }
  deepEqual(client.handle(success), { kind: "respond", packet: ack });
  deepEqual(client.handle(end), { kind: "success", msk: hex(r.auth.auth_shared_secret) });
});

Deno.test("client and gateway agree on the MSK, with and without an Identity round", () => {
  for (const asksIdentity of [true, false]) {
    const server = newServer(asksIdentity);
    const { server: step, client, packets } = run(server, newClient(), "alicepw");
    ok(step.kind === "success" && client.kind === "success");
    deepEqual(step.msk, client.msk);
    equal(step.userName, "alice");
    equal(server.identity, asksIdentity ? "alice" : undefined);
    equal(packets.length, asksIdentity ? 7 : 5);
    // Identifiers count up from the first, and EAP-Success has the last one's.
    deepEqual(
      packets.map((packet) => packet.slice(2, 4)),
      asksIdentity ? ["01", "01", "02", "02", "03", "03", "03"] : ["01", "01", "02", "02", "02"],
    );
  }
});

Deno.test("identifiers wrap after 255", () => {
  const { server } = run(newServer(true, 254), newClient(), "alicepw");
  ok(server.kind === "success");
  equal(toHex(server.packet), "03000004");
});

Deno.test("a user with a Windows domain is asked for by the whole name", () => {
  const { server, client } = run(newServer(), newClient("alicepw", "OFFICE\\alice"), "alicepw");
  ok(server.kind === "success" && client.kind === "success");
  equal(server.userName, "OFFICE\\alice");
  deepEqual(server.msk, client.msk);
});

Deno.test("a wrong password gets error 691 without retry, an answer, and EAP-Failure", () => {
  const { server, client, packets } = run(newServer(), newClient("wrong"), "alicepw");
  ok(server.kind === "failure");
  equal(server.reason, "wrong-password");
  equal(toHex(server.packet), "04030004");
  deepEqual(client, { kind: "failure", reason: "wrong-password" });
  const failure = parseEapPacket(hex(packets.at(-3) ?? ""));
  ok(failure.ok && failure.value.kind === "request");
  equal(failure.value.data[0], 4);
  const text = new TextDecoder().decode(failure.value.data.subarray(4));
  ok(/^E=691 R=0 C=[0-9A-F]{32} V=3 M=/.test(text), text);
});

Deno.test("the words of AAA go with error 691", () => {
  const server = newServer(false);
  const answer = newClient().handle(packetOf(server.start()));
  ok(answer.kind === "respond");
  equal(server.handle(answer.packet).kind, "verify");
  const step = server.complete({ kind: "reject", message: "The account is disabled." });
  const text = new TextDecoder().decode(packetOf(step).subarray(9));
  ok(/^E=691 R=0 C=[0-9A-F]{32} V=3 M=The account is disabled\.$/.test(text), text);
});

Deno.test("a client refuses a gateway that does not know the password", () => {
  const server = newServer(false);
  const client = newClient();
  const answer = client.handle(packetOf(server.start()));
  ok(answer.kind === "respond");
  equal(server.handle(answer.packet).kind, "verify");
  const mschapv2 = { authenticatorResponse: `S=${"0".repeat(40)}`, msk: new Uint8Array(64) };
  const step = server.complete({ kind: "accept", attributes: {}, mschapv2 });
  deepEqual(client.handle(packetOf(step)), {
    kind: "failure",
    reason: "gateway-does-not-know-the-password",
  });
});

Deno.test("RFC 3748 §4.2: a client does not believe a Success that comes too early", () => {
  deepEqual(newClient().handle(hex("03010004")), { kind: "failure", reason: "success-too-early" });
});

Deno.test("RFC 3748 §5.3.1: a client names its method when it is offered another", () => {
  deepEqual(newClient().handle(hex("0105000a04" + "0411223344")), {
    kind: "respond",
    packet: hex("02050006031a"),
  });
});

Deno.test("RFC 3748 §5.2: a client acknowledges a notification", () => {
  deepEqual(newClient().handle(hex("010500080268656c")), {
    kind: "respond",
    packet: hex("0205000502"),
  });
});

Deno.test("RFC 3748 §5.3: a Nak ends the conversation, since there is no other method", () => {
  for (const nak of ["02020006030d", "02020014fe00000000000003fe00000900000001"]) {
    const server = newServer();
    server.start();
    server.handle(hex("0201000a01616c696365"));
    const step = server.handle(hex(nak));
    ok(step.kind === "failure");
    equal(step.reason, "method-refused");
    equal(toHex(step.packet), "04020004");
    deepEqual(server.handle(hex(nak)), { kind: "ignore" });
  }
});

Deno.test("RFC 3748 §4.1: wrong identifiers, requests and duplicates change nothing", () => {
  const server = newServer();
  const client = newClient();
  const first = packetOf(server.start());
  deepEqual(server.lastRequest, first);
  const identity = client.handle(first);
  ok(identity.kind === "respond");
  for (const wrong of ["0202000a01616c696365", "0101000a01616c696365", "03010004", "0201", ""]) {
    deepEqual(server.handle(hex(wrong)), { kind: "ignore" }, wrong);
  }
  const challenge = packetOf(server.handle(identity.packet));
  deepEqual(server.handle(identity.packet), { kind: "ignore" });
  deepEqual(server.lastRequest, challenge);
  const response = client.handle(challenge);
  ok(response.kind === "respond");
  const asked = server.handle(response.packet);
  equal(asked.kind, "verify");
  deepEqual(server.handle(response.packet), { kind: "ignore" });
  const success = server.complete(judge(asked, "alicepw"));
  equal(success.kind, "request");
  deepEqual(server.complete({ kind: "reject" }), { kind: "ignore" });
  deepEqual(server.handle(response.packet), { kind: "ignore" });
});

Deno.test("the identity of the Identity round is kept up to a NUL and a limit", () => {
  const server = newServer();
  server.start();
  equal(server.handle(hex("0201000c01616c69636500ff")).kind, "request");
  equal(server.identity, "alice");
  const other = newServer();
  other.start();
  const data = new Uint8Array(254).fill(0x61);
  const method = { type: 1 };
  const step = other.handle(buildEapPacket({ kind: "response", identifier: 1, method, data }));
  ok(step.kind === "failure");
  equal(step.reason, "identity-too-long");
});

Deno.test("limits.eapRounds: a conversation of nonsense ends", () => {
  const server = newServer();
  server.start();
  for (let i = 0; i < limits.eapRounds; i++) equal(server.handle(hex("00")).kind, "ignore");
  const step = server.handle(hex("00"));
  ok(step.kind === "failure");
  equal(step.reason, "too-many-rounds");
});

Deno.test("AAA that cannot be asked, gives no key, or wants more answers, means EAP-Failure", () => {
  for (
    const finish of [
      (server: EapServer): EapStep => server.abandon("aaa-unavailable"),
      (server: EapServer): EapStep => server.complete({ kind: "accept", attributes: {} }),
      (server: EapServer): EapStep => server.complete({ kind: "challenge", message: "Code?" }),
    ]
  ) {
    const server = newServer(false);
    const answer = newClient().handle(packetOf(server.start()));
    ok(answer.kind === "respond");
    equal(server.handle(answer.packet).kind, "verify");
    const step = finish(server);
    ok(step.kind === "failure");
    equal(toHex(step.packet), "04010004");
    notEqual(step.reason, "");
  }
});

Deno.test("a peer that rejects our proof, or has no name, is not let in", () => {
  const server = newServer(false);
  const answer = newClient().handle(packetOf(server.start()));
  ok(answer.kind === "respond");
  server.complete(judge(server.handle(answer.packet), "alicepw"));
  const refused = server.handle(hex("020200061a04"));
  ok(refused.kind === "failure");
  equal(refused.reason, "refused-by-peer");

  const other = newServer(false);
  const nameless = newClient("alicepw", "").handle(packetOf(other.start()));
  ok(nameless.kind === "respond");
  const step = other.handle(nameless.packet);
  ok(step.kind === "failure");
  equal(step.reason, "no-user-name");
});

Deno.test("no mutant of any packet throws on either side, and none logs in", () => {
  const { packets } = run(newServer(), newClient(), "alicepw");
  packets.forEach((packet, position) => {
    const seed = hex(packet);
    for (const { name, bytes } of [...bitFlips(seed), ...truncations(seed)]) {
      const server = newServer();
      const client = newClient();
      // Both sides as they stood before this packet.
      let step = server.start();
      for (let i = 0; i < position; i++) {
        if (i % 2 === 0) client.handle(hex(packets[i]!));
        else step = server.handle(hex(packets[i]!));
        if (step.kind === "verify") step = server.complete(judge(step, "alicepw"));
      }
      if (position % 2 === 0) {
        const outcome = client.handle(bytes);
        ok(outcome.kind !== "success" || position === 6, `client, packet ${position}, ${name}`);
      } else {
        const outcome = server.handle(bytes);
        ok(outcome.kind !== "success" || position === 5, `server, packet ${position}, ${name}`);
        if (outcome.kind === "verify" && position === 3) {
          const isSameName = outcome.userName === "alice";
          const { kind } = judge(outcome, "alicepw");
          // Only what MS-CHAPv2 does not cover may change: the reserved octets, the flags, lengths.
          ok(kind === "reject" || isSameName, name);
        }
      }
    }
  });
});
