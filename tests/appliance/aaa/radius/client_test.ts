/** The RADIUS client against servers that do as they are told by the test. */
import assert from "node:assert/strict";
import { Code } from "../../../../appliance/aaa/radius/packet.ts";
import { udpServer } from "../../../../appliance/aaa/radius/servers.ts";
import { hexOf, parseIpAddress, utf8 } from "../../../../core/mod.ts";
import { until } from "../../../support/background.ts";
import {
  accept,
  question,
  type Say,
  ScriptedServer,
  silent,
  withClient,
} from "./scripted_server.ts";
import { answerTo, keepingLog, secret } from "./support.ts";

Deno.test("a lost request is sent again as it was, and a late twin of the answer is counted", async () => {
  await using server = await ScriptedServer.start((request, count, say) => {
    if (count < 3) return;
    say(answerTo(request, Code.ACCESS_ACCEPT));
    say(answerTo(request, Code.ACCESS_ACCEPT));
  });
  await withClient([server], {}, async (client) => {
    const { packet } = await client.ask(question);
    assert.equal(packet.code, Code.ACCESS_ACCEPT);
    assert.equal(new Set(server.heard.map(hexOf)).size, 1);
    assert.equal(client.counters.get("retransmissions"), 2);
    assert.equal(client.counters.get("requests"), 1);
    await until("the twin", () => client.counters.get("duplicate"), 2000);
  });
});

Deno.test("a silent server is passed over, and is asked last while it is dead", async () => {
  await using dead = await ScriptedServer.start(silent);
  await using alive = await ScriptedServer.start(accept);
  const log = keepingLog();
  await withClient([dead, alive], { log }, async (client) => {
    assert.equal((await client.ask(question)).server, 1);
    assert.deepEqual(log.told.map(([event]) => event), ["radius-server-never-answered"]);
    const before = dead.heard.length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(question)));
    assert.ok(answers.every(({ server }) => server === 1));
    assert.equal(dead.heard.length, before);
    assert.equal(client.counters.get("timeouts"), 1);
  });
});

Deno.test("a dead server is better than none, and comes back to life by its first answer", async () => {
  let isUp = false;
  await using server = await ScriptedServer.start((request, count, say) => {
    if (isUp) accept(request, count, say);
  });
  const log = keepingLog();
  await withClient([server], { log }, async (client) => {
    await assert.rejects(client.ask(question), /no RADIUS server answered/);
    isUp = true;
    assert.equal((await client.ask(question)).server, 0);
    assert.deepEqual(log.told.map(([event]) => event), [
      "radius-server-never-answered",
      "radius-server-alive",
    ]);
  });
});

Deno.test("a server that is slow for one user is not dead for the others", async () => {
  await using server = await ScriptedServer.start((request, count, say) => {
    if (count === 1 || hexOf(request) === hexOf(server.heard[0] ?? request)) return;
    accept(request, count, say);
  });
  const log = keepingLog();
  await withClient([server], { log }, async (client) => {
    const slow = assert.rejects(client.ask(question), /no RADIUS server answered/);
    await until("the first request", () => server.heard[0], 2000);
    assert.equal((await client.ask(question)).server, 0);
    await slow;
    assert.deepEqual(log.told, []);
  });
});

Deno.test("600 questions at once have an identifier each, over several sockets", async () => {
  const requests: Uint8Array[] = [];
  const says: Say[] = [];
  await using server = await ScriptedServer.start((request, _, say) => {
    requests.push(new Uint8Array(request));
    says.push(say);
    if (requests.length < 600) return;
    for (const [i, held] of requests.entries()) says[i]?.(answerTo(held, Code.ACCESS_REJECT));
  });
  const times = { timeoutMs: 10_000, deadMs: 1000, firstPauseMs: 8_000 };
  await withClient([server], { times }, async (client) => {
    const answers = await Promise.all(Array.from({ length: 600 }, () => client.ask(question)));
    assert.ok(answers.every(({ packet }) => packet.code === Code.ACCESS_REJECT));
    assert.equal(client.counters.get("answers"), 600);
  });
});

Deno.test("a question that needs a signed answer gets one, whatever is allowed else", async () => {
  await using server = await ScriptedServer.start((request, count, say) => {
    say(answerTo(request, Code.ACCESS_ACCEPT, [], count > 2));
  });
  await withClient([server], { allowUnsigned: true }, async (client) => {
    await client.ask(question);
    await client.ask({ ...question, mustBeSigned: true });
    assert.equal(server.heard.length, 3);
    assert.equal(client.counters.get("no-message-authenticator"), 1);
  });
});

Deno.test("who gives up is told at once, and the answer that comes then is late", async () => {
  const held = Promise.withResolvers<() => void>();
  await using server = await ScriptedServer.start((request, _, say) => {
    const copy = new Uint8Array(request);
    held.resolve(() => say(answerTo(copy, Code.ACCESS_ACCEPT)));
  });
  await withClient([server], {}, async (client) => {
    const leaving = new AbortController();
    const asked = assert.rejects(client.ask(question, leaving.signal), /left/);
    const answer = await held.promise;
    leaving.abort(new Error("left"));
    await asked;
    answer();
    await until("the late answer", () => client.counters.get("late"), 2000);
    assert.equal(client.counters.get("answers"), undefined);
  });
});

Deno.test("hostile answers are counted by cause, and the good one behind them is taken", async () => {
  await using server = await ScriptedServer.start((request, _, say) => {
    const good = answerTo(request, Code.ACCESS_ACCEPT);
    say(new Uint8Array([2, request[1] ?? 0]));
    const forged = good.slice();
    forged[10] = (forged[10] ?? 0) ^ 1;
    say(forged);
    say(answerTo(request, Code.ACCESS_ACCEPT, [], false));
    say(answerTo(request, Code.ACCOUNTING_RESPONSE));
    const unasked = good.slice();
    unasked[1] = (good[1] ?? 0) + 100 & 0xff;
    say(unasked);
    say(good);
  });
  await withClient([server], {}, async (client) => {
    assert.equal((await client.ask(question)).packet.code, Code.ACCESS_ACCEPT);
    const names = ["too-short", "bad-authenticator", "no-message-authenticator"] as const;
    for (const name of [...names, "unexpected-code", "unasked"] as const) {
      assert.equal(client.counters.get(name), 1, name);
    }
  });
});

Deno.test("questions go over IPv6 and from the address that is wanted", async () => {
  await using server = await ScriptedServer.start(accept, "::1");
  const source = parseIpAddress("::1") ?? assert.fail();
  await withClient([server], { source }, async (client) => {
    assert.equal((await client.ask(question)).packet.code, Code.ACCESS_ACCEPT);
  });
  const foreign = parseIpAddress("2001:db8::1") ?? assert.fail();
  await withClient([server], { source: foreign }, async (client) => {
    await assert.rejects(client.ask(question), /cannot open a socket for RADIUS/);
  });
});

Deno.test("only the server that asked a challenge hears its answer", async () => {
  await using first = await ScriptedServer.start(accept);
  await using second = await ScriptedServer.start(accept);
  await withClient([first, second], {}, async (client) => {
    assert.equal((await client.ask({ ...question, server: 1 })).server, 1);
    assert.equal(first.heard.length, 0);
  });
});

Deno.test("a secret that a reload brings counts from the next question on", async () => {
  const answers: (() => void)[] = [];
  await using server = await ScriptedServer.start((request, count, say) => {
    if (count === 1) answers.push(() => accept(request, count, say));
    else say(answerTo(request, Code.ACCESS_ACCEPT, [], true, another));
  });
  const another = utf8("another secret");
  let shared = secret;
  const options = { source: undefined, allowUnsigned: false };
  const servers = [udpServer(server.endpoint, () => shared, options)];
  const times = { timeoutMs: 5_000, deadMs: 60_000, firstPauseMs: 4_000 };
  await withClient([], { servers, times }, async (client) => {
    const before = client.ask(question);
    await until("the question", () => answers[0], 2_000);
    shared = another;
    const after = await client.ask(question);
    answers[0]?.();
    assert.deepEqual([after.packet.code, (await before).packet.code], [2, 2]);
    assert.equal(client.counters.get("bad-authenticator"), undefined);
  });
});
