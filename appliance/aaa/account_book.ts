/**
 * All accounts and what is still to be told of them: a record may be sent once it is stored, stays
 * until it is acknowledged, and never comes again after that. Records of one sheet keep their order.
 *
 * A report that a later record of its session says anew is dropped; what else does not fit is lost,
 * counted and told: reports by the clock first, then reports with a turn, then Starts, Stops last, the
 * oldest of a kind first.
 *
 * Synchronous: who stores and who sends stands in `accounting_queue.ts`.
 */
import type { Wall } from "../../core/mod.ts";
import {
  type Account,
  type AccountNews,
  type AccountRecord,
  equalUsage,
  type GatewayNews,
  type Usage,
} from "./account.ts";
import {
  type AccountSheet,
  gatewaySheetName,
  isSpent,
  isSupersedable,
  newSheet,
  worthOf,
  worths,
} from "./account_sheet.ts";

/** What is kept at most. */
export interface BookLimits {
  /** Records of all sheets together. */
  readonly mostRecords: number;
  /** Records of one sheet. */
  readonly mostPerSheet: number;
  /** Milliseconds that a record waits. */
  readonly longestWaitMs: number;
}

/** The limits of a gateway. */
export const usualLimits: BookLimits = {
  // Under a kilobyte of memory each; five for each of 10 000 users while no server answers.
  mostRecords: 50_000,
  // Turns of one user while no server answers; the sheet stays far below the 64 KB of one value.
  mostPerSheet: 64,
  longestWaitMs: 7 * 86_400_000,
};

/** Why a record is lost. */
export type LossReason = "too-many" | "too-old" | "not-sendable";

/** What a book is made from. */
export interface BookOptions {
  readonly limits: BookLimits;
  readonly now: () => Wall;
  /** A name that no other record has. */
  readonly newId: () => string;
  /** A record is lost. */
  readonly onLost: (record: AccountRecord, account: Account | undefined, why: LossReason) => void;
}

/** A sheet to be stored, or to be deleted. */
export interface SheetChange {
  readonly name: string;
  readonly sheet: AccountSheet | undefined;
}

/** What was counted since the start or the last clearing. */
export interface BookCounters {
  /** Records entered. */
  readonly told: number;
  readonly acknowledged: number;
  readonly superseded: number;
  readonly lost: number;
}

interface Slot {
  sheet: AccountSheet;
  /** Ids of records that are on the disk. */
  stored: ReadonlySet<string>;
  /** Whether there may be something of it on the disk. */
  mayBeOnDisk: boolean;
  /** The id of the record that is being sent. */
  sending: string | undefined;
}

const nothingCounted: BookCounters = { told: 0, acknowledged: 0, superseded: 0, lost: 0 };

/** The book of one gateway. */
export class AccountBook {
  readonly #options: BookOptions;
  /** BOUNDED by the gateway's sessions and by `mostRecords`. */
  readonly #slots = new Map<string, Slot>();
  /** Ids of records and the sheet of each, by worth, oldest first. */
  readonly #byWorth: readonly Map<string, string>[];
  /** Names whose sheet has changed, or is gone, since it was stored. */
  readonly #changed = new Set<string>();
  #counters = nothingCounted;
  #waiting = 0;
  #openAccounts = 0;
  /** Whether records may be sent that are in memory only. */
  #isMemoryOnly = false;

  /** An empty book. */
  constructor(options: BookOptions) {
    this.#options = options;
    this.#byWorth = Array.from({ length: worths }, () => new Map<string, string>());
  }

  /** Goes on with sheets as they were stored. */
  load(sheets: ReadonlyMap<string, AccountSheet>): void {
    const records: [AccountRecord, string][] = [];
    for (const [name, sheet] of sheets) {
      const stored = new Set(sheet.pending.map(({ id }) => id));
      this.#slots.set(name, { sheet, stored, mayBeOnDisk: true, sending: undefined });
      this.#waiting += sheet.pending.length;
      if (sheet.account !== undefined && sheet.isOpen) this.#openAccounts++;
      for (const record of sheet.pending) records.push([record, name]);
    }
    for (const [record, name] of records.sort(([a], [b]) => a.since - b.since)) {
      this.#byWorth[worthOf(record)]?.set(record.id, name);
    }
  }

  /** What was counted. */
  get counters(): BookCounters {
    return this.#counters;
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#counters = nothingCounted;
  }

  /** Records that no server has acknowledged. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Those of them that a crash would lose, since they are not on the disk yet. */
  get unsaved(): number {
    let unsaved = 0;
    for (const { sheet, stored } of this.#slots.values()) {
      for (const { id } of sheet.pending) if (!stored.has(id)) unsaved++;
    }
    return unsaved;
  }

  /** Sessions that go on. */
  get openAccounts(): number {
    return this.#openAccounts;
  }

  /** All names. */
  names(): Iterable<string> {
    return this.#slots.keys();
  }

  /** One sheet. */
  sheet(name: string): AccountSheet | undefined {
    return this.#slots.get(name)?.sheet;
  }

  /** Whether records may be sent before they are stored, since they cannot be. */
  set isMemoryOnly(isSo: boolean) {
    this.#isMemoryOnly = isSo;
  }

  // --- what happens -------------------------------------------------------------------------

  /** Notes the state of an account without telling anybody. */
  note(account: Account, usage: Usage, seen: Wall, parked: string | undefined): void {
    const slot = this.#slots.get(account.id);
    if (slot === undefined || !slot.sheet.isOpen) return;
    const { parked: _, ...sheet } = slot.sheet;
    if (equalUsage(sheet.usage, usage) && slot.sheet.parked === parked) return;
    this.#put(account.id, slot, {
      ...sheet,
      account,
      usage,
      seen,
      ...(parked === undefined ? {} : { parked }),
    });
  }

  /** The gateway lives; a crash is dated by it. */
  noteAlive(seen: Wall): void {
    const slot = this.#slotOf(gatewaySheetName, undefined, seen);
    this.#put(gatewaySheetName, slot, { ...slot.sheet, seen });
  }

  /** Enters a record of a session; a Start opens its sheet if there is none, a Stop closes it. */
  tell(account: Account, at: Wall, news: AccountNews): void {
    const { id: name, remote, local } = account;
    const slot = this.#slotOf(name, account, at);
    if (!slot.sheet.isOpen) this.#openAccounts++;
    const isOpen = news.kind !== "stop";
    if (!isOpen) this.#openAccounts--;
    const usage = news.kind === "start" ? slot.sheet.usage : news.usage;
    const where = local === undefined ? { remote } : { remote, local };
    const record: AccountRecord = { ...this.#begun(at), ...where, ...news };
    this.#enter(name, slot, { ...slot.sheet, account, usage, seen: at, isOpen }, record);
  }

  /** Enters a record of the gateway. */
  tellOfGateway(at: Wall, news: GatewayNews): void {
    const slot = this.#slotOf(gatewaySheetName, undefined, at);
    const record: AccountRecord = { ...this.#begun(at), ...news };
    this.#enter(gatewaySheetName, slot, { ...slot.sheet, seen: at }, record);
  }

  /** Loses what has waited for too long. */
  expire(): void {
    const { limits, now } = this.#options;
    const oldest = now() - limits.longestWaitMs;
    for (const ids of this.#byWorth) {
      for (const [id, name] of ids) {
        const record = this.#slots.get(name)?.sheet.pending.find((one) => one.id === id);
        if (record === undefined || record.since >= oldest) break;
        this.lose(name, id, "too-old");
      }
    }
  }

  // --- who sends ----------------------------------------------------------------------------

  /** Whether a sheet has a record that may be sent now. */
  isDue(name: string): boolean {
    const slot = this.#slots.get(name);
    return slot?.sending === undefined && this.#next(slot) !== undefined;
  }

  /** The record to send now, which from here on is on its way; `undefined` when none may be. */
  begin(name: string): AccountRecord | undefined {
    const slot = this.#slots.get(name);
    if (slot === undefined || slot.sending !== undefined) return undefined;
    const record = this.#next(slot);
    slot.sending = record?.id;
    return record;
  }

  /** A server has the record that was on its way. */
  acknowledge(name: string): void {
    const slot = this.#slots.get(name);
    if (slot?.sending === undefined) return;
    const { sending } = slot;
    slot.sending = undefined;
    this.#drop(name, slot, sending);
    this.#count("acknowledged");
  }

  /** Nobody answered: it waits as before, unless a later record has made it needless. */
  giveUp(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    slot.sending = undefined;
    const [first, second] = slot.sheet.pending;
    if (first === undefined || second === undefined || !isSupersedable(first)) return;
    this.#drop(name, slot, first.id);
    this.#count("superseded");
  }

  /** Gives a record up for good; one that is on its way stays. */
  lose(name: string, id: string, why: LossReason): void {
    const slot = this.#slots.get(name);
    const record = slot?.sheet.pending.find((one) => one.id === id);
    if (slot === undefined || record === undefined || slot.sending === id) return;
    this.#drop(name, slot, id);
    this.#count("lost");
    this.#options.onLost(record, slot.sheet.account, why);
  }

  // --- who stores ---------------------------------------------------------------------------

  /** Whether `changes` has something. */
  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** What is to be stored, oldest change first, at most so many: to be confirmed or rejected. */
  takeChanges(most: number): readonly SheetChange[] {
    const changes: SheetChange[] = [];
    for (const name of this.#changed) {
      if (changes.length === most) break;
      this.#changed.delete(name);
      const slot = this.#slots.get(name);
      if (slot !== undefined) slot.mayBeOnDisk = true;
      changes.push({ name, sheet: slot?.sheet });
    }
    return changes;
  }

  /** They are on the disk: their records may be sent. */
  confirmChanges(changes: readonly SheetChange[]): void {
    for (const { name, sheet } of changes) {
      const slot = this.#slots.get(name);
      if (slot !== undefined) slot.stored = new Set(sheet?.pending.map(({ id }) => id));
    }
  }

  /** They are not on the disk, or nobody knows. */
  rejectChanges(changes: readonly SheetChange[]): void {
    for (const { name } of changes) this.#changed.add(name);
  }

  // --- inside -------------------------------------------------------------------------------

  #begun(at: Wall): Pick<AccountRecord, "id" | "at" | "since"> {
    const { newId, now } = this.#options;
    return { id: newId(), at, since: now() };
  }

  #next(slot: Slot | undefined): AccountRecord | undefined {
    const first = slot?.sheet.pending[0];
    if (first === undefined) return undefined;
    return this.#isMemoryOnly || slot?.stored.has(first.id) ? first : undefined;
  }

  #slotOf(name: string, account: Account | undefined, seen: Wall): Slot {
    const found = this.#slots.get(name);
    if (found !== undefined) return found;
    const slot: Slot = {
      sheet: newSheet(account, seen),
      stored: new Set(),
      mayBeOnDisk: false,
      sending: undefined,
    };
    if (account !== undefined) this.#openAccounts++;
    this.#slots.set(name, slot);
    return slot;
  }

  #put(name: string, slot: Slot, sheet: AccountSheet): void {
    slot.sheet = sheet;
    // To the end of the line: what changes again and again does not hold others up.
    this.#changed.delete(name);
    this.#changed.add(name);
  }

  #enter(name: string, slot: Slot, sheet: AccountSheet, record: AccountRecord): void {
    const { mostPerSheet, mostRecords } = this.#options.limits;
    const stale = sheet.pending.filter((one) => isSupersedable(one) && one.id !== slot.sending);
    for (const { id } of stale) this.#forget(id, 0);
    this.#count("superseded", stale.length);
    const kept = stale.length === 0
      ? sheet.pending
      : sheet.pending.filter((one) => !stale.includes(one));
    this.#put(name, slot, { ...sheet, pending: [...kept, record] });
    this.#byWorth[worthOf(record)]?.set(record.id, name);
    this.#waiting++;
    this.#count("told");
    if (slot.sheet.pending.length > mostPerSheet) this.#loseOf(name, slot);
    if (this.#waiting > mostRecords) this.#loseOldest();
  }

  /** Loses the record of a sheet that hurts least. */
  #loseOf(name: string, { sheet, sending }: Slot): void {
    const losable = sheet.pending.filter(({ id }) => id !== sending);
    const [first] = losable.sort((a, b) => worthOf(a) - worthOf(b));
    if (first !== undefined) this.lose(name, first.id, "too-many");
  }

  /** Loses the record of the whole book that hurts least. */
  #loseOldest(): void {
    for (const ids of this.#byWorth) {
      for (const [id, name] of ids) {
        if (this.#slots.get(name)?.sending === id) continue;
        return this.lose(name, id, "too-many");
      }
    }
  }

  #drop(name: string, slot: Slot, id: string): void {
    const record = slot.sheet.pending.find((one) => one.id === id);
    if (record === undefined) return;
    this.#forget(id, worthOf(record));
    this.#put(name, slot, {
      ...slot.sheet,
      pending: slot.sheet.pending.filter((one) => one !== record),
    });
    if (!isSpent(slot.sheet)) return;
    this.#slots.delete(name);
    if (!slot.mayBeOnDisk) this.#changed.delete(name);
  }

  #forget(id: string, worth: number): void {
    if (this.#byWorth[worth]?.delete(id)) this.#waiting--;
  }

  #count(name: keyof BookCounters, by = 1): void {
    this.#counters = { ...this.#counters, [name]: this.#counters[name] + by };
  }
}
