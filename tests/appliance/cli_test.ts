import assert from "node:assert/strict";
import { run } from "../../appliance/cli.ts";
import type { CommandDefinition, Terminal } from "../../appliance/commands/command.ts";
import { list, single, toggle } from "../../appliance/config/define.ts";
import { plainText, wholeNumber } from "../../appliance/config/forms.ts";
import { settle } from "../../appliance/config/gather.ts";
import { StartError } from "../../appliance/start_error.ts";

const flags = {
  count: single("Test", wholeNumber(1, 9), "3", "how many"),
  name: list("Test", plainText, "names"),
  loud: toggle("Test", "louder"),
};

let seen: unknown;

const echo: CommandDefinition = {
  words: "do the echo",
  operands: "[word]",
  summary: "say what was given",
  flags,
  run: (call) => {
    seen = { operands: call.operands, ...settle(flags, call.sources) };
    return Promise.resolve(call.operands.includes("seven") ? 7 : 0);
  },
};

const failing: CommandDefinition = {
  words: "do fail",
  operands: "",
  summary: "fail",
  flags: {},
  run: (call) => {
    settle({}, call.sources);
    return Promise.reject(new StartError("Cannot do it: because"));
  },
};

const broken: CommandDefinition = {
  ...failing,
  words: "do break",
  run: () => Promise.reject(new TypeError("x is not a function")),
};

async function call(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: readonly string[] }> {
  seen = undefined;
  let out = "";
  const err: string[] = [];
  const terminal: Terminal = {
    out: (text) => void (out += text),
    err: (line) => void err.push(line),
    env: () => undefined,
    readFile: () => "",
    askSecret: () => undefined,
  };
  return { status: await run(args, terminal, [echo, failing, broken]), out, err };
}

Deno.test("words find the command, flags and operands reach it, its status comes back", async () => {
  const { status } = await call(
    "do",
    "the",
    "echo",
    "seven",
    "--count",
    "5",
    "--name=a",
    "--name",
    "b,c",
  );
  assert.equal(status, 7);
  assert.deepEqual(seen, { operands: ["seven"], count: 5, name: ["a", "b", "c"], loud: false });
});

Deno.test("a switch takes no value", async () => {
  await call("do", "the", "echo", "--loud", "word");
  assert.deepEqual(seen, { operands: ["word"], count: 3, name: [], loud: true });
});

Deno.test("every bad flag has a line, and nothing was done", async () => {
  const { status, err, out } = await call(
    ..."do the echo w --counts 1 --count ten --name --zzzzzz".split(" "),
  );
  assert.equal(status, 2);
  assert.equal(out, "");
  assert.deepEqual(err, [
    "rejoin do the echo: --counts: wanted a flag of this command; did you mean --count?",
    "rejoin do the echo: --zzzzzz: wanted a flag of this command; see --help",
    "rejoin do the echo: --count ten: wanted a whole number from 1 to 9",
    "rejoin do the echo: --name: wanted a text without control characters",
  ]);
  assert.equal(seen, undefined);
});

Deno.test("words for a command that takes none are refused", async () => {
  assert.deepEqual(await call("do", "fail", "now"), {
    status: 2,
    out: "",
    err: ["rejoin do fail: now: wanted no further words here; see --help"],
  });
});

Deno.test("what cannot be done is one line and status 1", async () => {
  assert.deepEqual(await call("do", "fail"), {
    status: 1,
    out: "",
    err: ["rejoin do fail: Cannot do it: because"],
  });
});

Deno.test("a mistake of ours says so", async () => {
  const { status, err } = await call("do", "break");
  assert.equal(status, 1);
  assert.match(
    err.join(),
    /^rejoin do break: internal error, please report it: TypeError: x is not/,
  );
});

Deno.test("unknown commands are named, with a guess, status 2", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["qqqq", 'rejoin: "qqqq": wanted a command, see rejoin --help'],
    [
      "do the ecko",
      'rejoin do the: "ecko": wanted a command, see rejoin do the --help; did you mean echo?',
    ],
    ["--count 1", "rejoin: --count: wanted a command before its flags, see rejoin --help"],
  ];
  for (const [line, wanted] of cases) {
    assert.deepEqual(await call(...line.split(" ")), { status: 2, out: "", err: [wanted] });
  }
});

Deno.test("help names flags, forms, environment and defaults; missing words show it with status 2", async () => {
  const help = await call("do", "the", "echo", "--help");
  assert.equal(help.status, 0);
  for (
    const part of ["--count <NUMBER>", "how many", "REJOIN_COUNT", "default 3", "[word]", "Test:"]
  ) {
    assert.ok(help.out.includes(part), part);
  }
  const missing = await call("do");
  assert.equal(missing.status, 2);
  assert.match(missing.out, /Usage: rejoin do/);
});

Deno.test("the real commands all have help", async () => {
  for (
    const words of [
      "show crypto session",
      "show crypto ikev2 sa",
      "show ip local pool",
      "show access-lists",
      "clear crypto session",
      "version",
    ]
  ) {
    let out = "";
    const terminal: Terminal = {
      out: (text) => void (out += text),
      err: () => {},
      env: () => undefined,
      readFile: () => "",
      askSecret: () => undefined,
    };
    assert.equal(await run([...words.split(" "), "--help"], terminal), 0);
    assert.ok(out.startsWith(`Usage: rejoin ${words} `), out);
  }
});
