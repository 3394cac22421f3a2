/**
 * Traffic for the demonstration, run inside a namespace, so that a bare machine needs neither `ping` nor
 * `iperf3`: `probe.ts ping SOURCE TARGET COUNT`, `probe.ts serve ADDRESS PORT`,
 * `probe.ts transfer SOURCE TARGET PORT MEGABYTES`.
 *
 * `ping` sends ICMP echo requests over a raw socket by way of the C library, as Deno has none.
 * `transfer` sends pseudo-random octets to `serve`, which sends back their SHA-256.
 */
import { createHash } from "node:crypto";
import { addressOf, errno, libc, pointerTo, systemError } from "../../dataplane/ffi/libc.ts";

const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_ICMP = 1;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;

function socketAddress(text: string): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address[0] = AF_INET;
  address.set(text.split(".").map(Number), 4);
  return address;
}

function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function echoRequest(identifier: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(64);
  packet.fill(0x72, 8);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 8);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  view.setUint16(2, internetChecksum(packet));
  return packet;
}

/** One socket and the memory of its `sendmsg`: address, iovec, msghdr and packet, one after another. */
function openEcho(source: string, target: string): (sequence: number) => number | undefined {
  const fd = libc.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  if (fd < 0) throw systemError("open a raw socket", errno());
  if (libc.bind(fd, socketAddress(source), 16) < 0) throw systemError(`bind to ${source}`, errno());
  const timeout = new BigInt64Array([0n, 200_000n]);
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer), 16);

  const memory = new Uint8Array(256);
  const { pointer, address } = addressOf(memory);
  const view = new DataView(memory.buffer);
  memory.set(socketAddress(target), 0);
  view.setBigUint64(16, BigInt(address + 128), true);
  view.setBigUint64(24, 64n, true);
  view.setBigUint64(32, BigInt(address), true);
  view.setUint32(40, 16, true);
  view.setBigUint64(48, BigInt(address + 16), true);
  view.setBigUint64(56, 1n, true);
  const message = pointerTo(pointer, 32);
  const identifier = Deno.pid & 0xffff;
  const answer = new Uint8Array(256);

  return (sequence) => {
    memory.set(echoRequest(identifier, sequence), 128);
    const began = performance.now();
    if (libc.sendmsg(fd, message, 0) < 0) return undefined;
    while (performance.now() - began < 1000) {
      const length = libc.recv(fd, answer, answer.length, 0);
      if (length < 28) continue;
      const reply = new DataView(answer.buffer, ((answer[0] ?? 0) & 15) * 4);
      const isOurs = reply.getUint8(0) === 0 && reply.getUint16(4) === identifier;
      if (isOurs && reply.getUint16(6) === sequence) return performance.now() - began;
    }
    return undefined;
  };
}

function pingFrom(source: string, target: string, count: number): void {
  const echo = openEcho(source, target);
  const times: number[] = [];
  for (let sequence = 1; sequence <= count; sequence++) {
    const ms = echo(sequence);
    if (ms !== undefined) times.push(ms);
  }
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  console.log(JSON.stringify({ sent: count, received: times.length, meanMs: mean }));
}

async function serveTransfers(hostname: string, port: number): Promise<void> {
  const listener = Deno.listen({ hostname, port });
  console.log("listening");
  for await (const connection of listener) {
    const hash = createHash("sha256");
    let left = 0;
    let head: Uint8Array | undefined;
    for await (const part of connection.readable.values({ preventCancel: true })) {
      let body = part;
      if (head === undefined) {
        head = part.subarray(0, 4);
        left = new DataView(part.buffer, part.byteOffset).getUint32(0);
        body = part.subarray(4);
      }
      hash.update(body);
      left -= body.length;
      if (left <= 0) break;
    }
    await connection.write(hash.digest());
    connection.close();
  }
}

async function transferFrom(
  source: string,
  target: string,
  port: number,
  mb: number,
): Promise<void> {
  const { connect } = await import("node:net");
  const socket = connect({ host: target, port, localAddress: source });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  socket.once("data", resolve).once("error", reject);
  const hash = createHash("sha256");
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, mb << 20);
  const began = performance.now();
  socket.write(head);
  for (let i = 0; i < mb * 16; i++) {
    const block = crypto.getRandomValues(new Uint8Array(65_536));
    hash.update(block);
    if (!socket.write(block)) await new Promise((drained) => socket.once("drain", drained));
  }
  const theirs = await promise;
  const seconds = (performance.now() - began) / 1000;
  socket.destroy();
  const intact = hash.digest().equals(theirs);
  console.log(JSON.stringify({ intact, megabitsPerSecond: mb * 8.388608 / seconds }));
}

const [mode, ...words] = Deno.args;
const [a = "", b = "", c = "", d = ""] = words;
if (mode === "ping") pingFrom(a, b, Number(c));
else if (mode === "serve") await serveTransfers(a, Number(b));
else if (mode === "transfer") await transferFrom(a, b, Number(c), Number(d));
else throw new Error(`no such mode: ${mode}`);
Deno.exit(0);
