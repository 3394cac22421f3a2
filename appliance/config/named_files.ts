/** Files that flags name, read so that every one that cannot be used is a problem of its flag. */
import {
  type Certificate,
  type CryptoProvider,
  hexOf,
  type RevocationList,
  type Signer,
} from "../../core/mod.ts";
import { readCertificates, readPrivateKey, readRevocationLists } from "../pki/files.ts";
import { reasonOf, StartError } from "../start_error.ts";
import type { FlagProblem } from "./flag.ts";

/** Reads files and gathers what is wrong with them. */
export class NamedFiles {
  readonly #crypto: CryptoProvider;
  readonly #problems: FlagProblem[] = [];
  readonly #contents = new Map<string, string>();

  /** None so far. */
  constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  /** What was wrong so far. */
  get problems(): readonly FlagProblem[] {
    return this.#problems;
  }

  /** What the files of each flag hold, as a text that is another one when they hold something else. */
  get contents(): ReadonlyMap<string, string> {
    return this.#contents;
  }

  /** The certificates of a file in its order; none when it cannot be used. */
  certificates(flag: string, path: string | undefined): readonly Certificate[] {
    if (path === undefined) return [];
    return this.attempt(flag, path, "certificates, PEM", () => readCertificates(path)) ?? [];
  }

  /** The revocation lists of a file; none when it cannot be used. */
  revocationLists(flag: string, path: string): readonly RevocationList[] {
    return this.attempt(flag, path, "revocation lists, PEM", () => readRevocationLists(path)) ?? [];
  }

  /** Something about a file that can be read. */
  complain(name: string, value: string, wanted: string): void {
    this.#problems.push({ name, value, wanted });
  }

  /** The private key of a file. */
  privateKey(flag: string, path: string | undefined): Signer | undefined {
    if (path === undefined) return undefined;
    const read = () => readPrivateKey(path, this.#crypto);
    return this.attempt(flag, path, "a private key, PEM", read)?.signer;
  }

  /** Any reader of a file that throws `StartError` when it cannot be used. */
  attempt<T>(name: string, path: string, wanted: string, read: () => T): T | undefined {
    try {
      const value = read();
      this.note(name, path);
      return value;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#problems.push({
        name,
        value: path,
        wanted: `a file of ${wanted} (${reasonOf(error)})`,
      });
      return undefined;
    }
  }

  /** Notes what a file of a flag holds that somebody else has read. */
  note(name: string, path: string): void {
    const octets = octetsOf(path);
    const digest = octets === undefined ? "gone" : hexOf(this.#crypto.digest("sha256", octets));
    this.#contents.set(name, `${this.#contents.get(name) ?? ""}${digest} `);
  }
}

/** Of a file that was read just before; somebody may have taken it away since. */
function octetsOf(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch {
    return undefined;
  }
}
