/** Files that flags name, read so that every one that cannot be used is a problem of its flag. */
import type { Certificate, CryptoProvider, RevocationList, Signer } from "../../core/mod.ts";
import { readCertificates, readPrivateKey, readRevocationLists } from "../pki/files.ts";
import { reasonOf, StartError } from "../start_error.ts";
import type { FlagProblem } from "./flag.ts";

/** Reads files and gathers what is wrong with them. */
export class NamedFiles {
  readonly #problems: FlagProblem[] = [];

  /** What was wrong so far. */
  get problems(): readonly FlagProblem[] {
    return this.#problems;
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
  privateKey(
    flag: string,
    path: string | undefined,
    crypto: CryptoProvider,
  ): Signer | undefined {
    if (path === undefined) return undefined;
    return this.attempt(flag, path, "a private key, PEM", () => readPrivateKey(path, crypto))
      ?.signer;
  }

  /** Any reader of a file that throws `StartError` when it cannot be used. */
  attempt<T>(name: string, value: string, wanted: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#problems.push({ name, value, wanted: `a file of ${wanted} (${reasonOf(error)})` });
      return undefined;
    }
  }
}
