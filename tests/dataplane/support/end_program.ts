/**
 * A program with one packet path, commanded over standard input: one JSON line a call, one an answer,
 * and one for everything that the packet path reports. Run it in a network namespace of its own.
 */
import { createSocket } from "node:dgram";
import { type Dataplane, DataplaneError, openDataplane } from "../../../dataplane/mod.ts";
import { fromLine, toLine } from "./wire_json.ts";

function say(value: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(toLine(value) + "\n"));
}

let dataplane: Dataplane | undefined;

async function open(options: Parameters<typeof openDataplane>[0]): Promise<unknown> {
  const start = performance.now();
  dataplane = await openDataplane(options, {
    ike: (ike) => say({ ike }),
    event: (event) => say({ event }),
    fatal: (error) => say({ fatal: error.message }),
  });
  const { sockets, tunName, cryptoName } = dataplane;
  return { sockets, tunName, cryptoName, startedMs: performance.now() - start };
}

/** A server that sends back what it gets, until the program ends. */
function echo(host: string, port: number): void {
  const listener = Deno.listen({ hostname: host, port });
  (async () => {
    for await (const connection of listener) {
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("message", (message, from) => socket.send(message, from.port, from.address));
  socket.bind(port, host);
}

async function tcp(host: string, port: number, size: number): Promise<boolean> {
  const sent = new Uint8Array(size).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
  const connection = await Deno.connect({ hostname: host, port });
  const writing = (async () => {
    for (let at = 0; at < size;) at += await connection.write(sent.subarray(at, at + 60_000));
    await connection.closeWrite();
  })();
  let at = 0;
  let isSame = true;
  for await (const part of connection.readable) {
    isSame &&= part.every((octet, i) => octet === sent[at + i]);
    at += part.length;
  }
  await writing;
  return isSame && at === size;
}

/** Sends datagrams one after the other; how many came back as they were. */
async function udp(host: string, port: number, sizes: readonly number[]): Promise<number> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  let good = 0;
  for (const size of sizes) {
    const sent = new Uint8Array(size).fill(size & 0xff);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), 2000);
    socket.once(
      "message",
      (it) => resolve(it.length === size && it.every((o) => o === (size & 0xff))),
    );
    socket.send(sent, port, host);
    if (await promise) good++;
    clearTimeout(timer);
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return good;
}

/** Sends datagrams that nobody answers. */
async function spray(host: string, port: number, datagrams: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  for (const datagram of datagrams) {
    await new Promise<void>((resolve) => socket.send(datagram, port, host, () => resolve()));
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}

/** Processor time of this process so far, in clock ticks. */
function ticks(): number {
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

// deno-lint-ignore no-explicit-any
const helpers: Record<string, (...args: any[]) => unknown> = { open, echo, tcp, udp, spray, ticks };

// deno-lint-ignore no-explicit-any
async function call(name: string, args: any[]): Promise<unknown> {
  if (helpers[name] !== undefined) return await helpers[name](...args);
  if (dataplane === undefined) throw new TypeError("not open");
  // deno-lint-ignore no-explicit-any
  return await (dataplane as any)[name](...args);
}

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const { id, name, args } = fromLine(line) as { id: number; name: string; args: unknown[] };
    call(name, args).then(
      (result) => say({ id, result }),
      (error) =>
        say({
          id,
          error: error.message,
          kind: error instanceof DataplaneError ? error.kind : error.name,
        }),
    );
  }
}
await dataplane?.close();
say({ closed: true });
// Only the echo servers are left.
if (Deno.args[0] !== "leave-by-itself") Deno.exit(0);
