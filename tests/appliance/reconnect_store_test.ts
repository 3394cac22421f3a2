import assert from "node:assert/strict";
import type { Kv } from "../../appliance/private_kv.ts";
import { ReconnectStore } from "../../appliance/reconnect_store.ts";
import { openRecord, sealRecord } from "../../appliance/record_codec.ts";
import { pageNumberOf } from "../../appliance/record_page.ts";
import { sealValue } from "../../appliance/sealed_value.ts";
import { StartError } from "../../appliance/start_error.ts";
import {
  buildOctetsJson,
  limits,
  type PacketFilter,
  type SessionRecord,
  textOf,
  utf8,
} from "../../core/mod.ts";
import { everything, recordOf, sealingOf } from "./support/records.ts";

const now = 1_800_000_000_000;
const sealing = sealingOf(1);

function byKey(a: SessionRecord, b: SessionRecord): number {
  return a.key < b.key ? -1 : 1;
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rejoin-store-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a store holds, its records read as a whole. */
async function loadAll(
  store: ReconnectStore,
): Promise<{ readonly records: readonly SessionRecord[]; readonly unreadable: number }> {
  const { records, unreadable } = await store.loadAll();
  return { records: records.map((stored) => stored.read()), unreadable };
}

Deno.test("a record comes out as it went in", () => {
  const record = recordOf("k1", 3, now);
  assert.deepEqual(openRecord(sealing, "k1", sealRecord(sealing, record)), record);
});

Deno.test("a record without the optional fields comes out as it went in", () => {
  const { absoluteEnd: _, ...rest } = recordOf("k1", 3, now);
  const record = { ...rest, attributes: {}, previous: { sessionId: "a", token: "b" } };
  assert.deepEqual(openRecord(sealing, "k1", sealRecord(sealing, record)), record);
});

Deno.test("every attribute that AAA may give comes out of a record as it went in", () => {
  const record = { ...recordOf("k1", 3, now), attributes: everything };
  assert.deepEqual(openRecord(sealing, "k1", sealRecord(sealing, record)), record);
});

/** What the first gateways wrote: octets as digits, addresses as text, no layout number. */
const former = {
  version: 1,
  key: "k1",
  sessionId: "rIUHKccDRiUtFTATwq",
  token: "3".repeat(43),
  userName: "ann",
  identity: { idType: 2, data: "010203" },
  method: "eap-mschapv2",
  peerType: "Other",
  addresses: ["192.168.20.5", "fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd"],
  attributes: {
    group: "staff",
    sessionLifetimeSeconds: 10_000,
    addresses: ["10.0.0.9"],
    class: ["00ff"],
  },
  accounting: { sessionId: "0A", class: ["0908"] },
  firstLogin: now,
  absoluteEnd: now + 1e7,
  state: "active",
  lastSeen: now,
  deadline: now + 1_800_000,
  reconnectCount: 3,
  lastRemote: "192.0.2.7:4500",
  gatewayName: "gw",
};

function openPlain(plain: unknown): SessionRecord | undefined {
  const name = "session record k1";
  return openRecord(sealing, "k1", sealValue(sealing, name, utf8(JSON.stringify(plain))));
}

Deno.test("a record of the first layout is read without loss", () => {
  const { ikeSa: _ikeSa, ...record } = recordOf("k1", 3, now); // which that layout did not have
  const attributes = {
    ...record.attributes,
    sessionLifetimeSeconds: 10_000,
    class: [Uint8Array.of(0, 255)],
  };
  assert.deepEqual(openPlain(former), { ...record, attributes });
  const { absoluteEnd: _, ...endless } = former;
  const previous = { sessionId: "a", token: "b" };
  const { absoluteEnd: __, ...rest } = record;
  assert.deepEqual(openPlain({ ...endless, attributes: {}, previous }), {
    ...rest,
    attributes: {},
    previous,
  });
});

Deno.test("records of layouts to come, and damaged ones of the first, are unreadable", () => {
  const record = { ...former, identity: { idType: 2, data: { hex: "010203" } } };
  assert.equal(openPlain({ layout: 3, record }), undefined);
  assert.equal(openPlain({ layout: 2, record: { ...record, version: 2 } }), undefined);
  assert.equal(openPlain({ ...former, version: 2 }), undefined);
  assert.equal(openPlain({ ...former, addresses: ["192.168.20"] }), undefined);
  assert.equal(openPlain({ ...former, identity: { idType: 2, data: "0" } }), undefined);
  assert.equal(openPlain("text"), undefined);
  assert.equal(openPlain(null), undefined);
});

Deno.test("a sealed record shows neither token nor user", () => {
  const text = textOf(sealRecord(sealing, recordOf("k1", 7, now)));
  assert.ok(!text.includes("777777") && !text.includes("ann"));
});

Deno.test("damage, another name and another key are all noticed", () => {
  const sealed = sealRecord(sealing, recordOf("k1", 3, now));
  for (let i = 0; i < sealed.length; i++) {
    const bad = sealed.slice();
    bad[i] = (bad[i] ?? 0) ^ 1;
    assert.equal(openRecord(sealing, "k1", bad), undefined);
  }
  for (let i = 0; i < sealed.length; i++) {
    assert.equal(openRecord(sealing, "k1", sealed.subarray(0, i)), undefined);
  }
  assert.equal(openRecord(sealing, "k2", sealed), undefined);
  assert.equal(openRecord(sealingOf(2), "k1", sealed), undefined);
  assert.equal(openRecord(sealing, "k1", "text"), undefined);
});

Deno.test("puts and deletes survive closing, the file is private", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const store = await ReconnectStore.open(path, sealing, () => now);
    await Promise.all([1, 2, 3].map((n) => store.put(recordOf(`k${n}`, n, now))));
    await store.put(recordOf("k2", 22, now));
    await store.delete("k3");
    await store.close();
    for (const entry of Deno.readDirSync(folder)) {
      assert.equal((Deno.statSync(`${folder}/${entry.name}`).mode ?? 0) & 0o077, 0, entry.name);
    }
    const again = await ReconnectStore.open(path, sealing, () => now);
    const { records, unreadable } = await loadAll(again);
    await again.close();
    assert.deepEqual(records.toSorted(byKey), [recordOf("k1", 1, now), recordOf("k2", 22, now)]);
    assert.equal(unreadable, 0);
  }));

Deno.test("records of one access list share its rules again, and the longest list fits", () =>
  inFolder(async (folder) => {
    const { filter } = everything;
    assert.ok(filter !== undefined);
    const [rule] = filter.rules;
    const count = Math.floor(limits.filterBytes / (buildOctetsJson(rule).length + 1));
    const long = { name: "long", rules: Array.from({ length: count }, () => rule!) };
    const withFilter = (key: string, filter: PacketFilter): SessionRecord => ({
      ...recordOf(key, 1, now),
      attributes: { ...everything, filter },
    });
    const store = await ReconnectStore.open(`${folder}/s.kv`, sealing, () => now);
    const stored = [withFilter("a", long), withFilter("b", filter), withFilter("c", long)];
    await Promise.all(stored.map((record) => store.put(record)));
    const { records } = await loadAll(store);
    await store.close();
    const sorted = records.toSorted(byKey);
    assert.deepEqual(sorted, stored);
    const [a, b, c] = sorted.map(({ attributes }) => attributes.filter);
    assert.ok(a === c && a !== b);
  }));

/** Keys of records that lie in one page. */
function neighbours(count: number): readonly string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    if (pageNumberOf(`n${i}`) === pageNumberOf("n0")) keys.push(`n${i}`);
  }
  return keys;
}

/** Where records lie in a closed store: names of those alone, and how many pages there are. */
async function placesIn(path: string): Promise<{ alone: readonly string[]; pages: number }> {
  using kv = await Deno.openKv(path);
  const alone: string[] = [];
  for await (const { key } of kv.list({ prefix: ["session"] })) alone.push(String(key[1]));
  let pages = 0;
  for await (const _ of kv.list({ prefix: ["page"] })) pages++;
  return { alone, pages };
}

async function keysIn(path: string, sealing_ = sealing): Promise<readonly string[]> {
  const store = await ReconnectStore.open(path, sealing_, () => now);
  const { records } = await loadAll(store);
  await store.close();
  return records.map(({ key, reconnectCount }) => `${key}=${reconnectCount}`).sort();
}

Deno.test("records of one page come and go without a trace on each other, known or not", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const [a = "", b = "", c = "", d = ""] = neighbours(4);
    const first = await ReconnectStore.open(path, sealing, () => now);
    await Promise.all([a, b, c].map((key, i) => first.put(recordOf(key, i, now))));
    await first.close();
    for (const [round, isRead] of [true, false].entries()) {
      const store = await ReconnectStore.open(path, sealing, () => now);
      if (isRead) await loadAll(store);
      await Promise.all([
        store.put(recordOf(a, 10 + round, now)),
        store.put(recordOf(d, 20 + round, now)),
        ...(isRead ? [] : [store.delete(b)]),
      ]);
      await store.close();
    }
    assert.deepEqual(await keysIn(path), [`${a}=11`, `${c}=2`, `${d}=21`]);
    assert.deepEqual(await placesIn(path), { alone: [], pages: 1 });
    const last = await ReconnectStore.open(path, sealing, () => now);
    await Promise.all([a, c, d].map((key) => last.delete(key)));
    await last.close();
    assert.deepEqual(await placesIn(path), { alone: [], pages: 0 });
  }));

Deno.test("a record is in one place, as it grows and shrinks, and when its page is full", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const store = await ReconnectStore.open(path, sealing, () => now);
    const keys = neighbours(60);
    const [a = ""] = keys;
    await store.put({ ...recordOf(a, 1, now), attributes: { group: "g".repeat(5_000) } });
    await Promise.all(keys.slice(1).map((key) => store.put(recordOf(key, 2, now))));
    await store.put(recordOf(a, 3, now));
    const { records } = await loadAll(store);
    await store.close();
    assert.deepEqual(records.map(({ key }) => key).sort(), [...keys].sort(), "each once");
    const { alone, pages } = await placesIn(path);
    assert.equal(pages, 1);
    assert.ok(alone.length > 0 && alone.length < 30, `${alone.length} did not fit`);
    const again = await ReconnectStore.open(path, sealing, () => now);
    await loadAll(again);
    const others = keys.filter((key) => !alone.includes(key));
    await Promise.all(others.map((key) => again.delete(key)));
    await Promise.all(alone.map((key) => again.put(recordOf(key, 4, now))));
    await again.close();
    assert.deepEqual(await placesIn(path), { alone: [], pages: 1 });
    assert.deepEqual(await keysIn(path), alone.map((key) => `${key}=4`).sort());
  }));

Deno.test("a page that cannot be read stays for whoever has the key", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const [a = "", b = "", c = ""] = neighbours(3);
    const store = await ReconnectStore.open(path, sealing, () => now);
    await store.put(recordOf(a, 1, now));
    await store.close();
    const other = await ReconnectStore.open(path, sealingOf(2), () => now);
    assert.deepEqual(await loadAll(other), { records: [], unreadable: 1 });
    await Promise.all([other.put(recordOf(b, 2, now)), other.delete(a)]);
    await other.close();
    assert.deepEqual(await keysIn(path, sealingOf(2)), [`${b}=2`]);
    assert.deepEqual(await keysIn(path), [`${a}=1`]);
    const blind = await ReconnectStore.open(path, sealingOf(2), () => now);
    await blind.put(recordOf(c, 3, now)); // without having read everything
    await blind.close();
    assert.deepEqual(await keysIn(path), [`${a}=1`]);
  }));

Deno.test("a record that a former gateway stored alone is read, and moves when it changes", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const kv = await Deno.openKv(path);
    for (const key of ["k1", "k2"]) {
      await kv.set(["session", key], sealRecord(sealing, recordOf(key, 1, now)));
    }
    kv.close();
    for (const isRead of [true, false]) {
      const store = await ReconnectStore.open(path, sealing, () => now);
      if (isRead) assert.equal((await loadAll(store)).records.length, 2);
      await store.put(recordOf(isRead ? "k1" : "k2", 2, now));
      await store.close();
      const pages = isRead ? 1 : 2;
      assert.deepEqual(await placesIn(path), { alone: isRead ? ["k2"] : [], pages });
    }
    assert.deepEqual(await keysIn(path), ["k1=2", "k2=2"]);
  }));

Deno.test("a write that failed does not come about by a later one to the same page", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const [a = "", b = ""] = neighbours(2);
    let isFull = true;
    const openKv = (at: string): Promise<Kv> => crampedKv(at, () => isFull);
    const store = await ReconnectStore.open(path, sealing, () => now, { openKv });
    await assert.rejects(store.put(recordOf(a, 1, now)), /disk is full/);
    isFull = false;
    await store.put(recordOf(b, 2, now));
    await store.close();
    assert.deepEqual(await keysIn(path), [`${b}=2`]);
  }));

Deno.test("what is enqueued together keeps its order, whatever is in between", () =>
  inFolder(async (folder) => {
    const store = await ReconnectStore.open(`${folder}/s.kv`, sealing, () => now);
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 350; i++) {
      writes.push(store.put(recordOf("same", i, now)));
      if (i % 3 === 0) writes.push(store.delete("same"));
      if (i === 120) await new Promise((go) => setTimeout(go, 5));
    }
    await Promise.all(writes);
    assert.deepEqual((await loadAll(store)).records, [recordOf("same", 349, now)]);
    await store.close();
  }));

Deno.test("closing commits what still waits", () =>
  inFolder(async (folder) => {
    const store = await ReconnectStore.open(`${folder}/s.kv`, sealing, () => now);
    const write = store.put(recordOf("k", 1, now));
    await store.close();
    await write;
    const again = await ReconnectStore.open(`${folder}/s.kv`, sealing, () => now);
    assert.equal((await loadAll(again)).records.length, 1);
    await again.close();
  }));

Deno.test("a thousand writes at once are a few commits", () =>
  inFolder(async (folder) => {
    const store = await ReconnectStore.open(`${folder}/s.kv`, sealing, () => now);
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) => store.put(recordOf(`k${i}`, i, now))),
    );
    assert.equal((await loadAll(store)).records.length, 1000);
    await store.close();
  }));

/** A database whose disk is full while `isFull()`; deletions do not fit either, as with SQLite. */
async function crampedKv(path: string, isFull: () => boolean): Promise<Kv> {
  const kv = await Deno.openKv(path);
  return {
    get: kv.get.bind(kv),
    list: kv.list.bind(kv),
    close: () => kv.close(),
    atomic: () => {
      const atomic = kv.atomic();
      const commit = atomic.commit.bind(atomic);
      atomic.commit = () =>
        isFull() ? Promise.reject(new Error("database or disk is full")) : commit();
      return atomic;
    },
  };
}

Deno.test("a deletion that failed is told, and done when there is room again", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    let isFull = false;
    const openKv = (at: string): Promise<Kv> => crampedKv(at, () => isFull);
    const store = await ReconnectStore.open(path, sealing, () => now, { openKv, retryAfterMs: 5 });
    await Promise.all(["gone", "kept", "back"].map((key, i) => store.put(recordOf(key, i, now))));
    isFull = true;
    const failures = await Promise.allSettled([
      store.delete("gone"),
      store.delete("back"),
      store.put(recordOf("never", 3, now)),
    ]);
    assert.deepEqual(failures.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
    assert.equal((await loadAll(store)).records.length, 3);
    isFull = false;
    await store.put(recordOf("back", 9, now));
    const keys = async (): Promise<readonly string[]> =>
      (await loadAll(store)).records.map(({ key }) => key).sort();
    while ((await keys()).includes("gone")) await new Promise((go) => setTimeout(go, 2));
    assert.deepEqual(await keys(), ["back", "kept"]);
    await store.close();
  }));

Deno.test("closing tries deletions that failed once more, and ends even if they fail again", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    let isFull = false;
    const openKv = (at: string): Promise<Kv> => crampedKv(at, () => isFull);
    for (const isFullAtEnd of [true, false]) {
      const store = await ReconnectStore.open(path, sealing, () => now, { openKv });
      await store.put(recordOf("gone", 1, now));
      isFull = true;
      await assert.rejects(store.delete("gone"), /disk is full/);
      isFull = isFullAtEnd;
      await store.close();
      isFull = false;
      const again = await ReconnectStore.open(path, sealing, () => now);
      assert.equal((await loadAll(again)).records.length, isFullAtEnd ? 1 : 0);
      await again.close();
    }
  }));

Deno.test("a deadline between two milliseconds can be stored", () =>
  inFolder(async (folder) => {
    const store = await ReconnectStore.open(`${folder}/s.kv`, sealing, () => now + 0.25);
    await store.put(recordOf("k", 1, now));
    await store.close();
  }));

Deno.test("values that cannot be read are left out and counted", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const store = await ReconnectStore.open(path, sealing, () => now);
    await store.put(recordOf("good", 1, now));
    await store.close();
    const kv = await Deno.openKv(path);
    await kv.set(["session", "bad"], Uint8Array.of(1, 2, 3));
    await kv.set(["session", "worse"], "text");
    kv.close();
    const again = await ReconnectStore.open(path, sealing, () => now);
    const { records, unreadable } = await loadAll(again);
    await again.close();
    assert.deepEqual([records.map(({ key }) => key), unreadable], [["good"], 2]);
  }));

Deno.test("a file that is no store is refused with one line, and left as it is", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const text = "this is not a database\n".repeat(500);
    await Deno.writeTextFile(path, text);
    await assert.rejects(ReconnectStore.open(path, sealing, () => now), (error: Error) => {
      assert.ok(error instanceof StartError);
      assert.match(error.message, /^Cannot open session store .*s\.kv: .*--kv$/);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
    assert.equal(await Deno.readTextFile(path), text);
  }));

Deno.test("a store in a folder that is not there is refused", () =>
  assert.rejects(ReconnectStore.open("/nonexistent/s.kv", sealing, () => now), StartError));

Deno.test("after kill -9 at any moment every record is whole, and no answered write is lost", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s.kv`;
    const names = ["a", "b", "c", "d"];
    for (let round = 0; round < 3; round++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          "--unstable-kv",
          "tests/appliance/support/store_writer.ts",
          path,
          ...names,
        ],
        cwd: new URL("../../", import.meta.url),
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const answered = new Map<string, number>();
      let pending = "";
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let lines = 0;
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        const parts = (pending + chunk.value).split("\n");
        pending = parts.pop() ?? "";
        for (const line of parts) {
          const [name = "", count] = line.split(" ");
          answered.set(name, Number(count));
          if (++lines === 150 + 37 * round) child.kill("SIGKILL");
        }
      }
      await child.status;
      const store = await ReconnectStore.open(path, sealing, Date.now);
      const { records, unreadable } = await loadAll(store);
      await store.close();
      assert.equal(unreadable, 0);
      assert.deepEqual(records.map(({ key }) => key).sort(), names);
      for (const { key, reconnectCount, token } of records) {
        assert.ok(reconnectCount >= (answered.get(key) ?? Infinity), `${key} lost a write`);
        assert.equal(token, `${reconnectCount}`.repeat(43).slice(0, 43));
      }
    }
  }));
