/** CONFORMANCE.md is true: its tables have the agreed form, and every test that it names exists. */
import assert from "node:assert/strict";

const root = new URL("../", import.meta.url);

interface Row {
  readonly line: number;
  readonly clause: string;
  readonly status: string;
  readonly tests: readonly string[];
  readonly note: string;
}

/** Rows of tables whose heading begins with "Clause"; cells: clause, what, status, tests or reason. */
function readRows(text: string): readonly Row[] {
  const rows: Row[] = [];
  let inTable = false;
  for (const [i, line] of text.split("\n").entries()) {
    const cells = line.startsWith("|") ? line.split("|").slice(1, -1).map((it) => it.trim()) : [];
    if (cells.length === 0) inTable = false;
    else if (cells[0] === "Clause") inTable = true;
    else if (inTable && !/^[-: ]+$/.test(cells[0] ?? "")) {
      assert.equal(cells.length, 4, `line ${i + 1} has four cells`);
      const [clause = "", , status = "", note = ""] = cells;
      const tests = [...note.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
      rows.push({ line: i + 1, clause, status, tests, note });
    }
  }
  return rows;
}

/** Names of tests, and patterns for those that are templates. */
interface TestNames {
  readonly texts: Set<string>;
  readonly patterns: RegExp[];
}

/** What a call of `test`, or of a helper whose name ends with it, has as its first argument. */
const nameOfCall =
  /(?:\btest|\w+Test|\w+Interop|\bonce)\(\s*(?:\{\s*name:\s*)?(?:"((?:[^"\\\n]|\\.)+)"|`([^`\n]+)`)/g;

/** Each `${…}` stands for one character or more; a template of little else proves nothing. */
function patternOf(template: string): RegExp | undefined {
  const fixed = template.split(/\$\{[^{}]*\}/);
  const text = fixed.join("");
  if (text.trim().length < 4 || text.includes("${")) return undefined;
  return new RegExp(
    `^${fixed.map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`,
  );
}

async function readTestNames(
  folder: URL,
  names: TestNames = { texts: new Set(), patterns: [] },
): Promise<TestNames> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) await readTestNames(new URL(`${entry.name}/`, folder), names);
    else if (entry.name.endsWith(".ts")) {
      const source = await Deno.readTextFile(new URL(entry.name, folder));
      for (const [, text, template = ""] of source.matchAll(nameOfCall)) {
        if (text !== undefined) names.texts.add(text.replaceAll('\\"', '"'));
        else names.patterns.push(...[patternOf(template)].filter((it) => it !== undefined));
      }
    }
  }
  return names;
}

const document = await Deno.readTextFile(new URL("CONFORMANCE.md", root));
const rows = readRows(document);

/** Sections from one number of a chapter to another. */
function sections(chapter: number, first: number, last: number): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `${chapter}.${first + i}`);
}

/** The sections of standards that ask something of an implementation. */
const asking: Readonly<Record<string, readonly string[]>> = {
  "RFC 7296": ["1.2", ...sections(1, 3, 5), ...sections(2, 1, 25), ...sections(3, 1, 16), "4", "5"],
  "RFC 7383": [...sections(2, 2, 6), "3", "4", "5"],
  "RFC 7427": ["3", "4", "5"],
  "RFC 4555": [...sections(3, 2, 12), ...sections(4, 1, 2), ...sections(5, 1, 4)],
  "RFC 6290": [...sections(4, 1, 5), ...sections(5, 1, 3), "6", "7", ...sections(8, 1, 2), "9.1"],
  "RFC 8019": [...sections(4, 1, 8), "5", "6", ...sections(7, 1, 2), "8", "9"],
};

for (const [name, wanted] of Object.entries(asking)) {
  Deno.test(`every section of ${name} that asks something has a row`, () => {
    const lines = document.split("\n");
    const from = lines.findIndex((line) => line.startsWith(`## ${name},`)) + 1;
    const length = lines.slice(from).findIndex((line) => line.startsWith("## "));
    assert.ok(from > 0 && length > 0);
    const clauses = rows.filter(({ line }) => line > from && line <= from + length)
      .flatMap(({ clause }) => clause.split(", "));
    const missing = wanted.filter((section) =>
      !clauses.some((clause) => clause === `§${section}` || clause.startsWith(`§${section}.`))
    );
    assert.deepEqual(missing, []);
  });
}

Deno.test("every clause has a known status", () => {
  assert.ok(rows.length > 50);
  const known = ["done", "partly", "declined", "not yet"];
  assert.deepEqual(rows.filter((row) => !known.includes(row.status)), []);
});

Deno.test("every test that CONFORMANCE.md names exists", async () => {
  const names = await readTestNames(new URL("tests/", root));
  const missing = rows.flatMap((row) =>
    row.tests
      .filter((name) => !names.texts.has(name) && !names.patterns.some((it) => it.test(name)))
      .map((name) => `line ${row.line}: ${name}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("what is called done names a test, what is declined or partly done says why", () => {
  const unproven = rows.filter((row) => row.status === "done" && row.tests.length === 0);
  assert.deepEqual(unproven.map((row) => `line ${row.line}: ${row.clause}`), []);
  const unexplained = rows.filter((row) =>
    ["declined", "partly"].includes(row.status) && row.note.replaceAll(/`[^`]*`/g, "").length < 10
  );
  assert.deepEqual(unexplained.map((row) => `line ${row.line}: ${row.clause}`), []);
});
