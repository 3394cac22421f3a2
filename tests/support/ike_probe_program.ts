/**
 * Sends a gateway a message of a version that nobody speaks, which is answered at once and in clear, and says
 * where the answer came from: `ADDRESS PORT`.
 *
 *     ike_probe_program.ts ADDRESS PORT
 */
import { createSocket } from "node:dgram";

const [address = "", port = ""] = Deno.args;
const message = new Uint8Array(64);
message.fill(0x11, 0, 8); // initiator's SPI
message.set([0, 0x30, 34, 0x08, 0, 0, 0, 0, 0, 0, 0, 64], 16); // version 3.0, IKE_SA_INIT request 0
// On a port of NAT traversal IKE messages begin with a marker (RFC 3948 §2.2).
const marker = new Uint8Array(port === "4500" ? 4 : 0);
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
socket.once("message", (_, from) => {
  console.log(`${from.address} ${from.port}`);
  socket.close();
});
socket.send(new Uint8Array([...marker, ...message]), Number(port), address);
