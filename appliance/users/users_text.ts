/**
 * The text of a users file: one user a line, four fields between colons.
 *
 *     name:password-hash:nt-hash:group
 *
 * | field | what |
 * | --- | --- |
 * | name | as the user types it; no colon, no white space at the ends |
 * | password-hash | scrypt, see `password_hash.ts`; for passwords typed into a form |
 * | nt-hash | 32 hexadecimal digits, for EAP-MSCHAPv2; empty for a user who may not use that |
 * | group | empty for none; the colon before it may be left out with it |
 *
 * Lines that begin with `#` and empty lines are comments; rewriting keeps them where they are. An NT
 * hash can stand in for the password in EAP-MSCHAPv2: the file is as secret as the passwords.
 */
import { hexOf, parseHex, type Result } from "../../core/mod.ts";
import { formatPasswordHash, parsePasswordHash, type PasswordHash } from "./password_hash.ts";

/** A user. */
export interface UserEntry {
  /** As the user types it. */
  readonly name: string;
  /** For passwords from a form. */
  readonly password: PasswordHash;
  /** For EAP-MSCHAPv2; `undefined` for a user who may not use that. */
  readonly ntHash: Uint8Array | undefined;
  /** A group name. */
  readonly group: string | undefined;
}

/** What is wrong with one line. */
export interface LineProblem {
  /** From 1. */
  readonly line: number;
  /** In words, without any hash. */
  readonly problem: string;
}

/** The users of a text by name, or all that is wrong with it. */
export function parseUsers(
  text: string,
): Result<ReadonlyMap<string, UserEntry>, readonly LineProblem[]> {
  const users = new Map<string, UserEntry>();
  const firstLine = new Map<string, number>();
  const problems: LineProblem[] = [];
  for (const [i, content] of text.split(/\r?\n/).entries()) {
    const line = i + 1;
    if (isComment(content)) continue;
    const entry = parseLine(content);
    if (typeof entry === "string") {
      problems.push({ line, problem: entry });
      continue;
    }
    const before = firstLine.get(entry.name);
    if (before !== undefined) {
      problems.push({ line, problem: `user ${entry.name} is in line ${before} already` });
      continue;
    }
    firstLine.set(entry.name, line);
    users.set(entry.name, entry);
  }
  return problems.length === 0 ? { ok: true, value: users } : { ok: false, fault: problems };
}

/** The line of a user. */
export function formatUser({ name, password, ntHash, group }: UserEntry): string {
  const fields = [name, formatPasswordHash(password), ntHash === undefined ? "" : hexOf(ntHash)];
  return [...fields, group ?? ""].join(":");
}

/** The text with a user's line replaced, added at the end, or taken out (`undefined`). */
export function withUser(text: string, name: string, entry: UserEntry | undefined): string {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const at = lines.findIndex((line) => !isComment(line) && line.split(":", 1)[0] === name);
  const replacement = entry === undefined ? [] : [formatUser(entry)];
  if (at < 0) lines.push(...replacement);
  else lines.splice(at, 1, ...replacement);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** Why a text cannot be a user's or a group's name; `undefined` when it can. */
export function nameProblem(what: "user" | "group", text: string): string | undefined {
  if (text === "") return `${what} name is empty`;
  if (text.length > 253) return `${what} name has ${text.length} characters, needs at most 253`;
  if (text.includes(":")) return `${what} name has a colon`;
  if (/\p{Cc}/u.test(text)) return `${what} name has a control character`;
  if (text !== text.trim()) return `${what} name begins or ends with white space`;
  if (text.startsWith("#")) return `${what} name begins with #`;
  return undefined;
}

function isComment(line: string): boolean {
  return line.startsWith("#") || line.trim() === "";
}

function parseLine(content: string): UserEntry | string {
  const fields = content.split(":");
  if (fields.length < 3 || fields.length > 4) {
    return `${fields.length} fields, needs name:password-hash:nt-hash:group`;
  }
  const [name = "", passwordText = "", ntText = "", group = ""] = fields;
  const problem = nameProblem("user", name) ??
    (group === "" ? undefined : nameProblem("group", group));
  if (problem !== undefined) return problem;
  const password = parsePasswordHash(passwordText);
  if (password === undefined) return `password hash of ${name} is not $scrypt$ln=…,r=…,p=…$…$…`;
  const ntHash = ntText === "" ? undefined : parseHex(ntText);
  if (ntText !== "" && ntHash?.length !== 16) {
    return `NT hash of ${name} is not 32 hexadecimal digits`;
  }
  return { name, password, ntHash, group: group === "" ? undefined : group };
}
