/** Checking credentials against users of a file and of a lab. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { LocalUsers } from "../../../appliance/users/local_users.ts";
import { addUser, setPassword } from "../../../appliance/users/users_file.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { ntResponse } from "../../../core/eap/ms_chap.ts";
import { type Credential, ntHash } from "../../../core/mod.ts";
import { hex } from "../../support/hex.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";

const crypto = nobleProvider;
const cost = { log2N: 4, r: 8, p: 1 };
const challenges = {
  authenticatorChallenge: new Uint8Array(16).fill(1),
  peerChallenge: new Uint8Array(16).fill(2),
};

function mschap(name: string, password: string): Credential {
  const { authenticatorChallenge, peerChallenge } = challenges;
  const hash = ntHash(password);
  const response = ntResponse(crypto, hash, authenticatorChallenge, peerChallenge, name);
  return { kind: "mschapv2", ...challenges, ntResponse: response };
}

function password(text: string): Credential {
  return { kind: "password", password: text };
}

async function withFile(run: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/users`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a lab user gets in by MS-CHAPv2 and by password, and nobody else does", async () => {
  const lab = [{ name: "test", password: "ci:sco" }];
  const users = await LocalUsers.open({ crypto, cost, lab });
  equal(users.size, 1);
  deepEqual(await users.verify("test", password("ci:sco")), {
    kind: "accept",
    userName: "test",
    attributes: {},
  });
  const verdict = await users.verify("test", mschap("test", "ci:sco"));
  ok(verdict.kind === "accept" && verdict.mschapv2);
  match(verdict.mschapv2.authenticatorResponse, /^S=[0-9A-F]{40}$/);
  equal(verdict.mschapv2.msk.length, 64);
  for (
    const [name, credential] of [
      ["test", password("cisco")],
      ["test", password("")],
      ["Test", password("ci:sco")],
      ["nobody", password("ci:sco")],
      ["", password("")],
      ["test", mschap("test", "cisco")],
      ["nobody", mschap("nobody", "ci:sco")],
      ["nobody", mschap("nobody", "")],
      ["test", { kind: "mschapv2", ...challenges, ntResponse: new Uint8Array(0) }],
    ] as const
  ) {
    deepEqual(await users.verify(name, credential), { kind: "reject" }, name);
  }
});

const rfc = readVectorJson<Record<string, string>>("own/rfc-values/rfc2759-rfc3079-mschapv2.json");
vectorTest(
  "RFC 2759 §9.2: the RFC's user gets the RFC's authenticator response",
  rfc,
  async (v) => {
    const lab = [{ name: v["username"] ?? "", password: v["password"] ?? "" }];
    const users = await LocalUsers.open({ crypto, cost, lab });
    const verdict = await users.verify("User", {
      kind: "mschapv2",
      authenticatorChallenge: hex(v["auth_challenge"] ?? ""),
      peerChallenge: hex(v["peer_challenge"] ?? ""),
      ntResponse: hex(v["nt_response"] ?? ""),
    });
    ok(verdict.kind === "accept");
    equal(verdict.mschapv2?.authenticatorResponse, v["authenticator_response"]);
  },
);

Deno.test("users of a file have their group, and MS-CHAPv2 only with an NT hash", async () => {
  await withFile(async (file) => {
    await addUser(file, { name: "alice", password: "a", group: "staff" }, cost);
    await addUser(file, { name: "bob", password: "b", withoutMschap: true }, cost);
    const users = await LocalUsers.open({ crypto, cost, file });
    const alice = { kind: "accept", userName: "alice", attributes: { group: "staff" } };
    deepEqual(await users.verify("alice", password("a")), alice);
    const verdict = await users.verify("OFFICE\\alice", mschap("OFFICE\\alice", "a"));
    ok(verdict.kind === "accept" && verdict.mschapv2);
    equal((await users.verify("bob", password("b"))).kind, "accept");
    equal((await users.verify("bob", mschap("bob", "b"))).kind, "reject");
    deepEqual(await users.verify("alice", { kind: "certificate" }), alice);
    deepEqual(await users.verify("carol", { kind: "certificate" }), {
      kind: "accept",
      attributes: {},
    });
  });
});

Deno.test("a changed file counts at the next login, and a broken one changes nothing", async () => {
  await withFile(async (file) => {
    await addUser(file, { name: "alice", password: "a" }, cost);
    const problems: string[] = [];
    const onProblem = (problem: string): unknown => problems.push(problem);
    const users = await LocalUsers.open({ crypto, cost, file, onProblem });
    await setPassword(file, "alice", "new", cost);
    equal((await users.verify("alice", password("a"))).kind, "reject");
    equal((await users.verify("alice", password("new"))).kind, "accept");
    await Deno.writeTextFile(file, "broken\n");
    equal((await users.verify("alice", password("new"))).kind, "accept");
    equal((await users.verify("alice", password("new"))).kind, "accept");
    equal(problems.length, 1);
    match(problems[0] ?? "", /users:1: 1 fields/);
    await Deno.remove(file);
    equal((await users.verify("alice", password("new"))).kind, "accept");
    equal(problems.length, 2);
  });
});

Deno.test("a file that cannot be used stops the start", async () => {
  await withFile(async (file) => {
    await rejects(LocalUsers.open({ crypto, cost, file }), /Cannot read users file/);
    await Deno.writeTextFile(file, "", { mode: 0o644 });
    Deno.chmodSync(file, 0o644);
    await rejects(LocalUsers.open({ crypto, cost, file }), /needs mode 0600/);
  });
});

Deno.test("a name that nobody has costs as much work as one that somebody has", async () => {
  const lab = [{ name: "alice", password: "a" }];
  const users = await LocalUsers.open({ crypto, cost: { log2N: 13, r: 8, p: 1 }, lab });
  const timeOf = async (name: string): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < 5; i++) await users.verify(name, password("wrong"));
    return performance.now() - start;
  };
  await timeOf("alice");
  const [known, unknown] = [await timeOf("alice"), await timeOf("nobody")];
  ok(unknown > known / 3 && unknown < known * 3, `${known} ms and ${unknown} ms`);
});

Deno.test("a user goes by the name of the list, whatever domain was typed before it", async () => {
  const users = await LocalUsers.open({ crypto, cost, lab: [{ name: "alice", password: "a" }] });
  const typed = "ANY\\alice";
  for (const credential of [password("a"), mschap(typed, "a"), { kind: "certificate" }] as const) {
    const verdict = await users.verify(typed, credential);
    equal(verdict.kind === "accept" ? verdict.userName : undefined, "alice", credential.kind);
  }
  const stranger = await users.verify("carol", { kind: "certificate" });
  deepEqual(stranger, { kind: "accept", attributes: {} });
});
