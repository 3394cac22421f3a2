/** Passwords: from a file, else the environment, else whoever sits at the terminal. */
import { UsageError } from "../config/flag.ts";
import { reasonOf } from "../start_error.ts";
import type { Terminal } from "./command.ts";

/** The first line of `path`, or `REJOIN_PASSWORD`; `undefined` when neither is given. */
export function givenPassword(terminal: Terminal, path: string | undefined): string | undefined {
  if (path === undefined) {
    const password = terminal.env("REJOIN_PASSWORD");
    return password === "" ? undefined : password;
  }
  let text: string;
  try {
    text = terminal.readFile(path);
  } catch (error) {
    throw passwordProblem(path, `a readable file (${reasonOf(error)})`);
  }
  const [password = ""] = text.split(/\r?\n/);
  if (password === "") throw passwordProblem(path, "a file with the password on its first line");
  return password;
}

/** The given password, else what is typed; typed twice where nothing else would notice a slip. */
export function passwordFrom(
  terminal: Terminal,
  path: string | undefined,
  user: string,
  twice: boolean,
): string {
  const given = givenPassword(terminal, path);
  if (given !== undefined) return given;
  const typed = terminal.askSecret(`Password of ${user}: `);
  if (typed === undefined || typed === "") {
    throw passwordProblem(
      undefined,
      "a file with the password on its first line, or REJOIN_PASSWORD",
    );
  }
  if (twice && terminal.askSecret("The same again: ") !== typed) {
    throw passwordProblem(undefined, "the same password twice");
  }
  return typed;
}

function passwordProblem(value: string | undefined, wanted: string): UsageError {
  return new UsageError([{ name: "password-file", ...(value ? { value } : {}), wanted }]);
}
