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

const rows = readRows(await Deno.readTextFile(new URL("CONFORMANCE.md", root)));

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
