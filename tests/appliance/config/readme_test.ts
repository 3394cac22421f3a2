import assert from "node:assert/strict";
import { profileFlags } from "../../../appliance/commands/profile.ts";
import { connectFlags } from "../../../appliance/config/connect_flags.ts";
import type { FlagTable } from "../../../appliance/config/flag.ts";
import { escaped, flagRows } from "../../../appliance/config/markdown.ts";
import { serveFlags } from "../../../appliance/config/serve_flags.ts";

const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));

/** Rows of the table of a section, cells trimmed, without its two heading rows. */
function rowsIn(name: string): readonly (readonly string[])[] {
  const section = new RegExp(`<!-- flags: ${name} -->(.*?)<!-- end of flags -->`, "s").exec(readme);
  assert.ok(section, `README.md has no section of flags of ${name}`);
  return (section[1] ?? "").trim().split("\n").slice(2).map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())
  );
}

const tables: Readonly<Record<string, FlagTable>> = {
  serve: serveFlags,
  connect: connectFlags,
  profile: profileFlags,
};

for (const [name, table] of Object.entries(tables)) {
  Deno.test(`README lists the flags of rejoin ${name} as they are (scripts/readme_flags.ts)`, () => {
    assert.deepEqual(rowsIn(name), flagRows(table).map((row) => row.map(escaped)));
  });
}
