/**
 * What a flag is. Every command has one table of them, and everything else derives from the tables:
 * command-line options, environment variables, flags files, help, README and error texts.
 *
 * A parser answers `undefined` for a text it does not accept; the flag's `wanted` says what it does.
 */

/** What every flag has. */
interface FlagBase {
  /** Heading in help and README. */
  readonly group: string;
  /** Form of the argument in help, for instance `RANGE|CIDR`. */
  readonly form: string;
  /** The accepted form in words, for errors, for instance `a number from 10 to 3600`. */
  readonly wanted: string;
  /** One line of help. */
  readonly help: string;
  /** Its value is a secret and never repeated. */
  readonly secret?: boolean;
}

/** A flag with one value. `fallback` is text, so that it passes through the same parser. */
export interface SingleFlag<T> extends FlagBase {
  readonly kind: "single";
  readonly parse: (text: string) => T | undefined;
  readonly fallback: string | undefined;
}

/** A flag that may be repeated. One text holds several values, cut at `separator`. */
export interface ListFlag<T> extends FlagBase {
  readonly kind: "list";
  readonly parse: (text: string) => T | undefined;
  readonly separator: RegExp;
  readonly fallback: string | undefined;
}

/** A flag without value: given or not. */
export interface SwitchFlag {
  readonly kind: "switch";
  readonly group: string;
  readonly help: string;
}

/** A table: name without dashes to flag. */
export type FlagTable = Readonly<
  Record<string, SingleFlag<unknown> | ListFlag<unknown> | SwitchFlag>
>;

/** The values that a table describes. */
export type SettingsOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends ListFlag<infer T> ? readonly T[]
    : Table[Name] extends SingleFlag<infer T> & { readonly fallback: string } ? T
    : Table[Name] extends SingleFlag<infer T> ? T | undefined
    : Table[Name] extends SwitchFlag ? boolean
    : never;
};

/** Something wrong with one flag. */
export interface FlagProblem {
  /** Name without dashes; an unknown flag as typed; `-` when `value` is a word that is no flag. */
  readonly name: string;
  /** The text found; `undefined` when there was none or it must not be shown. */
  readonly value?: string;
  /** The form that would do, or what to do. */
  readonly wanted: string;
  /** Where it stood, when not on the command line: `REJOIN_POOL`, or `FILE line N`. */
  readonly origin?: string;
}

/** The flags of one command line could not be used; all problems at once. */
export class UsageError extends Error {
  override name = "UsageError";
  /** Every problem, in the order of the table. */
  readonly problems: readonly FlagProblem[];

  /** An error out of all problems found. */
  constructor(problems: readonly FlagProblem[]) {
    super(problems.map(problemText).join("\n"));
    this.problems = problems;
  }
}

/** One problem as one line: name, value, wanted form, origin. */
export function problemText(problem: FlagProblem): string {
  const value = problem.value === undefined ? "" : ` ${shown(problem.value)}`;
  const origin = problem.origin === undefined ? "" : ` (from ${problem.origin})`;
  if (problem.name === "-") {
    return `${shown(problem.value ?? "")}: wanted ${problem.wanted}${origin}`;
  }
  const dashes = problem.name.startsWith("-") ? "" : "--";
  return `${dashes}${problem.name}${value}: wanted ${problem.wanted}${origin}`;
}

/** A value fit for a terminal: quoted when it is empty or holds spaces or control characters. */
function shown(value: string): string {
  const cut = value.length > 200 ? `${value.slice(0, 200)}…` : value;
  return /^[\x21-\x7e\u00a0-\uffff]+$/.test(cut) ? cut : JSON.stringify(cut);
}

/** The environment variable of a flag: `REJOIN_` and the name in capitals. */
export function environmentName(flag: string): string {
  return `REJOIN_${flag.toUpperCase().replaceAll("-", "_")}`;
}
