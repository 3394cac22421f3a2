/**
 * Accounting put together: the ledger says what is to be told, the queue keeps and sends it.
 *
 * Accounting-On and -Off (RFC 2866 §5.1) tell a server that no session of this gateway goes on, and
 * servers obey: FreeRADIUS with SQL closes every session of the NAS that began before either of them
 * (`accounting-on` in its `queries.conf`). So On is sent by a gateway that starts without any session to
 * go on with, after the Stops of those that died with the process; a gateway whose sessions survived the
 * restart sends an Interim-Update with the event `restored` for each of them in its place. Off is sent at
 * an orderly stop that leaves no session waiting for its user.
 */
import {
  type Gateway,
  type IpAddress,
  type LoginMethod,
  type Random,
  type StoredRecord,
} from "../../core/mod.ts";
import type { ChildSaCounters, DataplaneCounters } from "../../dataplane/mod.ts";
import type { Clock } from "../clock.ts";
import type { Packets } from "../driver.ts";
import type { Log } from "../log.ts";
import type { Sealing } from "../sealed_value.ts";
import { reasonOf } from "../start_error.ts";
import type { Authentic, GatewayNews } from "./account.ts";
import { AccountStore, type LoadedSheets } from "./account_store.ts";
import { AccountingQueue, type Deliver } from "./accounting_queue.ts";
import { Ledger } from "./ledger.ts";
import { endOfLost } from "./lost_accounts.ts";

/** What accounting is made from. */
export interface AccountingOptions {
  /** The file of the sheets. */
  readonly path: string;
  readonly sealing: Sealing;
  readonly deliver: Deliver;
  readonly gateway: Pick<Gateway, "snapshot" | "session" | "sessionOfEsp">;
  readonly counters: (only: readonly number[]) => Promise<DataplaneCounters>;
  /** Milliseconds between two reports of a session; 0 for reports of turns only. */
  readonly intervalMs: number;
  /** Whether sessions can be come back to. */
  readonly canReconnect: boolean;
  readonly nasAddress: IpAddress | undefined;
  readonly authenticOf: (method: LoginMethod) => Authentic | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How often the ledger looks for what is due, milliseconds. */
const lookMs = 1_000;
/** How often a sign of life is kept, milliseconds. */
const beatMs = 60_000;
/** How long an orderly stop waits for servers, milliseconds; what is left is sent by the next start. */
const patienceMs = 3_000;

/** Accounting at work. */
export class Accounting {
  readonly #options: AccountingOptions;
  readonly #queue: AccountingQueue;
  readonly #ledger: Ledger;
  readonly #unreadable: number;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #hasStarted = false;
  #closing: Promise<void> | undefined;

  private constructor(
    options: AccountingOptions,
    store: AccountStore | undefined,
    { sheets, unreadable }: LoadedSheets,
  ) {
    const { gateway, counters } = options;
    this.#options = options;
    this.#unreadable = unreadable;
    this.#queue = new AccountingQueue({ ...options, keeper: store }, sheets);
    this.#ledger = new Ledger({
      ...options,
      session: (id) => gateway.session(id),
      sessionOfEsp: (spi) => gateway.sessionOfEsp(spi),
      counters,
      teller: this.#queue,
    });
  }

  /** Opens the file and begins to send what waits in it; without a usable file all is in memory. */
  static async open(options: AccountingOptions): Promise<Accounting> {
    const { path, sealing, log } = options;
    let store: AccountStore | undefined;
    try {
      store = await AccountStore.open(path, sealing);
      const loaded = await store.loadAll();
      if (loaded.unreadable > 0) {
        log.tell("warning", "accounts-unreadable", { accounts: loaded.unreadable });
      }
      return new Accounting(options, store, loaded);
    } catch (error) {
      store?.close();
      log.tell("error", "accounting-store-failed", { path, reason: reasonOf(error) });
      return new Accounting(options, undefined, { sheets: new Map(), unreadable: 0 });
    }
  }

  /**
   * Goes on with the sessions that the gateway restored from `records`, ends the accounts of those that
   * it did not, and looks after all of them from here on.
   */
  start(records: readonly StoredRecord[]): void {
    const { gateway, clock, canReconnect, log } = this.#options;
    const { wall: now } = clock.now();
    const { lastAlive, openAccounts, counters: { queued } } = this.#queue;
    const sheets = new Map(this.#queue.openSheets().map((sheet) => [sheet.account.id, sheet]));
    for (const session of gateway.snapshot().sessions) {
      const { id } = session.accounting;
      this.#ledger.adopt(session, this.#queue.sheet(id));
      sheets.delete(id);
    }
    const stored = new Map(records.map((record) => [record.accountingId, record]));
    for (const [id, sheet] of sheets) {
      const record = stored.get(id)?.read();
      const { why, at } = endOfLost(sheet, { record, lastAlive, now, canReconnect });
      this.#queue.tell(sheet.account, at, { kind: "stop", usage: sheet.usage, why });
    }
    if (openAccounts + queued > 0) {
      log.tell("info", "accounts-restored", { accounts: openAccounts, ended: sheets.size, queued });
    }
    this.#tellIfEmpty("on");
    this.#hasStarted = true;
    this.#timers.push(
      setInterval(() => this.#ledger.look(), lookMs),
      setInterval(() => this.#queue.beat(), beatMs),
    );
    this.#queue.beat();
  }

  /** A log whose traces are heard here. */
  tapLog(log: Log): Log {
    return this.#ledger.tapLog(log);
  }

  /** A packet path of which it is known whose Child SAs are whose. */
  tapPackets(packets: Packets): Packets {
    return this.#ledger.tapPackets(packets);
  }

  /** What a Child SA had carried when it was removed. */
  settle(counters: ChildSaCounters): void {
    this.#ledger.settle(counters);
  }

  /** By name, for `show`. */
  counters(): Readonly<Record<string, number>> {
    const { told, acknowledged, superseded, lost, queued, unsaved } = this.#queue.counters;
    return {
      "accounting-told": told,
      "accounting-acknowledged": acknowledged,
      "accounting-superseded": superseded,
      "accounting-lost": lost,
      "accounting-queued": queued,
      "accounting-unsaved": unsaved,
      "accounting-open": this.#queue.openAccounts,
      "accounting-unreadable": this.#unreadable,
    };
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#queue.clearCounters();
  }

  /** Tells what is left to tell and gives servers a little time; what they do not take stays stored. */
  close(): Promise<void> {
    return this.#closing ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#ledger.close();
    if (this.#hasStarted) this.#tellIfEmpty("off");
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([this.#queue.idle(), promise]);
    clearTimeout(timer);
    const { queued } = this.#queue.counters;
    if (queued > 0) this.#options.log.tell("info", "accounting-waits", { records: queued });
    await this.#queue.close();
  }

  #tellIfEmpty(kind: GatewayNews["kind"]): void {
    if (this.#queue.openAccounts > 0) return;
    const { nasAddress, clock } = this.#options;
    this.#queue.tellOfGateway(clock.now().wall, {
      kind,
      ...(nasAddress === undefined ? {} : { nasAddress }),
    });
  }
}
