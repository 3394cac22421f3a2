/**
 * Where the session records of a store lie, and what changes in the database when one changes: mostly in
 * pages; alone where a record is long, where its page is full, or where the page cannot be read, which
 * is then left as it is for whoever has the key.
 *
 * A record is in one place only: what moves does so within one commit. The pages are kept in memory, so
 * that a change need not read its page first; nobody else writes to the database meanwhile.
 */
import { type Bytes, type SessionRecord, type StoredRecord, storedRecord } from "../core/mod.ts";
import { CommonParts } from "./common_parts.ts";
import { type Kv, mostValueBytes } from "./private_kv.ts";
import { openRecord, sealRecord } from "./record_codec.ts";
import {
  emptyPage,
  mostPageBytes,
  mostRowBytes,
  openPage,
  pageCount,
  pageNumberOf,
  placesOf,
  sealPage,
  withRow,
} from "./record_page.ts";
import { buildRow } from "./record_row.ts";
import { rowsIn } from "./row_cursor.ts";
import type { Sealing } from "./sealed_value.ts";
import { type LastRead, StoredRow } from "./stored_row.ts";

/** How long a record outlives its deadline in a store that nobody opens, milliseconds. */
const cleanupAfterMs = 7 * 86_400_000;
/** Octets of a sealed value beside what is in it, at the most. */
const sealBytes = 64;

/** Parts of the pages that are read side by side. */
const partsAtOnce = 4;
const listOptions = { batchSize: 250 } as const;

const alonePrefix = "session";
const pagePrefix = "page";

/** What a store holds, as read at the start. */
export interface Loaded {
  readonly records: readonly StoredRecord[];
  /** Values that could not be read: damaged, or sealed with another key. */
  readonly unreadable: number;
}

/** A record ready to be stored. */
export interface ReadyRecord {
  readonly record: SessionRecord;
  /** Its row, or the sealed value of one that is too long for a page. */
  readonly octets: Bytes;
  readonly isLong: boolean;
}

/** What becomes of one record. */
export interface RecordChange {
  readonly key: string;
  /** `undefined` to delete. */
  readonly ready: ReadyRecord | undefined;
}

/** A page as it is in the database. */
interface Page {
  /** `undefined` when it cannot be read. */
  readonly octets: Bytes | undefined;
  /** The latest deadline that a record of it has, or had. */
  readonly deadline: number;
}

const nothing: Page = { octets: emptyPage, deadline: 0 };

/** What one commit changes; what is set to `undefined` goes. */
interface Draft {
  readonly pages: Map<number, Page>;
  readonly alone: Map<string, { readonly value: Bytes; readonly deadline: number } | undefined>;
}

/** The places of one database. */
export class RecordPlaces {
  readonly #kv: Kv;
  readonly #sealing: Sealing;
  readonly #nowMs: () => number;
  /** BOUNDED by the number of pages, and each by `mostPageBytes`. */
  readonly #pages = new Map<number, Page>();
  /** Keys of records that lie alone. BOUNDED by the records. */
  readonly #alone = new Set<string>();
  readonly #last: LastRead = {};
  /** Whether there are no pages and no records alone but those that are known. */
  #knowsAll = false;

  /** Nothing is known of the database yet. */
  constructor(kv: Kv, sealing: Sealing, nowMs: () => number) {
    this.#kv = kv;
    this.#sealing = sealing;
    this.#nowMs = nowMs;
  }

  /** Everything in the database; throws when that turns out to be damaged. */
  async readAll(): Promise<Loaded> {
    const records: StoredRecord[] = [];
    const common = new CommonParts();
    let unreadable = 0;
    const readPages = async (start: number, end: number): Promise<void> => {
      const selector = { start: [pagePrefix, start], end: [pagePrefix, end] };
      for await (const { key, value } of this.#kv.list<unknown>(selector, listOptions)) {
        const number = Number(key[1]);
        const { page, records: found } = this.#opened(number, value, common);
        if (found === undefined) unreadable++;
        else for (const record of found) records.push(record);
        // What was written meanwhile is newer than what the list has.
        if (!this.#pages.has(number)) this.#pages.set(number, page);
      }
    };
    // Of one part something is there to be opened while the database reads another.
    const part = pageCount / partsAtOnce;
    await Promise.all(
      Array.from({ length: partsAtOnce }, (_, i) => readPages(i * part, (i + 1) * part)),
    );
    const alone = { prefix: [alonePrefix] };
    for await (const { key, value } of this.#kv.list<unknown>(alone, listOptions)) {
      const name = String(key[1]);
      const record = openRecord(this.#sealing, name, value);
      if (record === undefined) unreadable++;
      else records.push(storedRecord(common.withSharedFilter(record)));
      this.#alone.add(name);
    }
    this.#knowsAll = true;
    return { records, unreadable };
  }

  /** A record as `commit` takes it; `RangeError` for one that no value of the database holds. */
  ready(record: SessionRecord): ReadyRecord {
    const row = buildRow(record);
    if (row !== undefined && row.length <= mostRowBytes) {
      return { record, octets: row, isLong: false };
    }
    const octets = sealRecord(this.#sealing, record);
    if (octets.length <= mostValueBytes) return { record, octets, isLong: true };
    const size = `record has ${octets.length} octets, needs at most ${mostValueBytes}`;
    throw new RangeError(`Cannot store a session: ${size}`);
  }

  /** Octets that a change adds to a commit, at the most. */
  sizeOf({ key, ready }: RecordChange): number {
    const page = this.#pages.get(pageNumberOf(key));
    const pageBytes = page === undefined && !this.#knowsAll ? mostPageBytes : page?.octets?.length;
    return (pageBytes ?? 0) + (ready?.octets.length ?? 0) + sealBytes;
  }

  /** Makes changes, in their order, all of them or none; throws when it is none. */
  async commit(changes: readonly RecordChange[]): Promise<void> {
    if (!this.#knowsAll) await this.#learnPagesOf(changes);
    const draft: Draft = { pages: new Map(), alone: new Map() };
    for (const change of changes) this.#enter(draft, change);
    const atomic = this.#kv.atomic();
    for (const [number, { octets, deadline }] of draft.pages) {
      const key = [pagePrefix, number];
      if (octets === undefined || octets.length === emptyPage.length) atomic.delete(key);
      else atomic.set(key, sealPage(this.#sealing, number, octets), this.#lifeUntil(deadline));
    }
    for (const [name, kept] of draft.alone) {
      const key = [alonePrefix, name];
      if (kept === undefined) atomic.delete(key);
      else atomic.set(key, kept.value, this.#lifeUntil(kept.deadline));
    }
    const { ok } = await atomic.commit();
    if (!ok) throw new Error("Cannot store sessions: the commit was refused");
    for (const [number, page] of draft.pages) this.#pages.set(number, page);
    for (const [name, kept] of draft.alone) {
      if (kept === undefined) this.#alone.delete(name);
      else this.#alone.add(name);
    }
  }

  /** Puts a record into its page, or beside it; out of both where it is deleted. */
  #enter({ pages, alone }: Draft, { key, ready }: RecordChange): void {
    const number = pageNumberOf(key);
    const page = pages.get(number) ?? this.#pages.get(number) ?? nothing;
    const deadline = ready?.record.deadline ?? 0;
    const row = ready?.isLong === false ? ready.octets : undefined;
    let isInPage = false;
    if (page.octets !== undefined) {
      const full = withRow(page.octets, key, row);
      isInPage = row !== undefined && full.length <= mostPageBytes;
      const octets = isInPage ? full : withRow(page.octets, key, undefined);
      if (isInPage || octets.length !== page.octets.length) {
        pages.set(number, { octets, deadline: Math.max(page.deadline, deadline) });
      }
    }
    if (ready !== undefined && !isInPage) {
      const value = ready.isLong ? ready.octets : sealRecord(this.#sealing, ready.record);
      alone.set(key, { value, deadline });
    } else if (alone.has(key) || this.#alone.has(key) || !this.#knowsAll) {
      alone.set(key, undefined);
    }
  }

  /** Reads the pages that changes concern, as far as they are not known. */
  async #learnPagesOf(changes: readonly RecordChange[]): Promise<void> {
    const numbers = new Set(changes.map(({ key }) => pageNumberOf(key)));
    const unknown = [...numbers].filter((number) => !this.#pages.has(number));
    await Promise.all(unknown.map(async (number) => {
      const { value } = await this.#kv.get([pagePrefix, number]);
      if (value === null || this.#pages.has(number)) return;
      this.#pages.set(number, this.#opened(number, value, new CommonParts()).page);
    }));
  }

  #opened(
    number: number,
    value: unknown,
    common: CommonParts,
  ): { readonly page: Page; readonly records?: readonly StoredRecord[] } {
    const octets = openPage(this.#sealing, number, value);
    const records = octets === undefined ? undefined : this.#recordsIn(octets, common);
    if (records === undefined) return { page: { octets: undefined, deadline: 0 } };
    let deadline = 0;
    for (const record of records) deadline = Math.max(deadline, record.deadline);
    return { page: { octets, deadline }, records };
  }

  /** The value was authenticated, so a gateway wrote it, maybe a later one. */
  #recordsIn(page: Bytes, common: CommonParts): readonly StoredRecord[] | undefined {
    const rows = rowsIn(page);
    try {
      return [...placesOf(page)]
        .map(([start, end]) => new StoredRow(rows, start, end, common, this.#last));
    } catch {
      return undefined;
    }
  }

  /** Reaping is the gateway's: this only clears away what one that never came back has left. */
  #lifeUntil(deadline: number): { readonly expireIn: number } {
    // Newer runtimes take whole numbers only.
    return { expireIn: Math.ceil(Math.max(0, deadline - this.#nowMs())) + cleanupAfterMs };
  }
}
