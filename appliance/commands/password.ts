/** Passwords and answers: from a file, else the environment, else whoever sits at the terminal. */
import { UsageError } from "../config/flag.ts";
import { reasonOf } from "../start_error.ts";
import type { Terminal } from "./command.ts";

/** Where a secret may come from without anybody being asked. */
interface SecretSource {
  /** The flag that names a file. */
  readonly flag: string;
  readonly variable: string;
  readonly noun: string;
}

const password: SecretSource = {
  flag: "password-file",
  variable: "REJOIN_PASSWORD",
  noun: "password",
};
const answer: SecretSource = { flag: "answer-file", variable: "REJOIN_ANSWER", noun: "answer" };

/** The first line of `path`, or `REJOIN_PASSWORD`; `undefined` when neither is given. */
export function givenPassword(terminal: Terminal, path: string | undefined): string | undefined {
  return givenSecret(terminal, password, path);
}

/** The answer to a second factor: the first line of `path`, or `REJOIN_ANSWER`. */
export function givenAnswer(terminal: Terminal, path: string | undefined): string | undefined {
  return givenSecret(terminal, answer, path);
}

function givenSecret(
  terminal: Terminal,
  { flag, variable, noun }: SecretSource,
  path: string | undefined,
): string | undefined {
  if (path === undefined) {
    const text = terminal.env(variable);
    return text === "" ? undefined : text;
  }
  let text: string;
  try {
    text = terminal.readFile(path);
  } catch (error) {
    throw problem(flag, path, `a readable file (${reasonOf(error)})`);
  }
  const [secret = ""] = text.split(/\r?\n/);
  if (secret === "") throw problem(flag, path, `a file with the ${noun} on its first line`);
  return secret;
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
    throw problem(
      password.flag,
      undefined,
      "a file with the password on its first line, or REJOIN_PASSWORD",
    );
  }
  if (twice && terminal.askSecret("The same again: ") !== typed) {
    throw problem(password.flag, undefined, "the same password twice");
  }
  return typed;
}

function problem(name: string, value: string | undefined, wanted: string): UsageError {
  return new UsageError([{ name, ...(value === undefined ? {} : { value }), wanted }]);
}
