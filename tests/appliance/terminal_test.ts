/** The program's real streams, as a shell connects them. */
import assert from "node:assert/strict";
import { rejoinCommand } from "../support/rejoin.ts";

async function shell(
  redirection: string,
  word = "version",
): Promise<{ status: string; err: string }> {
  const words = [...rejoinCommand(), word].map((word) => `'${word}'`).join(" ");
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `${words} ${redirection}; echo "\${PIPESTATUS[0]}"`],
  }).output();
  const decoder = new TextDecoder();
  return { status: decoder.decode(stdout).trim(), err: decoder.decode(stderr).trim() };
}

Deno.test("output that cannot be written is one line and status 1", async () => {
  assert.deepEqual(await shell(">/dev/full"), {
    status: "1",
    err: "rejoin version: Cannot write output: No space left on device (os error 28)",
  });
});

Deno.test("help that cannot be written is one line as well", async () => {
  assert.deepEqual(await shell(">/dev/full", "--help"), {
    status: "1",
    err: "rejoin: Cannot write output: No space left on device (os error 28)",
  });
});

Deno.test("a reader who goes away is no failure", async () => {
  assert.deepEqual(await shell("| true"), { status: "0", err: "" });
});
