import assert from "node:assert/strict";
import {
  ask,
  askAccessLists,
  askDebug,
  askSessions,
  askSummary,
  order,
} from "../../../appliance/control/client.ts";
import {
  type ControlReply,
  type ControlRequest,
  parseRequest,
} from "../../../appliance/control/protocol.ts";
import { type ControlHandler, serveControl } from "../../../appliance/control/server.ts";
import { StartError } from "../../../appliance/start_error.ts";
import { sessionFactsOf, summary } from "../support/facts.ts";

async function withServer(
  handler: ControlHandler,
  use: (path: string) => Promise<void>,
  linePatience?: number,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/control.sock`;
  const server = await serveControl(path, handler, linePatience);
  try {
    await use(path);
  } finally {
    await server.close();
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await Deno.remove(folder, { recursive: true });
  }
}

async function* answers(request: ControlRequest): AsyncGenerator<ControlReply> {
  if (request.command === "summary") yield { kind: "done", count: await Promise.resolve(0) };
  throw new Error(`Cannot do ${request.command}\nat all`);
}

async function rawAnswer(path: string, text: string | Uint8Array): Promise<string> {
  const connection = await Deno.connect({ transport: "unix", path });
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const wrote = (async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  })().catch(() => {});
  const buffer = new Uint8Array(8192);
  const count = await connection.read(buffer).catch(() => null);
  await wrote;
  connection.close();
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

Deno.test("only the owner may open the socket", () =>
  withServer(answers, (path) => {
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    return Promise.resolve();
  }));

Deno.test("requests and answers make the round trip, sessions in parts", async () => {
  const seen: ControlRequest[] = [];
  const handler: ControlHandler = async function* (request): AsyncGenerator<ControlReply> {
    seen.push(request);
    await Promise.resolve();
    if (request.command === "summary") yield { kind: "summary", summary };
    if (request.command === "access-lists") yield { kind: "access-list", list };
    if (request.command === "sessions") {
      yield { kind: "sessions", sessions: [sessionFactsOf({ id: 1, userName: "änn" })] };
      yield { kind: "sessions", sessions: [sessionFactsOf({ id: 2 })] };
    }
    yield { kind: "done", count: 2 };
  };
  const rule = { family: 4, sequence: 10, rule: "permit ip any any" } as const;
  const list = { name: "staff", rules: [rule] };
  await withServer(handler, async (path) => {
    const ids: (string | number)[] = [];
    for await (const part of askSessions(path, { userName: "änn" })) {
      ids.push(...part.map(({ id, userName }) => `${id}${userName}`));
    }
    assert.deepEqual(ids, ["1änn", "2user1"]);
    assert.deepEqual(await askSummary(path), summary);
    assert.deepEqual(await askAccessLists(path), [list]);
    assert.equal(await order(path, { command: "clear-sessions", selector: { id: 3 } }), 2);
  });
  assert.deepEqual(seen, [
    { command: "sessions", selector: { userName: "änn" } },
    { command: "summary" },
    { command: "access-lists" },
    { command: "clear-sessions", selector: { id: 3 } },
  ]);
});

Deno.test("an answer of many megabytes arrives whole", async () => {
  const sessions = Array.from({ length: 500 }, (_, id) => sessionFactsOf({ id }));
  const handler: ControlHandler = async function* (): AsyncGenerator<ControlReply> {
    for (let i = 0; i < 10; i++) yield await Promise.resolve({ kind: "sessions", sessions });
    yield { kind: "done", count: 5000 };
  };
  await withServer(handler, async (path) => {
    let count = 0;
    for await (const part of askSessions(path, {})) count += part.length;
    assert.equal(count, 5000);
  });
});

Deno.test("a handler that fails is a refusal on one line", () =>
  withServer(answers, async (path) => {
    await assert.rejects(order(path, { command: "clear-stats" }), (error: Error) => {
      assert.ok(error instanceof StartError);
      assert.equal(error.message, "Cannot do clear-stats; at all");
      return true;
    });
  }));

Deno.test("a gateway that does not answer is one clear line", async () => {
  const stuck = Promise.withResolvers<void>();
  const handler: ControlHandler = async function* (): AsyncGenerator<ControlReply> {
    await stuck.promise;
    yield { kind: "done", count: 0 };
  };
  await withServer(handler, async (path) => {
    await assert.rejects(ask(path, { command: "summary" }, 20).next(), {
      name: "StartError",
      message: `Cannot talk to the gateway at ${path}: it was silent for 0.02 s`,
    });
    stuck.resolve();
  });
});

Deno.test("a handler is told when its operator goes, and when the gateway does", async () => {
  const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  let left: { readonly broken: Promise<void> } | undefined;
  const handler: ControlHandler = async function* (_, signal): AsyncGenerator<ControlReply> {
    const end = ends[count++];
    yield { kind: "debugging" };
    await new Promise((go) => signal.addEventListener("abort", go));
    end?.resolve();
  };
  await withServer(handler, async (path) => {
    for await (const reply of askDebug(path, { command: "debug" })) {
      assert.deepEqual(reply, { kind: "debugging" });
      break;
    }
    await ends[0]?.promise;
    const second = askDebug(path, { command: "debug" });
    await second.next();
    const broken = assert.rejects(second.next(), /it broke off/);
    left = { broken };
  });
  await ends[1]?.promise;
  await left?.broken;
});

/** An operator who asks and never reads. */
async function deafOperator(path: string): Promise<Deno.UnixConn> {
  const connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode('{"command":"sessions","selector":{}}\n'));
  return connection;
}

Deno.test("an operator who does not read is let go, and others are refused with a reason", async () => {
  const sessions = Array.from({ length: 500 }, (_, id) => sessionFactsOf({ id }));
  let running = 0;
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const handler: ControlHandler = async function* (): AsyncGenerator<ControlReply> {
    if (++running === 16) begun.resolve();
    try {
      for (let i = 0; i < 50; i++) yield await Promise.resolve({ kind: "sessions", sessions });
      yield { kind: "done", count: 0 };
    } finally {
      if (--running === 0) ended.resolve();
    }
  };
  await withServer(handler, async (path) => {
    const deaf = await Promise.all(Array.from({ length: 16 }, () => deafOperator(path)));
    await begun.promise;
    await assert.rejects(order(path, { command: "clear-stats" }), {
      message: "Cannot answer: 16 operators are served already",
    });
    await ended.promise;
    for (const connection of deaf) connection.close();
  }, 300);
});

const malformed: readonly (readonly [text: string, reason: RegExp])[] = [
  ["nonsense\n", /not JSON/],
  ["[]\n", /not a command/],
  ['{"command":"reboot"}\n', /\\"reboot\\": not a command/],
  ['{"command":"clear-sessions"}\n', /selector is malformed/],
  ['{"command":"rekey","what":"ike"}\n', /selector or what is malformed/],
  ['{"command":"rekey","what":"all","selector":{}}\n', /selector or what is malformed/],
  ['{"command":"clear-sessions","selector":{"user":"x"}}\n', /selector is malformed/],
  ['{"command":"sessions","selector":{"id":"1"}}\n', /selector is malformed/],
  ['{"command":"debug","topic":"loud"}\n', /topic or peer is malformed/],
  ['{"command":"debug","peer":"here"}\n', /topic or peer is malformed/],
  [`{"command":"${"x".repeat(5000)}`, /more than 4096 octets/],
];

for (const [text, reason] of malformed) {
  Deno.test(`refused on the socket: ${text.trim().slice(0, 60)}`, () =>
    withServer(answers, async (path) => assert.match(await rawAnswer(path, text), reason)));
}

Deno.test("a socket left by a gateway that was killed is replaced", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/s`;
  // A listener that goes without removing its file, as a killed process does.
  const left = Deno.listen({ transport: "unix", path: `${folder}/old` });
  Deno.renameSync(`${folder}/old`, path);
  left.close();
  assert.ok(Deno.lstatSync(path).isSocket);
  const server = await serveControl(path, answers);
  await assert.rejects(serveControl(path, answers), /another rejoin answers there/);
  await server.close();
  Deno.writeTextFileSync(path, "mine");
  await assert.rejects(serveControl(path, answers), /no socket is there/);
  assert.equal(Deno.readTextFileSync(path), "mine");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("no gateway is one clear line", async () => {
  await assert.rejects(ask("/nonexistent/s", { command: "summary" }).next(), {
    name: "StartError",
    message: "Cannot talk to a gateway at /nonexistent/s: none runs there; start one with rejoin " +
      "serve, or name its --control socket",
  });
});

Deno.test("a request without conditions means all, and is told apart from a malformed one", () => {
  assert.deepEqual(parseRequest('{"command":"clear-sessions","selector":{}}'), {
    ok: true,
    request: { command: "clear-sessions", selector: {} },
  });
});
