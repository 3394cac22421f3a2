/**
 * Account sheets in a Deno KV file of their own: what happens to it is no harm to the sessions, which
 * have to be stored before a user is let in and therefore never wait for accounting.
 */
import { commitsOf, type Kv, mostValueBytes, openPrivateKv } from "../private_kv.ts";
import type { Sealing } from "../sealed_value.ts";
import type { SheetChange } from "./account_book.ts";
import { openSheet, sealSheet } from "./account_codec.ts";
import type { AccountSheet } from "./account_sheet.ts";

const prefix = "account";

/** What a store holds, as read at the start. */
export interface LoadedSheets {
  readonly sheets: ReadonlyMap<string, AccountSheet>;
  /** Values that could not be read: damaged, or sealed with another key. */
  readonly unreadable: number;
}

/** The sheets of one gateway. */
export class AccountStore {
  readonly #kv: Kv;
  readonly #sealing: Sealing;

  private constructor(kv: Kv, sealing: Sealing) {
    this.#kv = kv;
    this.#sealing = sealing;
  }

  /** Opens or makes the store at `path`, private to its owner; throws when it is no store. */
  static async open(
    path: string,
    sealing: Sealing,
    openKv?: (path: string) => Promise<Kv>,
  ): Promise<AccountStore> {
    return new AccountStore(await openPrivateKv(path, openKv), sealing);
  }

  /** Everything stored; throws when the store turns out to be damaged. */
  async loadAll(): Promise<LoadedSheets> {
    const sheets = new Map<string, AccountSheet>();
    let unreadable = 0;
    const entries = this.#kv.list<unknown>({ prefix: [prefix] }, { batchSize: 500 });
    for await (const { key, value } of entries) {
      const name = String(key[1]);
      const sheet = openSheet(this.#sealing, name, value);
      if (sheet === undefined) unreadable++;
      else sheets.set(name, sheet);
    }
    return { sheets, unreadable };
  }

  /** Stores changes; resolves when all of them are on disk, throws when some may not be. */
  async commit(changes: readonly SheetChange[]): Promise<void> {
    const sealed = changes.map(({ name, sheet }) => ({
      name,
      value: sheet === undefined ? undefined : this.#sealed(name, sheet),
    }));
    for (const batch of commitsOf(sealed, ({ value }) => value?.length ?? 0)) {
      const atomic = this.#kv.atomic();
      for (const { name, value } of batch) {
        if (value === undefined) atomic.delete([prefix, name]);
        else atomic.set([prefix, name], value);
      }
      const { ok } = await atomic.commit();
      if (!ok) throw new Error("Cannot store accounts: the commit was refused");
    }
  }

  /** Closes the file. */
  close(): void {
    this.#kv.close();
  }

  #sealed(name: string, sheet: AccountSheet): Uint8Array {
    const value = sealSheet(this.#sealing, name, sheet);
    if (value.length <= mostValueBytes) return value;
    const size = `sheet has ${value.length} octets, needs at most ${mostValueBytes}`;
    throw new RangeError(`Cannot store an account: ${size}`);
  }
}
