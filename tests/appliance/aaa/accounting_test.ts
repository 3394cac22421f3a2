/** Accounting as a whole over the lives of a gateway, on a real store. */
import assert from "node:assert/strict";
import type { Account, AccountRecord } from "../../../appliance/aaa/account.ts";
import { newSheet } from "../../../appliance/aaa/account_sheet.ts";
import { AccountStore } from "../../../appliance/aaa/account_store.ts";
import { Accounting } from "../../../appliance/aaa/accounting.ts";
import type { Delivery } from "../../../appliance/aaa/accounting_queue.ts";
import { systemClock } from "../../../appliance/clock.ts";
import { systemRandom } from "../../../appliance/entropy.ts";
import {
  type GatewaySnapshot,
  type SessionRecord,
  type SessionSnapshot,
  storedRecord,
  wall,
} from "../../../core/mod.ts";
import { until } from "../../support/background.ts";
import { recordOf, sealingOf } from "../support/records.ts";
import { keepingLog } from "./radius/support.ts";
import { accountOf, usageOf } from "./support/accounts.ts";

/** A gateway's folder, and what a server got. */
class Site implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "rejoin-accounting-" });
  readonly log = keepingLog();
  /** What the server has: session, kind, why or turn. */
  readonly got: string[] = [];
  readonly records: AccountRecord[] = [];
  answer: Delivery = "acknowledged";
  sessions: SessionSnapshot[] = [];
  readonly #running: Accounting[] = [];

  get path(): string {
    return `${this.folder}/accounting.kv`;
  }

  async start(records: readonly SessionRecord[] = []): Promise<Accounting> {
    const accounting = await Accounting.open({
      path: this.path,
      sealing: sealingOf(1),
      deliver: (record, account) => Promise.resolve(this.#take(record, account)),
      gateway: {
        snapshot: () => ({ sessions: this.sessions }) as unknown as GatewaySnapshot,
        session: (id) => this.sessions.find((one) => one.id === id),
        sessionOfEsp: () => undefined,
      },
      counters: () => Promise.reject(new Error("no packet path")),
      intervalMs: 0,
      canReconnect: true,
      nasAddress: undefined,
      authenticOf: () => undefined,
      clock: systemClock,
      random: systemRandom,
      log: this.log,
    });
    this.#running.push(accounting);
    accounting.start(records.map(storedRecord));
    return accounting;
  }

  /** A session begins. */
  login(accounting: Accounting, id: number): void {
    this.sessions.push(sessionOf(id));
    this.happens(accounting, "session-started", id);
  }

  happens(accounting: Accounting, event: string, sessionId: number, facts = {}): void {
    accounting.tapLog(this.log).trace({ level: "info", event, sessionId, facts });
  }

  /** Waits until the server has so much. */
  async has(...lines: readonly string[]): Promise<void> {
    await until(lines.join(), () => this.got.length >= lines.length ? true : undefined, 5_000, 5);
    assert.deepEqual(this.got, lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.answer = "acknowledged";
    for (const accounting of this.#running) await accounting.close();
    await Deno.remove(this.folder, { recursive: true });
  }

  #take(record: AccountRecord, account: Account | undefined): Delivery {
    if (this.answer !== "acknowledged") return this.answer;
    assert.equal(this.records.some(({ id }) => id === record.id), false, "at most once");
    this.records.push(record);
    const about = record.kind === "stop" ? ` ${record.why}` : "";
    const turn = record.kind === "interim" ? ` ${record.turn}` : "";
    this.got.push(`${account?.id ?? "gateway"} ${record.kind}${about}${turn}`);
    return "acknowledged";
  }
}

function sessionOf(id: number): SessionSnapshot {
  const { id: name, userName, addresses, firstLogin } = accountOf(`s${id}`);
  return {
    id,
    userName,
    addresses,
    firstLogin,
    method: "eap-mschapv2",
    peerType: "Other",
    state: "active",
    attributes: {},
    accounting: { id: name, class: [] },
    lastRemote: "192.0.2.1:4500",
    childSas: [],
  };
}

function recordFor(id: number, deadline: number): SessionRecord {
  const { absoluteEnd: _, ...record } = recordOf(`key${id}`, 1, 0);
  return { ...record, accounting: { sessionId: `s${id}`, class: [] }, deadline: wall(deadline) };
}

Deno.test("RFC 2866 §5.1: On before the first session, Off after the last, while nobody waits", async () => {
  await using site = new Site();
  const accounting = await site.start();
  site.login(accounting, 1);
  await site.has("gateway on", "s1 start");
  site.sessions = [];
  site.happens(accounting, "session-ended", 1, { why: "user-request" });
  await accounting.close();
  await site.has("gateway on", "s1 start", "s1 stop user-request", "gateway off");
});

Deno.test("a gateway whose session waits says neither Off nor On, and reports it as restored", async () => {
  await using site = new Site();
  const first = await site.start();
  site.login(first, 1);
  await site.has("gateway on", "s1 start");
  site.happens(first, "session-parked", 1, { reason: "shutdown" });
  await first.close();
  const second = await site.start([recordFor(1, Date.now() + 60_000)]);
  await site.has("gateway on", "s1 start", "s1 interim restored");
  assert.equal(second.counters()["accounting-open"], 1);
  site.happens(second, "session-ended", 1, { why: "reconnect-timeout" });
  site.sessions = [];
  await second.close();
  assert.deepEqual(site.got.slice(3), ["s1 stop reconnect-timeout", "gateway off"]);
});

Deno.test("those who died with the gateway stop, then comes On, then who comes later", async () => {
  await using site = new Site();
  const first = await site.start();
  for (const id of [1, 2, 3]) site.login(first, id);
  await site.has("gateway on", "s1 start", "s2 start", "s3 start");
  site.happens(first, "session-parked", 2, { reason: "peer-silent" });
  await first.close();
  site.sessions = [];
  // One lived on one SA, the second ran out, of the third somebody has the address.
  const second = await site.start([recordFor(2, Date.now() - 1), recordFor(3, Date.now() + 1e6)]);
  site.login(second, 4);
  await until("all of it", () => site.got.length >= 9 ? true : undefined, 5_000, 5);
  const [stops, rest] = [site.got.slice(4, 7), site.got.slice(7)];
  assert.deepEqual(stops.toSorted(), [
    "s1 stop gateway-died",
    "s2 stop reconnect-timeout",
    "s3 stop evicted",
  ]);
  assert.deepEqual(rest, ["gateway on", "s4 start"]);
  const [, facts] = site.log.told.find(([event]) => event === "accounts-restored") ?? [];
  assert.deepEqual(facts, { accounts: 3, ended: 3, queued: 0 });
});

Deno.test("the Stop of a lost session says what was last known of it", async () => {
  await using site = new Site();
  const store = await AccountStore.open(site.path, sealingOf(1));
  const sheet = { ...newSheet(accountOf("s1"), wall(1_700_000_000_000)), usage: usageOf(40) };
  await store.commit([{ name: "s1", sheet }]);
  store.close();
  await site.start();
  await site.has("s1 stop gateway-died", "gateway on");
  const [stop] = site.records;
  assert.ok(stop?.kind === "stop");
  assert.deepEqual([stop.usage, stop.at], [usageOf(40), 1_700_000_000_000]);
});

Deno.test("what servers did not take in time is told by the next start", async () => {
  await using site = new Site();
  const first = await site.start();
  await site.has("gateway on");
  site.answer = "unanswered";
  site.login(first, 1);
  site.happens(first, "session-ended", 1, { why: "operator" });
  site.sessions = [];
  const began = performance.now();
  await first.close();
  assert.ok(performance.now() - began < 5_000, "with patience, but not for ever");
  assert.deepEqual(site.log.told.at(-1), ["accounting-waits", { records: 3 }]);
  site.answer = "acknowledged";
  const second = await site.start();
  await site.has(
    "gateway on",
    "s1 start",
    "s1 stop operator",
    "gateway off",
    "gateway on",
  );
  await until(
    "nothing waits",
    () => second.counters()["accounting-queued"] === 0 || undefined,
    500,
  );
});

Deno.test("a store that is none is told and left as it is; accounting goes on in memory", async () => {
  await using site = new Site();
  const text = "no database at all ".repeat(1000);
  await Deno.writeTextFile(site.path, text);
  const accounting = await site.start();
  site.login(accounting, 1);
  await site.has("gateway on", "s1 start");
  const [event, facts] = site.log.told[0] ?? assert.fail();
  assert.deepEqual([event, facts["path"]], ["accounting-store-failed", site.path]);
  assert.equal(await Deno.readTextFile(site.path), text);
});

Deno.test("sheets sealed with another key are counted and left alone", async () => {
  await using site = new Site();
  const kv = await Deno.openKv(site.path);
  await kv.set(["account", "odd"], Uint8Array.of(1, 2, 3));
  kv.close();
  const accounting = await site.start();
  assert.equal(accounting.counters()["accounting-unreadable"], 1);
  assert.deepEqual(site.log.told[0], ["accounts-unreadable", { accounts: 1 }]);
  assert.equal((Deno.statSync(site.path).mode ?? 0) & 0o7777, 0o644, "made by the test");
});

Deno.test("the store of accounts is private, and no file shows a user", async () => {
  await using site = new Site();
  const accounting = await site.start();
  site.login(accounting, 1);
  await site.has("gateway on", "s1 start");
  await accounting.close();
  for (const { name } of Deno.readDirSync(site.folder)) {
    const path = `${site.folder}/${name}`;
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o077, 0, name);
    assert.ok(!new TextDecoder("latin1").decode(Deno.readFileSync(path)).includes("alice"), name);
  }
});
