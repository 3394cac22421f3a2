/** The accounting queue at work: what it says when something goes wrong, and how it ends. */
import assert from "node:assert/strict";
import type { Account, AccountNews, AccountRecord } from "../../../appliance/aaa/account.ts";
import type { SheetChange } from "../../../appliance/aaa/account_book.ts";
import type { AccountSheet } from "../../../appliance/aaa/account_sheet.ts";
import {
  AccountingQueue,
  type AccountingQueueOptions,
  type Delivery,
} from "../../../appliance/aaa/accounting_queue.ts";
import { wall } from "../../../core/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { VirtualTime } from "../../support/virtual_time.ts";
import { keepingLog } from "./radius/support.ts";
import { accountOf, usageOf, wideLimits } from "./support/accounts.ts";

const start: AccountNews = { kind: "start" };
const stop: AccountNews = { kind: "stop", usage: usageOf(1), why: "operator" };
const turned: AccountNews = { kind: "interim", usage: usageOf(1), turn: "reconnect" };

class Scene implements Disposable {
  readonly time = new VirtualTime(1_800_000_000_000);
  readonly log = keepingLog();
  readonly disk = new Map<string, AccountSheet>();
  /** What was sent, in order: session, kind. */
  readonly sent: string[] = [];
  readonly ids: string[] = [];
  isDiskFull = false;
  commits = 0;
  /** What a server makes of a record. */
  answer: (record: AccountRecord) => Delivery = () => "acknowledged";

  queue(change: Partial<AccountingQueueOptions> = {}): AccountingQueue {
    return new AccountingQueue({
      keeper: { commit: (changes) => this.#commit(changes), close: () => {} },
      deliver: (record, account) => this.#deliver(record, account),
      random: new SeededRandom(this.time.nowMs + 1),
      clock: this.time.clock,
      log: this.log,
      limits: wideLimits,
      ...change,
    }, structuredClone(this.disk));
  }

  tell(queue: AccountingQueue, session: string, ...news: readonly AccountNews[]): void {
    for (const one of news) queue.tell(accountOf(session), this.time.clock.now().wall, one);
  }

  async end(queue: AccountingQueue): Promise<void> {
    const closed = queue.close();
    await this.time.pass(1_000);
    await closed;
  }

  get told(): readonly string[] {
    return this.log.told.map(([event]) => event);
  }

  [Symbol.dispose](): void {
    this.time[Symbol.dispose]();
  }

  async #commit(changes: readonly SheetChange[]): Promise<void> {
    this.commits++;
    await new Promise<void>((resolve) => this.time.after(5, resolve));
    if (this.isDiskFull) throw new Error("database or disk is full");
    for (const { name, sheet } of changes) {
      if (sheet === undefined) this.disk.delete(name);
      else this.disk.set(name, structuredClone(sheet));
    }
  }

  async #deliver(record: AccountRecord, account: Account | undefined): Promise<Delivery> {
    this.sent.push(`${account?.id ?? "gateway"} ${record.kind}`);
    this.ids.push(record.id);
    await new Promise<void>((resolve) => this.time.after(1, resolve));
    return this.answer(record);
  }
}

Deno.test("a record is stored, sent, and gone when it is acknowledged", async () => {
  using scene = new Scene();
  const queue = scene.queue();
  scene.tell(queue, "a", start);
  await scene.time.pass(14);
  assert.deepEqual(scene.sent, [], "not before it is on the disk");
  await scene.time.pass(1);
  assert.deepEqual(scene.sent, ["a start"]);
  assert.equal(scene.disk.get("a")?.pending.length, 1);
  await scene.time.pass(50);
  assert.equal(scene.disk.get("a")?.pending.length, 0);
  scene.tell(queue, "a", stop);
  await scene.time.pass(100);
  assert.deepEqual(scene.sent, ["a start", "a stop"]);
  assert.equal(scene.disk.size, 0);
  assert.equal(new Set(scene.ids).size, 2);
  const { told, acknowledged, queued } = queue.counters;
  assert.deepEqual([told, acknowledged, queued, queue.openAccounts], [2, 2, 0, 0]);
  await scene.end(queue);
});

Deno.test("what arrives together goes into few commits", async () => {
  using scene = new Scene();
  const queue = scene.queue();
  for (let i = 0; i < 1000; i++) scene.tell(queue, `s${i}`, start);
  await scene.time.pass(1000);
  assert.equal(scene.sent.length, 1000);
  assert.ok(scene.commits <= 30, `${scene.commits} commits`);
  await scene.end(queue);
});

Deno.test("a failing store is told once, does not stop records, and is caught up with", async () => {
  using scene = new Scene();
  const queue = scene.queue();
  scene.isDiskFull = true;
  scene.tell(queue, "a", start);
  await scene.time.pass(100);
  scene.tell(queue, "a", turned);
  scene.tell(queue, "b", start);
  await scene.time.pass(20_000);
  assert.deepEqual(scene.sent, ["a start", "a interim", "b start"]);
  assert.ok(scene.commits > 2, "it is tried again");
  assert.deepEqual(scene.told, ["accounting-store-failed"]);
  assert.deepEqual(scene.log.told[0]?.[1], { reason: "database or disk is full" });
  scene.isDiskFull = false;
  await scene.time.pass(6_000);
  assert.deepEqual(scene.told, ["accounting-store-failed", "accounting-store-works"]);
  assert.deepEqual([...scene.disk.keys()].toSorted(), ["a", "b"]);
  scene.tell(queue, "b", stop);
  await scene.time.pass(12);
  assert.equal(scene.sent.length, 3, "from here on it is stored first again");
  await scene.end(queue);
});

Deno.test("without a store everything is in memory", async () => {
  using scene = new Scene();
  const queue = scene.queue({ keeper: undefined });
  scene.tell(queue, "a", start, stop);
  queue.beat();
  await scene.time.pass(10);
  assert.deepEqual(scene.sent, ["a start", "a stop"]);
  await scene.end(queue);
  assert.equal(scene.commits, 0);
});

Deno.test("what is lost is counted and told, of very many a few", async () => {
  using scene = new Scene();
  scene.answer = () => "unanswered";
  const queue = scene.queue({ limits: { ...wideLimits, mostRecords: 100 } });
  for (let i = 0; i < 150; i++) scene.tell(queue, `s${i}`, start);
  assert.deepEqual([queue.counters.lost, queue.counters.queued], [50, 100]);
  const [event, facts] = scene.log.told[0] ?? assert.fail();
  assert.deepEqual([event, facts], [
    "accounting-record-lost",
    { user: "alice", record: "start", reason: "too-many" },
  ]);
  assert.equal(scene.told.length, 10);
  await scene.end(queue);
});

Deno.test("what does not fit into a packet is lost, and the next record goes", async () => {
  using scene = new Scene();
  scene.answer = ({ kind }) => kind === "start" ? "not-sendable" : "acknowledged";
  const queue = scene.queue();
  scene.tell(queue, "a", start, stop);
  await scene.time.pass(100);
  assert.deepEqual(scene.sent, ["a start", "a stop"]);
  assert.deepEqual(scene.log.told.map(([, facts]) => facts["reason"]), ["not-sendable"]);
  assert.deepEqual([queue.counters.lost, queue.counters.queued, scene.disk.size], [1, 0, 0]);
  await scene.end(queue);
});

Deno.test("records that waited for a week are lost", async () => {
  using scene = new Scene();
  scene.answer = () => "unanswered";
  const queue = scene.queue({ limits: { ...wideLimits, longestWaitMs: 60_000 } });
  scene.tell(queue, "a", start, stop);
  queue.beat();
  assert.deepEqual([queue.counters.queued, queue.counters.unsaved], [2, 2]);
  await scene.time.pass(1_000);
  assert.deepEqual([queue.counters.queued, queue.counters.unsaved], [2, 0]);
  await scene.time.pass(61_000);
  queue.beat();
  await scene.time.pass(61_000);
  queue.beat();
  assert.deepEqual([queue.counters.queued, queue.counters.lost], [0, 2]);
  await scene.time.pass(100);
  assert.equal(scene.disk.size, 0);
  await scene.end(queue);
});

Deno.test("what no server took is sent by the next start, under its id", async () => {
  using scene = new Scene();
  scene.answer = () => "unanswered";
  const before = scene.queue();
  scene.tell(before, "a", start, stop);
  scene.tell(before, "b", start);
  await scene.time.pass(100);
  await scene.end(before);
  scene.answer = () => "acknowledged";
  scene.sent.length = 0;
  const ids = new Set(scene.ids);
  scene.ids.length = 0;
  const after = scene.queue();
  assert.deepEqual(after.openSheets().map(({ account }) => account.id), ["b"]);
  const idle = after.idle();
  await scene.time.pass(100);
  await idle;
  assert.deepEqual(scene.sent.toSorted(), ["a start", "a stop", "b start"]);
  for (const id of ids) assert.ok(scene.ids.includes(id));
  await scene.end(after);
});

Deno.test("closing stores what waits, and sends no more", async () => {
  using scene = new Scene();
  const queue = scene.queue();
  scene.tell(queue, "a", start);
  const closed = queue.close();
  await scene.time.pass(100);
  await closed;
  await queue.close();
  assert.deepEqual([scene.sent, scene.disk.get("a")?.pending.length], [[], 1]);
});

Deno.test("RFC 2866 §5.1: On goes after what was left over and ahead of who comes later", async () => {
  using scene = new Scene();
  scene.answer = () => "unanswered";
  const before = scene.queue();
  scene.tell(before, "a", start, turned, stop);
  await scene.time.pass(100);
  await scene.end(before);
  scene.answer = () => "acknowledged";
  scene.sent.length = 0;
  const after = scene.queue();
  after.tellOfGateway(scene.time.clock.now().wall, { kind: "on" });
  scene.tell(after, "b", start);
  await scene.time.pass(1_000);
  assert.deepEqual(scene.sent, ["a start", "a interim", "a stop", "gateway on", "b start"]);
  scene.tell(after, "b", stop);
  after.tellOfGateway(scene.time.clock.now().wall, { kind: "off" });
  await scene.time.pass(1_000);
  assert.deepEqual(scene.sent.slice(5), ["b stop", "gateway off"]);
  await scene.end(after);
});

Deno.test("a server that never answers On holds nobody up", async () => {
  using scene = new Scene();
  scene.answer = ({ kind }) => kind === "on" ? "unanswered" : "acknowledged";
  const queue = scene.queue();
  queue.tellOfGateway(scene.time.clock.now().wall, { kind: "on" });
  scene.tell(queue, "a", start);
  await scene.time.pass(10_000);
  scene.tell(queue, "a", stop);
  await scene.time.pass(100);
  assert.ok(scene.sent.includes("a start") && scene.sent.includes("a stop"));
  assert.equal(queue.counters.queued, 1);
  await scene.end(queue);
});

Deno.test("the last sign of life is kept while there is somebody to keep it for", async () => {
  using scene = new Scene();
  const queue = scene.queue();
  queue.beat();
  assert.equal(queue.lastAlive, undefined);
  scene.tell(queue, "a", start);
  await scene.time.pass(60_000);
  queue.beat();
  await scene.time.pass(100);
  const at = wall(1_800_000_060_000);
  assert.equal(queue.lastAlive, at);
  await scene.end(queue);
  assert.equal(scene.queue().lastAlive, at);
});
