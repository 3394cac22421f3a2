/** EAP in RADIUS attributes: what is asked, and what lying, broken and contradicting answers are worth. */
import assert from "node:assert/strict";
import { RadiusClient } from "../../../../appliance/aaa/radius/client.ts";
import { udpServer } from "../../../../appliance/aaa/radius/servers.ts";
import { type Plan, planOf, rejection } from "../../../../appliance/aaa/radius/credentials.ts";
import {
  type Attribute,
  Code,
  type RadiusPacket,
  readNumber32,
  valuesOf,
} from "../../../../appliance/aaa/radius/packet.ts";
import { RadiusVerifier } from "../../../../appliance/aaa/radius/verifier.ts";
import { systemClock } from "../../../../appliance/clock.ts";
import { providerOfMachine } from "../../../../appliance/crypto.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import {
  concatBytes,
  type Credential,
  hexOf,
  parseHex,
  parseIpAddress,
  utf8,
} from "../../../../core/mod.ts";
import { silentLog } from "./support.ts";

const options = { crypto: providerOfMachine(), random: systemRandom, passwords: "pap" } as const;

function eap(packet: Uint8Array, state?: Uint8Array): Credential & { readonly kind: "eap" } {
  return { kind: "eap", packet, state };
}

function planFor(packet: Uint8Array, state?: Uint8Array): Plan {
  return planOf(options, "alice", eap(packet, state)) ?? assert.fail("no plan");
}

/** An EAP response of this length in all. */
function response(length: number): Uint8Array {
  const packet = new Uint8Array(length).map((_, i) => i);
  packet.set([2, 7, length >> 8, length & 0xff, 13]);
  return packet;
}

function packet(code: number, ...attributes: Attribute[]): RadiusPacket {
  return { code, identifier: 0, authenticator: new Uint8Array(16), attributes };
}

/** EAP-Message attributes of these digits. */
function messages(...parts: string[]): Attribute[] {
  return parts.map((digits) => ({
    name: "EAP-Message",
    value: parseHex(digits) ?? assert.fail(digits),
  }));
}

function key(name: "MS-MPPE-Recv-Key" | "MS-MPPE-Send-Key", length: number): Attribute {
  const value = new Uint8Array(length).fill(name === "MS-MPPE-Recv-Key" ? 1 : 2);
  return { name, value };
}

const plan = planFor(response(6));
const accepted = (...attributes: Attribute[]): ReturnType<Plan["settle"]> =>
  plan.settle(packet(Code.ACCESS_ACCEPT, ...attributes));

Deno.test("RFC 3579 §3.1: a packet is cut into values of 253 octets, in order", () => {
  for (
    const [length, sizes] of [[6, [6]], [253, [253]], [254, [253, 1]], [1000, [
      253,
      253,
      253,
      241,
    ]]] as const
  ) {
    const sent = planFor(response(length));
    const values = sent.attributes.filter(({ name }) => name === "EAP-Message")
      .map(({ value }) => value);
    assert.deepEqual(values.map((value) => value.length), sizes);
    assert.equal(hexOf(concatBytes(...values)), hexOf(response(length)));
    assert.ok(sent.attributes.every(({ name }) => name !== "User-Password" && name !== "State"));
  }
});

Deno.test("RFC 3579 §3.2: an answer to EAP must be signed, one about a password as the flag says", () => {
  assert.equal(plan.mustBeSigned, true);
  const form = planOf(options, "alice", { kind: "password", password: "p" });
  assert.equal(form?.mustBeSigned, undefined);
});

Deno.test("RFC 3579 §2.4: Framed-MTU lets a server's packet fit into one IKE message", () => {
  const [value] = valuesOf(packet(Code.ACCESS_REQUEST, ...plan.attributes), "Framed-MTU");
  assert.equal(readNumber32(value ?? assert.fail()), 1020);
});

Deno.test("a packet that fits into no request is not asked about", () => {
  assert.ok(planOf(options, "alice", eap(response(3072))) !== undefined);
  assert.equal(planOf(options, "alice", eap(response(3073))), undefined);
});

Deno.test("the longest packet goes out with the longest names and state, and the state to its server", async () => {
  const client = new RadiusClient({
    servers: [9, 9].map((port) =>
      udpServer({ address: parseIpAddress("127.0.0.1")!, port }, () => utf8("s"), {
        source: undefined,
        allowUnsigned: true,
      })
    ),
    balance: "in-order",
    purpose: "access",
    status: undefined,
    times: { timeoutMs: 60, deadMs: 60_000, firstPauseMs: 40 },
    random: systemRandom,
    clock: systemClock,
    log: silentLog,
  });
  let asked = 0;
  const verifier = new RadiusVerifier({
    ...options,
    client,
    log: silentLog,
    nasIdentifier: "g".repeat(253),
    ignoresUnknown: false,
    accessLists: new Map(),
    // Whoever falls back would be let in by these.
    local: {
      verify: () => {
        asked += 1;
        return Promise.resolve({ kind: "accept", attributes: {} });
      },
    },
    fallsBack: true,
  });
  const context = {
    remote: { address: parseIpAddress("2001:db8::1")!, port: 4500 },
    signal: new AbortController().signal,
  };
  try {
    const state = concatBytes(Uint8Array.of(1), new Uint8Array(253).fill(3));
    await assert.rejects(
      verifier.verify("n".repeat(253), eap(response(3072), state), context),
      /no RADIUS server answered/,
    );
    // One server alone has the conversation, and local users cannot go on with it.
    assert.equal(client.counters.get("requests"), 1);
    assert.equal(asked, 0);
    await assert.rejects(verifier.verify("alice", eap(response(6)), context), /no RADIUS server/);
    assert.equal(client.counters.get("requests"), 3);
    const long = await verifier.verify("alice", eap(response(3073)), context);
    assert.deepEqual(long, { kind: "reject" });
  } finally {
    client.close();
  }
});

Deno.test("a challenge is the server's packet joined, with its state and who it was", () => {
  const state: Attribute = { name: "State", value: utf8("s") };
  const challenge = packet(Code.ACCESS_CHALLENGE, ...messages("01090008", "0d200102"), state);
  const verdict = plan.challenge(challenge, 2);
  assert.ok(verdict.kind === "eap-request");
  assert.equal(hexOf(verdict.packet), "010900080d200102");
  assert.equal(hexOf(verdict.state ?? new Uint8Array()), "0273");
  const next = planFor(response(6), verdict.state);
  assert.equal(next.server, 2);
  assert.deepEqual(valuesOf(packet(Code.ACCESS_REQUEST, ...next.attributes), "State"), [utf8("s")]);
  // A server without state is still the only one that knows.
  const bare = plan.challenge(packet(Code.ACCESS_CHALLENGE, ...messages("010900060d20")), 1);
  assert.ok(bare.kind === "eap-request");
  const again = planFor(response(6), bare.state);
  assert.equal(again.server, 1);
  assert.deepEqual(valuesOf(packet(Code.ACCESS_REQUEST, ...again.attributes), "State"), []);
});

for (
  const [what, parts] of [
    ["none", []],
    ["an empty one", [""]],
    ["three octets", ["010900"]],
    ["a length that lies", ["0109000a0d20"]],
    ["a part that is missing", ["0109010a", "0d20"]],
    ["EAP-Success", ["03090004"]],
    ["EAP-Failure", ["04090004"]],
    ["a response", ["020900060d20"]],
    ["an unknown code", ["050900060d20"]],
  ] as const
) {
  Deno.test(`RFC 3579 §2.6.3: a challenge without a request is none: ${what}`, () => {
    assert.throws(
      () => plan.challenge(packet(Code.ACCESS_CHALLENGE, ...messages(...parts)), 0),
      /challenged without EAP/,
    );
  });
  if (what === "EAP-Success") continue;
  Deno.test(`RFC 3579 §2.6.3: an accept without EAP-Success is none: ${what}`, () => {
    const keys = [key("MS-MPPE-Recv-Key", 32), key("MS-MPPE-Send-Key", 32)];
    assert.throws(() => accepted(...messages(...parts), ...keys), /accepted without EAP-Success/);
  });
}

Deno.test("RFC 2548 §2.4.2: the MSK is the receive key and then the send key, with zeros if short", () => {
  for (const [length, rest] of [[32, 0], [16, 32]] as const) {
    const { eap } = accepted(
      key("MS-MPPE-Send-Key", length),
      key("MS-MPPE-Recv-Key", length),
      ...messages("03090004"),
    );
    assert.equal(hexOf(eap?.packet ?? new Uint8Array()), "03090004");
    assert.equal(
      hexOf(eap?.msk ?? new Uint8Array()),
      "01".repeat(length) + "02".repeat(length) + "00".repeat(rest),
    );
  }
});

Deno.test("an accept without keys is one of a method that makes none", () => {
  assert.deepEqual(accepted(...messages("03090004")), {
    eap: { packet: Uint8Array.of(3, 9, 0, 4) },
  });
});

for (
  const [what, keys] of [
    ["no send key", [key("MS-MPPE-Recv-Key", 32)]],
    ["no receive key", [key("MS-MPPE-Send-Key", 32)]],
    ["two receive keys", [key("MS-MPPE-Recv-Key", 32), key("MS-MPPE-Recv-Key", 32)]],
    ["empty keys", [key("MS-MPPE-Recv-Key", 0), key("MS-MPPE-Send-Key", 0)]],
    ["keys of 31 octets", [key("MS-MPPE-Recv-Key", 31), key("MS-MPPE-Send-Key", 31)]],
    ["keys of 64 octets", [key("MS-MPPE-Recv-Key", 64), key("MS-MPPE-Send-Key", 64)]],
    ["unlike keys", [key("MS-MPPE-Recv-Key", 32), key("MS-MPPE-Send-Key", 16)]],
  ] as const
) {
  Deno.test(`keys that the peer cannot have let nobody in: ${what}`, () => {
    assert.throws(() => accepted(...messages("03090004"), ...keys), /unusable keys/);
  });
}

Deno.test("a reject has the server's EAP-Failure and nothing else of EAP", () => {
  assert.deepEqual(rejection(packet(Code.ACCESS_REJECT, ...messages("04090004"))), {
    kind: "reject",
    eapPacket: Uint8Array.of(4, 9, 0, 4),
  });
  for (const digits of ["03090004", "010900060d20", "0409", ""]) {
    assert.deepEqual(rejection(packet(Code.ACCESS_REJECT, ...messages(digits))), {
      kind: "reject",
    });
  }
});
