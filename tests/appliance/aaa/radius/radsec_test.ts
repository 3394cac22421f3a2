/** RADIUS over TLS: against servers that do as they are told, and against FreeRADIUS. */
import assert from "node:assert/strict";
import { RadiusClient, type RadiusClientOptions } from "../../../../appliance/aaa/radius/client.ts";
import { Code, headerBytes, number32 } from "../../../../appliance/aaa/radius/packet.ts";
import { addressesOf, tlsServer } from "../../../../appliance/aaa/radius/servers.ts";
import {
  PacketCutter,
  radsecSecret,
  type TlsCredentials,
} from "../../../../appliance/aaa/radius/tls_channel.ts";
import { systemClock } from "../../../../appliance/clock.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import { concatBytes, formatIpAddress, utf8 } from "../../../../core/mod.ts";
import { until } from "../../../support/background.ts";
import { startFreeRadius, whyNoFreeRadius } from "../../../support/free_radius.ts";
import { type LabPki, makeLabPki } from "../../../support/lab_pki.ts";
import { question } from "./scripted_server.ts";
import { answerTo, keepingLog } from "./support.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const pki = await makeLabPki(`${folder}/pki`, [
  "radius.example.test",
  "127.0.0.1",
  "::1",
]);

function credentialsOf(
  { ca, client }: LabPki,
  change: Partial<TlsCredentials> = {},
): TlsCredentials {
  return {
    ca: Deno.readTextFileSync(ca),
    certificate: Deno.readTextFileSync(client.certificate),
    key: Deno.readTextFileSync(client.key),
    ...change,
  };
}

/** What a server does with one connection: `packet` comes with every whole packet. */
type Script = (packet: Uint8Array, count: number, connection: Deno.TlsConn) => Promise<unknown>;

/** A server over TLS. */
class TlsServer implements AsyncDisposable {
  readonly #listener: Deno.TlsListener;
  readonly #connections = new Set<Deno.TlsConn>();
  readonly #accepting: Promise<void>;
  /** Packets, in order. */
  readonly heard: Uint8Array[] = [];
  /** Connections so far. */
  connections = 0;
  script: Script;

  constructor(script: Script, port = 0, { server }: Pick<LabPki, "server"> = pki) {
    this.script = script;
    this.#listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port,
      cert: Deno.readTextFileSync(server.certificate),
      key: Deno.readTextFileSync(server.key),
    });
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      while (true) {
        const connection = await this.#listener.accept();
        this.connections += 1;
        this.#connections.add(connection);
        serving.push(this.#serve(connection).catch(() => {}));
      }
    } catch {
      // It is closed.
    }
    await Promise.all(serving);
  }

  async #serve(connection: Deno.TlsConn): Promise<void> {
    const cutter = new PacketCutter();
    const buffer = new Uint8Array(10_000);
    for (let count = await connection.read(buffer); count !== null;) {
      for (const packet of cutter.add(buffer.subarray(0, count))) {
        const copy = new Uint8Array(packet);
        this.heard.push(copy);
        await this.script(copy, this.heard.length, connection);
      }
      count = await connection.read(buffer);
    }
    closeQuietly(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await this.#accepting;
  }
}

function closeQuietly(connection: Deno.TlsConn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}

const accept: Script = (packet, _, connection) =>
  connection.write(answerTo(packet, Code.ACCESS_ACCEPT, [], false, radsecSecret));

async function withClient(
  ports: readonly number[],
  change: Partial<RadiusClientOptions> & {
    readonly credentials?: TlsCredentials;
    readonly host?: string;
  },
  run: (client: RadiusClient) => Promise<void>,
): Promise<void> {
  const { credentials = credentialsOf(pki), host = "127.0.0.1", ...options } = change;
  const client = new RadiusClient({
    servers: ports.map((port) => tlsServer({ host, port }, () => credentials, systemClock)),
    balance: "in-order",
    purpose: "access",
    times: { timeoutMs: 3_000, deadMs: 60_000, firstPauseMs: 100 },
    status: undefined,
    random: systemRandom,
    clock: systemClock,
    log: keepingLog(),
    ...options,
  });
  try {
    await run(client);
  } finally {
    client.close();
  }
}

Deno.test("RFC 6613 §2.6.4: a stream is cut into packets wherever the readings end", () => {
  const packet = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length).fill(7);
    new DataView(bytes.buffer).setUint16(2, length);
    return bytes;
  };
  const stream = concatBytes(packet(20), packet(4096), packet(33));
  for (const step of [1, 3, 19, 20, 21, 4096, 5000]) {
    const cutter = new PacketCutter();
    const lengths: number[] = [];
    for (let at = 0; at < stream.length; at += step) {
      for (const { length } of cutter.add(stream.subarray(at, at + step))) lengths.push(length);
    }
    assert.deepEqual(lengths, [20, 4096, 33], `steps of ${step}`);
    assert.equal(cutter.isBroken, false);
  }
  for (const length of [0, 19, 4097, 65_535]) {
    const cutter = new PacketCutter();
    const bytes = packet(headerBytes);
    new DataView(bytes.buffer).setUint16(2, length);
    assert.deepEqual(cutter.add(bytes), []);
    assert.equal(cutter.isBroken, true, String(length));
  }
});

Deno.test("where a server is, is known by its address, or once it was reached by its name", async () => {
  const local = await makeLabPki(`${folder}/local`, ["localhost"]);
  await using server = new TlsServer(accept, 0, local);
  const { port } = server;
  const [literal, named, other] = ["2001:db8::1", "localhost", "radius.example.test"].map((host) =>
    tlsServer({ host, port }, () => credentialsOf(local), systemClock)
  );
  assert.ok(literal !== undefined && named !== undefined && other !== undefined);
  const known = (): readonly string[] =>
    addressesOf({ access: [literal, named], accounting: [other] }).map(formatIpAddress);
  assert.deepEqual(known(), ["2001:db8::1"]);
  await withClient([], { servers: [named] }, async (client) => {
    assert.equal((await client.ask(question)).packet.code, Code.ACCESS_ACCEPT);
  });
  assert.deepEqual(known(), ["2001:db8::1", "127.0.0.1"]);
});

Deno.test("questions of both kinds share a connection, said once each, and 300 take two", async () => {
  const held: (() => Promise<unknown>)[] = [];
  await using server = new TlsServer((packet, _, connection) => {
    const code = packet[0] === Code.ACCESS_REQUEST ? Code.ACCESS_REJECT : Code.ACCOUNTING_RESPONSE;
    held.push(() => connection.write(answerTo(packet, code, [], false, radsecSecret)));
    return Promise.resolve();
  });
  await withClient([server.port], {}, async (client) => {
    const asked = Array.from({ length: 299 }, () => client.ask(question));
    const told = client.ask({
      code: Code.ACCOUNTING_REQUEST,
      attributes: [{ name: "Acct-Status-Type", value: number32(1) }],
    });
    await until("all of them", () => held.length === 300 || undefined, 5_000);
    // Long enough for retransmissions, if there were any.
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(server.heard.length, 300);
    assert.equal(server.connections, 2);
    for (const answer of held) await answer();
    for (const { packet } of await Promise.all(asked)) assert.equal(packet.code, 3);
    assert.equal((await told).packet.code, Code.ACCOUNTING_RESPONSE);
    assert.equal(client.countersOf("access").get("rejects"), 299);
    assert.equal(client.countersOf("accounting").get("start-passed"), 1);
  });
});

Deno.test("a connection that breaks is opened again, and the question asked on it", async () => {
  const log = keepingLog();
  await using server = new TlsServer(accept);
  await withClient([server.port], { log }, async (client) => {
    await client.ask(question);
    server.script = async (packet, count, connection) => {
      if (count === 2) closeQuietly(connection);
      else await accept(packet, count, connection);
    };
    assert.equal((await client.ask(question)).packet.code, Code.ACCESS_ACCEPT);
    assert.equal(server.connections, 2);
    assert.equal(client.counters.get("retransmissions"), 1);
    assert.equal(client.counters.get("timeouts"), undefined);
    assert.deepEqual(log.told.map(([event]) => event), ["radius-connection-broken"]);
  });
});

Deno.test("a server that is not there is dead at once, and is found when it comes", async () => {
  const gone = new TlsServer(accept);
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using other = new TlsServer(accept);
  const log = keepingLog();
  await withClient([port, other.port], { log }, async (client) => {
    const began = performance.now();
    assert.equal((await client.ask(question)).server, 1);
    assert.ok(performance.now() - began < 1_000);
    assert.deepEqual(log.told.map(([event]) => event), [
      "radius-connection-broken",
      "radius-server-never-answered",
    ]);
    const waiting = client.ask({ ...question, server: 0 });
    await using back = new TlsServer(accept, port);
    assert.equal((await waiting).server, 0);
    assert.equal(back.connections, 1);
    assert.equal((await client.ask(question)).server, 0);
  });
});

Deno.test("a server that closes every connection is asked a few times, not without end", async () => {
  await using server = new TlsServer((_packet, _count, connection) => {
    closeQuietly(connection);
    return Promise.resolve();
  });
  const times = { timeoutMs: 2_500, deadMs: 60_000, firstPauseMs: 100 };
  await withClient([server.port], { times }, async (client) => {
    await assert.rejects(client.ask(question), /no RADIUS server answered: the connection broke/);
    // At once, after one second and after two more.
    assert.ok(server.connections <= 3, `${server.connections} connections`);
  });
});

Deno.test("a silent server is left in time, and another connection is tried after that", async () => {
  await using server = new TlsServer(() => Promise.resolve());
  const times = { timeoutMs: 300, deadMs: 60_000, firstPauseMs: 100 };
  await withClient([server.port], { times }, async (client) => {
    await assert.rejects(client.ask(question), /no RADIUS server answered/);
    server.script = accept;
    await client.ask(question);
    assert.equal(server.connections, 2);
  });
});

const nonsense: readonly (readonly [string, (packet: Uint8Array) => Uint8Array, string])[] = [
  ["a length of 5", () => new Uint8Array([2, 0, 0, 5, ...new Uint8Array(30)]), "bad-length"],
  ["another secret", (packet) => answerTo(packet, 2, [], true, utf8("x")), "bad-authenticator"],
  ["another identifier", (packet) => {
    const other = packet.slice();
    other[1] = 77;
    return answerTo(other, 2, [], false, radsecSecret);
  }, "unasked"],
];

for (const [what, lie, cause] of nonsense) {
  Deno.test(`RADIUS, bad input over TLS: ${what} is counted, and the next answer is heard`, async () => {
    await using server = new TlsServer(async (packet, count, connection) => {
      if (count === 1) await connection.write(new Uint8Array(lie(packet)));
      if (count > 1 || cause === "unasked") await accept(packet, count, connection);
    });
    await withClient([server.port], {}, async (client) => {
      assert.equal((await client.ask(question)).packet.code, Code.ACCESS_ACCEPT);
      assert.equal(client.counters.get(cause as "unasked"), 1);
      assert.equal(server.connections, cause === "unasked" ? 1 : 2);
    });
  });
}

Deno.test("RFC 6613 §2.6.4: a connection is closed over an answer that is not believed, and slowly made anew", async () => {
  const wrong = utf8("x");
  await using server = new TlsServer((packet, _, connection) =>
    connection.write(answerTo(packet, Code.ACCESS_ACCEPT, [], true, wrong))
  );
  const times = { timeoutMs: 2_500, deadMs: 60_000, firstPauseMs: 100 };
  await withClient([server.port], { times }, async (client) => {
    await assert.rejects(client.ask(question), /no RADIUS server answered/);
    // At once, after one second, and not yet after two more.
    assert.equal(server.connections, 2);
    assert.equal(server.heard.length, 2);
    assert.equal(client.counters.get("bad-authenticator"), 2);
  });
});

Deno.test("a server whose certificate is another's, or of an unknown CA, learns nothing", async () => {
  await using server = new TlsServer(accept);
  const stranger = await makeLabPki(`${folder}/stranger`, ["radius.example.test"], "Other CA");
  const ca = Deno.readTextFileSync(stranger.ca);
  const times = { timeoutMs: 500, deadMs: 60_000, firstPauseMs: 100 };
  const changes = [{ credentials: credentialsOf(pki, { ca }) }, { host: "localhost" }];
  for (const change of changes) {
    const log = keepingLog();
    await withClient([server.port], { times, log, ...change }, async (client) => {
      await assert.rejects(client.ask(question), /cannot connect to .*certificate/);
      assert.match(String(log.told[0]?.[1]["reason"]), /UnknownIssuer|not valid for name/);
    });
  }
  assert.equal(server.heard.length, 0);
});

const reason = whyNoFreeRadius();
if (reason !== undefined) console.log(`skipped: FreeRADIUS over TLS: ${reason}`);
Deno.test({
  name:
    "FreeRADIUS: users and sessions over one TLS connection, which is made anew after a restart",
  ignore: reason !== undefined,
  fn: async () => {
    const port = 20_000 + Deno.pid % 20_000;
    const { certificate, key } = pki.server;
    const start = {
      folder: `${folder}/radius`,
      port,
      signs: false,
      tls: { port: port + 2, ca: pki.ca, certificate, key },
    };
    const userPassword = { name: "User-Password", value: utf8("bobpw") } as const;
    const bob = { ...question, attributes: [{ name: "User-Name", value: utf8("bob") } as const] };
    const login = { ...bob, attributes: [...bob.attributes, userPassword] };
    const server = await startFreeRadius(start);
    try {
      const status = [{ name: "NAS-Identifier", value: utf8("gw.example.test") }] as const;
      const times = { timeoutMs: 10_000, deadMs: 60_000, firstPauseMs: 500 };
      await withClient([port + 2], { times, status }, async (client) => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(login)));
        assert.deepEqual(new Set(answers.map(({ packet }) => packet.code)), new Set([2]));
        await client.ask({
          code: Code.ACCOUNTING_REQUEST,
          attributes: [
            { name: "Acct-Status-Type", value: number32(1) },
            { name: "Acct-Session-Id", value: utf8("over-tls") },
            { name: "User-Name", value: utf8("bob") },
          ],
        });
        assert.equal((await server.record({ "Acct-Session-Id": "over-tls" }))["User-Name"], "bob");
        await server.process.stop();
        const waiting = client.ask(login);
        await using _again = await startFreeRadius(start);
        assert.equal((await waiting).packet.code, Code.ACCESS_ACCEPT);
      });
      // Who shows no certificate of its CA gets no answer.
      const stranger = await makeLabPki(`${folder}/other`, ["radius.example.test"], "Third CA");
      const credentials = credentialsOf(stranger, { ca: Deno.readTextFileSync(pki.ca) });
      await using _third = await startFreeRadius(start);
      const short = { ...times, timeoutMs: 1_500 };
      await withClient([port + 2], { times: short, credentials }, async (client) => {
        await assert.rejects(client.ask(login), /no RADIUS server answered/);
      });
    } finally {
      await server.process.stop();
    }
  },
});
