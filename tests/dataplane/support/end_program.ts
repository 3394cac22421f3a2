/**
 * A program with one packet path, commanded over standard input: one JSON line a call, one an answer,
 * and one for everything that the packet path reports. Run it in a network namespace of its own.
 */
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { parseIpAddress } from "../../../core/wire/address.ts";
import { Arena } from "../../../dataplane/buffers.ts";
import { parseSockaddr, Size } from "../../../dataplane/ffi/layout.ts";
import { libc } from "../../../dataplane/ffi/libc.ts";
import { pathBetween, ReceiveBatch, receiveBatchBytes } from "../../../dataplane/io/udp_linux.ts";
import { SendBatch, sendBatchBytes } from "../../../dataplane/io/udp_send_linux.ts";
import { closeUdpSocket, openUdpSocket } from "../../../dataplane/io/udp_socket_linux.ts";
import { type Dataplane, DataplaneError, openDataplane } from "../../../dataplane/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { buildOctetsJson, parseOctetsJson } from "../../../core/octets_json.ts";
import { PlainSocket } from "./plain_socket.ts";

function say(value: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(buildOctetsJson(value) + "\n"));
}

let dataplane: Dataplane | undefined;

async function open(options: Parameters<typeof openDataplane>[0]): Promise<unknown> {
  const start = performance.now();
  dataplane = await openDataplane(options, {
    ike: (ike, place) => {
      say({ ike });
      place.leave();
    },
    event: (event) => say({ event }),
    removed: (removed) => say({ removed }),
    trouble: (trouble) => say({ trouble }),
    fatal: (error) => say({ fatal: error.message }),
  });
  const { sockets, tunName, cryptoName, features, loops } = dataplane;
  return { sockets, tunName, cryptoName, features, loops, startedMs: performance.now() - start };
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

/**
 * Opens streams to an echo server, each with random octets in writes of random sizes; how many came back
 * with the same SHA-256.
 */
async function streams(host: string, port: number, count: number, size: number): Promise<number> {
  const run = async (seed: number): Promise<boolean> => {
    const random = new SeededRandom(seed);
    const block = random.bytes(400_000);
    const connection = await Deno.connect({ hostname: host, port });
    const [sent, received] = [createHash("sha256"), createHash("sha256")];
    const writing = (async () => {
      for (let at = 0; at < size;) {
        const start = random.below(300_000);
        const part = block.subarray(start, start + 1 + random.below(random.below(2) * 99_000 + 99));
        for (let done = 0; done < part.length;) done += await connection.write(part.subarray(done));
        sent.update(part);
        at += part.length;
      }
      await connection.closeWrite();
    })();
    for await (const part of connection.readable) received.update(part);
    await writing;
    return sent.digest("hex") === received.digest("hex");
  };
  const results = await Promise.all(Array.from({ length: count }, (_, i) => run(i + 1)));
  return results.filter((it) => it).length;
}

/**
 * Sends datagrams in runs that the kernel cuts (UDP_SEGMENT), so that they come to the TUN device as
 * super-packets; how many came back as they were, each once. All but every sixteenth have `size` octets.
 */
async function udpRuns(
  from: string,
  host: string,
  port: number,
  size: number,
  count: number,
): Promise<number> {
  const address = parseIpAddress(from)!;
  const remote = parseIpAddress(host)!;
  const socket = openUdpSocket({ address, port: 0 }, true);
  const arena = new Arena(receiveBatchBytes + sendBatchBytes + 300_000);
  const outgoing = new SendBatch(arena, [socket], 0, true);
  const received = new ReceiveBatch(arena);
  const path = pathBetween([socket], socket.local, { address: remote, port })!;
  const room = arena.reserve(64 * size);
  const good = new Set<number>();
  for (let first = 0; first < count; first += 32) {
    for (let i = first; i < first + 32; i++) {
      const at = room + (i % 32) * size;
      const length = i % 16 === 15 ? size >> 1 : size;
      arena.bytes.fill(i & 0xff, at, at + length);
      arena.view.setUint32(at, i);
      outgoing.add(at, length, path, 0);
    }
    outgoing.flush();
    for (let tries = 0; tries < 100 && good.size < first + 32; tries++) {
      const messages = Math.max(0, received.receive(socket.fd));
      for (let m = 0; m < messages; m++) {
        const at = received.offset(m);
        const i = arena.view.getUint32(at);
        const length = received.length(m);
        const content = arena.bytes.subarray(at + 4, at + length);
        const isSame = length === (i % 16 === 15 ? size >> 1 : size) &&
          content.every((octet) => octet === (i & 0xff));
        if (isSame && !good.has(i)) good.add(i);
      }
      received.recycle(messages);
      if (messages === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  closeUdpSocket(socket);
  return good.size;
}

const plainSockets: PlainSocket[] = [];

/** Opens a socket of this program's own, apart from the packet path; its number. */
function socketOpen(host: string, port: number): number {
  return plainSockets.push(new PlainSocket(host, port)) - 1;
}

/** Closes the packet loop's TUN device under it, as nobody should. */
function closeTun(): void {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === "/dev/net/tun") libc.close(Number(name));
    } catch {
      // the descriptor of the folder itself
    }
  }
}

/** Closes what the packet loop receives on under it, as nobody should. */
function closeSockets(port: number): void {
  const name = new Uint8Array(Size.SOCKADDR_IN6);
  for (const entry of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(entry.name);
    if (libc.getsockname(fd, name, Uint32Array.of(name.length)) < 0) continue;
    if (parseSockaddr(new DataView(name.buffer), 0)?.port === port) libc.close(fd);
  }
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

/** Memory of this process that is in use and resident, octets. */
function residentBytes(): number {
  return Deno.memoryUsage().rss;
}

// deno-lint-ignore no-explicit-any
const helpers: Record<string, (...args: any[]) => unknown> = {
  open,
  echo,
  tcp,
  udp,
  streams,
  udpRuns,
  spray,
  socketOpen,
  socketSend: (i: number, ...args: Parameters<PlainSocket["send"]>) =>
    plainSockets[i]!.send(...args),
  socketFlood: (i: number, ...args: Parameters<PlainSocket["flood"]>) =>
    plainSockets[i]!.flood(...args),
  socketReceive: (i: number, count: number) => plainSockets[i]!.receive(count),
  closeTun,
  closeSockets,
  ticks,
  residentBytes,
};

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
    const { id, name, args } = parseOctetsJson(line) as {
      id: number;
      name: string;
      args: unknown[];
    };
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
