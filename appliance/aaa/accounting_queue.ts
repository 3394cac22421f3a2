/**
 * The book at work: sheets that changed go to the store, a hundred to a commit, and records that are
 * stored go to the servers.
 *
 * While the store fails, which is told once, records are sent from memory and stored when it works
 * again: a crash meanwhile may lose some, or have some sent again. A record is sent again, too, when the
 * gateway dies between its acknowledgement and the commit after it; its id and time say that it is the
 * same.
 */
import { type Random, randomText, type Wall } from "../../core/mod.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { NoiseGate } from "../noise_gate.ts";
import { reasonOf } from "../start_error.ts";
import type { Account, AccountNews, AccountRecord, GatewayNews, Usage } from "./account.ts";
import {
  AccountBook,
  type BookCounters,
  type BookLimits,
  type LossReason,
  type SheetChange,
  usualLimits,
} from "./account_book.ts";
import { type AccountSheet, gatewaySheetName } from "./account_sheet.ts";
import { DeliveryPlan, type DeliveryTimes, usualTimes } from "./delivery_plan.ts";

/** What became of a record that was sent. */
export type Delivery =
  | "acknowledged"
  | "unanswered"
  /** It does not fit into a packet: no server will ever have it. */
  | "not-sendable";

/** Whoever sends records; never rejects. `account` is the record's, `undefined` for the gateway's. */
export type Deliver = (
  record: AccountRecord,
  account: Account | undefined,
) => Promise<Delivery>;

/** Whoever keeps sheets. */
export interface SheetKeeper {
  /** Resolves when all of it is on disk. */
  commit(changes: readonly SheetChange[]): Promise<void>;
  close(): void;
}

/** What a queue is made from. */
export interface AccountingQueueOptions {
  /** Without one everything is in memory only. */
  readonly keeper: SheetKeeper | undefined;
  readonly deliver: Deliver;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  /** What tests choose otherwise. */
  readonly limits?: BookLimits;
  readonly times?: DeliveryTimes;
  /** Milliseconds until a store that failed is tried again. */
  readonly retryAfterMs?: number;
}

/** Milliseconds in which changes are gathered for one commit. */
const gatherMs = 10;
/** Sheets in one commit. */
const mostChanges = 100;
const usualRetryMs = 5_000;

const lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** The queue of one gateway. */
export class AccountingQueue {
  readonly #options: AccountingQueueOptions;
  readonly #book: AccountBook;
  readonly #plan: DeliveryPlan;
  readonly #gate: NoiseGate;
  readonly #idleWaiters: (() => void)[] = [];
  #saving: Promise<void> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #sendTimer: ReturnType<typeof setTimeout> | undefined;
  #hasFailed = false;
  #isClosed = false;

  /** Goes on with the sheets of before. */
  constructor(
    options: AccountingQueueOptions,
    sheets: ReadonlyMap<string, AccountSheet> = new Map(),
  ) {
    const { random, clock, keeper } = options;
    this.#options = options;
    this.#gate = new NoiseGate(() => clock.now().monotonic);
    // A prefix of this start, since what was numbered before a crash is not known for sure.
    const start = randomText(random, lettersAndDigits, 10);
    let count = 0;
    this.#book = new AccountBook({
      limits: options.limits ?? usualLimits,
      now: () => clock.now().wall,
      newId: () => `${start}-${(++count).toString(36)}`,
      onLost: (record, account, why) => this.#tellLoss(record, account, why),
    });
    this.#plan = new DeliveryPlan({
      times: options.times ?? usualTimes,
      hasRecords: (name) => (this.#book.sheet(name)?.pending.length ?? 0) > 0,
    });
    this.#book.isMemoryOnly = keeper === undefined;
    this.#book.load(sheets);
    const [first] = sheets.get(gatewaySheetName)?.pending ?? [];
    if (first !== undefined) this.#plan.goAlone(gatewaySheetName, olderThan(first.since, sheets));
    for (const name of sheets.keys()) this.#wake(name);
    this.#send();
  }

  // --- what is told -------------------------------------------------------------------------

  /** Sheets of sessions that go on, or did when the gateway died. */
  openSheets(): readonly (AccountSheet & { readonly account: Account })[] {
    return [...this.#book.names()].map((name) => this.#book.sheet(name)).filter(isOpenAccount);
  }

  /** What is known of one session, be it over or not. */
  sheet(name: string): AccountSheet | undefined {
    return this.#book.sheet(name);
  }

  /** When the gateway was last known to live. */
  get lastAlive(): Wall | undefined {
    return this.#book.sheet(gatewaySheetName)?.seen;
  }

  /** Sends a record of a session when those before it are through. */
  tell(account: Account, at: Wall, news: AccountNews): void {
    this.#book.tell(account, at, news);
    this.#changed(account.id);
  }

  /** Keeps what an account has come to, without telling anybody. */
  note(account: Account, usage: Usage, seen: Wall, parked: string | undefined): void {
    this.#book.note(account, usage, seen, parked);
    this.#changed(account.id);
  }

  /** Sends a record of the gateway: after all that was told before, ahead of all that comes later. */
  tellOfGateway(at: Wall, news: GatewayNews): void {
    const before = [...this.#book.names()];
    this.#book.tellOfGateway(at, news);
    this.#plan.goAlone(gatewaySheetName, before);
    this.#changed(gatewaySheetName);
  }

  /** To be called every minute: dates a crash, and loses what has waited for too long. */
  beat(): void {
    const { wall } = this.#options.clock.now();
    if (this.#book.openAccounts > 0) this.#book.noteAlive(wall);
    this.#book.expire();
    this.#saveSoon();
  }

  // --- what can be asked --------------------------------------------------------------------

  /** Sessions that go on. */
  get openAccounts(): number {
    return this.#book.openAccounts;
  }

  /** What was counted, how many records wait now, and how many of these are not on the disk. */
  get counters(): BookCounters & { readonly queued: number; readonly unsaved: number } {
    const { counters, waiting: queued, unsaved } = this.#book;
    return { ...counters, queued, unsaved };
  }

  /** Counts from zero again; what waits goes on waiting. */
  clearCounters(): void {
    this.#book.clearCounters();
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    if (this.#book.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Stops sending, stores what is not stored yet, closes the store. What waits is sent another time. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#sendTimer);
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    await this.#saving;
    await this.#saveAll();
    this.#options.keeper?.close();
    this.#wakeIdle();
  }

  // --- storing ------------------------------------------------------------------------------

  #changed(name: string): void {
    if (this.#book.isDue(name)) this.#wake(name);
    this.#saveSoon();
    this.#send();
  }

  #saveSoon(): void {
    const { keeper } = this.#options;
    if (keeper === undefined || this.#isClosed || !this.#book.hasChanges) return;
    if (this.#saveTimer !== undefined || this.#saving !== undefined) return;
    const { retryAfterMs = usualRetryMs } = this.#options;
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = undefined;
      this.#saving = this.#saveAll().finally(() => {
        this.#saving = undefined;
        this.#saveSoon();
      });
    }, this.#hasFailed ? retryAfterMs : gatherMs);
  }

  /** One commit at a time, until nothing is left or one fails. */
  async #saveAll(): Promise<void> {
    const { keeper } = this.#options;
    if (keeper === undefined) return;
    while (this.#book.hasChanges) {
      const changes = this.#book.takeChanges(mostChanges);
      try {
        await keeper.commit(changes);
        this.#book.confirmChanges(changes);
        this.#storeWorks();
      } catch (error) {
        this.#book.rejectChanges(changes);
        this.#storeFails(reasonOf(error));
      }
      for (const { name } of changes) this.#wake(name);
      this.#send();
      if (this.#hasFailed) return;
    }
  }

  #storeWorks(): void {
    if (!this.#hasFailed) return;
    this.#hasFailed = false;
    this.#book.isMemoryOnly = false;
    this.#options.log.tell("info", "accounting-store-works");
  }

  #storeFails(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#book.isMemoryOnly = true;
    this.#options.log.tell("error", "accounting-store-failed", { reason });
    // What waited for the store need not any more.
    for (const name of this.#book.names()) this.#wake(name);
  }

  // --- sending ------------------------------------------------------------------------------

  #wake(name: string): void {
    if (this.#book.isDue(name)) this.#plan.wake(name);
  }

  #send(): void {
    if (this.#isClosed) return;
    for (;;) {
      const name = this.#plan.take(this.#now());
      if (name === undefined) break;
      const record = this.#book.begin(name);
      if (record === undefined) this.#plan.skipped(name, false);
      else void this.#deliver(name, record);
    }
    clearTimeout(this.#sendTimer);
    const next = this.#plan.nextAt();
    if (next === undefined) return;
    this.#sendTimer = setTimeout(() => this.#send(), Math.max(0, next - this.#now()));
  }

  async #deliver(name: string, record: AccountRecord): Promise<void> {
    const delivery = await this.#options.deliver(record, this.#book.sheet(name)?.account);
    if (delivery === "acknowledged") this.#book.acknowledge(name);
    else this.#book.giveUp(name);
    if (delivery === "not-sendable") this.#book.lose(name, record.id, delivery);
    const isDue = this.#book.isDue(name);
    if (delivery === "acknowledged") this.#plan.answered(name, isDue, this.#now());
    else if (delivery === "unanswered") this.#plan.missed(name, this.#now());
    else this.#plan.skipped(name, isDue);
    if (this.#book.waiting === 0) this.#wakeIdle();
    this.#saveSoon();
    this.#send();
  }

  #tellLoss(record: AccountRecord, account: Account | undefined, reason: LossReason): void {
    const suppressed = this.#gate.pass(reason);
    if (suppressed === undefined) return;
    this.#options.log.tell("warning", "accounting-record-lost", {
      ...(account === undefined ? {} : { user: account.userName }),
      record: record.kind,
      reason,
      ...(suppressed > 0 ? { suppressed } : {}),
    });
  }

  #wakeIdle(): void {
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  #now(): number {
    return this.#options.clock.now().monotonic;
  }
}

/** Names of sheets with a record that waits for as long. */
function* olderThan(since: Wall, sheets: ReadonlyMap<string, AccountSheet>): Generator<string> {
  for (const [name, { pending: [first] }] of sheets) {
    if (first !== undefined && first.since <= since) yield name;
  }
}

function isOpenAccount(
  sheet: AccountSheet | undefined,
): sheet is AccountSheet & { readonly account: Account } {
  return sheet?.account !== undefined && sheet.isOpen;
}
