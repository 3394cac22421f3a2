/**
 * Session records in Deno KV. A write that was answered is on disk, whole; one that was not may be
 * there or not, but never in part, because what holds records is changed in atomic commits. Where they
 * lie in it is the business of `record_places.ts`.
 *
 * One commit costs a synchronous write of the disk whatever is in it. So what arrives within two
 * milliseconds, or while a commit is under way, goes into one. Order is kept.
 *
 * A deletion that fails, on a full disk for instance, is tried again until it succeeds: a session that
 * was ended must not be found there by the next start. Whoever asked for it is told of the failure.
 *
 * Reaping is not done here: the gateway knows the deadlines.
 */
import type { SessionRecord } from "../core/mod.ts";
import { commitsOf, type Kv, openPrivateKv } from "./private_kv.ts";
import { type Loaded, type ReadyRecord, type RecordChange, RecordPlaces } from "./record_places.ts";
import type { Sealing } from "./sealed_value.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** Milliseconds that a write waits for company. */
const gatherMs = 2;
/** Milliseconds until deletions that failed are tried again. */
const retryAfterMs = 5_000;

interface Change extends RecordChange {
  readonly done: (error?: unknown) => void;
}

/** What tests choose otherwise. */
export interface StoreOptions {
  /** Opens the database; `Deno.openKv` unless given. */
  readonly openKv?: (path: string) => Promise<Kv>;
  /** Milliseconds until deletions that failed are tried again. */
  readonly retryAfterMs?: number;
}

/** What a store has done so far. */
export interface StoreCounters {
  /** Changes of records that are on the disk. */
  readonly "store-changes": number;
  /** Commits that took. */
  readonly "store-commits": number;
}

const zeros: StoreCounters = { "store-changes": 0, "store-commits": 0 };

/** The session store. */
export class ReconnectStore {
  readonly #kv: Kv;
  readonly #places: RecordPlaces;
  readonly #retryAfterMs: number;
  /** BOUNDED by the questions that the gateway has open. */
  #waiting: Change[] = [];
  /** Names whose deletion failed. BOUNDED by the records on the disk. */
  readonly #owed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> | undefined;
  #isClosing = false;
  #counters = zeros;

  private constructor(kv: Kv, sealing: Sealing, nowMs: () => number, options: StoreOptions) {
    this.#kv = kv;
    this.#places = new RecordPlaces(kv, sealing, nowMs);
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
      return await this.#places.readAll();
    } catch (error) {
      throw unusable(path, error);
    }
  }

  /** What was done so far. */
  get counters(): StoreCounters {
    return this.#counters;
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#counters = zeros;
  }

  /** Commits a record over an older version; resolves when it is on disk. */
  async put(record: SessionRecord): Promise<void> {
    await this.#enqueue(record.key, this.#places.ready(record));
  }

  /** Forgets a record; resolves when it is gone from the disk. */
  delete(name: string): Promise<void> {
    return this.#enqueue(name, undefined);
  }

  /** Commits what waits, tries what failed once more, then closes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#deleteOwed();
    while (this.#waiting.length > 0 || this.#committing !== undefined) await this.#flush();
    this.#kv.close();
  }

  #enqueue(key: string, ready: ReadyRecord | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = (error?: unknown): void => error === undefined ? resolve() : reject(error);
    this.#owed.delete(key); // whatever it was, this is newer
    this.#waiting.push({ key, ready, done });
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
    const sizeOf = (change: Change): number => this.#places.sizeOf(change);
    for (const batch of commitsOf(changes, sizeOf)) await this.#commit(batch);
  }

  async #commit(batch: readonly Change[]): Promise<void> {
    let failure: unknown;
    try {
      await this.#places.commit(batch);
      this.#counters = {
        "store-changes": this.#counters["store-changes"] + batch.length,
        "store-commits": this.#counters["store-commits"] + 1,
      };
    } catch (error) {
      failure = error ?? new Error("Cannot store sessions");
    }
    if (failure !== undefined) this.#owe(batch);
    else for (const { key } of batch) this.#owed.delete(key);
    for (const { done } of batch) done(failure);
  }

  /** Remembers the deletions of a commit that failed, unless something newer is on its way. */
  #owe(batch: readonly Change[]): void {
    const newest = new Map([...batch, ...this.#waiting].map((change) => [change.key, change]));
    for (const { key, ready } of batch) {
      if (ready === undefined && newest.get(key)?.ready === undefined) this.#owed.add(key);
    }
    if (this.#owed.size === 0 || this.#isClosing || this.#retryTimer !== undefined) return;
    this.#retryTimer = setTimeout(() => this.#deleteOwed(), this.#retryAfterMs);
  }

  #deleteOwed(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    for (const key of [...this.#owed]) this.#enqueue(key, undefined).catch(() => {});
  }
}

function unusable(path: string, error: unknown): StartError {
  return new StartError(
    `Cannot open session store ${path}: ${reasonOf(error)}; move the file away to start ` +
      `without stored sessions, or name another with --kv`,
  );
}
