/** Logs so many users in at a gateway in this process, forgets the clients, and prints the heap for each. */
import { Client, Gateway, moment, type SessionPair, verifyMschapv2 } from "../../../core/mod.ts";
import type { Answer, ClientOutput, Output, Question } from "../../../core/mod.ts";
import { ntHash } from "../../../core/mod.ts";
import { selectProvider } from "../../../dataplane/mod.ts";
import { systemRandom } from "../../../appliance/entropy.ts";
import { makeSimPki } from "../../../tests/support/sim_pki.ts";
import {
  endpoint,
  gatewayEndpoint,
  range,
  simClient,
  simPolicy,
} from "../../../tests/support/sim_settings.ts";

const count = Number(Deno.args[0] ?? "1000");
const crypto = selectProvider();
const pki = makeSimPki(crypto);
const password = "load";
const hash = ntHash(password);
const now = moment(0, Date.now());

const gateway = new Gateway({
  policy: simPolicy(pki, {
    pools: [range("10.0.0.1-10.0.255.254")],
    maxSa: 1_000_000,
    cookieThreshold: 1_000_000,
  }),
  crypto,
  random: systemRandom,
  now,
});

function answerTo(question: Question): Answer {
  if (question.kind !== "verify") return { kind: "done" };
  const { credential, userName } = question;
  const proof = credential.kind === "mschapv2"
    ? verifyMschapv2(crypto, hash, credential, userName)
    : undefined;
  return proof === undefined
    ? { kind: "verdict", verdict: { kind: "reject" } }
    : { kind: "verdict", verdict: { kind: "accept", attributes: {}, mschapv2: proof } };
}

function logIn(i: number): SessionPair | undefined {
  const local = endpoint(`198.51.${i >> 8 & 0xff}.${i & 0xff}`, 4500);
  const client = new Client({
    settings: simClient(pki, `user${i}`, local, {
      login: { kind: "eap-mschapv2", userName: `user${i}`, password },
    }),
    crypto,
    random: systemRandom,
  });
  const work: (Output | ClientOutput & { readonly fromClient?: true })[] = [];
  const toGateway = (outputs: readonly ClientOutput[]): void => {
    for (const output of outputs) {
      if (output.kind !== "transmit") continue;
      const { bytes } = output;
      work.push(
        ...gateway.handle({
          kind: "datagram",
          at: now,
          local: gatewayEndpoint,
          remote: local,
          bytes,
        }),
      );
    }
  };
  toGateway(client.handle({ kind: "connect", at: now }));
  for (let output = work.shift(); output !== undefined; output = work.shift()) {
    if (output.kind === "ask") {
      const answer = answerTo(output.question);
      work.push(...gateway.handle({ kind: "completion", at: now, id: output.id, answer }));
    } else if (output.kind === "transmit") {
      const { bytes } = output;
      toGateway(
        client.handle({ kind: "datagram", at: now, local, remote: gatewayEndpoint, bytes }),
      );
    }
  }
  return client.pair;
}

function heap(): number {
  const { gc } = globalThis as unknown as { gc: () => void };
  gc();
  gc();
  return Deno.memoryUsage().heapUsed;
}

for (let i = 0; i < 50; i++) if (logIn(i) === undefined) throw new Error("a login failed");
const before = heap();
for (let i = 50; i < 50 + count; i++) logIn(i);
const after = heap();
const { sessions } = gateway.snapshot();
if (sessions.length !== count + 50) throw new Error(`${sessions.length} sessions`);
console.log(Math.round((after - before) / count));
