/** What a command is. `cli.ts` makes the command line out of a list of these. */
import type { FlagTable } from "../config/flag.ts";
import { optional, single, toggle } from "../config/define.ts";
import { filePath, folderPath } from "../config/forms.ts";
import type { RawArguments, Sources } from "../config/gather.ts";

/** The world as a command sees it; tests give another. */
export interface Terminal {
  /** Writes to standard output, as it stands. */
  out(text: string): void;
  /** Writes one line to standard error. */
  err(line: string): void;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Reads a text file. */
  readFile(path: string): string;
  /** Asks for a secret without showing it; `undefined` when nobody is there to ask. */
  askSecret(question: string): string | undefined;
}

/** One call of a command. */
export interface Call {
  /** Words that are no flags. */
  readonly operands: readonly string[];
  /** Where flag values come from. */
  readonly sources: Sources;
  readonly terminal: Terminal;
}

/** One command. */
export interface CommandDefinition {
  /** Its words, for instance `show crypto session`. */
  readonly words: string;
  /** Its operands in help, for instance `[detail|brief]`; empty when it takes none. */
  readonly operands: string;
  readonly summary: string;
  /** Text behind the help. */
  readonly notes?: string;
  readonly flags: FlagTable;
  /** Does it; the exit status comes back. */
  readonly run: (call: Call) => Promise<number>;
}

/** The sources of a call: the command line as read, the rest by the terminal. */
export function sourcesOf(
  args: RawArguments,
  unknown: readonly string[],
  terminal: Terminal,
): Sources {
  return { args, unknown, env: terminal.env, readFile: terminal.readFile };
}

/** Flags of every command that talks to a running gateway. */
export const controlFlags = {
  control: optional("Gateway", filePath, "control socket; else control.sock in the state folder"),
  "state-dir": single("Gateway", folderPath, "/var/lib/rejoin", "state folder of the gateway"),
};

/** Flags of `show`. */
export const showFlags = {
  ...controlFlags,
  json: toggle("Output", "the same facts as JSON"),
};

/** The control socket that the flags name. */
export function controlPath(
  settings: { readonly control: string | undefined; readonly "state-dir": string },
): string {
  return settings.control ?? `${settings["state-dir"]}/control.sock`;
}
