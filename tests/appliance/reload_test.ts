/** Reloads: all or nothing, one at a time, and told to those who asked and to the log. */
import assert from "node:assert/strict";
import { run } from "../../appliance/cli.ts";
import { UsageError } from "../../appliance/config/flag.ts";
import type { ControlReply } from "../../appliance/control/protocol.ts";
import { type ControlHandler, serveControl } from "../../appliance/control/server.ts";
import type { Facts, Log } from "../../appliance/log.ts";
import { type Reloaded, Reloader } from "../../appliance/reload.ts";
import type { NextPlan, ServePlan } from "../../appliance/serve_plan.ts";
import { StartError } from "../../appliance/start_error.ts";

/** A plan that is told from others by its name alone. */
interface NamedPlan extends ServePlan {
  readonly name: string;
}

function planCalled(name: string, again: () => NextPlan): NamedPlan {
  return { name, warnings: [], again } as unknown as NamedPlan;
}

function scene(
  again: (from: string) => NextPlan,
  apply: (plan: ServePlan) => Promise<Facts> = () => Promise.resolve({}),
): { readonly reloader: Reloader; readonly told: unknown[]; readonly applied: string[] } {
  const told: unknown[] = [];
  const applied: string[] = [];
  const log: Log = {
    tell: (level, event, facts) => void told.push([level, event, facts]),
    trace: () => {},
    close: () => {},
  };
  const reloader = new Reloader({
    plan: planCalled("first", () => again("first")),
    apply: async (plan) => {
      applied.push((plan as NamedPlan).name);
      return await apply(plan);
    },
    log,
  });
  return { reloader, told, applied };
}

function next(name: string, again: () => NextPlan, more: Partial<NextPlan> = {}): NextPlan {
  return { plan: planCalled(name, again), changed: [], changedFiles: [], needRestart: [], ...more };
}

Deno.test("a reload applies the plan, tells the log, and is the ground of the next one", async () => {
  const from: string[] = [];
  const again = (name: string): NextPlan => {
    from.push(name);
    return next(`after ${name}`, () => again(`after ${name}`), {
      changed: ["dns"],
      changedFiles: ["crl"],
      needRestart: ["listen"],
    });
  };
  const { reloader, told, applied } = scene(again, () => Promise.resolve({ users: 2 }));
  assert.deepEqual(await reloader.reload(), {
    kind: "reloaded",
    changed: ["dns"],
    changedFiles: ["crl"],
    needRestart: ["listen"],
  });
  assert.deepEqual(told, [
    ["info", "reloaded", { changed: ["dns"], files: ["crl"], users: 2 }],
    ["warning", "restart-needed", { flags: ["listen"] }],
  ]);
  await reloader.reload();
  assert.deepEqual(from, ["first", "after first"]);
  assert.deepEqual(applied, ["after first", "after after first"]);
});

Deno.test("what is wrong is told whole, nothing is applied, and the plan before stays", async () => {
  let fault: Error | undefined = new UsageError([
    { name: "dns", value: "x", wanted: "an address" },
    { name: "cert", value: "a.crt", wanted: "a file" },
  ]);
  const from: string[] = [];
  const again = (name: string): NextPlan => {
    from.push(name);
    if (fault !== undefined) throw fault;
    return next("second", () => again("second"));
  };
  const { reloader, told, applied } = scene(again);
  const problems = ["--dns x: wanted an address", "--cert a.crt: wanted a file"];
  assert.deepEqual(await reloader.reload(), { kind: "kept", problems });
  assert.deepEqual(told, problems.map((problem) => ["error", "reload-failed", { problem }]));
  fault = undefined;
  assert.equal((await reloader.reload()).kind, "reloaded");
  assert.deepEqual([from, applied], [["first", "first"], ["second"]]);
});

Deno.test("what fails while it is applied leaves the plan before, too", async () => {
  let fails = true;
  const from: string[] = [];
  const again = (name: string): NextPlan => {
    from.push(name);
    return next("second", () => again("second"));
  };
  const { reloader } = scene(again, () => {
    if (fails) throw new StartError("Cannot use the self-made key: it is damaged");
    return Promise.resolve({});
  });
  const problems = ["Cannot use the self-made key: it is damaged"];
  assert.deepEqual(await reloader.reload(), { kind: "kept", problems });
  fails = false;
  assert.equal((await reloader.reload()).kind, "reloaded");
  assert.deepEqual(from, ["first", "first"]);
});

Deno.test("reloads that are asked for at once go one after the other", async () => {
  const gates: (() => void)[] = [];
  const again = (name: string): NextPlan => next(`${name}+`, () => again(`${name}+`));
  const { reloader, applied } = scene(again, async () => {
    await new Promise<void>((open) => gates.push(open));
    return {};
  });
  const both = Promise.all([reloader.reload(), reloader.reload()]);
  for (const expected of [["first+"], ["first+", "first++"]]) {
    while (gates.length === 0) await new Promise((go) => setTimeout(go, 1));
    assert.deepEqual(applied, expected);
    gates.shift()?.();
  }
  assert.deepEqual((await both).map(({ kind }) => kind), ["reloaded", "reloaded"]);
});

const answers: readonly (readonly [Reloaded, number, string, readonly string[]])[] = [
  [{ kind: "reloaded", changed: [], changedFiles: [], needRestart: [] }, 0, "reloaded\n", []],
  [
    { kind: "reloaded", changed: [], changedFiles: ["crl"], needRestart: [] },
    0,
    "reloaded, with other contents of --crl\n",
    [],
  ],
  [
    {
      kind: "reloaded",
      changed: ["dns", "crl"],
      changedFiles: ["cert", "key"],
      needRestart: ["pool"],
    },
    0,
    "reloaded, with other values of --dns --crl and other contents of --cert --key\n" +
    "wait for a restart: --pool\n",
    [],
  ],
  [
    { kind: "kept", problems: ["--dns x: wanted an address", "Cannot use key k"] },
    1,
    "",
    [
      "rejoin reload: --dns x: wanted an address",
      "rejoin reload: Cannot use key k",
      "rejoin reload: nothing was changed",
    ],
  ],
];

for (const [answer, status, out, err] of answers) {
  Deno.test(`rejoin reload says what came of it: ${out.trim() || "problems"}`, async () => {
    const folder = await Deno.makeTempDir();
    const handler: ControlHandler = async function* (request): AsyncIterable<ControlReply> {
      assert.deepEqual(request, { command: "reload" });
      yield await Promise.resolve(answer);
      yield { kind: "done", count: 0 };
    };
    const server = await serveControl(`${folder}/control.sock`, handler);
    try {
      let said = "";
      const complaints: string[] = [];
      const code = await run(["reload", "--control", `${folder}/control.sock`], {
        out: (text) => void (said += text),
        err: (line) => void complaints.push(line),
        env: () => undefined,
        readFile: () => "",
        askSecret: () => undefined,
      });
      assert.deepEqual([code, said, complaints], [status, out, err]);
    } finally {
      await server.close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}
