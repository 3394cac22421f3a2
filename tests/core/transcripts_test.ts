/**
 * Every story in `tests/transcripts` plays as it is written. `deno task test:update` writes them
 * anew; the difference is for the reviewer.
 */
import { equal, ok } from "node:assert/strict";
import { playTranscript } from "../support/transcript.ts";

const folder = `${import.meta.dirname}/../transcripts`;
const isUpdate = Deno.args.includes("--update");
const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => name.endsWith(".txt")).sort();

for (const name of names) {
  Deno.test(`Transcript ${name.replace(/\.txt$/, "").replaceAll("_", " ")}`, () => {
    const path = `${folder}/${name}`;
    const written = Deno.readTextFileSync(path);
    const played = playTranscript(written);
    if (isUpdate) Deno.writeTextFileSync(path, played);
    else equal(played, written);
  });
}

Deno.test("There are transcripts, and a changed one is noticed", () => {
  ok(names.length >= 9);
  const text = "# nothing\n> show\n  something that never was\n";
  ok(!playTranscript(text).includes("never"));
});
