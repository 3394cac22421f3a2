/** The book of accounts: what may be sent, what is stored, and what goes first when there is no room. */
import assert from "node:assert/strict";
import type { AccountNews, AccountRecord } from "../../../appliance/aaa/account.ts";
import { AccountBook, type BookLimits, usualLimits } from "../../../appliance/aaa/account_book.ts";
import { openSheet, sealSheet } from "../../../appliance/aaa/account_codec.ts";
import { type AccountSheet, gatewaySheetName } from "../../../appliance/aaa/account_sheet.ts";
import { textOf, wall } from "../../../core/mod.ts";
import { mostValueBytes } from "../../../appliance/private_kv.ts";
import { sealingOf } from "../support/records.ts";
import { accountOf, address, usageOf, wideLimits } from "./support/accounts.ts";

const start: AccountNews = { kind: "start" };
const byClock = (packets: number): AccountNews => ({ kind: "interim", usage: usageOf(packets) });
const roamed = (packets: number): AccountNews => ({
  kind: "interim",
  usage: usageOf(packets),
  turn: "roam",
});
const stop = (packets: number): AccountNews => ({
  kind: "stop",
  usage: usageOf(packets),
  why: "operator",
});

/** A book, and what it lost. */
class Scene {
  readonly lost: string[] = [];
  readonly book: AccountBook;
  now = 0;
  #ids = 0;

  constructor(limits: Partial<BookLimits> = {}) {
    this.book = new AccountBook({
      limits: { ...wideLimits, ...limits },
      now: () => wall(this.now),
      newId: () => `r${++this.#ids}`,
      onLost: (record, account, why) =>
        void this.lost.push(`${account?.id ?? "gateway"} ${shown(record)} ${why}`),
    });
  }

  /** Tells one thing after the other, a millisecond apart, and stores all of it. */
  tell(name: string, ...news: readonly AccountNews[]): void {
    for (const one of news) this.book.tell(accountOf(name), wall(++this.now), one);
    this.store();
  }

  store(): readonly string[] {
    const changes = this.book.takeChanges(1000);
    this.book.confirmChanges(changes);
    return changes.map(({ name, sheet }) => sheet === undefined ? `-${name}` : name);
  }

  waiting(name: string): readonly string[] {
    return (this.book.sheet(name)?.pending ?? []).map(shown);
  }
}

function shown(record: AccountRecord): string {
  const about = record.kind === "interim" ? record.turn ?? "clock" : record.kind;
  return `${record.id} ${about}`;
}

Deno.test("a record may be sent when it is stored and those before it are through", () => {
  const { book } = new Scene();
  book.tell(accountOf("a"), wall(1), start);
  assert.equal(book.begin("a"), undefined, "not stored");
  const changes = book.takeChanges(10);
  assert.equal(book.begin("a"), undefined, "being stored");
  book.confirmChanges(changes);
  assert.equal(book.begin("a")?.id, "r1");
  assert.equal(book.begin("a"), undefined, "one at a time");
  book.tell(accountOf("a"), wall(2), stop(1));
  book.confirmChanges(book.takeChanges(10));
  assert.equal(book.isDue("a"), false, "its Start is on its way");
  book.giveUp("a");
  assert.equal(book.begin("a")?.id, "r1", "the same again");
  book.acknowledge("a");
  assert.equal(book.begin("a")?.id, "r2");
  book.acknowledge("a");
  assert.deepEqual([book.waiting, book.openAccounts, book.sheet("a")], [0, 0, undefined]);
  assert.deepEqual(book.takeChanges(10), [{ name: "a", sheet: undefined }]);
});

Deno.test("what could not be stored may be sent once it is known that it cannot be", () => {
  const { book } = new Scene();
  book.tell(accountOf("a"), wall(1), start);
  const changes = book.takeChanges(10);
  book.rejectChanges(changes);
  assert.equal(book.isDue("a"), false);
  book.isMemoryOnly = true;
  assert.equal(book.begin("a")?.id, "r1");
  assert.equal(book.hasChanges, true, "it is still to be stored");
});

Deno.test("an account is deleted if there may be something of it on the disk", () => {
  const { book } = new Scene();
  book.isMemoryOnly = true;
  book.tell(accountOf("a"), wall(1), stop(1));
  const changes = book.takeChanges(10);
  book.begin("a");
  book.acknowledge("a");
  book.rejectChanges(changes);
  assert.deepEqual(book.takeChanges(10), [{ name: "a", sheet: undefined }]);
  book.tell(accountOf("b"), wall(1), stop(1));
  book.begin("b");
  book.acknowledge("b");
  assert.equal(book.hasChanges, false, "of this one there never was anything on the disk");
});

Deno.test("a report by the clock gives way to whatever comes later, one with a turn does not", () => {
  const scene = new Scene();
  scene.tell("a", start, byClock(1), byClock(2), roamed(3), byClock(4), byClock(5));
  assert.deepEqual(scene.waiting("a"), ["r1 start", "r4 roam", "r6 clock"]);
  scene.tell("a", stop(6));
  assert.deepEqual(scene.waiting("a"), ["r1 start", "r4 roam", "r7 stop"]);
  const { told, superseded, lost } = scene.book.counters;
  assert.deepEqual([told, superseded, lost, scene.book.waiting], [7, 4, 0, 3]);
  assert.deepEqual(scene.book.sheet("a")?.usage, usageOf(6));
});

Deno.test("a report on its way stays until nobody answers it", () => {
  const scene = new Scene();
  scene.tell("a", start);
  scene.book.begin("a");
  scene.book.acknowledge("a");
  scene.tell("a", byClock(1));
  assert.equal(scene.book.begin("a")?.id, "r2");
  scene.tell("a", byClock(2));
  assert.deepEqual(scene.waiting("a"), ["r2 clock", "r3 clock"]);
  scene.book.giveUp("a");
  assert.deepEqual(scene.waiting("a"), ["r3 clock"]);
  assert.equal(scene.book.counters.superseded, 1);
});

Deno.test("in a full book reports by the clock go first, Stops last, the oldest of a kind first", () => {
  const scene = new Scene({ mostRecords: 4 });
  scene.tell("a", start, roamed(1), byClock(2));
  scene.tell("b", roamed(1));
  scene.tell("c", stop(1));
  assert.deepEqual(scene.lost, ["a r3 clock too-many"]);
  scene.tell("d", stop(1));
  scene.tell("e", stop(1));
  scene.tell("f", stop(1));
  scene.tell("g", stop(1));
  assert.deepEqual(scene.lost.slice(1), [
    "a r2 roam too-many",
    "b r4 roam too-many",
    "a r1 start too-many",
    "c r5 stop too-many",
  ]);
  assert.deepEqual([scene.book.waiting, scene.book.counters.lost], [4, 5]);
  assert.deepEqual(scene.waiting("a"), [], "the account goes on all the same");
  assert.equal(scene.book.sheet("c"), undefined, "nothing is left of one that is over");
});

Deno.test("one account has so many records and no more", () => {
  const scene = new Scene({ mostPerSheet: 4 });
  scene.tell("a", start, roamed(1), roamed(2), roamed(3), roamed(4), stop(5));
  assert.deepEqual(scene.waiting("a"), ["r1 start", "r4 roam", "r5 roam", "r6 stop"]);
  scene.tell("b", start);
  assert.equal(scene.lost.length, 2);
});

Deno.test("what is on its way is not lost for want of room or time", () => {
  const scene = new Scene({ mostRecords: 1, mostPerSheet: 1, longestWaitMs: 10 });
  scene.tell("a", start);
  scene.book.begin("a");
  scene.tell("a", stop(1));
  assert.deepEqual(scene.lost, ["a r2 stop too-many"]);
  scene.now = 1000;
  scene.book.expire();
  assert.deepEqual(scene.waiting("a"), ["r1 start"]);
  scene.book.giveUp("a");
  scene.book.expire();
  assert.deepEqual(scene.lost, ["a r2 stop too-many", "a r1 start too-old"]);
});

Deno.test("records that waited for too long are lost, younger ones are not", () => {
  const scene = new Scene({ longestWaitMs: 10 });
  scene.tell("a", start, roamed(1), stop(1));
  // What it is about may be long ago.
  scene.book.tellOfGateway(wall(-1e9), { kind: "on" });
  scene.now = 12;
  scene.book.expire();
  assert.deepEqual(scene.lost, ["a r1 start too-old"]);
  scene.now = 14;
  scene.book.expire();
  assert.deepEqual(scene.lost.slice(1), [
    "a r2 roam too-old",
    "a r3 stop too-old",
    "gateway r4 on too-old",
  ]);
  assert.equal(scene.book.waiting, 0);
});

Deno.test("a note changes what is kept when something has changed, and tells nobody", () => {
  const scene = new Scene();
  const account = accountOf("a");
  scene.book.note(account, usageOf(1), wall(1), undefined);
  assert.equal(scene.book.sheet("a"), undefined, "there is no account without a Start");
  scene.tell("a", start);
  scene.book.note(account, usageOf(2), wall(5), "peer-silent");
  assert.deepEqual(scene.store(), ["a"]);
  scene.book.note(account, usageOf(2), wall(6), "peer-silent");
  assert.equal(scene.book.hasChanges, false);
  const { usage, parked, seen } = scene.book.sheet("a") ?? assert.fail();
  assert.deepEqual([usage, parked, seen], [usageOf(2), "peer-silent", 5]);
  scene.book.note(account, usageOf(2), wall(7), undefined);
  assert.equal("parked" in (scene.book.sheet("a") ?? {}), false);
  assert.equal(scene.book.waiting, 1);
  scene.tell("a", stop(3));
  scene.book.note(account, usageOf(9), wall(8), undefined);
  assert.deepEqual(scene.book.sheet("a")?.usage, usageOf(3), "what is over changes no more");
});

Deno.test("a book goes on where another one ended", () => {
  const before = new Scene();
  before.tell("a", start, roamed(1));
  before.tell("b", stop(2));
  before.book.tellOfGateway(wall(9), { kind: "off" });
  const sheets = new Map<string, AccountSheet>();
  for (const name of before.book.names()) {
    sheets.set(name, before.book.sheet(name) ?? assert.fail());
  }
  const after = new Scene({ mostRecords: 4 });
  after.book.load(sheets);
  assert.deepEqual([after.book.waiting, after.book.openAccounts], [4, 1]);
  assert.equal(after.book.hasChanges, false);
  assert.equal(after.book.begin("a")?.id, "r1", "it is stored, so it may be sent");
  after.tell("c", start);
  assert.deepEqual(after.lost, ["a r2 roam too-many"]);
  assert.deepEqual([...after.book.names()], ["a", "b", gatewaySheetName, "c"]);
});

Deno.test("counters are cleared, what waits is not", () => {
  const scene = new Scene();
  scene.tell("a", start);
  scene.book.clearCounters();
  assert.deepEqual(scene.book.counters, { told: 0, acknowledged: 0, superseded: 0, lost: 0 });
  assert.equal(scene.book.waiting, 1);
});

Deno.test("a sealed sheet comes out as it went in, shows nothing, and damage is noticed", () => {
  const sealing = sealingOf(1);
  const scene = new Scene();
  scene.tell("a", start, roamed(1), stop(2));
  scene.book.tellOfGateway(wall(9), { kind: "on", nasAddress: address("10.0.0.1") });
  for (const name of ["a", gatewaySheetName]) {
    const sheet = scene.book.sheet(name) ?? assert.fail();
    const sealed = sealSheet(sealing, name, sheet);
    assert.deepEqual(openSheet(sealing, name, sealed), sheet);
    assert.ok(!/alice|192\.0\.2/.test(textOf(sealed)));
    assert.equal(openSheet(sealing, "other", sealed), undefined);
    assert.equal(openSheet(sealingOf(2), name, sealed), undefined);
    const bad = sealed.slice();
    bad[40] = (bad[40] ?? 0) ^ 1;
    assert.equal(openSheet(sealing, name, bad), undefined);
  }
});

Deno.test("the largest sheet fits into one value", () => {
  const scene = new Scene({ mostPerSheet: usualLimits.mostPerSheet });
  const account = accountOf("a".repeat(22), {
    userName: "u".repeat(253),
    class: Array.from({ length: 16 }, () => new Uint8Array(253)),
    remote: "2001:db8:1111:2222:3333:4444:5555:6666",
    local: "2001:db8:1111:2222:3333:4444:5555:6666",
  });
  const most = Number.MAX_SAFE_INTEGER;
  const usage = { octetsIn: most, octetsOut: most, packetsIn: most, packetsOut: most };
  for (let i = 0; i < 2 * usualLimits.mostPerSheet; i++) {
    scene.book.tell(account, wall(most), { kind: "interim", usage, turn: "reconnect" });
  }
  const sheet = scene.book.sheet(account.id) ?? assert.fail();
  assert.equal(sheet.pending.length, usualLimits.mostPerSheet);
  assert.ok(sealSheet(sealingOf(1), account.id, sheet).length < mostValueBytes);
});
