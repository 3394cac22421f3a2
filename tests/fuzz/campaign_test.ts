/**
 * Peers that lie, in short: a campaign of `deno task fuzz` with fixed seeds, and every finding of the
 * long ones again.
 */
import { ok } from "node:assert/strict";
import { type Finding, fuzz, type Liar } from "../support/fuzz_case.ts";

const CASES = 150;
const folder = new URL("findings/", import.meta.url);

function readFindings(): Finding[] {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    return names.filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(Deno.readTextFileSync(new URL(name, folder))) as Finding);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test(`${CASES} cases of a client, a gateway or a stranger that lies: the other client does not notice`, () => {
  const cases: Record<Liar, number> = { client: 0, gateway: 0, stranger: 0 };
  let [lies, up] = [0, 0];
  const causes = new Set<string>();
  for (let seed = 1; seed <= CASES; seed++) {
    const facts = fuzz(seed);
    cases[facts.liar]++;
    lies += facts.lies.length;
    if (facts.isUp) up++;
    for (const cause of Object.keys(facts.counters)) causes.add(cause);
  }
  // The campaign is worth something only if lies are told, and not so many that nothing else happens.
  ok(Object.values(cases).every((count) => count > CASES / 10), JSON.stringify(cases));
  ok(lies > 3 * CASES, `${lies} lies`);
  ok(up > CASES / 2 && up < CASES, `${up} up in the end`);
  for (const cause of ["malformed-payloads", "ike-bad-icv", "message-id-outside-window"]) {
    ok(causes.has(cause), `${cause} is not among ${[...causes].sort().join(", ")}`);
  }
});

for (const finding of readFindings()) {
  Deno.test(`what a campaign found stays mended: seed ${finding.seed}, ${finding.why}`, () => {
    fuzz(finding.seed, finding);
  });
}
