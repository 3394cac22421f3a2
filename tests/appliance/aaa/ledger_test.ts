/** The ledger: what it makes of traces, pictures and counters. */
import assert from "node:assert/strict";
import type { Account, AccountNews, Usage } from "../../../appliance/aaa/account.ts";
import { newSheet } from "../../../appliance/aaa/account_sheet.ts";
import { Ledger } from "../../../appliance/aaa/ledger.ts";
import type { Packets } from "../../../appliance/driver.ts";
import {
  type ChildSaInstall,
  type ChildSaSnapshot,
  type IkeSaSnapshot,
  type SessionSnapshot,
  type Trace,
  wall,
} from "../../../core/mod.ts";
import type { ChildSaCounters } from "../../../dataplane/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { VirtualTime } from "../../support/virtual_time.ts";
import { silentLog } from "./radius/support.ts";
import { accountOf, address, usageOf } from "./support/accounts.ts";

const wallStart = 1_800_000_000_000;
const second = 1_000;
const minute = 60_000;

/** A gateway and a packet path that are what the test says. */
class Scene implements Disposable {
  readonly time = new VirtualTime(wallStart);
  /** Everything told: session, kind, turn or why, packets in. */
  readonly told: string[] = [];
  readonly events: (readonly [Account, number, AccountNews])[] = [];
  readonly notes: (readonly [string, Usage, string | undefined])[] = [];
  readonly ledger: Ledger;
  readonly sessions = new Map<number, SessionSnapshot>();
  readonly carried = new Map<number, number>();
  readonly packets: Packets;
  /** Milliseconds until the packet path answers; `undefined` when it is dead. */
  answersAfterMs: number | undefined = 5;
  readings: (readonly number[])[] = [];
  readonly #trace: (trace: Trace) => void;

  constructor(intervalMs = 0) {
    this.ledger = new Ledger({
      session: (id) => this.sessions.get(id),
      sessionOfEsp: (spi) =>
        [...this.sessions.values()].find(({ childSas }) =>
          childSas.some(({ inboundSpi }) => inboundSpi === spi)
        )?.id,
      counters: (only) => this.#counters(only),
      teller: {
        tell: (account, at, news) => {
          this.events.push([account, at, news]);
          this.told.push(`${account.id} ${shown(news)}`);
        },
        note: (account, usage, _, parked) => void this.notes.push([account.id, usage, parked]),
      },
      intervalMs,
      nasAddress: address("10.0.0.1"),
      authenticOf: (method) => method === "certificate" ? "local" : "radius",
      clock: this.time.clock,
      random: new SeededRandom(1),
    });
    this.#trace = this.ledger.tapLog(silentLog).trace;
    const ignore = (): void => {};
    this.packets = this.ledger.tapPackets({
      transmit: ignore,
      installChildSa: ({ inboundSpi }) => void this.carried.set(inboundSpi, 0),
      moveChildSa: ignore,
      removeChildSa: (spi) => this.#remove(spi),
      filterChildSa: ignore,
    });
  }

  happens(event: string, sessionId: number, facts: Trace["facts"] = {}): void {
    this.#trace({ level: "info", event, sessionId, facts });
  }

  /** A session with one Child SA begins. */
  login(id: number, spi: number, change: Partial<SessionSnapshot> = {}): void {
    this.sessions.set(id, sessionOf(id, [spi], change));
    this.install(spi);
    this.happens("session-started", id);
  }

  /** Its user comes back on another Child SA. */
  comeBack(id: number, spi: number, change: Partial<SessionSnapshot> = {}): void {
    const { childSas } = this.sessions.get(id) ?? assert.fail();
    for (const { inboundSpi } of childSas) this.packets.removeChildSa(inboundSpi);
    this.sessions.set(id, sessionOf(id, [spi], change));
    this.install(spi);
    this.happens("session-reconnected", id);
  }

  end(id: number, why: string): void {
    const { childSas } = this.sessions.get(id) ?? assert.fail();
    this.sessions.delete(id);
    for (const { inboundSpi } of childSas) this.packets.removeChildSa(inboundSpi);
    this.happens("session-ended", id, { why });
  }

  install(inboundSpi: number): void {
    this.packets.installChildSa({ inboundSpi } as ChildSaInstall);
  }

  /** So many packets each way, see `usageOf`. */
  carry(spi: number, packets: number): void {
    this.carried.set(spi, (this.carried.get(spi) ?? 0) + packets);
  }

  /** Seconds in which the ledger looks for what is due. */
  async run(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.ledger.look();
      await this.time.pass(second);
    }
  }

  [Symbol.dispose](): void {
    this.time[Symbol.dispose]();
  }

  /** The packet path answers in the order it is asked. */
  #remove(spi: number): void {
    const packets = this.carried.get(spi);
    if (packets === undefined || this.answersAfterMs === undefined) return;
    this.carried.delete(spi);
    this.time.after(this.answersAfterMs, () => this.ledger.settle(countersOf(spi, packets)));
  }

  async #counters(only: readonly number[]): Promise<{ readonly perSa: ChildSaCounters[] }> {
    this.readings.push(only);
    if (this.answersAfterMs === undefined) throw new Error("the packet loop is not running");
    const perSa = only.filter((spi) => this.carried.has(spi))
      .map((spi) => countersOf(spi, this.carried.get(spi) ?? 0));
    await new Promise<void>((resolve) => this.time.after(this.answersAfterMs ?? 0, resolve));
    return { perSa };
  }
}

function shown(news: AccountNews): string {
  if (news.kind === "start") return "start";
  const about = news.kind === "stop" ? news.why : news.turn ?? "clock";
  assert.deepEqual(news.usage, usageOf(news.usage.packetsIn), "all counters are of one reading");
  return `${news.kind} ${about} ${news.usage.packetsIn}`;
}

function countersOf(inboundSpi: number, packets: number): ChildSaCounters {
  const { octetsIn, octetsOut, packetsIn, packetsOut } = usageOf(packets);
  return {
    inboundSpi,
    bytesIn: octetsIn,
    bytesOut: octetsOut,
    packetsIn,
    packetsOut,
    dropsIn: 1,
    dropsOut: 2,
    drops: {},
  };
}

function sessionOf(
  id: number,
  spis: readonly number[],
  change: Partial<SessionSnapshot> = {},
): SessionSnapshot {
  return {
    id,
    userName: "alice",
    method: "eap-mschapv2",
    peerType: "Other",
    state: "active",
    addresses: [address("10.99.0.7")],
    firstLogin: wall(wallStart - 1_000),
    attributes: {},
    accounting: { id: `s${id}`, class: [] },
    lastRemote: `[2001:db8::${id}]:4500`,
    ikeSa: { local: { address: address("2001:db8::1"), port: 4500 } } as IkeSaSnapshot,
    childSas: spis.map((inboundSpi) => ({ inboundSpi }) as ChildSaSnapshot),
    ...change,
  };
}

Deno.test("a session is one account over returns and rekeys, and nothing it carried is lost", async () => {
  using scene = new Scene();
  scene.login(1, 11);
  assert.deepEqual(scene.told, ["s1 start"], "at once");
  const [account, at] = scene.events[0] ?? assert.fail();
  assert.equal(at, wallStart);
  assert.deepEqual(account, {
    id: "s1",
    userName: "alice",
    addresses: [address("10.99.0.7")],
    class: [],
    firstLogin: wall(wallStart - 1_000),
    remote: "2001:db8::1",
    local: "2001:db8::1",
    authentic: "radius",
    nasAddress: address("10.0.0.1"),
  });
  scene.carry(11, 100);
  scene.comeBack(1, 12, { lastRemote: "192.0.2.9:4500" });
  scene.carry(12, 7);
  await scene.time.pass(second);
  // A rekey: the new pair is there before the old one goes.
  scene.sessions.set(1, sessionOf(1, [12, 13]));
  scene.install(13);
  scene.carry(12, 1);
  scene.carry(13, 2);
  scene.sessions.set(1, sessionOf(1, [13]));
  scene.packets.removeChildSa(12);
  await scene.time.pass(minute);
  scene.end(1, "user-request");
  await scene.time.pass(second);
  assert.deepEqual(scene.told, [
    "s1 start",
    "s1 interim reconnect 107",
    "s1 stop user-request 110",
  ]);
  assert.equal(scene.events[1]?.[0].remote, "192.0.2.9");
});

Deno.test("a session that is over before it was looked at is accounted for", async () => {
  using scene = new Scene();
  scene.login(1, 11);
  scene.carry(11, 5);
  await scene.time.pass(10);
  // Rekeyed and gone within the time in which events are gathered.
  scene.sessions.set(1, sessionOf(1, [12]));
  scene.install(12);
  scene.packets.removeChildSa(11);
  scene.carry(12, 6);
  scene.end(1, "operator");
  await scene.time.pass(second);
  assert.deepEqual(scene.told, ["s1 start", "s1 stop operator 11"]);
});

Deno.test("counters that come late are waited for", async () => {
  using scene = new Scene();
  scene.answersAfterMs = 5 * second;
  scene.login(1, 11);
  scene.carry(11, 5);
  scene.comeBack(1, 12);
  await scene.time.pass(second);
  scene.carry(12, 3);
  scene.end(1, "user-request");
  await scene.time.pass(second);
  assert.deepEqual(scene.told, ["s1 start"]);
  await scene.time.pass(minute);
  assert.deepEqual(scene.told.slice(1), ["s1 interim reconnect 5", "s1 stop user-request 8"]);
});

Deno.test("when the packet path is gone the last that was known is told", async () => {
  using scene = new Scene();
  scene.login(1, 11);
  scene.carry(11, 5);
  await scene.run(61);
  assert.deepEqual(scene.notes.map(([id, { packetsIn }]) => [id, packetsIn]), [["s1", 5]]);
  scene.answersAfterMs = undefined;
  scene.carry(11, 5);
  scene.end(1, "shutdown");
  await scene.time.pass(second);
  assert.deepEqual(scene.told, ["s1 start", "s1 stop shutdown 5"]);
});

Deno.test("silence says nothing, and is kept", async () => {
  using scene = new Scene();
  scene.login(1, 11);
  scene.carry(11, 5);
  scene.packets.removeChildSa(11);
  scene.sessions.set(1, sessionOf(1, [], { state: "inactive" }));
  scene.happens("session-parked", 1, { reason: "peer-silent" });
  await scene.time.pass(second);
  assert.deepEqual(scene.told, ["s1 start"]);
  assert.deepEqual(scene.notes, [["s1", usageOf(5), "peer-silent"]]);
  scene.comeBack(1, 12);
  await scene.time.pass(second);
  assert.deepEqual(scene.notes.at(-1), ["s1", usageOf(5), undefined]);
});

Deno.test("traces of sessions that nobody accounts for are passed over", async () => {
  using scene = new Scene();
  scene.sessions.set(1, sessionOf(1, []));
  for (const event of ["reconnected", "moved", "parked", "ended"]) {
    scene.happens(`session-${event}`, 1);
  }
  scene.happens("session-started", 2);
  scene.ledger.settle(countersOf(99, 1));
  await scene.time.pass(second);
  assert.deepEqual([scene.told, scene.readings], [[], []]);
});

Deno.test("RFC 2869 §2.1: reports come by the clock, at the interval that AAA names or else the flag", async () => {
  using scene = new Scene(5 * minute);
  scene.login(1, 11);
  scene.login(2, 12, { attributes: { interimSeconds: 120 } });
  scene.login(3, 13, { attributes: { interimSeconds: 5 } });
  await scene.run(1800);
  const count = (id: string): number =>
    scene.told.filter((line) => line.startsWith(`${id} interim clock`)).length;
  // The first comes early, by up to half of the interval.
  assert.ok(count("s1") >= 6 && count("s1") <= 7, `${count("s1")}`);
  assert.ok(count("s2") >= 15 && count("s2") <= 16, `${count("s2")}`);
  assert.ok(count("s3") >= 29 && count("s3") <= 31, `at least a minute apart: ${count("s3")}`);
});

Deno.test("with the flag at 0 only those report whose server wants it", async () => {
  using scene = new Scene(0);
  scene.login(1, 11);
  scene.login(2, 12, { attributes: { interimSeconds: 60 } });
  await scene.run(600);
  assert.equal(scene.told.some((line) => line.startsWith("s1 interim")), false);
  assert.ok(scene.told.some((line) => line.startsWith("s2 interim")));
});

Deno.test("10 000 who logged in together do not report in the same second", async () => {
  using scene = new Scene(minute);
  for (let id = 1; id <= 10_000; id++) scene.sessions.set(id, sessionOf(id, []));
  for (const id of scene.sessions.keys()) scene.happens("session-started", id);
  const perSecond: number[] = [];
  for (let i = 0; i < 180; i++) {
    const before = scene.told.length;
    await scene.run(1);
    perSecond.push(scene.told.length - before);
  }
  assert.ok(Math.max(...perSecond) < 500, `${Math.max(...perSecond)} in one second`);
  assert.ok(scene.told.length > 10_000 + 25_000, "everybody reported");
});

Deno.test("a reading asks for those that it is about, and no others", async () => {
  using scene = new Scene();
  for (let id = 1; id <= 50; id++) scene.login(id, 100 + id);
  scene.comeBack(7, 207);
  await scene.time.pass(second);
  // What the old one carried was told when it was removed.
  assert.deepEqual(scene.readings, [[207]]);
});

Deno.test("a peer at another host is reported, at most once in ten seconds; another port is not", async () => {
  using scene = new Scene();
  scene.login(1, 11);
  const moveTo = (lastRemote: string): void => {
    scene.sessions.set(1, sessionOf(1, [11], { lastRemote }));
    scene.happens("session-moved", 1);
  };
  moveTo("[2001:db8::1]:4501");
  await scene.run(1);
  assert.deepEqual(scene.told, ["s1 start"]);
  moveTo("192.0.2.1:4500");
  await scene.run(1);
  assert.deepEqual(scene.told.slice(1), ["s1 interim roam 0"]);
  assert.equal(scene.events.at(-1)?.[0].remote, "192.0.2.1");
  for (let i = 0; i < 8; i++) {
    moveTo(`192.0.2.${i + 2}:4500`);
    await scene.run(1);
  }
  assert.equal(scene.told.length, 2);
  await scene.run(5);
  assert.equal(scene.told.length, 3);
  assert.equal(scene.events.at(-1)?.[0].remote, "192.0.2.9");
});

Deno.test("a session of before a restart goes on with what it had carried", async () => {
  using scene = new Scene(5 * minute);
  const session = sessionOf(4, [], { state: "inactive", lastRemote: "192.0.2.4:4500" });
  const { ikeSa: _, ...parked } = session;
  scene.sessions.set(4, parked);
  const account = accountOf("s4", { nasAddress: address("10.0.0.77"), local: "198.51.100.4" });
  scene.ledger.adopt(parked, { ...newSheet(account, wall(5)), usage: usageOf(40) });
  await scene.run(2);
  assert.deepEqual(scene.told, ["s4 interim restored 40"]);
  const [told] = scene.events[0] ?? assert.fail();
  assert.deepEqual(told, { ...account, remote: "192.0.2.4" }, "known as it was known before");
  assert.deepEqual(scene.notes, [["s4", usageOf(40), "gateway-died"]]);
  scene.comeBack(4, 41);
  scene.carry(41, 2);
  await scene.time.pass(second);
  scene.end(4, "user-request");
  await scene.time.pass(second);
  assert.deepEqual(scene.told.slice(1), ["s4 interim reconnect 42", "s4 stop user-request 42"]);
});

Deno.test("a user who is back at once is reported as restored first", async () => {
  using scene = new Scene();
  const session = sessionOf(4, []);
  scene.sessions.set(4, session);
  scene.ledger.adopt(session, newSheet(accountOf("s4"), wall(5)));
  scene.comeBack(4, 41);
  await scene.run(2);
  assert.deepEqual(scene.told, ["s4 interim restored 0", "s4 interim reconnect 0"]);
});

Deno.test("a restored session of which there is no open account begins one, when it began", async () => {
  using scene = new Scene();
  const closed = { ...newSheet(accountOf("s5"), wall(5)), isOpen: false, usage: usageOf(3) };
  for (const [id, sheet] of [[4, undefined], [5, closed]] as const) {
    scene.sessions.set(id, sessionOf(id, []));
    scene.ledger.adopt(sessionOf(id, []), sheet);
  }
  await scene.run(2);
  assert.deepEqual(scene.told, ["s4 start", "s5 start"]);
  assert.equal(scene.events[0]?.[1], wallStart - 1_000);
  scene.end(5, "operator");
  await scene.time.pass(second);
  assert.equal(scene.told.at(-1), "s5 stop operator 3");
});

Deno.test("10 000 restored sessions report one after the other", async () => {
  using scene = new Scene();
  for (let id = 1; id <= 10_000; id++) {
    const session = sessionOf(id, []);
    scene.sessions.set(id, session);
    scene.ledger.adopt(session, newSheet(accountOf(`s${id}`), wall(5)));
  }
  let most = 0;
  for (let i = 0; i < 60; i++) {
    const before = scene.told.length;
    await scene.run(1);
    most = Math.max(most, scene.told.length - before);
  }
  assert.equal(scene.told.length, 10_000);
  assert.ok(most <= 201, `${most} in one second`);
});

Deno.test("closing keeps what was carried and tells what is left", async () => {
  using scene = new Scene();
  scene.login(1, 11);
  scene.login(2, 12);
  scene.carry(11, 3);
  scene.carry(12, 4);
  scene.end(2, "shutdown");
  const closed = scene.ledger.close();
  await scene.time.pass(second);
  await closed;
  assert.deepEqual(scene.told, ["s1 start", "s2 start", "s2 stop shutdown 4"]);
  assert.deepEqual(scene.notes, [["s1", usageOf(3), undefined]]);
  scene.happens("session-ended", 1, { why: "operator" });
  await scene.run(2);
  assert.equal(scene.told.length, 3);
});
