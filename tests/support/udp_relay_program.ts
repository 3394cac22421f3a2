/**
 * A NAT in a program: takes datagrams at one address and sends them to a gateway from another, the next
 * of several at every SIGUSR1; answers go back to whoever sent last. For one client at a time.
 *
 *     udp_relay_program.ts PORT ADDRESS GATEWAY SOURCE…
 */
import { createSocket, type Socket } from "node:dgram";

const [port = "", inner = "", gateway = "", ...sources] = Deno.args;

async function bound(address: string, at: number): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(at, address, resolve));
  return socket;
}

const inside = await bound(inner, Number(port));
const outside = await Promise.all(sources.map((source) => bound(source, 0)));
let client = { address: "", port: 0 };
let current = 0;

inside.on("message", (bytes, from) => {
  client = { address: from.address, port: from.port };
  outside[current]?.send(bytes, Number(port), gateway);
});
for (const socket of outside) {
  socket.on("message", (bytes) => inside.send(bytes, client.port, client.address));
}
Deno.addSignalListener("SIGUSR1", () => {
  current = (current + 1) % sources.length;
  console.log(`from ${sources[current]}`);
});
console.log("ready");
