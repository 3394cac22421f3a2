import assert from "node:assert/strict";
import type { Clock } from "../../appliance/clock.ts";
import { Driver, type Machine, type Packets } from "../../appliance/driver.ts";
import { Effects } from "../../appliance/effects.ts";
import type { Log } from "../../appliance/log.ts";
import {
  type Answer,
  type ChildSaInstall,
  type Endpoint,
  type Input,
  moment,
  type Monotonic,
  monotonic,
  type Output,
  parseIpAddress,
  type Question,
} from "../../core/mod.ts";
import { IkeLine } from "../../dataplane/mod.ts";
import { turnMs } from "../../appliance/turns.ts";
import { until } from "../support/background.ts";
import { recordOf } from "./support/records.ts";

const address = parseIpAddress("192.0.2.1");
assert.ok(address);
const here: Endpoint = { address, port: 500 };
const there: Endpoint = { address, port: 4500 };

interface Extra {
  readonly kind: "client";
  readonly event: string;
}

/** A machine that answers as told, and a world that writes down what happens to it. */
class Scene {
  readonly happened: string[] = [];
  readonly inputs: Input[] = [];
  readonly answers = new Map<string, (answer: Answer) => void>();
  nowMs = 1000;
  left = 0;
  timeout: Monotonic | undefined;
  react: (input: Input) => readonly (Output | Extra)[] = () => [];
  fail: string | undefined;
  readonly driver: Driver<never, Extra>;

  constructor() {
    const machine: Machine<never, Extra> = {
      handle: (input) => {
        this.inputs.push(input);
        return this.react(input);
      },
      nextTimeout: () => this.timeout,
    };
    const say = (what: string): void => {
      if (what.startsWith(this.fail ?? "\0")) throw new Error("no\nway");
      this.happened.push(what);
    };
    const packets: Packets = {
      transmit: (_local, remote) => say(`transmit ${remote.port}`),
      installChildSa: (sa) => say(`install ${sa.inboundSpi}`),
      moveChildSa: (spi) => say(`move ${spi}`),
      removeChildSa: (spi) => say(`remove ${spi}`),
      filterChildSa: (spi, filter) => say(`filter ${spi} ${filter?.name}`),
    };
    const log: Log = {
      tell: (level, event, facts) =>
        void this.happened.push(`${level} ${event} ${facts?.reason ?? ""}`),
      trace: (trace) => void this.happened.push(`trace ${trace.event}`),
      close: () => {},
    };
    const clock: Clock = { now: () => moment(this.nowMs, 5_000_000 + this.nowMs) };
    this.driver = new Driver<never, Extra>({
      machine,
      packets,
      clock,
      log,
      answer: (question, signal) => this.#open(question, signal),
      extra: (output) => say(`extra ${output.event}`),
    });
  }

  /** A message comes in; `left` counts those that have left their place. */
  hear(bytes: Uint8Array<ArrayBuffer>, line: IkeLine = IkeLine.ESTABLISHED): void {
    const leave = (): void => void this.left++;
    this.driver.datagram({ local: here, remote: there, bytes }, { line, leave });
  }

  #open(question: Question, signal: AbortSignal): Promise<Answer> {
    const name = question.kind === "verify" ? question.userName : question.kind;
    signal.addEventListener("abort", () => this.happened.push(`aborted ${name}`));
    return new Promise((resolve) => this.answers.set(name, resolve));
  }
}

const transmit: Output = { kind: "transmit", local: here, remote: there, bytes: new Uint8Array(1) };
const install = { kind: "install-child-sa", sa: { inboundSpi: 7 } as ChildSaInstall } as const;

function verify(id: number, userName: string): Output {
  const credential = { kind: "password", password: "p" } as const;
  return { kind: "ask", id, question: { kind: "verify", userName, credential, remote: there } };
}

Deno.test("outputs are applied in their order, each where it belongs", () => {
  const scene = new Scene();
  scene.react = () => [
    install,
    transmit,
    { kind: "trace", trace: { level: "info", event: "up" } },
    { kind: "move-child-sa", inboundSpi: 7, local: here, remote: there },
    { kind: "client", event: "established" },
    { kind: "filter-child-sa", inboundSpi: 7, filter: { name: "staff", rules: [] } },
    { kind: "remove-child-sa", inboundSpi: 7 },
  ];
  scene.hear(new Uint8Array(3));
  assert.deepEqual(scene.happened, [
    "install 7",
    "transmit 4500",
    "trace up",
    "move 7",
    "extra established",
    "filter 7 staff",
    "remove 7",
  ]);
  assert.equal(scene.driver.transmitted, 1);
  assert.deepEqual(scene.inputs, [{
    kind: "datagram",
    at: moment(1000, 5_001_000),
    local: here,
    remote: there,
    bytes: new Uint8Array(3),
  }]);
  scene.driver.stop();
});

Deno.test("an input that arrives while outputs are applied waits its turn", () => {
  const scene = new Scene();
  scene.react = (input) => {
    if (input.kind !== "command") {
      return [{ kind: "trace", trace: { level: "info", event: "second" } }];
    }
    return [{ kind: "client", event: "nested" }, transmit];
  };
  const apply = scene.happened.push.bind(scene.happened);
  scene.happened.push = (...items) => {
    if (items[0] === "extra nested") scene.driver.event({ kind: "soft-limit", inboundSpi: 1 });
    return apply(...items);
  };
  scene.driver.command({ kind: "clear-stats" });
  assert.deepEqual([...scene.happened], ["extra nested", "transmit 4500", "trace second"]);
  scene.driver.stop();
});

Deno.test("an answer becomes a completion with the id of its question", async () => {
  const scene = new Scene();
  scene.react = (input) => input.kind === "command" ? [verify(41, "ann"), verify(42, "bob")] : [];
  scene.driver.command({ kind: "clear-stats" });
  const idle = scene.driver.idle();
  scene.answers.get("bob")?.({ kind: "done" });
  await Promise.resolve();
  scene.answers.get("ann")?.({ kind: "failed", reason: "r" });
  await idle;
  assert.deepEqual(
    scene.inputs.slice(1).map((input) =>
      input.kind === "completion" ? [input.id, input.answer.kind] : []
    ),
    [[42, "done"], [41, "failed"]],
  );
  scene.driver.stop();
});

Deno.test("a cancelled question is aborted, and its late answer is not heard", async () => {
  const scene = new Scene();
  let first = true;
  scene.react = () => {
    const outputs: Output[] = first ? [verify(1, "ann")] : [{ kind: "cancel", id: 1 }];
    first = false;
    return outputs;
  };
  scene.driver.command({ kind: "clear-stats" });
  scene.driver.command({ kind: "clear-stats" });
  await scene.driver.idle();
  scene.answers.get("ann")?.({ kind: "done" });
  await new Promise((go) => setTimeout(go));
  assert.deepEqual(scene.happened, ["aborted ann"]);
  assert.equal(scene.inputs.length, 2);
  scene.driver.stop();
});

Deno.test("a timer fires at the machine's deadline, once, and is set anew", async () => {
  const scene = new Scene();
  scene.timeout = monotonic(1005);
  const fired = new Promise<void>((resolve) => {
    scene.react = (input) => {
      if (input.kind === "timeout") {
        scene.timeout = undefined;
        resolve();
      }
      return [];
    };
  });
  scene.driver.command({ kind: "clear-stats" });
  scene.nowMs = 1005;
  await fired;
  assert.deepEqual(scene.inputs.map(({ kind }) => kind), ["command", "timeout"]);
  scene.driver.stop();
});

Deno.test("a deadline that moves away leaves the timer as it is, a nearer one does not", async () => {
  const scene = new Scene();
  const kinds = (): readonly string[] => scene.inputs.map(({ kind }) => kind);
  scene.timeout = monotonic(1e9);
  scene.driver.command({ kind: "clear-stats" });
  scene.timeout = monotonic(scene.nowMs + 5);
  scene.driver.command({ kind: "clear-stats" });
  scene.timeout = monotonic(2e9);
  scene.driver.command({ kind: "clear-stats" });
  await until("an early timeout", () => kinds().includes("timeout") || undefined, 5_000, 5);
  assert.deepEqual(kinds(), ["command", "command", "command", "timeout"]);
  scene.timeout = monotonic(scene.nowMs);
  scene.driver.command({ kind: "clear-stats" });
  await until("a timeout in time", () => kinds().at(-1) === "timeout" || undefined, 5_000, 5);
  scene.driver.stop();
});

Deno.test("a deadline in the past fires at once, one in the far future does not overflow", async () => {
  const scene = new Scene();
  scene.timeout = monotonic(1);
  const fired = new Promise<void>((resolve) => {
    scene.react = (input) => {
      if (input.kind === "timeout") {
        scene.timeout = monotonic(1e12);
        resolve();
      }
      return [];
    };
  });
  scene.driver.command({ kind: "clear-stats" });
  await fired;
  await new Promise((go) => setTimeout(go, 5));
  assert.deepEqual(scene.inputs.map(({ kind }) => kind), ["command", "timeout"]);
  scene.driver.stop();
});

Deno.test("what the world refuses is told and the rest is still done", () => {
  for (
    const [fail, line] of [["transmit", "debug transmit-failed no; way"], [
      "install",
      "error child-sa-not-installed no; way",
    ]]
  ) {
    const scene = new Scene();
    scene.fail = fail;
    scene.react = () => [install, transmit, { kind: "client", event: "end" }];
    scene.driver.command({ kind: "clear-stats" });
    assert.equal(scene.happened.length, 3);
    assert.ok(scene.happened.includes(line ?? ""), scene.happened.join());
    assert.equal(scene.happened[2], "extra end");
    scene.driver.stop();
  }
});

Deno.test("an exception out of the machine costs that input and nothing more", () => {
  const scene = new Scene();
  scene.react = (input) => {
    if (input.kind === "datagram") throw new Error("broken");
    return [transmit];
  };
  scene.hear(new Uint8Array(3));
  scene.driver.command({ kind: "clear-stats" });
  assert.deepEqual(scene.happened, ["error internal-fault broken", "transmit 4500"]);
  scene.driver.stop();
});

Deno.test("after stop nothing is heard and open questions are aborted", async () => {
  const scene = new Scene();
  scene.react = () => [verify(1, "ann")];
  scene.driver.command({ kind: "clear-stats" });
  scene.driver.stop();
  await scene.driver.idle();
  scene.driver.command({ kind: "clear-stats" });
  assert.equal(scene.inputs.length, 1);
  assert.deepEqual(scene.happened, ["aborted ann"]);
});

Deno.test("what the store was told is settled when it is done or has failed, and not before", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const [deletion, other] = gates;
  const effects = new Effects(
    { verify: () => new Promise(() => {}) },
    {
      put: () => Promise.reject(new Error("disk full")),
      delete: (name) => name === "a" ? deletion!.promise : other!.promise,
    },
  );
  const { signal } = new AbortController();
  await effects.settled();
  const credential = { kind: "password", password: "p" } as const;
  void effects.answer({ kind: "verify", userName: "ann", credential, remote: there }, signal);
  await effects.settled(); // a user who is asked holds nothing up
  const order: string[] = [];
  const answered = effects.answer({ kind: "delete-record", key: "a" }, signal);
  const settled = effects.settled().then(() => order.push("settled"));
  const later = effects.answer({ kind: "delete-record", key: "b" }, signal);
  await Promise.resolve();
  order.push("deleted");
  deletion!.resolve();
  await settled;
  assert.deepEqual(order, ["deleted", "settled"]);
  assert.deepEqual(await answered, { kind: "done" });
  other!.resolve();
  await later;
});

Deno.test("questions are answered by users and store, counted, and failures are answers", async () => {
  const kept: string[] = [];
  const effects = new Effects({
    verify: (userName) => {
      if (userName === "down") return Promise.reject(new Error("server is down"));
      return Promise.resolve(
        userName === "ann" ? { kind: "accept", attributes: {} } : { kind: "reject" },
      );
    },
  }, {
    put: (record) => {
      kept.push(`put ${record.key}`);
      return record.key === "full" ? Promise.reject(new Error("disk full")) : Promise.resolve();
    },
    delete: (name) => Promise.resolve(void kept.push(`delete ${name}`)),
  });
  const credential = { kind: "password", password: "p" } as const;
  const { signal } = new AbortController();
  const ask = (userName: string): Promise<Answer> =>
    effects.answer({ kind: "verify", userName, credential, remote: there }, signal);
  assert.deepEqual(await ask("ann"), {
    kind: "verdict",
    verdict: { kind: "accept", attributes: {} },
  });
  assert.deepEqual(await ask("eve"), { kind: "verdict", verdict: { kind: "reject" } });
  assert.deepEqual(await ask("down"), { kind: "failed", reason: "server is down" });
  const proven = { kind: "certificate" } as const;
  await effects.answer(
    { kind: "verify", userName: "eve", credential: proven, remote: there },
    signal,
  );
  const store = (key: string): Promise<Answer> =>
    effects.answer({ kind: "store-record", record: recordOf(key, 1, 0) }, signal);
  assert.deepEqual(await store("k"), { kind: "done" });
  assert.deepEqual(await store("full"), { kind: "failed", reason: "disk full" });
  assert.deepEqual(await effects.answer({ kind: "delete-record", key: "k" }, signal), {
    kind: "done",
  });
  assert.deepEqual(kept, ["put k", "put full", "delete k"]);
  assert.deepEqual(effects.counters, {
    "aaa-accepted": 1,
    "aaa-rejected": 2,
    "aaa-challenged": 0,
    "aaa-failed": 1,
    "eap-passed": 1,
    "eap-failed": 2,
    "authorization-passed": 0,
    "authorization-failed": 1,
    "records-stored": 1,
    "records-deleted": 1,
    "store-errors": 1,
  });
  effects.clearCounters();
  assert.ok(Object.values(effects.counters).every((count) => count === 0));
});

Deno.test("a fault that somebody causes again and again is a few lines, and the rest is counted", () => {
  const scene = new Scene();
  scene.react = () => {
    throw new Error("broken");
  };
  for (let i = 0; i < 500; i++) {
    scene.hear(new Uint8Array(1));
  }
  assert.deepEqual(scene.happened, new Array(10).fill("error internal-fault broken"));
  scene.nowMs += 1000;
  scene.hear(new Uint8Array(1));
  assert.equal(scene.happened.length, 11);
  scene.driver.stop();
});

Deno.test("a machine that fails at what is due is not asked again at once", async () => {
  const scene = new Scene();
  scene.timeout = monotonic(1);
  scene.react = () => {
    throw new Error("broken");
  };
  scene.hear(new Uint8Array(1));
  await new Promise((go) => setTimeout(go, 20));
  assert.equal(scene.inputs.length, 1);
  scene.driver.stop();
});

Deno.test("what fails while an event is taken does not stop the loop", () => {
  const scene = new Scene();
  scene.fail = "extra";
  scene.react = () => [{ kind: "client", event: "established" }, transmit];
  scene.hear(new Uint8Array(1));
  assert.deepEqual(scene.happened, ["error internal-fault no; way", "transmit 4500"]);
  scene.driver.stop();
});

Deno.test("who returns in hundreds waits in turns: answers first, then who has an IKE SA", async () => {
  const scene = new Scene();
  const told: string[] = [];
  scene.react = (input) => {
    if (input.kind === "command") return [verify(1, "ann")];
    scene.nowMs += turnMs / 5;
    told.push(input.kind === "datagram" ? `message ${input.bytes[0]}` : input.kind);
    return [];
  };
  scene.driver.command({ kind: "clear-stats" });
  for (let i = 0; i < 5; i++) scene.hear(Uint8Array.of(i), IkeLine.INITIAL);
  assert.equal(told.length, 5, "at once while the turn lasts");
  scene.hear(Uint8Array.of(5), IkeLine.INITIAL);
  scene.hear(Uint8Array.of(6), IkeLine.ESTABLISHED);
  scene.answers.get("ann")?.({ kind: "done" });
  await Promise.resolve();
  await Promise.resolve();
  scene.driver.event({ kind: "soft-limit", inboundSpi: 1 });
  assert.deepEqual(told.slice(5), ["dataplane"], "nothing else has to wait for its turn");
  assert.equal(scene.left, 5, "who waits keeps its place");
  const since = scene.nowMs;
  await scene.driver.idle();
  await new Promise((go) => setTimeout(go, 0));
  assert.deepEqual(told.slice(6), ["completion", "message 6", "message 5"]);
  assert.equal(scene.left, 7);
  assert.deepEqual(
    scene.inputs.at(-1)?.at.monotonic,
    since + 2 * turnMs / 5,
    "the time is its own",
  );
  scene.driver.stop();
});

Deno.test("an answer that waits for its turn when its question is cancelled is not heard", async () => {
  const scene = new Scene();
  scene.react = (input) => {
    if (input.kind === "datagram") scene.nowMs += turnMs;
    if (input.kind === "command") return [verify(1, "ann")];
    return input.kind === "dataplane" ? [{ kind: "cancel", id: 1 }] : [];
  };
  scene.driver.command({ kind: "clear-stats" });
  scene.hear(Uint8Array.of(1));
  scene.answers.get("ann")?.({ kind: "done" });
  await Promise.resolve();
  scene.driver.event({ kind: "soft-limit", inboundSpi: 1 });
  await new Promise((go) => setTimeout(go, 0));
  assert.deepEqual(scene.inputs.map(({ kind }) => kind), ["command", "datagram", "dataplane"]);
  scene.driver.stop();
});
