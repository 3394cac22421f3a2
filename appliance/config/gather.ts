/**
 * Values of a flag table from its four sources. What is nearer wins as a whole, lists included:
 * command line, then environment, then flags file, then default.
 *
 * Nothing here stops at the first problem: a person who mistyped three flags learns of three.
 */
import {
  environmentName,
  type FlagProblem,
  type FlagTable,
  type ListFlag,
  type SettingsOf,
  type SingleFlag,
  UsageError,
} from "./flag.ts";
import { readFlagsFile } from "./flags_file.ts";

/** What stood on the command line: per flag its texts in order, `undefined` where one was missing. */
export type RawArguments = ReadonlyMap<string, readonly (string | undefined)[]>;

/** Where values may come from. */
export interface Sources {
  /** The command line. */
  readonly args: RawArguments;
  /** Words of the command line that are no flag of this command. */
  readonly unknown: readonly string[];
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Reads a text file; throws when it cannot. */
  readonly readFile: (path: string) => string;
}

/** One text of a flag and where it stood. */
interface Found {
  /** `undefined` where the value was missing. */
  readonly text: string | undefined;
  readonly origin?: string;
}

/** The settings, or all the problems. */
export interface Gathered<Table extends FlagTable> {
  /** Values; for a flag with a problem its default stands here. */
  readonly settings: SettingsOf<Table>;
  /** Flags that were given by anybody, defaults aside. */
  readonly given: ReadonlySet<string>;
  /** What is wrong, in the order of the table. */
  readonly problems: readonly FlagProblem[];
}

/** Reads every flag of `table` from the sources. */
export function gather<Table extends FlagTable>(table: Table, sources: Sources): Gathered<Table> {
  const problems: FlagProblem[] = unknownProblems(sources.unknown, table);
  const file = flagsFileOf(table, sources, problems);
  const settings: Record<string, unknown> = {};
  const given = new Set<string>();
  for (const [name, flag] of Object.entries(table)) {
    const found = find(name, sources, file);
    if (found !== undefined) given.add(name);
    settings[name] = flag.kind === "switch"
      ? readSwitch(name, found, problems)
      : flag.kind === "list"
      ? readList(name, flag, found, problems)
      : readSingle(name, flag, found, problems);
  }
  return { settings: settings as SettingsOf<Table>, given, problems };
}

/** The settings, or a `UsageError` with all problems, those of `check` included. */
export function settle<Table extends FlagTable>(
  table: Table,
  sources: Sources,
  check: (gathered: Gathered<Table>) => readonly FlagProblem[] = () => [],
): SettingsOf<Table> {
  return demand(gather(table, sources), check);
}

/** The settings of what was gathered, or a `UsageError` with all problems, those of `check` included. */
export function demand<Table extends FlagTable>(
  gathered: Gathered<Table>,
  check: (gathered: Gathered<Table>) => readonly FlagProblem[] = () => [],
): SettingsOf<Table> {
  const bad = new Set(gathered.problems.map((problem) => problem.name));
  // A cross check on a value that was not readable would only repeat the first problem.
  const crossed = check(gathered).filter((problem) => !bad.has(problem.name));
  const problems = [...gathered.problems, ...crossed];
  if (problems.length > 0) throw new UsageError(problems);
  return gathered.settings;
}

function find(
  name: string,
  sources: Sources,
  file: ReadonlyMap<string, readonly Found[]>,
): readonly Found[] | undefined {
  const texts = sources.args.get(name);
  if (texts !== undefined) return texts.map((text) => ({ text }));
  const variable = environmentName(name);
  const text = sources.env(variable);
  if (text !== undefined) return [{ text, origin: variable }];
  return file.get(name);
}

function flagsFileOf(
  table: FlagTable,
  sources: Sources,
  problems: FlagProblem[],
): ReadonlyMap<string, readonly Found[]> {
  const name = "flags-file";
  if (!(name in table)) return new Map();
  const path = sources.args.get(name)?.at(-1) ?? sources.env(environmentName(name));
  if (path === undefined || path === "") return new Map();
  let text: string;
  try {
    text = sources.readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push({ name, value: path, wanted: `a readable file (${reason})` });
    return new Map();
  }
  const read = readFlagsFile(text, path, table);
  problems.push(...read.problems);
  const found = new Map<string, Found[]>();
  for (const { name, value, origin } of read.lines) {
    found.set(name, [...found.get(name) ?? [], { text: value, origin }]);
  }
  return found;
}

function readSingle(
  name: string,
  flag: SingleFlag<unknown>,
  found: readonly Found[] | undefined,
  problems: FlagProblem[],
): unknown {
  const byDefault = flag.fallback === undefined ? undefined : flag.parse(flag.fallback);
  if (found === undefined) return byDefault;
  const { text, origin } = found.at(-1) ?? { text: undefined };
  const value = text === undefined ? undefined : flag.parse(text);
  if (value !== undefined) return value;
  problems.push(problemOf(name, flag, text, origin));
  return byDefault;
}

function readList(
  name: string,
  flag: ListFlag<unknown>,
  found: readonly Found[] | undefined,
  problems: FlagProblem[],
): readonly unknown[] {
  const all = found ?? (flag.fallback === undefined ? [] : [{ text: flag.fallback }]);
  const values: unknown[] = [];
  for (const { text, origin } of all) {
    const parts = text?.split(flag.separator).map((part) => part.trim()) ?? [undefined];
    for (const part of parts) {
      const value = part === undefined ? undefined : flag.parse(part);
      if (value === undefined) problems.push(problemOf(name, flag, part, origin));
      else values.push(value);
    }
  }
  return values;
}

function readSwitch(
  name: string,
  found: readonly Found[] | undefined,
  problems: FlagProblem[],
): boolean {
  if (found === undefined) return false;
  const last = found.at(-1);
  const text = last?.text?.toLowerCase();
  if (text === undefined || text === "" || text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  problems.push({ name, value: text, wanted: "no value, or true or false", ...from(last?.origin) });
  return false;
}

function problemOf(
  name: string,
  flag: SingleFlag<unknown> | ListFlag<unknown>,
  text: string | undefined,
  origin: string | undefined,
): FlagProblem {
  const value = text === undefined ? {} : { value: flag.secret ? "…" : text };
  return { name, ...value, wanted: flag.wanted, ...from(origin) };
}

function from(origin: string | undefined): { origin?: string } {
  return origin === undefined ? {} : { origin };
}

/** Unknown flags with the nearest known one, and words that no flag asked for. */
function unknownProblems(words: readonly string[], table: FlagTable): FlagProblem[] {
  const problems: FlagProblem[] = [];
  for (const [i, word] of words.entries()) {
    if (word.startsWith("-")) {
      const name = word.replace(/^--?/, "").replace(/=.*$/s, "");
      const near = nearest(name, Object.keys(table));
      const hint = near === undefined ? "see --help" : `did you mean --${near}?`;
      problems.push({ name: word.replace(/=.*$/s, ""), wanted: `a flag of this command; ${hint}` });
    } else if (!words[i - 1]?.startsWith("-")) {
      // A word behind an unknown flag is most likely its value: named once is enough.
      problems.push({ name: `-`, value: word, wanted: "no further words here; see --help" });
    }
  }
  return problems;
}

/** The name of the smallest edit distance, when that is small against the word. */
function nearest(word: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    const distance = editDistance(word, name);
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  return best !== undefined && best.distance <= Math.max(word.length > 3 ? 2 : 1, word.length / 3)
    ? best.name
    : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replace));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
