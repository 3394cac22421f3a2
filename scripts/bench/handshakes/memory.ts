/** Heap of an idle session, read from a process that has nothing else. */
import { mustRun } from "../../../tests/support/background.ts";

const program = new URL("./memory_program.ts", import.meta.url).pathname;

/** Octets for one of `count` sessions, of the core and its tables; keys of ESP are outside of it. */
export async function heapPerSession(count: number): Promise<number> {
  const flags = ["--no-check", "-A", "--v8-flags=--expose-gc"];
  const text = await mustRun([Deno.execPath(), "run", ...flags, program, `${count}`], {
    timeoutMs: 300_000,
  });
  return Number(text);
}
