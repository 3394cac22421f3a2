/**
 * `deno task sim`: seeded runs of gateway, clients, a bad network and crashes in virtual time; the claims
 * are those of `tests/support/sim_run.ts`.
 *
 *     deno task sim                     a minute, from a seed of the clock
 *     deno task sim --runs 5000 --from 1
 *     deno task sim --seed 4711         one run again, with what happened in it
 *
 * Exit status 1 if a claim failed.
 */
import { campaign } from "./campaign.ts";
import { type RunFacts, simulate } from "../tests/support/sim_run.ts";

const tally: Record<string, number> = {};

/** The numbers among the facts of a run. */
function numbersOf(facts: RunFacts): [string, number][] {
  return Object.entries(facts).filter((entry): entry is [string, number] =>
    typeof entry[1] === "number"
  );
}

await campaign("sim", {
  run: (seed) => {
    const numbers = numbersOf(simulate(seed));
    for (const [name, value] of numbers) tally[name] = (tally[name] ?? 0) + value;
    return Object.fromEntries(numbers);
  },
  progress: () => Object.entries(tally).map(([name, value]) => `${value} ${name}`).join(", "),
});
