/**
 * Floods a gateway with IKE_SA_INIT requests, each from a source of its own: addresses of 10.128.0.0/9,
 * all of which have to be routed to this namespace as its own. Measures what comes back. At SIGTERM it
 * says what happened, as JSON.
 *
 *     flood_program.ts GATEWAY PORT
 */
import { ExchangeType } from "../../core/message/constants.ts";
import { buildMessage } from "../../core/message/message.ts";
import { defaultIkeProposals } from "../../core/sa/default_proposals.ts";
import { offerOf } from "../../core/sa/proposal.ts";
import { parseIpAddress } from "../../core/wire/address.ts";
import { Arena } from "../../dataplane/buffers.ts";
import { Linux } from "../../dataplane/ffi/layout.ts";
import { pathBetween, ReceiveBatch, receiveBatchBytes } from "../../dataplane/io/udp_linux.ts";
import { SendBatch, sendBatchBytes, sendBatchSize } from "../../dataplane/io/udp_send_linux.ts";
import { openUdpSocket } from "../../dataplane/io/udp_socket_linux.ts";

const [gateway = "", port = ""] = Deno.args;
const remote = { address: parseIpAddress(gateway)!, port: Number(port) };
const socket = openUdpSocket({ address: parseIpAddress("0.0.0.0")!, port: 0 }, true);

const nonce = crypto.getRandomValues(new Uint8Array(32));
const question = buildMessage({
  initiatorSpi: new Uint8Array(8).fill(1),
  responderSpi: new Uint8Array(8),
  exchangeType: ExchangeType.IKE_SA_INIT,
  flags: { initiator: true, response: false },
  messageId: 0,
}, [
  { kind: "SA", proposals: offerOf(defaultIkeProposals(), new Uint8Array(0), true) },
  { kind: "KE", group: 31, data: crypto.getRandomValues(new Uint8Array(32)) },
  { kind: "Nonce", data: nonce },
]);
const arena = new Arena(
  sendBatchBytes + receiveBatchBytes + sendBatchSize * (question.length + 64) + 4096,
);
const outgoing = new SendBatch(arena, [socket], Linux.MSG_DONTWAIT);
const received = new ReceiveBatch(arena);
const slots = Array.from({ length: sendBatchSize }, () => {
  const at = arena.reserve(question.length);
  arena.bytes.set(question, at);
  return at;
});

let [asked, answered, longestAnswer, isOver] = [0, 0, 0, false];
Deno.addSignalListener("SIGTERM", () => {
  isOver = true;
});
console.log("flooding");
while (!isOver) {
  for (const at of slots) {
    asked++;
    arena.view.setUint32(at, asked);
    const octets = Uint8Array.of(10, 128 | asked >> 16, asked >> 8, asked);
    const local = { address: { family: 4, octets }, port: socket.local.port } as const;
    outgoing.add(at, question.length, pathBetween([socket], local, remote)!, 0);
  }
  asked -= outgoing.flush();
  const messages = Math.max(0, received.receive(socket.fd));
  for (let m = 0; m < messages; m++) {
    answered++;
    longestAnswer = Math.max(longestAnswer, received.length(m));
  }
  received.recycle(messages);
  await new Promise((resolve) => setTimeout(resolve, 0));
}
console.log(JSON.stringify({ asked, answered, longestAnswer, question: question.length }));
Deno.exit(0);
