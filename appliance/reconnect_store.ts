/**
 * Session records in Deno KV. A write that was answered is on disk, whole; one that was not may be
 * there or not, but never in part, because records are single values changed in atomic commits.
 *
 * One commit costs a synchronous write of the disk whatever is in it. So what arrives within two
 * milliseconds, or while a commit is under way, goes into one. Order is kept.
 *
 * A deletion that fails, on a full disk for instance, is tried again until it succeeds: a session that
 * was ended must not be found there by the next start. Whoever asked for it is told of the failure.
 *
 * Reaping is not done here: the gateway knows the deadlines. `expireIn` only clears away what a
 * gateway that never came back has left.
 */
import { buildOctetsJson, type PacketFilter, type SessionRecord } from "../core/mod.ts";
import { commitsOf, type Kv, mostValueBytes, openPrivateKv } from "./private_kv.ts";
import { openRecord, sealRecord } from "./record_codec.ts";
import type { Sealing } from "./sealed_value.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** Milliseconds that a write waits for company. */
const gatherMs = 2;
/** How long a record outlives its deadline in a store that nobody opens. */
const cleanupAfterMs = 7 * 86_400_000;
/** Milliseconds until deletions that failed are tried again. */
const retryAfterMs = 5_000;

const prefix = "session";

/** What a store holds, as read at the start. */
export interface Loaded {
  readonly records: readonly SessionRecord[];
  /** Values that could not be read: damaged, or sealed with another key. */
  readonly unreadable: number;
}

interface Change {
  readonly name: string;
  /** The sealed record; `undefined` to delete. */
  readonly value: Uint8Array | undefined;
  readonly expireIn: number;
  readonly done: (error?: unknown) => void;
}

/** What tests choose otherwise. */
export interface StoreOptions {
  /** Opens the database; `Deno.openKv` unless given. */
  readonly openKv?: (path: string) => Promise<Kv>;
  /** Milliseconds until deletions that failed are tried again. */
  readonly retryAfterMs?: number;
}

/** The session store. */
export class ReconnectStore {
  readonly #kv: Kv;
  readonly #sealing: Sealing;
  readonly #nowMs: () => number;
  readonly #retryAfterMs: number;
  /** BOUNDED by the questions that the gateway has open. */
  #waiting: Change[] = [];
  /** Names whose deletion failed. BOUNDED by the records on the disk. */
  readonly #owed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> | undefined;
  #isClosing = false;

  private constructor(kv: Kv, sealing: Sealing, nowMs: () => number, options: StoreOptions) {
    this.#kv = kv;
    this.#sealing = sealing;
    this.#nowMs = nowMs;
    this.#retryAfterMs = options.retryAfterMs ?? retryAfterMs;
  }

  /** Opens or makes the store at `path`, private to its owner; `StartError` when it is no store. */
  static async open(
    path: string,
    sealing: Sealing,
    nowMs: () => number,
    options: StoreOptions = {},
  ): Promise<ReconnectStore> {
    try {
      const kv = await openPrivateKv(path, options.openKv);
      return new ReconnectStore(kv, sealing, nowMs, options);
    } catch (error) {
      throw unusable(path, error);
    }
  }

  /** Everything stored; `StartError` naming `path` when the store turns out to be damaged. */
  async loadAll(path = "the session store"): Promise<Loaded> {
    try {
      return await this.#readAll();
    } catch (error) {
      throw unusable(path, error);
    }
  }

  async #readAll(): Promise<Loaded> {
    const records: SessionRecord[] = [];
    const filters = new Map<string, PacketFilter>();
    let unreadable = 0;
    const entries = this.#kv.list<unknown>({ prefix: [prefix] }, { batchSize: 500 });
    for await (const { key, value } of entries) {
      const record = openRecord(this.#sealing, String(key[1]), value);
      if (record === undefined) unreadable++;
      else records.push(withSharedFilter(record, filters));
    }
    return { records, unreadable };
  }

  /** Commits a record over an older version; resolves when it is on disk. */
  put(record: SessionRecord): Promise<void> {
    const value = sealRecord(this.#sealing, record);
    if (value.length > mostValueBytes) {
      const size = `record has ${value.length} octets, needs at most ${mostValueBytes}`;
      return Promise.reject(new RangeError(`Cannot store a session: ${size}`));
    }
    // Newer runtimes take whole numbers only.
    const life = Math.ceil(Math.max(0, record.deadline - this.#nowMs()));
    return this.#enqueue(record.key, value, life + cleanupAfterMs);
  }

  /** Forgets a record; resolves when it is gone from the disk. */
  delete(name: string): Promise<void> {
    return this.#enqueue(name, undefined, 0);
  }

  /** Commits what waits, tries what failed once more, then closes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#deleteOwed();
    while (this.#waiting.length > 0 || this.#committing !== undefined) await this.#flush();
    this.#kv.close();
  }

  #enqueue(name: string, value: Uint8Array | undefined, expireIn: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = (error?: unknown): void => error === undefined ? resolve() : reject(error);
    this.#owed.delete(name); // whatever it was, this is newer
    this.#waiting.push({ name, value, expireIn, done });
    if (this.#timer === undefined && this.#committing === undefined) {
      this.#timer = setTimeout(() => void this.#flush(), gatherMs);
    }
    return promise;
  }

  /** One commit at a time: what arrives meanwhile is the next one. */
  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#committing !== undefined) return await this.#committing;
    this.#committing = this.#commitAll();
    await this.#committing;
    this.#committing = undefined;
    if (this.#waiting.length > 0) await this.#flush();
  }

  async #commitAll(): Promise<void> {
    const changes = this.#waiting;
    this.#waiting = [];
    for (const batch of commitsOf(changes)) await this.#commit(batch);
  }

  async #commit(batch: readonly Change[]): Promise<void> {
    let failure: unknown;
    try {
      const atomic = this.#kv.atomic();
      for (const { name, value, expireIn } of batch) {
        if (value === undefined) atomic.delete([prefix, name]);
        else atomic.set([prefix, name], value, { expireIn });
      }
      const result = await atomic.commit();
      if (!result.ok) failure = new Error("Cannot store sessions: the commit was refused");
    } catch (error) {
      failure = error ?? new Error("Cannot store sessions");
    }
    if (failure !== undefined) this.#owe(batch);
    else for (const { name } of batch) this.#owed.delete(name);
    for (const { done } of batch) done(failure);
  }

  /** Remembers the deletions of a commit that failed, unless something newer is on its way. */
  #owe(batch: readonly Change[]): void {
    const newest = new Map([...batch, ...this.#waiting].map((change) => [change.name, change]));
    for (const { name, value } of batch) {
      if (value === undefined && newest.get(name)?.value === undefined) this.#owed.add(name);
    }
    if (this.#owed.size === 0 || this.#isClosing || this.#retryTimer !== undefined) return;
    this.#retryTimer = setTimeout(() => this.#deleteOwed(), this.#retryAfterMs);
  }

  #deleteOwed(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    for (const name of [...this.#owed]) this.#enqueue(name, undefined, 0).catch(() => {});
  }
}

/** The record with a filter that others have too: users of one access list share its rules. */
function withSharedFilter(
  record: SessionRecord,
  filters: Map<string, PacketFilter>,
): SessionRecord {
  const { filter } = record.attributes;
  if (filter === undefined) return record;
  const text = buildOctetsJson(filter);
  const shared = filters.get(text) ?? filter;
  filters.set(text, shared);
  return { ...record, attributes: { ...record.attributes, filter: shared } };
}

function unusable(path: string, error: unknown): StartError {
  return new StartError(
    `Cannot open session store ${path}: ${reasonOf(error)}; move the file away to start ` +
      `without stored sessions, or name another with --kv`,
  );
}
