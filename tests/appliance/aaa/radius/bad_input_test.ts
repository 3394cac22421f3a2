/**
 * Servers that lie, break off, know another secret or say nothing: one counted and logged cause each,
 * nobody gets in, and the next user does.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import type { RadiusClient } from "../../../../appliance/aaa/radius/client.ts";
import { Code } from "../../../../appliance/aaa/radius/packet.ts";
import { RadiusVerifier } from "../../../../appliance/aaa/radius/verifier.ts";
import { providerOfMachine } from "../../../../appliance/crypto.ts";
import { Effects } from "../../../../appliance/effects.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import { type Answer, concatBytes, hexOf, parseIpAddress, utf8 } from "../../../../core/mod.ts";
import { until } from "../../../support/background.ts";
import { hex } from "../../../support/hex.ts";
import {
  accept,
  type ClientChange,
  question,
  type Say,
  type Script,
  ScriptedServer,
  silent,
  withClient,
} from "./scripted_server.ts";
import { answerTo, keepingLog, resigned, secret } from "./support.ts";

const password = "correct horse battery staple";
const remote = { address: parseIpAddress("198.51.100.7") ?? assert.fail(), port: 4500 };

/** Short, and without memory: each question is answered by this server or by nobody. */
const times = { timeoutMs: 250, deadMs: 0, firstPauseMs: 80 };

/** What the gateway is told about a user with a password. */
function login(client: RadiusClient, log = keepingLog()): Promise<Answer> {
  const verifier = new RadiusVerifier({
    client,
    log,
    crypto: providerOfMachine(),
    random: systemRandom,
    nasIdentifier: "gw.example.test",
    passwords: "pap",
    ignoresUnknown: false,
    accessLists: new Map(),
    local: { verify: () => Promise.resolve({ kind: "accept", attributes: {} }) },
    fallsBack: false,
  });
  const keeper = { put: () => Promise.resolve(), delete: () => Promise.resolve() };
  return new Effects(verifier, keeper).answer({
    kind: "verify",
    userName: "alice",
    credential: { kind: "password", password },
    remote,
  }, new AbortController().signal);
}

async function withServer(
  script: Script,
  options: ClientChange,
  run: (
    scene: {
      readonly server: ScriptedServer;
      readonly client: RadiusClient;
      readonly log: ReturnType<typeof keepingLog>;
    },
  ) => Promise<void>,
): Promise<void> {
  await using server = await ScriptedServer.start(script);
  const log = keepingLog();
  await withClient([server], { times, log, ...options }, async (client) => {
    await run({ server, client, log });
    // Whatever was said: nothing of it is for others to read.
    const told = JSON.stringify(log.told);
    for (const hidden of [secret, utf8(password)]) {
      assert.ok(!told.includes(hexOf(hidden)) && !told.includes(String.fromCharCode(...hidden)));
    }
  });
}

/** Changes octets of an answer; its Response Authenticator fits again. */
function changed(
  request: Uint8Array,
  change: (bytes: Uint8Array) => Uint8Array | void,
): Uint8Array {
  const bytes = answerTo(request, Code.ACCESS_ACCEPT);
  return resigned(change(bytes) ?? bytes, request.slice(4, 20));
}

/** A well signed accept with these octets as its last attribute. */
function acceptWith(request: Uint8Array, attributes: Uint8Array): Uint8Array {
  const bytes = concatBytes(answerTo(request, Code.ACCESS_ACCEPT), attributes);
  new DataView(bytes.buffer).setUint16(2, bytes.length);
  bytes.fill(0, 22, 38);
  bytes.set(request.subarray(4, 20), 4);
  bytes.set(createHmac("md5", secret).update(bytes).digest(), 22);
  return resigned(bytes, request.slice(4, 20));
}

const otherSecret = utf8("another secret");

const lies: readonly (readonly [
  what: string,
  lie: (request: Uint8Array) => Uint8Array,
  cause: string,
])[] = [
  ["two octets", (request) => request.subarray(0, 2), "too-short"],
  ["half an answer", (request) => answerTo(request, 2).subarray(0, 30), "bad-length"],
  ["a length below the header", (r) => changed(r, (bytes) => void (bytes[3] = 19)), "bad-length"],
  ["more than 4096 octets", (request) =>
    changed(request, (bytes) => {
      const long = new Uint8Array(5000);
      long.set(bytes);
      long.set([0x13, 0x88], 2);
      return long;
    }), "bad-length"],
  ["an attribute of length 0", (r) => changed(r, (b) => void (b[21] = 0)), "bad-attribute"],
  ["an attribute of length 1", (r) => changed(r, (b) => void (b[21] = 1)), "bad-attribute"],
  ["an attribute beyond the end", (r) => changed(r, (b) => void (b[21] = 99)), "bad-attribute"],
  [
    "a vendor's attribute beyond its own",
    (request) => acceptWith(request, hex("1a0a000000090120aaaa")),
    "bad-vendor-attribute",
  ],
  [
    "a hidden key of no length that can be",
    (request) => acceptWith(request, hex("1a1200000137100c8001aaaaaaaaaaaaaaaa")),
    "bad-hidden-value",
  ],
  ["another authenticator", (request) => {
    const bytes = answerTo(request, Code.ACCESS_ACCEPT);
    bytes[12] = (bytes[12] ?? 0) ^ 1;
    return bytes;
  }, "bad-authenticator"],
  ["a reject that was made an accept (CVE-2024-3596)", (request) => {
    const bytes = answerTo(request, Code.ACCESS_REJECT);
    bytes[0] = Code.ACCESS_ACCEPT;
    return resigned(bytes, request.slice(4, 20));
  }, "bad-message-authenticator"],
  ["no signature", (r) => answerTo(r, Code.ACCESS_ACCEPT, [], false), "no-message-authenticator"],
  ["the request itself", (request) => answerTo(request, Code.ACCESS_REQUEST), "unexpected-code"],
  ["an answer to accounting", (r) => answerTo(r, Code.ACCOUNTING_RESPONSE), "unexpected-code"],
  ["code 0", (request) => answerTo(request, 0), "unexpected-code"],
  ["another identifier", (request) => {
    const other = request.slice();
    other[1] = (request[1] ?? 0) + 100 & 0xff;
    return answerTo(other, Code.ACCESS_ACCEPT);
  }, "unasked"],
];

for (const [what, lie, cause] of lies) {
  Deno.test(`RADIUS, bad input: ${what} lets nobody in, and is counted and told`, () =>
    withServer((request, _, say) => say(lie(request)), {}, async ({ server, client, log }) => {
      const outcome = await login(client);
      assert.deepEqual(outcome, { kind: "failed", reason: "no RADIUS server answered" });
      const counted = (name: string): number =>
        new Map<string, number>(client.counters).get(name) ?? 0;
      assert.ok(counted(cause) >= 1);
      await until(
        "each is counted",
        () => counted(cause) + counted("late") === server.heard.length || undefined,
        2_000,
      );
      assert.equal(counted("answers"), 0);
      const told = log.told.filter(([, facts]) => facts["cause"] === cause);
      assert.equal(told.length, 1, "one line, however often it came");
      server.script = accept;
      assert.equal((await login(client)).kind, "verdict");
    }));
}

Deno.test("RADIUS, bad input: another secret is named as what it is, once", () =>
  withServer(
    (request, _, say) => say(answerTo(request, Code.ACCESS_ACCEPT, [], true, otherSecret)),
    {},
    async ({ client, log }) => {
      for (let i = 0; i < 4; i++) assert.equal((await login(client)).kind, "failed");
      assert.ok((client.counters.get("bad-authenticator") ?? 0) >= 8);
      const told = log.told.filter(([, { cause }]) => cause !== "late").map(([event]) => event);
      assert.deepEqual(told, ["radius-secrets-differ"]);
    },
  ));

Deno.test("RADIUS, bad input: a forged answer before the true one is no quarrel about secrets", () =>
  withServer(
    (request, count, say) => {
      if (count > 1) say(answerTo(request, Code.ACCESS_REJECT, [], true, otherSecret));
      accept(request, count, say);
    },
    {},
    async ({ client, log }) => {
      for (let i = 0; i < 3; i++) assert.equal((await login(client)).kind, "verdict");
      assert.equal(client.counters.get("bad-authenticator"), 2);
      assert.deepEqual(log.told.map(([event]) => event), ["radius-answer-dropped"]);
    },
  ));

Deno.test("RADIUS, bad input: what comes from another port or address is not listened to", async () => {
  await using stranger = await ScriptedServer.start(silent);
  const elsewhere = createSocket("udp4");
  try {
    await new Promise<void>((resolve) => elsewhere.bind(0, "127.0.0.3", () => resolve()));
    await using server = await ScriptedServer.start(silent);
    const log = keepingLog();
    await withClient([server], { times, log }, async (client) => {
      server.script = (request) => {
        const from = server.ports.at(-1) ?? 0;
        const forged = answerTo(request, Code.ACCESS_ACCEPT);
        stranger.send(forged, from);
        elsewhere.send(forged, from, "127.0.0.1");
      };
      assert.equal((await login(client)).kind, "failed");
      assert.ok((client.counters.get("foreign-source") ?? 0) >= 2);
      const causes = log.told.map(([, facts]) => facts["cause"]);
      assert.deepEqual(causes.filter((cause) => cause !== undefined), ["foreign-source"]);
    });
  } finally {
    await new Promise<void>((resolve) => elsewhere.close(() => resolve()));
  }
});

Deno.test("RADIUS, bad input: an answer that comes twice counts once", () =>
  withServer(
    (request, count, say) => {
      for (let i = 0; i < 3; i++) accept(request, count, say);
    },
    {},
    async ({ client, log }) => {
      assert.equal((await login(client)).kind, "verdict");
      await until("the twins", () => client.counters.get("duplicate") === 2 || undefined, 2_000);
      assert.equal(client.counters.get("accepts"), 1);
      assert.deepEqual(log.told.map(([event, { cause }]) => [event, cause]), [
        ["radius-answer-dropped", "duplicate"],
      ]);
    },
  ));

Deno.test("RADIUS, bad input: an answer after its user left lets nobody in", async () => {
  const held: (() => void)[] = [];
  const script: Script = (request, count, say) => {
    const copy = new Uint8Array(request);
    held.push(() => accept(copy, count, say));
  };
  await withServer(script, {}, async ({ client, log }) => {
    const leaving = new AbortController();
    const asked = assert.rejects(client.ask(question, leaving.signal), /left/);
    await until("the question", () => held[0], 2_000);
    leaving.abort(new Error("left"));
    await asked;
    held[0]?.();
    await until("the late answer", () => client.counters.get("late"), 2_000);
    assert.equal(client.counters.get("answers"), undefined);
    assert.deepEqual(log.told.map(([, { cause }]) => cause), ["late"]);
    assert.deepEqual(client.pictures[0]?.outstanding, { access: 0, accounting: 0 });
  });
});

Deno.test("RADIUS, bad input: a server that never answers, and a port where nobody listens", async () => {
  await withServer(silent, {}, async ({ client }) => {
    const outcome = await login(client);
    assert.deepEqual(outcome, { kind: "failed", reason: "no RADIUS server answered" });
    assert.equal(client.counters.get("timeouts"), 1);
  });
  const gone = await ScriptedServer.start(silent);
  await gone[Symbol.asyncDispose]();
  await withClient([gone], { times }, async (client) => {
    assert.equal((await login(client)).kind, "failed");
    assert.equal(client.counters.get("timeouts"), 1);
    // An ICMP error is no answer and no reason to give up early.
    assert.ok((client.counters.get("retransmissions") ?? 0) >= 1);
  });
});

Deno.test("RADIUS, bad input: 4096 octets are read, padding is not, unknown attributes are passed over", () =>
  withServer(
    (request, count, say: Say) => {
      const unknown = concatBytes(
        hex("f006deadbeef"), // a type that nobody assigned
        hex("1a0cffffffff0106deadbeef"), // a vendor that nobody knows
        hex("1a0c00000009fe06deadbeef"), // an attribute of Cisco's that nobody knows
        hex("f106deadbeef"), // an extended one (RFC 6929)
      );
      if (count === 1) return say(acceptWith(request, unknown));
      if (count === 2) {
        return say(concatBytes(answerTo(request, 2), new Uint8Array(300).fill(0xff)));
      }
      const text = concatBytes(new Uint8Array([18, 253]), new Uint8Array(251));
      const full = new Uint8Array(4096 - 38);
      for (let at = 0; at + 253 <= full.length; at += 253) full.set(text, at);
      const rest = full.length % 253;
      full.set([18, rest], full.length - rest);
      say(acceptWith(request, full));
    },
    {},
    async ({ server, client, log }) => {
      for (let i = 1; i <= 3; i++) {
        const outcome = await login(client);
        assert.ok(outcome.kind === "verdict" && outcome.verdict.kind === "accept", `answer ${i}`);
      }
      assert.equal(server.heard.length, 3);
      assert.deepEqual(log.told, []);
    },
  ));

Deno.test("RADIUS, bad input: a question that no packet holds is no reason to ask local users", () =>
  withServer(accept, {}, async ({ client, server }) => {
    const long = { name: "Class", value: new Uint8Array(254) } as const;
    await assert.rejects(
      client.ask({ ...question, attributes: [long] }),
      { name: "RangeError", message: "a RADIUS attribute is too long" },
    );
    assert.equal(server.heard.length, 0);
  }));
