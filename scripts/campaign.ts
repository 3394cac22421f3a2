/** What long campaigns of seeded runs have in common: how many, from where, progress, failing seeds. */
import { parseArgs } from "node:util";

/** A kind of seeded run. */
export interface Campaign {
  /** Runs a seed; throws when a claim fails. What it returns is printed when one seed was asked for. */
  readonly run: (seed: number) => unknown;
  /** What it came to so far, in a few words. */
  readonly progress: () => string;
  /** Is told of each failure, after it was printed. */
  readonly failed?: (error: unknown) => Promise<void>;
}

const PROGRESS_MS = 5_000;
/** A campaign that fails everywhere need not go on. */
const MOST_FAILURES = 20;
/** Seeds by the clock start somewhere else each time, far from those of the tests. */
const SEEDS = 2 ** 30;

/** Runs a campaign as the command line says, and ends the process. */
export async function campaign(name: string, { run, progress, failed }: Campaign): Promise<never> {
  const options = readOptions();
  if (options === undefined) {
    console.error(`deno task ${name} [--seconds N | --runs N] [--from SEED] | --seed SEED`);
    Deno.exit(2);
  }
  if ("seed" in options) {
    console.log(JSON.stringify(run(options.seed), undefined, 2));
    Deno.exit(0);
  }
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  let [failures, told] = [0, began];
  let seed = options.from;
  const isOver = (): boolean =>
    seconds() >= options.seconds || seed - options.from >= options.runs ||
    failures >= MOST_FAILURES;
  console.log(`${name}: from seed ${seed}`);
  for (; !isOver(); seed++) {
    try {
      run(seed);
    } catch (error) {
      failures++;
      console.log(error instanceof Error ? error.message : error);
      const cause = error instanceof Error ? error.cause ?? error : undefined;
      if (cause instanceof Error) console.log(cause.stack);
      console.log(`failed: deno task ${name} --seed ${seed}`);
      await failed?.(error);
    }
    if (performance.now() - told < PROGRESS_MS) continue;
    told = performance.now();
    console.log(`${seconds().toFixed(0)} s: ${seed - options.from + 1} runs, ${progress()}`);
  }
  const runs = seed - options.from;
  console.log(`${runs} runs in ${seconds().toFixed(0)} s, ${failures} failed; ${progress()}`);
  Deno.exit(failures === 0 ? 0 : 1);
}

type Options =
  | { readonly seed: number }
  | { readonly from: number; readonly runs: number; readonly seconds: number };

function readOptions(): Options | undefined {
  const names = ["seconds", "runs", "from", "seed"];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values } = parseArgs({ options });
    const number = (name: string): number | undefined => {
      const text = values[name];
      if (text === undefined) return undefined;
      if (!/^\d+$/.test(String(text))) throw new RangeError(`Cannot read --${name}`);
      return Number(text);
    };
    const seed = number("seed");
    if (seed !== undefined) return { seed };
    const runs = number("runs") ?? Infinity;
    const seconds = number("seconds") ?? (runs === Infinity ? 60 : Infinity);
    return { runs, seconds, from: number("from") ?? Date.now() % SEEDS };
  } catch {
    return undefined;
  }
}
