/**
 * Coming back with stock strongSwan: identity KEY_ID = session id, shared key = token. It cannot ask for a
 * pair, so the session is put into the store beforehand; everything after that is the real thing.
 */
import assert from "node:assert/strict";
import { type InteropScene, interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";
import { type Pair, storeSession, testPair } from "../support/stored_session.ts";

const address = "10.99.0.77";

/** A gateway that knows one lost session of alice. */
async function withLostSession(scene: InteropScene, deadlineMs = 600_000): Promise<Pair> {
  const pair = testPair("x");
  await scene.gateway.process.stop("SIGTERM");
  await storeSession(`${scene.lab.folder}/state`, pair, { userName: "alice", address, deadlineMs });
  scene.gateway = await scene.gateway.restart();
  return pair;
}

interopTest("back by token: same address, traffic, no question to AAA", async (scene) => {
  const pair = await withLostSession(scene);
  assert.equal((await scene.gateway.session("alice"))?.state, "inactive");
  const client = await scene.client(scene.site, { auth: "reconnect", ...pair });
  await client.initiate("net");
  assert.deepEqual((await client.listSas())[0]?.virtualIps, [address]);
  const session = await scene.gateway.session("alice");
  assert.equal(session?.state, "active");
  assert.deepEqual(session.addresses, [address]);
  assert.equal(session.reconnect?.count, 1);
  const answers = await ping(scene.site.namespace, innerTarget, { source: address });
  assert.equal(answers.received, answers.sent);
  assert.equal((await scene.gateway.counters())["aaa-question"] ?? 0, 0);
  const stats = await scene.gateway.reconnectStats();
  assert.deepEqual([stats.total, stats.success, stats.failed], [1, 1, 0]);
  const rounds = client.process.output.match(/generating IKE_AUTH request/g) ?? [];
  assert.equal(rounds.length, 1, "one round trip after IKE_SA_INIT");
});

interopTest(
  "a wrong token and an unknown id are refused alike, and spoil nothing",
  async (scene) => {
    const pair = await withLostSession(scene);
    const wrongToken = { ...pair, token: "W".repeat(43) };
    const unknownId = { sessionId: "U".repeat(18), token: "W".repeat(43) };
    for (const [folder, wrong] of Object.entries({ wrongToken, unknownId })) {
      await using client = await scene.client(
        scene.site,
        { auth: "reconnect", ...wrong },
        { folder },
      );
      const { up } = await client.tryInitiate("net", 10);
      assert.equal(up, false, folder);
      assert.match(client.process.output, /received AUTHENTICATION_FAILED/, folder);
    }
    const stats = await scene.gateway.reconnectStats();
    assert.deepEqual([stats.success, stats.failed, stats.inactiveCapable], [0, 2, 1]);
    const client = await scene.client(scene.site, { auth: "reconnect", ...pair });
    await client.initiate("net");
    assert.deepEqual((await client.listSas())[0]?.virtualIps, [address]);
  },
);

interopTest("an expired session cannot come back and its address is free", async (scene) => {
  const pair = await withLostSession(scene, 2500);
  await scene.gateway.untilSession("alice", "reaped", (session) => session === undefined);
  const client = await scene.client(scene.site, { auth: "reconnect", ...pair });
  const { up } = await client.tryInitiate("net", 10);
  assert.equal(up, false);
  assert.match(client.process.output, /received AUTHENTICATION_FAILED/);
  const stats = await scene.gateway.reconnectStats();
  assert.deepEqual([stats.failed, stats.inactiveCapable], [1, 0]);
  assert.deepEqual((await scene.gateway.pools()).map((pool) => pool.inUse), [0]);
});

interopTest(
  "coming back while the old SA is up takes the session over in one step",
  async (scene) => {
    const [here, there] = scene.sites;
    assert.ok(here && there);
    const pair = await withLostSession(scene);
    const before = await scene.client(here, { auth: "reconnect", ...pair });
    await before.initiate("net");
    const after = await scene.client(there, { auth: "reconnect", ...pair });
    await after.initiate("net");
    assert.deepEqual((await after.listSas())[0]?.virtualIps, [address]);
    const sessions = await scene.gateway.sessions();
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0]?.ikeSa?.remote.address, there.address);
    assert.equal(sessions[0]?.childSas.length, 1);
    const answers = await ping(there.namespace, innerTarget, { source: address });
    assert.equal(answers.received, answers.sent);
    await before.untilSas("the old place was told", (sas) => sas.length === 0 ? true : undefined);
  },
  { sites: 2 },
);

interopTest("after kill -9 of the gateway a live session comes back", async (scene) => {
  const pair = await withLostSession(scene);
  await using before = await scene.client(scene.site, { auth: "reconnect", ...pair });
  await before.initiate("net");
  await before.process.stop("SIGKILL");
  scene.gateway = await scene.gateway.restart("SIGKILL");
  const waiting = await scene.gateway.session("alice");
  assert.equal(waiting?.state, "inactive");
  assert.deepEqual(waiting.addresses, [address]);
  const after = await scene.client(
    scene.site,
    { auth: "reconnect", ...pair },
    { folder: "after-restart" },
  );
  await after.initiate("net");
  assert.deepEqual((await after.listSas())[0]?.virtualIps, [address]);
  const session = await scene.gateway.session("alice");
  assert.equal(session?.reconnect?.count, 2);
  assert.equal((await scene.gateway.counters())["aaa-question"] ?? 0, 0);
});

interopTest("a client's DELETE ends a session that came back for good", async (scene) => {
  const pair = await withLostSession(scene);
  const client = await scene.client(scene.site, { auth: "reconnect", ...pair });
  await client.initiate("net");
  await client.swanctl("--terminate", "--ike", "gw");
  await scene.gateway.untilSession("alice", "gone", (session) => session === undefined);
  const { up } = await client.tryInitiate("net", 10);
  assert.equal(up, false);
  scene.gateway = await scene.gateway.restart();
  assert.deepEqual(await scene.gateway.sessions(), [], "the store forgot it too");
});
