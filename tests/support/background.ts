/** A program in the background: its last output kept, waited for by what it says, stopped by its own pid. */

/** How much of the output is kept, characters. */
const keptOutput = 200_000;

/** Signals that the tests use. */
export type Signal =
  | "SIGTERM"
  | "SIGKILL"
  | "SIGINT"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGHUP"
  | "SIGSTOP"
  | "SIGCONT";

/** A running program. */
export class Background implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<unknown>;
  readonly #waiters = new Set<() => void>();
  #output = "";
  #ended = false;
  /** A word for messages. */
  readonly name: string;

  /** Starts it; output of both kinds is collected. */
  constructor(name: string, command: readonly string[], options: Deno.CommandOptions = {}) {
    this.name = name;
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, {
      stdin: "null",
      ...options,
      args,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#drained = Promise.all([
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
      this.#child.status,
    ]).finally(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The process. `exec` keeps it through `nsenter`, `unshare` and `sh`. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it is gone. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** The last of what it said. */
  get output(): string {
    return this.#output;
  }

  /** How it ended; waits for that. */
  async status(): Promise<Deno.CommandStatus> {
    await this.#drained;
    return await this.#child.status;
  }

  /** Waits until it says something that matches, counted from `from`; throws when it ends or is late. */
  async waitFor(pattern: RegExp, timeoutMs: number, from = 0): Promise<RegExpMatchArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = this.#output.slice(from).match(pattern);
      if (match !== null) return match;
      const left = deadline - performance.now();
      if (this.#ended || left <= 0) {
        const why = this.#ended ? "ended" : `was silent for ${timeoutMs} ms`;
        throw new Error(`${this.name} ${why} before ${pattern}:\n${this.#output.slice(-6000)}`);
      }
      await this.#nextOutput(left);
    }
  }

  /** Sends a signal if it still runs, and waits for the end; `SIGKILL` after `patienceMs`. */
  async stop(signal: Signal = "SIGTERM", patienceMs = 5000): Promise<void> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), patienceMs);
    await this.#drained;
    clearTimeout(timer);
  }

  /** Sends a signal; nothing happens when the program is gone. */
  signal(signal: Signal): void {
    if (this.#ended) return;
    try {
      this.#child.kill(signal);
    } catch {
      // it ended between the check and the signal
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of stream) {
      this.#output = (this.#output + decoder.decode(part, { stream: true })).slice(-keptOutput);
      this.#wake();
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  async #nextOutput(atMostMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, atMostMs);
    this.#waiters.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiters.delete(resolve);
  }
}

/** What a finished program left. */
export interface Finished {
  /** Exit status 0. */
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, killed after `timeoutMs`. */
export async function finish(
  command: readonly string[],
  options: Deno.CommandOptions & { readonly timeoutMs?: number } = {},
): Promise<Finished> {
  const { timeoutMs = 30_000, ...rest } = options;
  const [program = "", ...args] = command;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const child = new Deno.Command(program, {
      stdin: "null",
      ...rest,
      args,
      stdout: "piped",
      stderr: "piped",
      signal: abort.signal,
    });
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a program that must succeed; its standard output. */
export async function mustRun(
  command: readonly string[],
  options: Deno.CommandOptions & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { success, stdout, stderr } = await finish(command, options);
  if (!success) {
    throw new Error(`${command.join(" ")} failed:\n${stdout.slice(-3000)}${stderr.slice(-3000)}`);
  }
  return stdout;
}

/** Asks again and again, every `everyMs`, until the answer is not `undefined`; throws when late. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
  everyMs = 50,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
