/** Every row of the exchange table as a conversation, against our own client and by hand. */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { parseTlvs } from "../../../../core/eap/anyconnect/framing.ts";
import { EapClient } from "../../../../core/eap/client.ts";
import type { EapStep } from "../../../../core/eap/conversation.ts";
import { EapServer } from "../../../../core/eap/server.ts";
import { toHex } from "../../../support/hex.ts";
import { vectorTest } from "../../../support/vectors.ts";
import {
  certificate,
  documentOf,
  header,
  init,
  newClient,
  newMethod,
  newServer,
  packetOf,
  pair,
  proof,
  reasonOf,
  replyTo,
  run,
} from "./conversation.ts";
import { proofOf, recorded } from "./recorded.ts";

Deno.test("user name and password: hello, init, auth-request, auth-reply, complete, ack, success", () => {
  const client = newClient();
  const { server, client: end, documents, questions } = run(newServer(), client);
  deepEqual(documents, [
    ...["hello", "init", "auth-request", "auth-reply", "complete", "ack", "success"],
  ]);
  deepEqual(questions, ["alice password", "alice granted"]);
  ok(server.kind === "success");
  equal(server.userName, "alice");
  equal(server.msk, undefined);
  deepEqual(server.attributes, {});
  // Success has the identifier of the last request.
  equal(toHex(server.packet), "03030004");
  deepEqual(end, { kind: "success", msk: undefined });
  deepEqual(client.welcome, { pair, banner: undefined });
});

Deno.test("certificate: the request for it stands alone, and no form comes", () => {
  const server = newServer({ mode: { kind: "certificate", proof } });
  const { server: end, documents, questions } = run(
    server,
    newClient({ certificate, user: undefined }),
  );
  deepEqual(documents, [
    ...["hello", "init", "auth-request", "init", "complete", "ack", "success"],
  ]);
  deepEqual(questions, ["alice certificate", "alice granted"]);
  ok(end.kind === "success");
  equal(end.userName, "alice");
});

Deno.test("certificate and password: the form comes after the certificate", () => {
  const server = newServer({ mode: { kind: "certificate+password", proof } });
  const { server: end, documents, questions } = run(server, newClient({ certificate }));
  deepEqual(documents, [
    ...["hello", "init", "auth-request", "init", "auth-request", "auth-reply"],
    ...["complete", "ack", "success"],
  ]);
  deepEqual(questions, ["alice password", "alice granted"]);
  equal(end.kind, "success");
});

Deno.test("a second factor is asked for with the state of AAA, and the answer goes back with it", () => {
  const seen: string[] = [];
  const answer = ({ message, label }: { message: string; label: string }): string => {
    seen.push(`${message} ${label}`);
    return "123456";
  };
  const { server, documents, questions } = run(newServer(), newClient({ answer }), true);
  deepEqual(seen, ["Code? Code:"]);
  deepEqual(documents, [
    ...["hello", "init", "auth-request", "auth-reply", "auth-request", "auth-reply"],
    ...["complete", "ack", "success"],
  ]);
  deepEqual(questions, ["alice password", "alice challenge-answer", "alice granted"]);
  equal(server.kind, "success");
});

Deno.test("a wrong answer to a second factor starts over with the form and counts as a try", () => {
  const server = newServer({ tries: 2 });
  let step = toForm(server);
  for (const [turn, isLast] of [[2, false], [4, true]] as const) {
    step = server.handle(packetOf(turn, replyTo(step, { username: "alice", password: "p&w" })));
    equal(step.kind, "verify");
    step = server.complete({ kind: "challenge", message: "Code?" });
    const challenge = documentOf(step);
    ok(challenge.kind === "auth-request" && challenge.auth?.id === "challenge");
    // Clients answer fields of other names as `password`.
    step = server.handle(packetOf(turn + 1, replyTo(step, { password: "000000" })));
    ok(step.kind === "verify");
    deepEqual(step.credential, { kind: "challenge-answer", answer: "000000", state: undefined });
    step = server.complete({ kind: "reject" });
    if (isLast) equal(reasonOf(step), "wrong-password");
    else isRetryForm(step);
  }
});

function toForm(server: EapServer): EapStep {
  equal(documentOf(server.start()).kind, "hello");
  const step = server.handle(packetOf(1, init));
  const form = documentOf(step);
  ok(form.kind === "auth-request" && form.auth?.form !== undefined);
  return step;
}

function isRetryForm(step: EapStep): void {
  const form = documentOf(step);
  ok(form.kind === "auth-request");
  deepEqual(form.auth?.error, { id: "13", text: "Login failed." });
  equal(form.auth?.form?.length, 2);
}

Deno.test("a wrong password gets the form again with an error, and EAP-Failure after the third", () => {
  const server = newServer();
  let step = toForm(server);
  for (const turn of [2, 3, 4]) {
    step = server.handle(packetOf(turn, replyTo(step, { username: "alice", password: "no" })));
    equal(step.kind, "verify");
    step = server.complete({ kind: "reject" });
    if (turn < 4) isRetryForm(step);
  }
  ok(step.kind === "failure");
  equal(step.reason, "wrong-password");
  equal(toHex(step.packet), "04040004");
  deepEqual(server.handle(packetOf(4, init)), { kind: "ignore" });
});

Deno.test("what AAA says with its no stands above the form, as it is, until the next answer", () => {
  const server = newServer();
  let step = toForm(server);
  const why = "Your password <expired> 100%s ago & so on";
  for (const [turn, message] of [[2, why], [3, undefined]] as const) {
    step = server.handle(packetOf(turn, replyTo(step, { username: "alice", password: "no" })));
    step = server.complete({ kind: "reject", ...message === undefined ? {} : { message } });
    const form = documentOf(step);
    ok(form.kind === "auth-request");
    equal(form.auth?.id, "main");
    deepEqual(form.auth?.error, { id: "13", text: message ?? "Login failed." });
  }
});

Deno.test("the right password after a wrong one logs in", () => {
  const server = newServer();
  let step = toForm(server);
  step = server.handle(packetOf(2, replyTo(step, { username: "alice", password: "no" })));
  step = server.complete({ kind: "reject" });
  step = server.handle(packetOf(3, replyTo(step, { password: "p&w", username: "alice" })));
  step = server.complete({ kind: "accept", attributes: {} });
  deepEqual(step, { kind: "grant", userName: "alice", attributes: {}, certificates: [] });
  equal(documentOf(server.granted(pair)).kind, "complete");
});

Deno.test("unknown user, wrong password and missing answers cannot be told apart", () => {
  const attempts: readonly Readonly<Record<string, string>>[] = [
    { username: "alice", password: "wrong" },
    { username: "nobody", password: "wrong" },
    { username: "nobody", password: "" },
    { password: "wrong" },
    { username: "nobody" },
    { wrong: "field" },
    {},
    { username: "x".repeat(300), password: "wrong" },
    { username: "nobody", password: "x".repeat(2000) },
  ];
  const traces = attempts.map((answers) => {
    const server = newServer();
    let step = toForm(server);
    const said: string[] = [];
    for (const turn of [2, 3, 4]) {
      step = server.handle(packetOf(turn, replyTo(step, answers)));
      if (step.kind === "verify") step = server.complete({ kind: "reject" });
      ok("packet" in step);
      said.push(toHex(step.packet));
    }
    return said.join("\n");
  });
  for (const said of traces) equal(said, traces[0]);
});

Deno.test("answers to fields that were not asked for change nothing", () => {
  const server = newServer();
  const step = toForm(server);
  const answers = { username: "alice", password: "p&w", role: "admin", answer: "1", group: "root" };
  const asked = server.handle(packetOf(2, replyTo(step, answers)));
  deepEqual(asked, {
    kind: "verify",
    userName: "alice",
    credential: { kind: "password", password: "p&w" },
  });
});

const groups = [{ name: "staff", alias: "Our Staff" }, { name: "guests" }];

Deno.test("the chosen group goes into the attributes, from init, form, URL or by default", () => {
  const cases: readonly (readonly [Parameters<typeof newClient>[0], string])[] = [
    [{ group: "guests" }, "guests"],
    [{ group: "Our Staff" }, "staff"],
    [{ groupAccess: "https://vpn.test/guests" }, "guests"],
    [{}, "staff"],
    [{ group: "unknown" }, "staff"],
  ];
  for (const [changes, wanted] of cases) {
    const { server } = run(newServer({ groups }), newClient(changes));
    ok(server.kind === "success", wanted);
    deepEqual(server.attributes, { group: wanted });
  }
});

Deno.test("a group chosen with the answers counts, and an unknown one is a failed try", () => {
  const server = newServer({ groups });
  let step = toForm(server);
  const answers = { username: "alice", password: "p&w" };
  step = server.handle(packetOf(2, replyTo(step, answers, "no-such-group")));
  const retry = documentOf(step);
  ok(retry.kind === "auth-request" && retry.auth?.error !== undefined);
  step = server.handle(packetOf(3, replyTo(step, answers, "guests")));
  ok(step.kind === "verify");
  equal(step.group, "guests", "AAA is told of the choice");
  step = server.complete({ kind: "accept", attributes: {} });
  ok(step.kind === "grant");
  deepEqual(step.attributes, { group: "guests" });
});

Deno.test("a client that changes the group begins anew and gets the form of that group", () => {
  const server = newServer({ groups });
  const first = toForm(server);
  const form = documentOf(first);
  ok(form.kind === "auth-request");
  const again = { ...init, opaque: form.opaque, groupSelect: "guests" };
  const second = server.handle(packetOf(2, again));
  const other = documentOf(second);
  ok(other.kind === "auth-request");
  const list = other.auth?.form?.find(({ kind }) => kind === "select");
  ok(list?.kind === "select");
  deepEqual(list.options.filter(({ isSelected }) => isSelected).map(({ text }) => text), [
    "guests",
  ]);
  // The old form's opaque names the other group and is void now.
  const stale = replyTo(first, { username: "alice", password: "p&w" });
  equal(reasonOf(server.handle(packetOf(3, stale))), "foreign-opaque");
});

Deno.test("the group of AAA is above the one that was chosen", () => {
  const server = newServer({ groups });
  const step = toForm(server);
  server.handle(packetOf(2, replyTo(step, { username: "alice", password: "p&w" })));
  const granted = server.complete({ kind: "accept", attributes: { group: "admins" } });
  ok(granted.kind === "grant");
  equal(granted.attributes.group, "admins");
});

Deno.test("a banner that AAA has for the user is shown instead of everybody's", () => {
  const server = newServer({ banner: "for everybody" });
  const step = toForm(server);
  server.handle(packetOf(2, replyTo(step, { username: "alice", password: "p&w" })));
  server.complete({ kind: "accept", attributes: { told: { banner: "for <alice> & \u0001" } } });
  const complete = documentOf(server.granted(undefined));
  ok(complete.kind === "complete");
  equal(complete.banner, "for <alice> & \ufffd");
});

Deno.test("complete shows the operator's banner, and no pair when nothing was stored", () => {
  const server = newServer({ banner: "Authorised use only" });
  const step = toForm(server);
  server.handle(packetOf(2, replyTo(step, { username: "alice", password: "p&w" })));
  server.complete({ kind: "accept", attributes: {} });
  const complete = documentOf(server.granted(undefined));
  ok(complete.kind === "complete");
  equal(complete.pair, undefined);
  equal(complete.banner, "Authorised use only");
  const client = newClient();
  run(newServer({ banner: "Welcome\n<all>" }), client);
  deepEqual(client.welcome, { pair, banner: "Welcome\n<all>" });
});

Deno.test("while AAA or the store is being asked, the peer and other answers change nothing", () => {
  const server = newServer();
  const step = toForm(server);
  const answer = packetOf(2, replyTo(step, { username: "alice", password: "p&w" }));
  equal(server.handle(answer).kind, "verify");
  deepEqual(server.handle(answer), { kind: "ignore" });
  deepEqual(server.granted(pair), { kind: "ignore" });
  equal(server.complete({ kind: "accept", attributes: {} }).kind, "grant");
  deepEqual(server.handle(answer), { kind: "ignore" });
  deepEqual(server.complete({ kind: "accept", attributes: {} }), { kind: "ignore" });
  equal(server.granted(pair).kind, "request");
  deepEqual(server.granted(pair), { kind: "ignore" });
  equal(server.handle(packetOf(3, { kind: "ack", header })).kind, "success");
  deepEqual(server.handle(packetOf(3, { kind: "ack", header })), { kind: "ignore" });
});

Deno.test("a login is given up when AAA or the store cannot be asked", () => {
  const server = newServer();
  const step = toForm(server);
  server.handle(packetOf(2, replyTo(step, { username: "alice", password: "p&w" })));
  const end = server.abandon("aaa-failed");
  ok(end.kind === "failure");
  equal(toHex(end.packet), "04020004");
  deepEqual(server.complete({ kind: "accept", attributes: {} }), { kind: "ignore" });
});

Deno.test("a user whom AAA does not want is refused in spite of a good certificate", () => {
  const server = newServer({ mode: { kind: "certificate", proof } });
  const client = newClient({ certificate });
  server.start();
  let step = server.handle(packetOf(1, init));
  const asked = documentOf(step);
  ok(asked.kind === "auth-request");
  equal(asked.asksCertificate, true);
  equal(asked.auth, undefined);
  client.handle(packetData(newServer({ mode: { kind: "certificate", proof } }).start()));
  const answer = client.handle(packetData(step));
  ok(answer.kind === "respond");
  const message = parseTlvs(answer.data);
  ok(message.ok && message.value.xml !== undefined);
  step = server.handle(packetOf(2, message.value.xml, message.value));
  deepEqual(step, { kind: "verify", userName: "alice", credential: { kind: "certificate" } });
  equal(reasonOf(server.complete({ kind: "reject" })), "not-authorized");
});

Deno.test("where a certificate alone logs in, a wrong second factor opens no way for a password", () => {
  for (const answer of ["000000", ""]) {
    const server = newServer({ mode: { kind: "certificate", proof } });
    const client = new EapClient("", newClient({ certificate, answer: () => answer }));
    let step = server.start();
    while (step.kind === "request") {
      const said = client.handle(step.packet);
      ok(said.kind === "respond");
      step = server.handle(said.packet);
      if (step.kind === "verify" && step.credential.kind === "certificate") {
        step = server.complete({ kind: "challenge", message: "Code?" });
      } else if (step.kind === "verify") {
        step = server.complete({ kind: "reject" });
      }
    }
    equal(reasonOf(step), "wrong-answer");
  }
});

Deno.test("a user name with control characters is a wrong one, and nobody is asked about it", () => {
  for (const username of ["alice\n", "ali\tce", "al\u0085ice", "alice\u007f"]) {
    const server = newServer();
    const step = toForm(server);
    isRetryForm(server.handle(packetOf(2, replyTo(step, { username, password: "p&w" }))));
  }
});

function packetData(step: EapStep): Uint8Array {
  ok(step.kind === "request");
  return step.packet.subarray(12);
}

vectorTest("the recorded client logs in with its recorded certificate", recorded, (session) => {
  const method = newMethod({ mode: { kind: "certificate", proof: () => proofOf(session) } });
  const server = new EapServer({ method, asksIdentity: false, firstIdentifier: 1 });
  const [hello] = session.eap_gateway_to_client;
  const [first, second, , ack] = session.eap_client_to_gateway.map((it) =>
    Uint8Array.from(it.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))
  );
  ok(hello && first && second && ack);
  equal(server.start().kind, "request");
  equal(documentOf(server.handle(first)).kind, "auth-request");
  const asked = server.handle(second);
  ok(asked.kind === "verify");
  equal(asked.userName, "client1@example.test");
  deepEqual(asked.credential, { kind: "certificate" });
  equal(server.complete({ kind: "accept", attributes: {} }).kind, "grant");
  equal(server.granted(pair).kind, "request");
  // The recording has a host scan in between, so that its identifier is one ahead.
  ack[1] = 3;
  const end = server.handle(ack);
  ok(end.kind === "success");
  equal(end.userName, "client1@example.test");
  equal(method.client?.device?.computerName, "MyPC1");
});

vectorTest("a hello without a version is the recorded one", recorded, (session) => {
  const step = newServer({ version: undefined }).start();
  ok(step.kind === "request");
  equal(toHex(step.packet), session.eap_gateway_to_client[0]);
});

Deno.test("two logins at the same time have different opaques", () => {
  const opaqueOf = (seed: number): unknown => {
    const form = documentOf(toForm(newServer({}, seed)));
    ok(form.kind === "auth-request");
    return form.opaque;
  };
  notEqual(JSON.stringify(opaqueOf(1)), JSON.stringify(opaqueOf(2)));
});

Deno.test("answers before the question are ignored", () => {
  const method = newMethod();
  deepEqual(method.complete({ kind: "reject" }), { kind: "ignore" });
  deepEqual(method.granted(undefined), { kind: "ignore" });
  equal(method.client, undefined);
});
