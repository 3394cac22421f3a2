/**
 * Checks credentials against users that this machine knows: those of a users file, and those that
 * the command line names for a lab.
 *
 * A name that nobody has costs the same work as one that somebody has, so that time does not tell
 * them apart. A changed users file is read again at the next login, without a restart; while what is
 * in it cannot be used, the users before stay.
 */
import {
  type Credential,
  type CryptoProvider,
  nameWithoutDomain,
  ntHash,
  type Verdict,
  verifyMschapv2,
} from "../../core/mod.ts";
import { systemRandom } from "../entropy.ts";
import { reasonOf } from "../start_error.ts";
import { defaultCost, hashPassword, isPassword, type ScryptCost } from "./password_hash.ts";
import { openUsers } from "./users_file.ts";
import type { UserEntry } from "./users_text.ts";

/** Users with the passwords in the clear, from the command line. */
export interface LabUser {
  /** Name. */
  readonly name: string;
  /** Password. */
  readonly password: string;
}

/** Where users come from. */
export interface LocalUsersOptions {
  /** For MS-CHAPv2. */
  readonly crypto: CryptoProvider;
  /** A users file. */
  readonly file?: string;
  /** Users of a lab; they come before those of the file. */
  readonly lab?: readonly LabUser[];
  /** Told once each time a changed file cannot be used. */
  readonly onProblem?: (problem: string) => void;
  /** What the hashes of lab users and of nobody cost. */
  readonly cost?: ScryptCost;
}

const rejected: Verdict = { kind: "reject" };

/** The users of this machine. */
export class LocalUsers {
  readonly #options: LocalUsersOptions;
  readonly #lab: ReadonlyMap<string, UserEntry>;
  /** Stands in for whoever is not there. Nobody knows its password. */
  readonly #nobody: UserEntry;
  #file: ReadonlyMap<string, UserEntry> = new Map();
  #version = "";

  private constructor(
    options: LocalUsersOptions,
    lab: ReadonlyMap<string, UserEntry>,
    nobody: UserEntry,
  ) {
    this.#options = options;
    this.#lab = lab;
    this.#nobody = nobody;
  }

  /** Reads the file and hashes the lab's passwords; `StartError` when the file cannot be used. */
  static async open(options: LocalUsersOptions): Promise<LocalUsers> {
    const password = String.fromCharCode(...systemRandom.bytes(32));
    const [nobody, ...entries] = await Promise.all([
      entryOf({ name: "", password }, options.cost),
      ...(options.lab ?? []).map((user) => entryOf(user, options.cost)),
    ]);
    const lab = new Map(entries.map((entry) => [entry.name, entry]));
    const users = new LocalUsers(options, lab, nobody);
    if (options.file !== undefined) {
      users.#version = versionOf(options.file);
      users.#file = openUsers(options.file);
    }
    return users;
  }

  /** How many users there are. */
  get size(): number {
    return new Set([...this.#lab.keys(), ...this.#file.keys()]).size;
  }

  /** Whether this user, with this credential, may in. */
  async verify(userName: string, credential: Credential): Promise<Verdict> {
    this.#readAgain();
    const entry = this.#find(userName);
    switch (credential.kind) {
      case "mschapv2": {
        const hash = entry?.ntHash ?? this.#nobody.ntHash ?? new Uint8Array(16);
        const proof = verifyMschapv2(this.#options.crypto, hash, credential, userName);
        if (proof === undefined || entry?.ntHash === undefined) return rejected;
        return { ...accepted(entry), mschapv2: proof };
      }
      case "password": {
        const isRight = await isPassword(
          credential.password,
          (entry ?? this.#nobody).password,
        );
        return isRight && entry !== undefined ? accepted(entry) : rejected;
      }
      case "challenge-answer": // local users are never challenged
      case "eap": // nor is there a server behind them
        return rejected;
      case "certificate":
        // The core has checked it. A user who is listed gets the attributes of the list.
        return entry === undefined ? { kind: "accept", attributes: {} } : accepted(entry);
    }
  }

  /** By the whole name, else without a Windows domain. */
  #find(userName: string): UserEntry | undefined {
    const bare = nameWithoutDomain(userName);
    return this.#lab.get(userName) ?? this.#file.get(userName) ?? this.#lab.get(bare) ??
      this.#file.get(bare);
  }

  #readAgain(): void {
    const { file, onProblem } = this.#options;
    if (file === undefined) return;
    try {
      const version = versionOf(file);
      if (version === this.#version) return;
      this.#version = version;
      this.#file = openUsers(file);
    } catch (error) {
      onProblem?.(reasonOf(error));
    }
  }
}

/** Under the name of the list, whatever domain was typed before it. */
function accepted({ name, group }: UserEntry): Extract<Verdict, { kind: "accept" }> {
  return { kind: "accept", userName: name, attributes: group === undefined ? {} : { group } };
}

async function entryOf(
  { name, password }: LabUser,
  cost: ScryptCost = defaultCost,
): Promise<UserEntry> {
  const hash = await hashPassword(password, systemRandom.bytes, cost);
  return { name, password: hash, ntHash: ntHash(password), group: undefined };
}

/** Something that is another whenever the file is; empty while there is none. */
function versionOf(path: string): string {
  try {
    const { ino, dev, size, mtime, mode } = Deno.statSync(path);
    return [ino, dev, size, mtime?.getTime(), mode].join(" ");
  } catch {
    return "";
  }
}
