/**
 * The accounting queue in virtual time, by seeds: sessions come, report and end, commits take time or
 * fail, servers answer, are silent, or lose the answer only, and the gateway dies at any moment and
 * starts again with what was on the disk.
 */
import assert from "node:assert/strict";
import type { Account, AccountRecord } from "../../../appliance/aaa/account.ts";
import type { SheetChange } from "../../../appliance/aaa/account_book.ts";
import { type AccountSheet, gatewaySheetName } from "../../../appliance/aaa/account_sheet.ts";
import { AccountingQueue, type Delivery } from "../../../appliance/aaa/accounting_queue.ts";
import type { Log } from "../../../appliance/log.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { VirtualTime } from "../../support/virtual_time.ts";
import { accountOf, usageOf, wideLimits } from "./support/accounts.ts";

const hour = 3_600_000;

/** What the test knows of a record, whatever the queue thinks. */
interface Fate {
  readonly session: string;
  /** Its content; the same whenever it is sent. */
  readonly text: string;
  readonly at: number;
  readonly isByClock: boolean;
  /** Whether it was on the disk at some time. */
  wasStored: boolean;
  /** Whether a server has it. */
  isReceived: boolean;
  /** In which life of the gateway its acknowledgement came. */
  acknowledgedIn: number | undefined;
  /** Whether the disk knows that it is acknowledged. */
  isSettled: boolean;
}

class World {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly disk = new Map<string, AccountSheet>();
  readonly fates = new Map<string, Fate>();
  /** The `at` of the newest record of a session that a server got for the first time. */
  readonly newest = new Map<string, number>();
  readonly counts = { resent: 0, crashes: 0, failedCommits: 0, received: 0 };
  isServerUp = true;
  isDiskFull = false;
  /** What the queue said about itself. */
  isMemoryOnly = false;
  life = 0;
  /** A claim that did not hold. */
  failure: unknown;
  queue: AccountingQueue;
  #sessions = 0;
  #commits = new Set<readonly SheetChange[]>();
  readonly #flying = new Set<string>();
  /** Sessions of which something was sent that was not stored, in this life and in those that crashed. */
  readonly #unstored = new Set<string>();
  readonly #tainted = new Set<string>();

  constructor(seed: number, time: VirtualTime) {
    this.time = time;
    this.random = new SeededRandom(seed);
    this.queue = this.#start();
  }

  // --- what happens -------------------------------------------------------------------------

  async step(): Promise<void> {
    const { random, queue } = this;
    const at = this.time.clock.now().wall;
    const open = queue.openSheets();
    const dice = random.below(100);
    if (dice < 25) {
      queue.tell(accountOf(`s${++this.#sessions}`), at, { kind: "start" });
    } else if (dice < 65 && open.length > 0) {
      const { account, usage } = random.pick(open);
      const more = usageOf(usage.packetsIn + random.below(100));
      const turn = random.chance() ? {} : { turn: "roam" } as const;
      if (random.chance(0.2)) queue.note(account, more, at, undefined);
      else queue.tell(account, at, { kind: "interim", usage: more, ...turn });
    } else if (dice < 85 && open.length > 0) {
      const { account, usage } = random.pick(open);
      queue.tell(account, at, { kind: "stop", usage, why: "operator" });
    } else if (dice < 90) {
      this.isServerUp = !this.isServerUp;
    } else if (dice < 93) {
      this.isDiskFull = !this.isDiskFull;
    } else if (dice < 97) {
      this.crash();
    }
    // No two records of one millisecond, so that `at` orders them.
    await this.time.pass(1 + (random.chance(0.7) ? random.below(30) : random.below(10_000)));
    if (this.failure !== undefined) throw this.failure;
  }

  crash(): void {
    this.counts.crashes++;
    this.time.forgetAll();
    for (const changes of this.#commits) if (this.random.chance()) this.#write(changes);
    this.#commits.clear();
    // What was on its way may arrive all the same.
    for (const id of this.#flying) if (this.random.chance()) this.#receive(id);
    this.#flying.clear();
    // The disk knows less of these than servers do.
    for (const session of this.#unstored) this.#tainted.add(session);
    this.#unstored.clear();
    this.queue = this.#start();
    // Half of the sessions are not there any more.
    const at = this.time.clock.now().wall;
    for (const { account, usage } of this.queue.openSheets()) {
      if (this.random.chance()) continue;
      this.queue.tell(account, at, { kind: "stop", usage, why: "gateway-died" });
    }
    if (this.queue.openAccounts === 0) this.queue.tellOfGateway(at, { kind: "on" });
  }

  /** Whatever was wrong is over. */
  async calmDown(): Promise<void> {
    this.isServerUp = true;
    this.isDiskFull = false;
    for (let i = 0; i < 20 && this.queue.counters.queued > 0; i++) await this.time.pass(hour / 20);
  }

  #start(): AccountingQueue {
    this.life++;
    this.isMemoryOnly = false;
    return new AccountingQueue({
      keeper: {
        commit: (changes) =>
          this.#commit(changes).catch((error) => {
            if (error instanceof assert.AssertionError) this.failure ??= error;
            throw error;
          }),
        close: () => {},
      },
      deliver: (record, account) =>
        this.#deliver(record, account).catch((error) => {
          this.failure ??= error;
          return "unanswered";
        }),
      random: this.random,
      clock: this.time.clock,
      log: this.#log(),
      limits: wideLimits,
    }, structuredClone(this.disk));
  }

  #log(): Log {
    return {
      tell: (_, event) => {
        if (event === "accounting-store-failed") this.isMemoryOnly = true;
        else if (event === "accounting-store-works") this.isMemoryOnly = false;
        else assert.fail(`${event}: nothing is to be lost here`);
      },
      trace: () => {},
      close: () => {},
    };
  }

  // --- the disk -----------------------------------------------------------------------------

  async #commit(changes: readonly SheetChange[]): Promise<void> {
    assert.ok(changes.length > 0 && changes.length <= 100);
    assert.equal(this.#commits.size, 0, "one commit at a time");
    this.#commits.add(changes);
    const { life } = this;
    await new Promise<void>((resolve) => this.time.after(this.random.below(20), resolve));
    if (life !== this.life) return await new Promise(() => {});
    this.#commits.delete(changes);
    if (this.isDiskFull || this.random.chance(0.03)) {
      this.counts.failedCommits++;
      if (this.random.chance(0.2)) this.#write(changes);
      throw new Error("database or disk is full");
    }
    this.#write(changes);
  }

  #write(changes: readonly SheetChange[]): void {
    for (const { name, sheet } of changes) {
      const before = this.disk.get(name)?.pending ?? [];
      const after = new Set(sheet?.pending.map(({ id }) => id));
      for (const record of sheet?.pending ?? []) this.#fate(record, name).wasStored = true;
      for (const record of before.filter(({ id }) => !after.has(id))) {
        const fate = this.#fate(record, name);
        if (fate.acknowledgedIn !== undefined) fate.isSettled = true;
        else assert.ok(fate.isByClock, `${fate.text} is gone from the disk for no reason`);
      }
      if (sheet === undefined) this.disk.delete(name);
      else this.disk.set(name, structuredClone(sheet));
    }
  }

  // --- the server ---------------------------------------------------------------------------

  async #deliver(record: AccountRecord, account: Account | undefined): Promise<Delivery> {
    const session = account?.id ?? gatewaySheetName;
    const fate = this.#fate(record, session);
    const { life, random } = this;
    assert.equal(fate.text, JSON.stringify([session, record]), "what is sent again is the same");
    assert.equal(fate.isSettled, false, `${fate.text} was acknowledged and stored as such`);
    assert.notEqual(fate.acknowledgedIn, life, `${fate.text} was acknowledged`);
    assert.ok(fate.wasStored || this.isMemoryOnly, `${fate.text} was not stored`);
    if (this.isMemoryOnly) this.#unstored.add(session);
    assert.ok(this.#flying.size < 64, "not too many at once");
    for (const id of this.#flying) assert.notEqual(this.fates.get(id)?.session, session);
    if (fate.isReceived) this.counts.resent++;
    this.#flying.add(record.id);
    const arrives = this.isServerUp ? random.chance(0.95) : random.chance(0.05);
    const answered = arrives && this.isServerUp && random.chance(0.95);
    const ms = answered ? random.below(20) : 3_000;
    await new Promise<void>((resolve) => this.time.after(ms, resolve));
    if (life !== this.life) return await new Promise(() => {});
    this.#flying.delete(record.id);
    if (arrives) this.#receive(record.id);
    if (!answered) return "unanswered";
    fate.acknowledgedIn = life;
    return "acknowledged";
  }

  #receive(id: string): void {
    const fate = this.fates.get(id);
    if (fate === undefined || fate.isReceived) return;
    fate.isReceived = true;
    this.counts.received++;
    const newest = this.newest.get(fate.session) ?? 0;
    const isInOrder = fate.at > newest || this.#tainted.has(fate.session);
    assert.ok(isInOrder, `${fate.text} came after what is younger`);
    this.newest.set(fate.session, fate.at);
  }

  #fate(record: AccountRecord, session: string): Fate {
    const found = this.fates.get(record.id);
    if (found !== undefined) return found;
    const fate: Fate = {
      session,
      text: JSON.stringify([session, record]),
      at: record.at,
      isByClock: record.kind === "interim" && record.turn === undefined,
      wasStored: false,
      isReceived: false,
      acknowledgedIn: undefined,
      isSettled: false,
    };
    this.fates.set(record.id, fate);
    return fate;
  }
}

async function simulate(seed: number): Promise<World> {
  using time = new VirtualTime(1_800_000_000_000);
  const world = new World(seed, time);
  try {
    for (let i = 0; i < 150; i++) await world.step();
    await world.calmDown();
    assert.equal(world.queue.counters.queued, 0, "everything is through in the end");
    await world.time.pass(10_000);
    if (world.failure !== undefined) throw world.failure;
    for (const fate of world.fates.values()) {
      const isThere = fate.isReceived || fate.isByClock;
      assert.ok(isThere || !fate.wasStored, `${fate.text} was stored and never arrived`);
    }
    for (const [name, { isOpen, pending }] of world.disk) {
      assert.ok(isOpen && pending.length === 0, `${name} stays on the disk`);
    }
    await world.queue.close();
    return world;
  } catch (error) {
    throw new Error(`seed ${seed}, ${time.nowMs} ms: ${error}`, { cause: error });
  }
}

Deno.test("nothing stored is lost, nothing acknowledged comes again, in order, over crashes", async () => {
  const sums = { resent: 0, crashes: 0, failedCommits: 0, received: 0 };
  for (let seed = 1; seed <= 100; seed++) {
    const { counts } = await simulate(seed);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += counts[name];
  }
  // What is claimed above was put to the test.
  assert.ok(sums.crashes > 300 && sums.failedCommits > 300, JSON.stringify(sums));
  assert.ok(sums.received > 3_000 && sums.resent > 100, JSON.stringify(sums));
});
