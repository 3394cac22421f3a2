import assert from "node:assert/strict";
import type { DebugReply } from "../../appliance/debug_feed.ts";
import type { ControlReply, ControlRequest } from "../../appliance/control/protocol.ts";
import { operatorOf } from "../../appliance/operator.ts";
import {
  type Command,
  type GatewaySnapshot,
  moment,
  parseIpAddress,
  type SessionSnapshot,
  wall,
} from "../../core/mod.ts";
import { aaaServerFactsOf } from "./support/facts.ts";
import { counterNames, type DataplaneCounters } from "../../dataplane/mod.ts";

function session(id: number, userName: string, lastRemote: string): SessionSnapshot {
  return {
    id,
    userName,
    method: "eap-mschapv2",
    peerType: "Other",
    state: "inactive",
    addresses: [],
    firstLogin: wall(0),
    lastRemote,
    attributes: {},
    accounting: { id: "account", class: [] },
    childSas: [],
  };
}

const snapshot: GatewaySnapshot = {
  sessions: [
    session(1, "ann", "192.0.2.1:4500"),
    session(2, "ann", "[2001:db8::1]:4500"),
    session(3, "bob", "192.0.2.10:4500"),
  ],
  negotiating: 0,
  pools: [],
  reconnect: { success: 0, failed: 0, activeCapable: 0, inactiveCapable: 3 },
  counters: { a: 1 },
};

const totals = Object.fromEntries(
  counterNames.map((name) => [name, 2]),
) as DataplaneCounters["totals"];

async function* nothing(): AsyncGenerator<DebugReply> {}

async function ask(
  request: ControlRequest,
  picture = snapshot,
): Promise<{ readonly replies: readonly ControlReply[]; readonly told: readonly unknown[] }> {
  const told: unknown[] = [];
  const handler = operatorOf({
    snapshot: () => picture,
    find: (selector) => {
      told.push(["find", selector]);
      return picture.sessions;
    },
    command: (command: Command) => void told.push(command),
    packets: () => Promise.resolve({ totals, perSa: [] }),
    counters: () => ({ "aaa-accepted": 5 }),
    clearCounters: () => void told.push("counters cleared"),
    aaaServers: () => [aaaServerFactsOf()],
    clearAaaCounters: () => void told.push("AAA counters cleared"),
    debug: async function* (filter): AsyncGenerator<DebugReply> {
      told.push(filter);
      yield await Promise.resolve({ kind: "debugging" });
    },
    accessLists: new Map([["staff", { name: "staff", rules: [{ action: "permit", family: 4 }] }]]),
    reload: () =>
      Promise.resolve({ kind: "reloaded", changed: ["dns"], changedFiles: [], needRestart: [] }),
    clock: { now: () => moment(0, 1000) },
    dpd: { intervalSeconds: 45, retrySeconds: 2 },
  });
  const replies: ControlReply[] = [];
  for await (const reply of handler(request, new AbortController().signal)) replies.push(reply);
  return { replies, told };
}

Deno.test("sessions are those that the core finds", async () => {
  const selector = { userName: "ann", remote: "192.0.2.1" };
  const { replies, told } = await ask({ command: "sessions", selector });
  const shown = replies.flatMap((reply) =>
    reply.kind === "sessions" ? reply.sessions.map(({ id }) => id) : []
  );
  assert.deepEqual([told, shown], [[["find", selector]], [1, 2, 3]]);
  assert.deepEqual(replies.at(-1), { kind: "done", count: 3 });
});

Deno.test("access lists come with their rules as text", async () => {
  const { replies } = await ask({ command: "access-lists" });
  const rules = [{ family: 4, sequence: 10, rule: "permit ip any any" }];
  assert.deepEqual(replies, [
    { kind: "access-list", list: { name: "staff", rules } },
    { kind: "done", count: 1 },
  ]);
});

Deno.test("many sessions come in parts", async () => {
  const sessions = Array.from({ length: 450 }, (_, i) => session(i + 1, "u", "192.0.2.1:1"));
  const { replies } = await ask({ command: "sessions", selector: {} }, { ...snapshot, sessions });
  assert.deepEqual(
    replies.map((reply) => reply.kind === "sessions" ? reply.sessions.length : reply.kind),
    [200, 200, 50, "done"],
  );
});

Deno.test("clear orders the core and says how many it concerns", async () => {
  const selector = { userName: "ann" };
  assert.deepEqual(await ask({ command: "clear-sessions", selector }), {
    replies: [{ kind: "done", count: 3 }],
    told: [["find", selector], { kind: "clear-sessions", selector }],
  });
});

Deno.test("rekey orders the core for every active session that fits", async () => {
  const sessions = snapshot.sessions.map((one) =>
    one.id === 2 ? one : { ...one, state: "active" as const }
  );
  const selector = { userName: "ann" };
  assert.deepEqual(
    await ask({ command: "rekey", what: "child", selector }, { ...snapshot, sessions }),
    {
      replies: [{ kind: "done", count: 2 }],
      told: [
        ["find", selector],
        { kind: "rekey", id: 1, what: "child" },
        { kind: "rekey", id: 3, what: "child" },
      ],
    },
  );
});

Deno.test("clear stats reaches the core and the appliance", async () => {
  const { told } = await ask({ command: "clear-stats" });
  assert.deepEqual(told, [{ kind: "clear-stats" }, "counters cleared"]);
});

Deno.test("clear aaa counters reaches AAA alone", async () => {
  const { told, replies } = await ask({ command: "clear-aaa-counters" });
  assert.deepEqual([told, replies], [["AAA counters cleared"], [{ kind: "done", count: 0 }]]);
});

Deno.test("after clear stats the packet path counts from zero as well", async () => {
  let count = 7;
  const { signal } = new AbortController();
  const handler = operatorOf({
    snapshot: () => snapshot,
    find: () => [],
    command: () => {},
    packets: () =>
      Promise.resolve({
        totals: { ...totals, "packets-in": count },
        perSa: [],
      }),
    counters: () => ({}),
    clearCounters: () => {},
    aaaServers: () => [],
    clearAaaCounters: () => {},
    debug: nothing,
    accessLists: new Map(),
    reload: () => Promise.resolve({ kind: "kept", problems: [] }),
    clock: { now: () => moment(0, 1000) },
    dpd: { intervalSeconds: 45, retrySeconds: 2 },
  });
  const packetsIn = async (): Promise<number | undefined> => {
    for await (const reply of handler({ command: "summary" }, signal)) {
      if (reply.kind === "summary") return reply.summary.counters["packets-in"];
    }
    return undefined;
  };
  assert.equal(await packetsIn(), 7);
  await handler({ command: "clear-stats" }, signal)[Symbol.asyncIterator]().next();
  assert.equal(await packetsIn(), 0);
  count = 12;
  assert.equal(await packetsIn(), 5);
});

Deno.test("debug passes on what is wanted", async () => {
  const { replies, told } = await ask({ command: "debug", topic: "packet", peer: "192.0.2.1" });
  assert.deepEqual(replies, [{ kind: "debugging" }]);
  assert.deepEqual(told, [{ topic: "packet", peer: parseIpAddress("192.0.2.1") }]);
});

Deno.test("the summary joins counters of core, packet path and appliance", async () => {
  const [reply] = (await ask({ command: "summary" })).replies;
  assert.ok(reply?.kind === "summary");
  const { counters } = reply.summary;
  assert.deepEqual([counters.a, counters["bad-icv"], counters["aaa-accepted"]], [1, 2, 5]);
});
