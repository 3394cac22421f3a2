/**
 * A flags file: one flag a line, with or without its dashes, then a space or `=`, then the value as
 * it stands to the end of the line. Lines that begin with `#` and empty lines say nothing. There is
 * no quoting and no including of other files.
 */
import type { FlagProblem, FlagTable } from "./flag.ts";

/** One flag of a file. */
export interface FileLine {
  readonly name: string;
  readonly value: string | undefined;
  /** `FILE line N`. */
  readonly origin: string;
}

/** The lines of a flags file and what is wrong with them. */
export function readFlagsFile(
  text: string,
  path: string,
  table: FlagTable,
): { readonly lines: readonly FileLine[]; readonly problems: readonly FlagProblem[] } {
  const lines: FileLine[] = [];
  const problems: FlagProblem[] = [];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const origin = `${path} line ${i + 1}`;
    const match = /^-{0,2}([a-z][a-z0-9-]*)(?:(?:\s*=\s*|\s+)(.*))?$/s.exec(line);
    const name = match?.[1];
    if (name === undefined || name === "flags-file" || !(name in table)) {
      const word = name ?? line.split(/\s/)[0] ?? line;
      const wanted = name === "flags-file"
        ? "no flags file inside a flags file"
        : "a flag of this command, one a line; see --help";
      problems.push({ name: name ?? `-`, ...(name ? {} : { value: word }), wanted, origin });
      continue;
    }
    lines.push({ name, value: match?.[2], origin });
  }
  return { lines, problems };
}
