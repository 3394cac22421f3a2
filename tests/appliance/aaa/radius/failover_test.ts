/** Slow servers, dead servers, and the difference: who is asked, how often, and who waits for it. */
import assert from "node:assert/strict";
import type { RadiusAnswer, RadiusClient } from "../../../../appliance/aaa/radius/client.ts";
import { Code } from "../../../../appliance/aaa/radius/packet.ts";
import { hexOf, parseIpAddress, utf8 } from "../../../../core/mod.ts";
import { until } from "../../../support/background.ts";
import {
  accept,
  question,
  type Script,
  ScriptedServer,
  silent,
  withClient,
} from "./scripted_server.ts";
import { answerTo, keepingLog } from "./support.ts";

/** A person needs so long to press a button; whoever asks again meanwhile changes nothing. */
function pressing(ms: number): Script {
  const known = new Set<string>();
  return (request, _, say) => {
    const packet = hexOf(request);
    if (known.has(packet)) return;
    known.add(packet);
    setTimeout(() => say(answerTo(request, Code.ACCESS_ACCEPT)), ms);
  };
}

/** Answers Status-Server at once, and leaves the rest to another script. */
function livingBut(script: Script): Script {
  return (request, count, say) => {
    if (request[0] !== Code.STATUS_SERVER) return script(request, count, say);
    say(answerTo(request, Code.ACCESS_ACCEPT, [], false));
  };
}

const status = [{ name: "NAS-Identifier", value: utf8("gw.example.test") }] as const;

/** The different packets of a kind that a server saw. */
function packets(server: ScriptedServer, code: number = Code.ACCESS_REQUEST): number {
  return new Set(server.heard.filter((bytes) => bytes[0] === code).map(hexOf)).size;
}

function askMany(client: RadiusClient, count: number): Promise<readonly RadiusAnswer[]> {
  return Promise.all(Array.from({ length: count }, () => client.ask(question)));
}

function places(answers: readonly RadiusAnswer[]): readonly number[] {
  return answers.map(({ server }) => server);
}

Deno.test("RFC 5080 §2.2.1: a push is asked for once, by one packet from one socket", async () => {
  await using slow = await ScriptedServer.start(pressing(500));
  await using other = await ScriptedServer.start(accept);
  const times = { timeoutMs: 2_000, deadMs: 60_000, firstPauseMs: 40 };
  await withClient([slow, other], { times }, async (client) => {
    assert.equal((await client.ask(question)).server, 0);
    assert.ok(slow.heard.length >= 3, "it was asked again and again");
    assert.equal(packets(slow), 1);
    assert.equal(new Set(slow.ports).size, 1);
    assert.equal(other.heard.length, 0);
    assert.equal(client.counters.get("failovers"), undefined);
  });
});

Deno.test("many pushes at a server that is known to be slow are not doubled", async () => {
  await using slow = await ScriptedServer.start(pressing(400));
  await using other = await ScriptedServer.start(accept);
  const times = { timeoutMs: 4_000, deadMs: 60_000, firstPauseMs: 30 };
  await withClient([slow, other], { times }, async (client) => {
    await client.ask(question);
    slow.script = pressing(600);
    assert.deepEqual(places(await askMany(client, 5)), [0, 0, 0, 0, 0]);
    assert.equal(packets(slow), 6);
    assert.equal(other.heard.length, 0);
  });
});

Deno.test("a quick server that falls silent is left when several wait, long before their time", async () => {
  await using first = await ScriptedServer.start(accept);
  await using second = await ScriptedServer.start(accept);
  const log = keepingLog();
  const times = { timeoutMs: 20_000, deadMs: 60_000, firstPauseMs: 60 };
  await withClient([first, second], { times, log }, async (client) => {
    await client.ask(question);
    first.script = silent;
    const began = performance.now();
    assert.deepEqual(places(await askMany(client, 3)), [1, 1, 1]);
    assert.ok(performance.now() - began < 2_000);
    assert.deepEqual(log.told.map(([event]) => event), ["radius-server-dead"]);
    const before = first.heard.length;
    assert.deepEqual(places(await askMany(client, 5)), [1, 1, 1, 1, 1]);
    assert.equal(first.heard.length, before);
    assert.equal(client.counters.get("timeouts"), 3);
    assert.equal(client.pictures[1]?.tallies.access.counters.get("failovers"), 3);
  });
});

Deno.test("a server that was never heard is left after a third of the time", async () => {
  await using dead = await ScriptedServer.start(silent);
  await using alive = await ScriptedServer.start(accept);
  const times = { timeoutMs: 3_000, deadMs: 60_000, firstPauseMs: 60 };
  await withClient([dead, alive], { times }, async (client) => {
    const began = performance.now();
    assert.deepEqual(places(await askMany(client, 4)), [1, 1, 1, 1]);
    const took = performance.now() - began;
    assert.ok(took >= 990 && took < 2_500, `${took} ms`);
  });
});

Deno.test("two questions in vain prove nothing: they wait all their time", async () => {
  await using first = await ScriptedServer.start(accept);
  await using second = await ScriptedServer.start(accept);
  await withClient([first, second], {}, async (client) => {
    await client.ask(question);
    first.script = silent;
    const began = performance.now();
    assert.deepEqual(places(await askMany(client, 2)), [1, 1]);
    assert.ok(performance.now() - began >= 390);
  });
});

Deno.test("the answer of a server that was given up is still welcome", async () => {
  await using first = await ScriptedServer.start(accept);
  await using second = await ScriptedServer.start(silent);
  const times = { timeoutMs: 5_000, deadMs: 60_000, firstPauseMs: 60 };
  await withClient([first, second], { times }, async (client) => {
    await client.ask(question);
    first.script = pressing(900);
    assert.deepEqual(places(await askMany(client, 3)), [0, 0, 0]);
    assert.equal(packets(second), 3);
    // Who is only listened to is not asked again: otherwise there would be four of each.
    assert.ok(first.heard.length <= 1 + 3 * 3, `${first.heard.length} packets`);
    assert.equal(client.pictures[0]?.isAlive, true);
  });
});

Deno.test("one user at most waits for a server whose dead time is over", async () => {
  await using dead = await ScriptedServer.start(silent);
  await using alive = await ScriptedServer.start(accept);
  const times = { timeoutMs: 2_100, deadMs: 250, firstPauseMs: 40 };
  await withClient([dead, alive], { times }, async (client) => {
    await client.ask(question);
    const before = packets(dead);
    await until("the dead time is over", async () => {
      const began = performance.now();
      const answers = await askMany(client, 20);
      assert.ok(answers.every(({ server }) => server === 1));
      // The one that tries waits for a third of the time, not for all of it.
      assert.ok(performance.now() - began < 1_900);
      return packets(dead) > before ? true : undefined;
    }, 10_000);
    assert.equal(packets(dead), before + 1);
    dead.script = accept;
    await until(
      "it is asked again",
      async () => (await client.ask(question)).server === 0 || undefined,
      10_000,
    );
    assert.deepEqual(places(await askMany(client, 5)), [0, 0, 0, 0, 0]);
  });
});

Deno.test("questions are spread by how many are open, and a conversation stays where it is", async () => {
  const held: (() => void)[] = [];
  const hold: Script = (request, _, say) => {
    const copy = new Uint8Array(request);
    held.push(() => say(answerTo(copy, Code.ACCESS_ACCEPT)));
  };
  await using first = await ScriptedServer.start(hold);
  await using second = await ScriptedServer.start(hold);
  const times = { timeoutMs: 5_000, deadMs: 60_000, firstPauseMs: 4_000 };
  await withClient([first, second], { times, balance: "least-outstanding" }, async (client) => {
    const asked = askMany(client, 10);
    const stuck = client.ask({ ...question, server: 1 });
    await until("all of them", () => held.length === 11 || undefined, 2_000);
    assert.deepEqual([first.heard.length, second.heard.length], [5, 6]);
    const next = client.ask(question);
    await until("the next", () => held.length === 12 || undefined, 2_000);
    assert.equal(first.heard.length, 6);
    for (const answer of held) answer();
    assert.equal((await stuck).server, 1);
    assert.equal((await next).server, 0);
    await asked;
    // One after the other they take turns.
    [first, second].forEach((server) => server.script = accept);
    const turns: number[] = [];
    for (let i = 0; i < 4; i++) turns.push((await client.ask(question)).server);
    assert.deepEqual(turns.toSorted(), [0, 0, 1, 1]);
  });
});

Deno.test("a conversation is never taken to a server that does not know it", async () => {
  await using dead = await ScriptedServer.start(silent);
  await using alive = await ScriptedServer.start(accept);
  await withClient([dead, alive], {}, async (client) => {
    const asked = Array.from({ length: 4 }, () => client.ask({ ...question, server: 0 }));
    for (const outcome of await Promise.allSettled(asked)) assert.equal(outcome.status, "rejected");
    await assert.rejects(client.ask({ ...question, server: 7 }), /no such RADIUS server/);
    assert.equal(alive.heard.length, 0);
  });
});

Deno.test("too many questions for one server go to the next one", async () => {
  await using full = await ScriptedServer.start(silent);
  await using other = await ScriptedServer.start(accept);
  const times = { timeoutMs: 60_000, deadMs: 60_000, firstPauseMs: 50_000 };
  await withClient([full, other], { times }, async (client) => {
    const waiting = Array.from({ length: 16 * 256 }, () => client.ask(question));
    const ended = Promise.allSettled(waiting);
    assert.deepEqual(places(await askMany(client, 4)), [1, 1, 1, 1]);
    assert.equal(client.pictures[0]?.isAlive, true);
    client.close();
    assert.ok((await ended).every(({ status }) => status === "rejected"));
  });
});

Deno.test("RFC 5997: a server that shows life keeps its questions, however many wait", async () => {
  await using slow = await ScriptedServer.start(livingBut(pressing(1_200)));
  await using other = await ScriptedServer.start(accept);
  const times = { timeoutMs: 5_000, deadMs: 60_000, firstPauseMs: 400 };
  await withClient([slow, other], { times, status }, async (client) => {
    assert.deepEqual(places(await askMany(client, 6)), [0, 0, 0, 0, 0, 0]);
    assert.equal(packets(slow), 6);
    assert.equal(other.heard.length, 0);
    assert.ok((client.counters.get("status-responses") ?? 0) >= 1);
    const probes = slow.heard.filter(([code]) => code === Code.STATUS_SERVER);
    // RFC 5997 §4.2: never the same packet twice.
    assert.equal(new Set(probes.map(hexOf)).size, probes.length);
  });
});

Deno.test("RFC 5997: no sign of life is death, and the next one is noticed by itself", async () => {
  await using dead = await ScriptedServer.start(silent);
  await using alive = await ScriptedServer.start(accept);
  const log = keepingLog();
  const times = { timeoutMs: 20_000, deadMs: 200, firstPauseMs: 60 };
  await withClient([dead, alive], { times, status, log }, async (client) => {
    const began = performance.now();
    assert.equal((await client.ask(question)).server, 1);
    assert.ok(performance.now() - began < 3_000);
    dead.script = livingBut(accept);
    const isAlive = (): true | undefined => client.pictures[0]?.isAlive || undefined;
    await until("it lives", isAlive, 3_000);
    assert.deepEqual(log.told.map(([event]) => event), [
      "radius-server-never-answered",
      "radius-server-alive",
    ]);
    assert.equal(packets(dead), 1);
    assert.equal((await client.ask(question)).server, 0);
    // From now on it is known to answer: nobody has to try whether it does.
    dead.script = silent;
    assert.equal((await client.ask(question)).server, 1);
    const before = packets(dead);
    const probes = packets(dead, Code.STATUS_SERVER);
    await until(
      "several more probes",
      async () => {
        assert.equal((await client.ask(question)).server, 1);
        return packets(dead, Code.STATUS_SERVER) > probes + 6 || undefined;
      },
      5_000,
    );
    assert.equal(packets(dead), before);
  });
});

Deno.test("questions come from the address that is wanted", async () => {
  await using server = await ScriptedServer.start(accept);
  const source = parseIpAddress("127.0.0.2") ?? assert.fail();
  await withClient([server], { source }, async (client) => {
    await client.ask(question);
    assert.deepEqual(server.hosts, ["127.0.0.2"]);
  });
});
