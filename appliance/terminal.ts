/** The real terminal: standard streams, environment, files. */
import type { Terminal } from "./commands/command.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** This process's terminal. */
export const systemTerminal: Terminal = {
  out: (text) => writeAll(Deno.stdout, text),
  err: (line) => writeAll(Deno.stderr, `${line}\n`),
  env: (name) => Deno.env.get(name),
  readFile: (path) => Deno.readTextFileSync(path),
  askSecret: (question) => {
    if (!Deno.stdin.isTerminal()) return undefined;
    writeAll(Deno.stderr, question);
    return readHidden();
  },
};

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    // `show … | head` ends the reader: nothing is left to tell anybody.
    if (error instanceof Deno.errors.BrokenPipe) return;
    throw new StartError(`Cannot write output: ${reasonOf(error)}`);
  }
}

/** One line from the terminal without echo. Control-C gives `undefined`. */
function readHidden(): string | undefined {
  const typed: number[] = [];
  const octet = new Uint8Array(1);
  Deno.stdin.setRaw(true);
  try {
    while (Deno.stdin.readSync(octet) === 1) {
      const [code = 0] = octet;
      if (code === 3) return undefined;
      if (code === 13 || code === 10 || code === 4) break;
      if (code === 127 || code === 8) typed.pop();
      else typed.push(code);
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeAll(Deno.stderr, "\n");
  }
  return new TextDecoder().decode(Uint8Array.from(typed));
}
