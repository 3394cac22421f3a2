/** Everybody comes back at once after the gateway was killed. */
import assert from "node:assert/strict";
import { ike, pair, password, users, writeUsers } from "../../scripts/bench/handshakes/gateways.ts";
import { runLoad } from "../../scripts/bench/handshakes/load.ts";
import type { LoadOrder, Stay } from "../../scripts/bench/handshakes/load_client.ts";
import { interopTest } from "../support/interop.ts";
import { gatewayName } from "../support/test_pki.ts";

const count = 300;

interopTest(
  "after kill -9 hundreds of clients come back at once, each to its own address",
  async (scene) => {
    const file = await writeUsers(scene.lab.folder);
    const flags = { user: [], users: file };
    scene.gateway = await scene.gateway.restart("SIGTERM", flags);
    const stays = `${scene.lab.folder}/stays.json`;
    const order = (how: "stay" | "return"): LoadOrder => ({
      gateway: "127.0.0.1",
      local: "127.0.0.1",
      remoteId: gatewayName,
      ca: scene.pki.ca,
      cert: scene.pki.clientCert,
      key: scene.pki.clientKey,
      concurrency: how === "stay" ? 16 : count,
      ...{ how, count, stays, ike, users, password, pair },
    });
    const logins = await runLoad(scene.inside, order("stay"));
    assert.deepEqual([logins.done, logins.failed], [count, 0]);
    const before = JSON.parse(await Deno.readTextFile(stays)) as readonly Stay[];
    assert.equal(new Set(before.flatMap(({ addresses }) => addresses)).size, count);

    scene.gateway = await scene.gateway.restart("SIGKILL", flags);
    assert.equal((await scene.gateway.reconnectStats()).inactiveCapable, count);
    assert.equal((await scene.gateway.counters())["store-changes"], 0, "a start writes nothing");
    const returns = await runLoad(scene.inside, order("return"));
    assert.deepEqual([returns.done, returns.failed, returns.misplaced], [count, 0, 0]);
    const sessions = await scene.gateway.sessions();
    const held = sessions.flatMap(({ addresses }) => addresses);
    assert.equal(sessions.length, count);
    assert.deepEqual(
      held.toSorted(),
      before.flatMap(({ addresses }) => addresses).toSorted(),
      "one holder each",
    );
    assert.ok(sessions.every(({ reconnect }) => reconnect?.count === 1));
    const stats = await scene.gateway.reconnectStats();
    assert.deepEqual([stats.success, stats.failed, stats.activeCapable], [count, 0, count]);
    const counters = await scene.gateway.counters();
    assert.equal(counters["aaa-question"] ?? 0, 0);
    const { "store-changes": changes = 0, "store-commits": commits = 0 } = counters;
    assert.ok(changes >= count, `${changes} changes`);
    assert.ok(commits < changes / 2, `${changes} changes in ${commits} commits`);
    assert.equal(counters["store-errors"], 0);
    // Other programs on this machine make it later than it is by itself.
    assert.ok((counters["loop-latest-ms"] ?? Infinity) < 500, JSON.stringify(counters));
  },
  { flags: { pool: "10.99.0.0/23", "log-level": "info" } },
);
