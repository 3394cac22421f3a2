/** The small commands, called as the command line calls them, on files of their own. */
import assert from "node:assert/strict";
import { run } from "../../appliance/cli.ts";

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: readonly string[];
}

async function call(
  line: string,
  typed: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  let out = "";
  const err: string[] = [];
  const answers = [...typed];
  const status = await run(line.split(" "), {
    out: (text) => void (out += text),
    err: (text) => void err.push(text),
    env: (name) => env[name],
    readFile: (path) => Deno.readTextFileSync(path),
    askSecret: () => answers.shift(),
  });
  return { status, out, err };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("users are added, listed, given passwords and removed; the file shows no password", () =>
  inFolder(async (folder) => {
    const file = `${folder}/users`;
    assert.deepEqual(
      await call(`user add ann --users ${file} --group staff`, ["Pa55wort", "Pa55wort"]),
      { status: 0, out: "", err: [] },
    );
    assert.equal(
      (await call(`user add bob --users ${file} --without-mschap`, [], { REJOIN_PASSWORD: "x" }))
        .status,
      0,
    );
    assert.equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
    assert.ok(!Deno.readTextFileSync(file).includes("Pa55wort"));
    assert.equal(
      (await call(`user list --users ${file}`)).out,
      "ann  (staff)\nbob  (without EAP-MSCHAPv2)\n",
    );
    assert.equal((await call(`user set-password ann --users ${file}`, ["n", "n"])).status, 0);
    assert.equal((await call(`user remove bob --users ${file}`)).status, 0);
    assert.deepEqual(JSON.parse((await call("user list --json", [], { REJOIN_USERS: file })).out), {
      users: [{ name: "ann", group: "staff", hasNtHash: true }],
    });
  }));

const userMistakes:
  readonly (readonly [line: string, typed: readonly string[], status: number, said: RegExp])[] = [
    ["user add ann", ["a", "a"], 2, /^rejoin user add: --users: wanted the users file$/],
    ["user add --users U", [], 2, /NAME: wanted a user name/],
    ["user add ann bob --users U", [], 2, /bob: wanted one NAME only/],
    ["user add ann --users U", ["a", "b"], 2, /--password-file: wanted the same password twice/],
    [
      "user add ann --users U",
      [],
      2,
      /--password-file: wanted a file with the password on its first/,
    ],
    [
      "user add ann --users U --password-file /nonexistent",
      [],
      2,
      /--password-file \/nonexistent: wanted a readable/,
    ],
    ["user remove ann --users U", [], 1, /^rejoin user remove: Cannot change users file/],
  ];

for (const [line, typed, status, said] of userMistakes) {
  Deno.test(`refused: rejoin ${line}`, () =>
    inFolder(async (folder) => {
      const outcome = await call(line.replace(" U", ` ${folder}/users`), typed);
      assert.equal(outcome.status, status);
      assert.equal(outcome.err.length, 1);
      assert.match(outcome.err[0] ?? "", said);
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }));
}

Deno.test("a CA, a gateway and a client certificate, keys private, nothing overwritten unasked", () =>
  inFolder(async (folder) => {
    assert.match(
      (await call(`pki ca --folder ${folder}`)).out,
      /ca\.crt\n.*ca\.key\nSHA-256 (..:){31}..\n$/,
    );
    assert.equal(
      (await call(`pki gateway gw.example.test 192.0.2.1 --folder ${folder}`)).status,
      0,
    );
    assert.equal((await call(`pki client ann@example.test --folder ${folder}`)).status, 0);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "ann@example.test.crt",
      "ann@example.test.key",
      "ca.crt",
      "ca.key",
      "gw.example.test.crt",
      "gw.example.test.key",
    ]);
    for (const { name } of Deno.readDirSync(folder)) {
      const mode = (Deno.statSync(`${folder}/${name}`).mode ?? 0) & 0o777;
      assert.equal(mode, name.endsWith(".key") ? 0o600 : 0o644, name);
    }
    const again = await call(`pki ca --folder ${folder}`);
    assert.equal(again.status, 1);
    assert.match(again.err.join(), /^rejoin pki ca: Cannot write .*: it is there already/);
    const ownFiles = await Deno.readTextFile(`${folder}/ca.crt`);
    const usurper = await call(`pki client ca --force --folder ${folder}`);
    assert.equal(usurper.status, 1);
    assert.equal(await Deno.readTextFile(`${folder}/ca.crt`), ownFiles);
    const other = await call(`pki client eve --folder ${folder} --ca /nonexistent.crt`);
    assert.equal(other.status, 1);
  }));

Deno.test("version says version, commit, runtime and crypto", async () => {
  assert.match(
    (await call("version")).out,
    /^rejoin \d+\.\d+\.\d+ \(commit \S+, deno \S+, linux \S+, crypto (noble|libcrypto)\)\n$/,
  );
  assert.deepEqual(Object.keys(JSON.parse((await call("version --json")).out)), [
    "version",
    "commit",
    "runtime",
    "platform",
    "crypto",
  ]);
});

Deno.test("show and clear without a gateway are one line and status 1", () =>
  inFolder(async (folder) => {
    for (
      const words of [
        "show crypto session detail",
        "show crypto ikev2 sa",
        "show crypto ikev2 session det",
        "show crypto ikev2 stats reconnect",
        "show ip local pool",
        "clear crypto session username ann",
        "clear crypto ikev2 stats",
        "rekey ch username ann",
      ]
    ) {
      const { status, out, err } = await call(`${words} --state-dir ${folder}`);
      assert.equal(status, 1, words);
      assert.equal(out, "");
      assert.match(
        err.join("\n"),
        /^rejoin [a-z0-9 ]+: Cannot talk to a gateway at .*control\.sock: none runs there/,
      );
    }
  }));

const wordMistakes: readonly (readonly [line: string, said: RegExp])[] = [
  ["show crypto session loud", /loud: wanted one of detailed, brief/],
  ["show crypto session detail remote", /remote: wanted a value behind remote/],
  ["show crypto session detail id x", /x: wanted a session number behind id/],
  ["show crypto ikev2 stats everything", /everything: wanted one of reconnect/],
  ["rekey", /rekey: wanted one of ike, child behind it/],
  ["rekey all", /all: wanted one of ike, child/],
  ["rekey ike user ann", /user: wanted remote IP, username NAME or id N/],
  ["clear crypto session remote somewhere", /somewhere: wanted an address behind remote/],
  ["clear crypto session user ann", /user: wanted remote IP, username NAME or id N/],
];

for (const [line, said] of wordMistakes) {
  Deno.test(`refused: rejoin ${line}`, async () => {
    const { status, err } = await call(`${line} --state-dir /nonexistent`);
    assert.equal(status, 2);
    assert.match(err.join("\n"), said);
  });
}

Deno.test("connect names everything it lacks", async () => {
  const { status, err } = await call("connect --dpd 0");
  assert.equal(status, 2);
  assert.deepEqual(err.map((text) => text.split(": wanted")[0]), [
    "rejoin connect: --dpd 0",
    "rejoin connect: HOST",
    "rejoin connect: --user",
    "rejoin connect: --ca",
  ]);
});
