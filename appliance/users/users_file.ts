/**
 * The users file on disk: read, watched for changes, and rewritten whole.
 *
 * Only its owner may read it (mode 0600); anything looser is refused, since an NT hash is as good as
 * a password. Changes go into a new file that takes the old one's name, so a reader sees either all
 * of a change or none, whenever the power fails. Two commands at once wait for each other.
 */
import { dirname } from "node:path";
import { ntHash } from "../../core/mod.ts";
import { systemRandom } from "../entropy.ts";
import { reasonOf, StartError } from "../start_error.ts";
import { defaultCost, hashPassword, type ScryptCost } from "./password_hash.ts";
import { nameProblem, parseUsers, type UserEntry, withUser } from "./users_text.ts";

/** A user as a command gives it. */
export interface NewUser {
  /** As the user will type it. */
  readonly name: string;
  /** In the clear; only hashes of it are kept. */
  readonly password: string;
  /** A group name. */
  readonly group?: string;
  /** Whether to leave the NT hash out, so that the user cannot use EAP-MSCHAPv2. */
  readonly withoutMschap?: boolean;
}

/** What `rejoin user list` shows. */
export interface UserSummary {
  /** Name. */
  readonly name: string;
  /** Group, if any. */
  readonly group: string | undefined;
  /** Whether EAP-MSCHAPv2 is possible. */
  readonly hasNtHash: boolean;
}

const othersMay = 0o077;

/** The users of a file by name; `StartError` with all that is wrong, a line each. */
export function openUsers(path: string): ReadonlyMap<string, UserEntry> {
  return usersIn(path, readText(path));
}

/** The users of a file in its order. */
export function listUsers(path: string): readonly UserSummary[] {
  return [...openUsers(path).values()].map(({ name, group, ntHash }) => ({
    name,
    group,
    hasNtHash: ntHash !== undefined,
  }));
}

/** Adds a user, and makes the file (mode 0600) if there is none. */
export async function addUser(
  path: string,
  user: NewUser,
  cost: ScryptCost = defaultCost,
): Promise<void> {
  const action = `Cannot add user ${user.name}`;
  const problem = nameProblem("user", user.name) ??
    (user.group === undefined ? undefined : nameProblem("group", user.group)) ??
    passwordProblem(user.password);
  if (problem !== undefined) throw new StartError(`${action}: ${problem}`);
  const entry: UserEntry = {
    name: user.name,
    password: await hashPassword(user.password, systemRandom.bytes, cost),
    ntHash: user.withoutMschap === true ? undefined : ntHash(user.password),
    group: user.group,
  };
  await rewrite(path, "make", (text, users) => {
    if (users.has(user.name)) throw new StartError(`${action}: ${path} has that user already`);
    return withUser(text, user.name, entry);
  });
}

/** Gives a user another password; who had no NT hash gets none. */
export async function setPassword(
  path: string,
  name: string,
  password: string,
  cost: ScryptCost = defaultCost,
): Promise<void> {
  const action = `Cannot set password of ${name}`;
  const problem = passwordProblem(password);
  if (problem !== undefined) throw new StartError(`${action}: ${problem}`);
  const hash = await hashPassword(password, systemRandom.bytes, cost);
  await rewrite(path, "keep", (text, users) => {
    const before = users.get(name);
    if (before === undefined) throw new StartError(`${action}: ${path} has no such user`);
    const nt = before.ntHash === undefined ? undefined : ntHash(password);
    return withUser(text, name, { ...before, password: hash, ntHash: nt });
  });
}

/** Takes a user out. */
export async function removeUser(path: string, name: string): Promise<void> {
  await rewrite(path, "keep", (text, users) => {
    if (!users.has(name)) {
      throw new StartError(`Cannot remove user ${name}: ${path} has no such user`);
    }
    return withUser(text, name, undefined);
  });
}

function passwordProblem(password: string): string | undefined {
  if (password === "") return "password is empty";
  // MS-CHAP-V2 allows 256 (RFC 2759 §8.1).
  return password.length > 256
    ? `password has ${password.length} characters, needs at most 256`
    : undefined;
}

function readText(path: string): string {
  try {
    const file = Deno.openSync(path, { read: true });
    try {
      const info = file.statSync();
      checkMode(path, info);
      const octets = new Uint8Array(info.size);
      for (let at = 0; at < octets.length;) {
        const count = file.readSync(octets.subarray(at));
        if (count === null) break;
        at += count;
      }
      return new TextDecoder().decode(octets);
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`Cannot read users file ${path}: ${reasonOf(error)}`);
  }
}

function checkMode(path: string, { mode, isFile }: Deno.FileInfo): void {
  if (!isFile) throw new StartError(`Cannot use users file ${path}: it is not a file`);
  if (mode === null || (mode & othersMay) === 0) return;
  const found = (mode & 0o777).toString(8).padStart(4, "0");
  throw new StartError(
    `Cannot use users file ${path}: others may read or write it (mode ${found}), needs mode 0600; ` +
      `chmod 600 ${path}`,
  );
}

function usersIn(path: string, text: string): ReadonlyMap<string, UserEntry> {
  const parsed = parseUsers(text);
  if (parsed.ok) return parsed.value;
  const lines = parsed.fault.map(({ line, problem }) => `${path}:${line}: ${problem}`);
  throw new StartError([`Cannot use users file ${path}:`, ...lines].join("\n"));
}

/** Changes the text under a lock and puts the result in its place. */
async function rewrite(
  path: string,
  missing: "make" | "keep",
  change: (text: string, users: ReadonlyMap<string, UserEntry>) => string,
): Promise<void> {
  try {
    using file = await lockedFile(path, missing);
    checkMode(path, file.statSync());
    const target = Deno.realPathSync(path);
    const text = Deno.readTextFileSync(target);
    replaceFile(target, change(text, usersIn(path, text)));
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`Cannot change users file ${path}: ${reasonOf(error)}`);
  }
}

/** The file, opened and locked, and still the one that the path names. */
async function lockedFile(path: string, missing: "make" | "keep"): Promise<Deno.FsFile> {
  for (;;) {
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      create: missing === "make",
      mode: 0o600,
    });
    await file.lock(true);
    const now = Deno.statSync(path);
    const { ino, dev } = file.statSync();
    if (ino === now.ino && dev === now.dev) return file;
    file.close();
  }
}

/** All of the new text under the old name, or nothing. */
function replaceFile(path: string, text: string): void {
  const suffix = [...systemRandom.bytes(6)].map((octet) => octet.toString(36)).join("");
  const fresh = `${path}.${suffix}`;
  try {
    const file = Deno.openSync(fresh, { createNew: true, write: true, mode: 0o600 });
    try {
      const octets = new TextEncoder().encode(text);
      for (let at = 0; at < octets.length;) at += file.writeSync(octets.subarray(at));
      file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(fresh, path);
  } catch (error) {
    try {
      Deno.removeSync(fresh);
    } catch {
      // It was not made, or it has the other name already.
    }
    throw error;
  }
  using folder = Deno.openSync(dirname(path), { read: true });
  folder.syncSync();
}
