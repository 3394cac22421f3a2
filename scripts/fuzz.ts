/**
 * `deno task fuzz`: campaigns of lying peers against gateway and client in virtual time; the cases are
 * those of `tests/support/fuzz_case.ts`.
 *
 *     deno task fuzz                    a minute, from a seed of the clock
 *     deno task fuzz --seconds 600      longer
 *     deno task fuzz --runs 5000 --from 1
 *     deno task fuzz --seed 4711        one case again, with what it did
 *
 * A case that fails is stored under `tests/fuzz/findings`, where the ordinary tests repeat it for ever.
 * Exit status 1 if any did.
 */
import { campaign } from "./campaign.ts";
import { fuzz, FuzzFailure } from "../tests/support/fuzz_case.ts";

const folder = new URL("../tests/fuzz/findings/", import.meta.url);

async function keep(error: unknown): Promise<void> {
  if (!(error instanceof FuzzFailure)) return;
  await Deno.mkdir(folder, { recursive: true });
  const file = new URL(`${error.finding.seed}.json`, folder);
  await Deno.writeTextFile(file, `${JSON.stringify(error.finding, undefined, 2)}\n`);
  console.log(`stored as ${file.pathname}`);
}

const tally: Record<string, number> = {};

function count(name: string, by = 1): void {
  tally[name] = (tally[name] ?? 0) + by;
}

await campaign("fuzz", {
  run: (seed) => {
    const { liar, lies, isUp } = fuzz(seed);
    count(liar);
    count("lies", lies.length);
    if (isUp) count("up in the end");
    return { lies, isUp };
  },
  failed: keep,
  progress: () => Object.entries(tally).map(([name, value]) => `${value} ${name}`).join(", "),
});
