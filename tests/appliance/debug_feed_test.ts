/** What `rejoin debug` is fed with, and what it makes of it. */
import assert from "node:assert/strict";
import { DebugFeed, type DebugFilter, type DebugReply } from "../../appliance/debug_feed.ts";
import type { Log } from "../../appliance/log.ts";
import { debugLines } from "../../appliance/show/debug.ts";
import { moment, parseIpAddress, type Trace } from "../../core/mod.ts";

/** A feed, the log in front of it, and what reached the log behind it and the core. */
class Scene {
  readonly logged: string[] = [];
  readonly orders: boolean[] = [];
  readonly feed = new DebugFeed({
    clock: { now: () => moment(0, 1_800_000_000_000) },
    tellMessages: (wanted) => void this.orders.push(wanted),
  });
  readonly log: Log = this.feed.tap({
    tell: (_, event) => void this.logged.push(event),
    trace: ({ event }) => void this.logged.push(event),
    close: () => {},
  });
}

/** One who looks, up to where nothing more waits. */
class Look {
  readonly #stop = new AbortController();
  readonly #replies: AsyncGenerator<DebugReply>;

  constructor(feed: DebugFeed, filter: DebugFilter = {}) {
    this.#replies = feed.follow(filter, this.#stop.signal);
  }

  async next(): Promise<DebugReply | undefined> {
    const { value } = await this.#replies.next();
    return value ?? undefined;
  }

  async events(count: number): Promise<readonly string[]> {
    const events: string[] = [];
    for (let i = 0; i < count; i++) {
      const reply = await this.next();
      events.push(reply?.kind === "debug" ? reply.event : reply?.kind ?? "over");
    }
    return events;
  }

  /** Ends by the signal, as when a connection is gone. */
  async end(): Promise<void> {
    this.#stop.abort();
    assert.equal(await this.next(), undefined);
  }
}

const peer = parseIpAddress("192.0.2.7");
assert.ok(peer);
const remote = { address: peer, port: 4500 };

const packet: Trace = {
  level: "debug",
  event: "ikev2-packet",
  sessionId: 3,
  remote,
  facts: {
    direction: "received",
    message: "IKE_AUTH request 1 { IDi, CP(CFG_REQUEST) }",
    details: ["Attrib type: unknown (28717), length: 0"],
  },
};

Deno.test("a viewer sees what is told from then on; the log gets all but messages", async () => {
  const { feed, log, logged, orders } = new Scene();
  log.tell("info", "before");
  const look = new Look(feed);
  assert.deepEqual(await look.next(), { kind: "debugging" });
  log.tell("debug", "quiet", { remote, token: "s3cret" });
  log.trace(packet);
  assert.deepEqual(await look.next(), {
    kind: "debug",
    time: "2027-01-15T08:00:00.000Z",
    level: "debug",
    event: "quiet",
    facts: { remote: "192.0.2.7:4500", token: "[redacted]" },
  });
  const shown = await look.next();
  assert.ok(shown?.kind === "debug");
  assert.deepEqual(debugLines(shown), [
    "2027-01-15T08:00:00.000Z debug   Received IKE_AUTH request 1 { IDi, CP(CFG_REQUEST) } " +
    "session=3 remote=192.0.2.7:4500",
    "    Attrib type: unknown (28717), length: 0",
  ]);
  assert.deepEqual(logged, ["before", "quiet"]);
  await look.end();
  assert.deepEqual(orders, [true, false]);
});

Deno.test("the core tells of messages while anybody wants them, and is asked once", async () => {
  const { feed, orders } = new Scene();
  const error = new Look(feed, { topic: "error" });
  await error.next();
  assert.deepEqual(orders, []);
  const looks = [new Look(feed, { topic: "packet" }), new Look(feed)];
  for (const look of looks) await look.next();
  assert.deepEqual(orders, [true]);
  await looks[0]?.end();
  assert.deepEqual(orders, [true]);
  await looks[1]?.end();
  assert.deepEqual(orders, [true, false]);
  await error.end();
});

const topics: readonly (readonly [filter: DebugFilter, events: readonly string[]])[] = [
  [{}, ["ikev2-packet", "chatter", "trouble", "elsewhere"]],
  [{ topic: "packet" }, ["ikev2-packet"]],
  [{ topic: "internal" }, ["chatter", "trouble", "elsewhere"]],
  [{ topic: "error" }, ["trouble"]],
  [{ peer }, ["ikev2-packet", "trouble"]],
  [{ topic: "error", peer }, ["trouble"]],
];

for (const [filter, events] of topics) {
  const { topic = "everything" } = filter;
  Deno.test(`${topic}${filter.peer ? " of one peer" : ""} is ${events.join(", ")}`, async () => {
    const { feed, log } = new Scene();
    const look = new Look(feed, filter);
    await look.next();
    const other = parseIpAddress("192.0.2.8");
    assert.ok(other);
    log.trace(packet);
    log.tell("info", "chatter");
    log.tell("warning", "trouble", { remote });
    log.tell("info", "elsewhere", { remote: { address: other, port: 4500 } });
    assert.deepEqual(await look.events(events.length), events);
    await look.end();
  });
}

Deno.test("a slow viewer loses the newest and learns how many; nobody else does", async () => {
  const { feed, log } = new Scene();
  const [slow, fast] = [new Look(feed), new Look(feed, { topic: "error" })];
  await slow.next();
  await fast.next();
  for (let i = 0; i < 1500; i++) log.tell("info", `event-${i}`);
  log.tell("error", "last");
  const events = await slow.events(1001);
  assert.deepEqual([events[0], events[999], events[1000]], ["event-0", "event-999", "debug-lost"]);
  assert.deepEqual(debugLines({ kind: "debug-lost", count: 501 }), [
    "501 more were lost here: too many to keep up with",
  ]);
  assert.deepEqual(await fast.events(1), ["last"]);
  log.tell("info", "after");
  assert.deepEqual(await slow.events(1), ["after"]);
  await slow.end();
  await fast.end();
});
