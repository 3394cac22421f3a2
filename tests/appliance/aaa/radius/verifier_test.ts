/** What becomes of answers, without a server: attributes, proofs, challenges, secrets. */
import assert from "node:assert/strict";
import { challengeState, planOf } from "../../../../appliance/aaa/radius/credentials.ts";
import { type Attribute, Code, number32 } from "../../../../appliance/aaa/radius/packet.ts";
import type { RadiusPacket } from "../../../../appliance/aaa/radius/packet.ts";
import { readSecretFile } from "../../../../appliance/aaa/secret_file.ts";
import { providerOfMachine } from "../../../../appliance/crypto.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import { type Credential, hexOf, type PacketFilter, textOf, utf8 } from "../../../../core/mod.ts";
import { hex } from "../../../support/hex.ts";
import { asked } from "./support.ts";

function accepted(...attributes: Attribute[]): RadiusPacket {
  return { code: Code.ACCESS_ACCEPT, identifier: 0, authenticator: new Uint8Array(16), attributes };
}

function pair(text: string): Attribute {
  return { name: "Cisco-AVPair", value: utf8(text) };
}

Deno.test("an accept that makes no sense is a rejection, counted and told each time", async () => {
  const attributes = [pair("ipsec:dns-servers=nowhere")];
  const { verdicts, log, verifier } = await asked({ attributes, times: 2 });
  assert.deepEqual(verdicts, [{ kind: "reject" }, { kind: "reject" }]);
  assert.deepEqual(verifier.counted.counts, { "attribute-unusable": 2 });
  const told = ["radius-attribute-unusable", { user: "alice", attribute: "ipsec:dns-servers" }];
  assert.deepEqual(log.told, [told, told]);
});

Deno.test("RFC 2865 §5.1: the server's name for the user counts, and one that is none lets nobody in", async () => {
  const named = (text: string): Attribute => ({ name: "User-Name", value: utf8(text) });
  const success: Attribute = { name: "EAP-Message", value: Uint8Array.of(3, 9, 0, 4) };
  const form: Credential = { kind: "password", password: "secret" };
  const packet = Uint8Array.of(2, 9, 0, 5, 1);
  const relayed: Credential = { kind: "eap", packet, state: undefined };
  for (const credential of [form, relayed]) {
    const nameFor = async (text: string): Promise<unknown> => {
      const { verdicts: [verdict] } = await asked(
        { attributes: [success, named(text)] },
        credential,
      );
      return verdict?.kind === "accept" ? verdict.userName : verdict?.kind;
    };
    assert.equal(await nameFor("OFFICE\\alice"), "OFFICE\\alice");
    for (const bad of ["", "alice\0", "al\u001b[2Jice", "a\nb"]) {
      assert.equal(await nameFor(bad), undefined, bad);
    }
  }
});

Deno.test("RFC 2865 §5.6: an accept for another service than Framed is a rejection", async () => {
  for (const service of [1, 4, 5, 6, 7, 8, 11]) {
    const attributes: Attribute[] = [{ name: "Service-Type", value: number32(service) }];
    const { verdicts, log, verifier } = await asked({ attributes });
    assert.deepEqual(verdicts, [{ kind: "reject" }], `${service}`);
    assert.deepEqual(verifier.counted.counts, { "attribute-unusable": 1 });
    const told = { user: "alice", attribute: "Service-Type" };
    assert.deepEqual(log.told, [["radius-attribute-unusable", told]]);
  }
  const { verdicts } = await asked({
    attributes: [{ name: "Service-Type", value: number32(2) }],
  });
  assert.deepEqual(verdicts, [{ kind: "accept", attributes: {} }]);
});

const typing = [pair("ipsec:addr-pol=staff"), pair("ipsec:session-lifetime=60")];

Deno.test("a mandatory key of Cisco's that nobody knows keeps its user out", async () => {
  const { verdicts, log, verifier } = await asked({ attributes: typing, times: 2 });
  assert.deepEqual(verdicts, [{ kind: "reject" }, { kind: "reject" }]);
  assert.deepEqual(verifier.counted.counts, { "key-unknown": 2 });
  const told = ["radius-key-unknown", { user: "alice", keys: ["ipsec:addr-pol"] }];
  assert.deepEqual(log.told, [told, told]);
});

Deno.test("or is told once, where the operator wants it as on IOS", async () => {
  const { verdicts, log, verifier } = await asked({
    attributes: typing,
    ignoresUnknown: true,
    times: 2,
  });
  const accepted = { kind: "accept", attributes: { sessionLifetimeSeconds: 60 } };
  assert.deepEqual(verdicts, [accepted, accepted]);
  assert.deepEqual(verifier.counted.counts, { "key-unknown": 2 });
  assert.deepEqual(log.told, [["radius-key-unknown", { key: "ipsec:addr-pol" }]]);
});

Deno.test("a key that means something on IOS alone is told once and keeps nobody out", async () => {
  const attributes = [pair("ipsec:route-set=interface"), pair("ipsec:pfs=1")];
  const { verdicts, log, verifier } = await asked({ attributes, times: 2 });
  const accepted = { kind: "accept", attributes: {} };
  assert.deepEqual(verdicts, [accepted, accepted]);
  assert.deepEqual(verifier.counted.counts, {});
  assert.deepEqual(log.told, [
    ["radius-key-passed-over", { key: "ipsec:route-set" }],
    ["radius-key-passed-over", { key: "ipsec:pfs" }],
  ]);
});

const staff: PacketFilter = { name: "staff", rules: [{ action: "permit", family: 4 }] };
const accessLists = new Map([["staff", staff]]);

Deno.test("an accept's filter is an attribute like others, and outbound ones are told once", async () => {
  const attributes: Attribute[] = [
    pair("ipsec:session-lifetime=60"),
    { name: "Filter-Id", value: utf8("staff.in") },
    { name: "Filter-Id", value: utf8("staff.out") },
  ];
  const { verdicts, log, verifier } = await asked({ attributes, accessLists, times: 2 });
  const accepted = { kind: "accept", attributes: { sessionLifetimeSeconds: 60, filter: staff } };
  assert.deepEqual(verdicts, [accepted, accepted]);
  assert.deepEqual(verifier.counted.counts, {});
  assert.deepEqual(log.told, [["radius-filter-passed-over", { key: "staff.out" }]]);
});

Deno.test("a filter that cannot be enforced keeps its user out, counted and told each time", async () => {
  const attributes: Attribute[] = [{ name: "Filter-Id", value: utf8("guests") }];
  const { verdicts, log, verifier } = await asked({ attributes, accessLists, times: 2 });
  assert.deepEqual(verdicts, [{ kind: "reject" }, { kind: "reject" }]);
  assert.deepEqual(verifier.counted.counts, { "filter-unusable": 2 });
  const told = ["radius-filter-unusable", {
    user: "alice",
    attribute: "Filter-Id",
    reason: 'there is no access list "guests"',
  }];
  assert.deepEqual(log.told, [told, told]);
});

const options = { crypto: providerOfMachine(), random: systemRandom, passwords: "pap" } as const;

Deno.test("an accept that proves nothing is worth nothing", () => {
  const exchange = {
    authenticatorChallenge: new Uint8Array(16),
    peerChallenge: new Uint8Array(16),
    ntResponse: new Uint8Array(24),
  };
  const eap = planOf(options, "alice", { kind: "mschapv2", ...exchange });
  assert.throws(() => eap?.settle(accepted()), /without proof or keys/);
  const form = planOf(
    { ...options, passwords: "mschapv2" },
    "alice",
    { kind: "password", password: "p" },
  );
  const [, response] = form?.attributes ?? [];
  assert.equal(response?.name, "MS-CHAP2-Response");
  const success: Attribute = {
    name: "MS-CHAP2-Success",
    value: utf8(`${String.fromCharCode(0)}S=${"0".repeat(40)}`),
  };
  assert.throws(() => form?.settle(accepted(success)), /without knowing the password/);
});

Deno.test("the state of a challenge comes back to the server that gave it", () => {
  const state = challengeState(accepted({ name: "State", value: utf8("s") }), 3);
  const plan = planOf(options, "alice", { kind: "challenge-answer", answer: "42", state });
  assert.equal(plan?.server, 3);
  assert.deepEqual(plan.attributes.map(({ name, value }) => [name, textOf(value)]), [
    ["User-Password", "42"],
    ["State", "s"],
  ]);
  assert.equal(hexOf(challengeState(accepted(), 0)), "00");
  const none = { kind: "challenge-answer", answer: "42", state: undefined } as const;
  assert.equal(planOf(options, "alice", none), undefined);
});

Deno.test("a password that does not fit is not asked about", () => {
  const password = "x".repeat(129);
  assert.equal(planOf(options, "alice", { kind: "password", password }), undefined);
});

Deno.test("a secret file is its owner's alone, and its line end is not of the secret", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "s e c\n");
    await Deno.chmod(path, 0o600);
    assert.equal(textOf(readSecretFile(path)), "s e c");
    for (const end of ["", "0a", "0d0a"]) {
      await Deno.writeFile(path, hex(`efbbbfff0aa7${end}`));
      assert.equal(
        hexOf(readSecretFile(path)),
        "efbbbfff0aa7",
        "any octets, not only those of texts",
      );
    }
    await Deno.chmod(path, 0o640);
    assert.throws(() => readSecretFile(path), /mode 0640.*needs mode 0600/);
    await Deno.chmod(path, 0o600);
    await Deno.writeTextFile(path, "\n");
    assert.throws(() => readSecretFile(path), /it is empty/);
  } finally {
    await Deno.remove(path);
  }
});
