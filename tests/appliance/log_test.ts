import assert from "node:assert/strict";
import { type Log, type LogFormat, openLog } from "../../appliance/log.ts";
import { parseIpAddress, type TraceLevel } from "../../core/mod.ts";

function withLog(
  format: LogFormat,
  level: TraceLevel,
  use: (log: Log, clock: { ms: number }) => void,
): string[] {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const log = openLog({ level, format, write: (line) => lines.push(line), nowMs: () => clock.ms });
  try {
    use(log, clock);
  } finally {
    log.close();
  }
  return lines;
}

const address = parseIpAddress("2001:db8::7");
assert.ok(address);
const remote = { address, port: 4500 };

Deno.test("a line of text has time, level, event and facts", () => {
  const [line] = withLog(
    "text",
    "info",
    (log) =>
      log.trace({
        level: "info",
        event: "ike-sa-established",
        sessionId: 7,
        remote,
        facts: { user: "ann" },
      }),
  );
  assert.match(
    line ?? "",
    /^\d{4}-\d\d-\d\dT[\d:.]+Z info {4}ike-sa-established session=7 remote=\[2001:db8::7\]:4500 user=ann$/,
  );
});

Deno.test("a line of JSON has the same as members", () => {
  const [line] = withLog(
    "json",
    "info",
    (log) =>
      log.trace({
        level: "warning",
        event: "x",
        sessionId: 7,
        remote,
        facts: { n: 1, list: ["a", "b"] },
      }),
  );
  const { time, ...rest } = JSON.parse(line ?? "");
  assert.match(time, /Z$/);
  assert.deepEqual(rest, {
    level: "warning",
    event: "x",
    session: 7,
    remote: "[2001:db8::7]:4500",
    n: 1,
    list: ["a", "b"],
  });
});

Deno.test("less important lines than the level are not written", () => {
  const lines = withLog("text", "warning", (log) => {
    for (const level of ["debug", "info", "warning", "error"] as const) log.tell(level, level);
  });
  assert.deepEqual(lines.map((line) => line.split(" ").at(-1)), ["warning", "error"]);
});

Deno.test("facts with the name of a secret are blotted out in both forms", () => {
  for (const format of ["text", "json"] as const) {
    const text = withLog(format, "debug", (log) => {
      for (
        const name of ["password", "sessionToken", "pskOfUser", "ntHash", "clientSecret", "msk"]
      ) {
        log.tell("info", "e", { [name]: "s3cr3t" });
      }
    }).join("\n");
    assert.ok(!text.includes("s3cr3t"), text);
    assert.equal(text.split("[redacted]").length, 7);
  }
});

Deno.test("text from a peer cannot begin a line of its own or hide one", () => {
  const lines = withLog(
    "text",
    "info",
    (log) => log.tell("info", "e", { user: "a\n2026 error fake\u001b[2K\u202e" }),
  );
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /user="a\\n2026 error fake\\u001b\[2K\\u202e"$/);
});

Deno.test("what strangers cause is limited, counted, and let through again later", () => {
  const lines = withLog("json", "debug", (log, clock) => {
    for (let i = 0; i < 1000; i++) log.trace({ level: "warning", event: "cannot-parse", remote });
    clock.ms = 1000;
    log.trace({ level: "warning", event: "cannot-parse", remote });
  });
  assert.equal(lines.length, 11);
  assert.equal(JSON.parse(lines[10] ?? "").suppressed, 990);
});

Deno.test("what belongs to a session or comes from the appliance is never held back", () => {
  const lines = withLog("json", "debug", (log) => {
    for (let i = 0; i < 50; i++) {
      log.trace({ level: "info", event: "rekeyed", sessionId: 1, remote });
      log.tell("info", "own");
    }
  });
  assert.equal(lines.length, 100);
});
