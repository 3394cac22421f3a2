/** The client's side: what it answers, and what it refuses. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { textOf, utf8 } from "../../../../core/bytes.ts";
import type { AnyConnectClient } from "../../../../core/eap/anyconnect/client.ts";
import {
  type ClientDocument,
  parseClientDocument,
} from "../../../../core/eap/anyconnect/client_documents.ts";
import { buildTlvs, parseTlvs } from "../../../../core/eap/anyconnect/framing.ts";
import type { EapClientMethodStep } from "../../../../core/eap/client.ts";
import { limits } from "../../../../core/limits.ts";
import { hex } from "../../../support/hex.ts";
import { bitFlips, truncations } from "../../../support/mutate.ts";
import { vectorTest } from "../../../support/vectors.ts";
import { certificate, newClient, newServer, run } from "./conversation.ts";
import { recorded } from "./recorded.ts";

const hello = "<config-auth client='vpn' type='hello'/>";

function say(client: AnyConnectClient, text: string): EapClientMethodStep {
  return client.handle(buildTlvs({ xml: utf8(text) }));
}

function answerOf(step: EapClientMethodStep): ClientDocument {
  if (step.kind !== "respond") throw new TypeError(JSON.stringify(step));
  const message = parseTlvs(step.data);
  ok(message.ok && message.value.xml !== undefined);
  const document = parseClientDocument(message.value.xml);
  ok(document.ok);
  return document.value;
}

function request(inside: string): string {
  return `<config-auth client="vpn" type="auth-request">${inside}</config-auth>`;
}

function greeted(changes: Parameters<typeof newClient>[0] = {}): AnyConnectClient {
  const client = newClient(changes);
  equal(answerOf(say(client, hello)).kind, "init");
  return client;
}

const passwordInputs = "<input type='password' name='password' label='P'/>" +
  "<input type='text' name='username' label='U'/>";

Deno.test("a form is answered by name, with the opaque as it came", () => {
  const opaque = "<opaque is-for='sg'><x y='1'>z</x><tunnel-group>a b</tunnel-group></opaque>";
  const form = `<auth id='main'><form>${passwordInputs}` +
    "<input type='hidden' name='h' value='v'/><input type='submit' name='go'/></form></auth>";
  const reply = answerOf(say(greeted(), request(opaque + form)));
  ok(reply.kind === "auth-reply");
  deepEqual(reply.answers, [
    { name: "password", value: "p&w" },
    { name: "username", value: "alice" },
    { name: "h", value: "v" },
  ]);
  equal(reply.opaque?.children[0]?.attributes.get("y"), "1");
  equal(reply.opaque?.children[0]?.text, "z");
});

Deno.test("the group is the wanted one if it is offered, else what is selected, else the first", () => {
  const list = (selected: string): string =>
    request(
      `<auth id='main'><form>${passwordInputs}<select name='group_list'><option>one</option>` +
        `<option value='2' ${selected}>two</option><option>three</option></select></form></auth>`,
    );
  const groupOf = (group: string | undefined, selected = ""): string | undefined => {
    const reply = answerOf(say(greeted({ group }), list(selected)));
    return reply.kind === "auth-reply" ? reply.groupSelect : undefined;
  };
  equal(groupOf("three"), "three");
  equal(groupOf("two"), "2");
  equal(groupOf("four", "selected='true'"), "2");
  equal(groupOf(undefined), "one");
});

Deno.test("a wrong password is not tried again", () => {
  const client = newClient({ user: { name: "alice", password: "wrong" } });
  const { client: end, documents, questions } = run(newServer(), client);
  deepEqual(documents, ["hello", "init", "auth-request", "auth-reply", "auth-request"]);
  deepEqual(questions, ["alice password"]);
  deepEqual(end, { kind: "failure", reason: "wrong-password" });
  equal(client.rejection(), "wrong-password");
  equal(client.welcome, undefined);
});

Deno.test("EAP-Failure after the only try is a wrong password too", () => {
  const client = newClient({ user: { name: "bob", password: "x" } });
  const { client: end } = run(newServer({ tries: 1 }), client);
  deepEqual(end, { kind: "failure", reason: "wrong-password" });
});

Deno.test("a challenge that nobody answers ends the login", () => {
  const { client } = run(newServer(), newClient(), true);
  deepEqual(client, { kind: "failure", reason: "no-answer" });
});

Deno.test("a challenge may also call its field password, and other questions are challenges", () => {
  const asked: string[] = [];
  const client = greeted({
    answer: ({ message, label }) => {
      asked.push(`${message}|${label}`);
      return "42";
    },
  });
  const challenge = "<auth id='challenge'><message>Next?</message><form>" +
    "<input type='password' name='password' label='Code'/></form></auth>";
  deepEqual(answered(say(client, request(challenge))), [["password", "42"]]);
  const pin =
    "<auth id='main'><title>PIN</title><form><input type='password' name='whichpin'/></form></auth>";
  deepEqual(answered(say(client, request(pin))), [["whichpin", "42"]]);
  deepEqual(asked, ["Next?|Code", "PIN|whichpin"]);
});

function answered(step: EapClientMethodStep): readonly (readonly [string, string])[] {
  const reply = answerOf(step);
  ok(reply.kind === "auth-reply");
  return reply.answers.map(({ name, value }) => [name, value]);
}

Deno.test("without a certificate the client says so, with one it signs", () => {
  const asks = request("<csport>443</csport><client-cert-request></client-cert-request>");
  const plain = say(greeted(), asks);
  const document = answerOf(plain);
  ok(document.kind === "init");
  equal(document.hasNoCertificate, true);
  const signed = say(greeted({ certificate }), asks);
  ok(signed.kind === "respond");
  const message = parseTlvs(signed.data);
  ok(message.ok && message.value.pkcs7 !== undefined);
  equal(message.value.sign?.length, 64);
  const second = answerOf(signed);
  ok(second.kind === "init" && !second.hasNoCertificate);
  // Certificates, signature, document.
  equal(signed.data[1], 3);
});

Deno.test("a form without a user to fill it in ends the login", () => {
  const step = say(
    greeted({ user: undefined, certificate }),
    request(`<auth id='main'><form>${passwordInputs}</form></auth>`),
  );
  deepEqual(step, { kind: "failure", reason: "no-password" });
});

Deno.test("errors, host scans, empty requests and nonsense end the login", () => {
  const cases: readonly (readonly [string, string])[] = [
    [request("<error id='1' param1='' param2=''>No.</error>"), "error-from-gateway"],
    [request("<host-scan/><auth id='main'/>"), "host-scan-required"],
    [request(""), "nothing-to-answer"],
    [request("<auth id='main'><authentication-complete/></auth>"), "nothing-to-answer"],
    [hello, "unexpected-document"],
    ["<config-auth type='init'/>", "unreadable-document"],
    ["<config-auth", "unreadable-document"],
  ];
  for (const [text, reason] of cases) {
    const client = greeted();
    deepEqual(say(client, text), { kind: "failure", reason }, text);
    equal(client.rejection(), reason);
    deepEqual(say(client, hello), { kind: "ignore" });
  }
  deepEqual(newClient().handle(hex("0000")), { kind: "failure", reason: "no-document" });
  deepEqual(say(newClient(), "<config-auth type='complete'/>"), {
    kind: "failure",
    reason: "unexpected-document",
  });
});

Deno.test("a gateway that asks for ever is left", () => {
  const client = greeted();
  const form = request(`<auth id='main'><form>${passwordInputs}</form></auth>`);
  for (let round = 1; round < limits.eapRounds; round++) {
    equal(say(client, form).kind, "respond");
  }
  deepEqual(say(client, form), { kind: "failure", reason: "too-many-rounds" });
});

Deno.test("Success is believed after complete only", () => {
  const client = greeted();
  deepEqual(client.outcome(), { kind: "unfinished" });
  const ack = answerOf(say(
    client,
    "<config-auth type='complete'><session-id>i</session-id>" +
      "<session-token>t</session-token><auth id='success'><banner>B</banner></auth></config-auth>",
  ));
  equal(ack.kind, "ack");
  deepEqual(client.outcome(), { kind: "finished", msk: undefined });
  deepEqual(client.welcome, { pair: { sessionId: "i", token: "t" }, banner: "B" });
});

vectorTest(
  "the recorded gateway's documents are answered up to its host scan",
  recorded,
  (session) => {
    const [first, second, scan] = session.eap_gateway_to_client.map((it) => hex(it).subarray(12));
    ok(first && second && scan);
    const client = newClient({ certificate });
    equal(answerOf(client.handle(first)).kind, "init");
    equal(answerOf(client.handle(second)).kind, "init");
    deepEqual(client.handle(scan), { kind: "failure", reason: "host-scan-required" });
  },
);

Deno.test("no mutant of a gateway's document throws or finishes a login", () => {
  const form =
    `<opaque is-for="sg"><a>1</a></opaque><auth id="main"><form>${passwordInputs}</form></auth>`;
  const seed = buildTlvs({ xml: utf8(request(form)) });
  for (const { name, bytes } of [...bitFlips(seed), ...truncations(seed)]) {
    const client = greeted();
    const step = client.handle(bytes);
    equal(client.outcome().kind, "unfinished", name);
    if (step.kind === "respond") ok(textOf(step.data).includes("<config-auth"), name);
  }
});
