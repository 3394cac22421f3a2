/** How sessions end: DELETE of either side, silence, and what the other side then knows. */
import assert from "node:assert/strict";
import { until } from "../support/background.ts";
import { interopTest } from "../support/interop.ts";

interopTest("a client's DELETE ends the session and frees its address", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  assert.deepEqual((await scene.gateway.pools()).map((pool) => pool.inUse), [1]);
  await client.swanctl("--terminate", "--ike", "gw");
  await scene.gateway.untilSession("alice", "gone", (session) => session === undefined);
  assert.deepEqual((await scene.gateway.pools()).map((pool) => pool.inUse), [0]);
  await client.initiate("net");
  assert.deepEqual((await scene.gateway.pools()).map((pool) => pool.inUse), [1]);
});

interopTest("an operator's clear ends the session and the client is told", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  const { success, stderr } = await scene.gateway.command(
    ...["clear", "crypto", "session", "username", "alice"],
  );
  assert.equal(success, true, stderr);
  await client.untilSas("no IKE SA", (sas) => sas.length === 0 ? true : undefined);
  assert.match(client.process.output, /received DELETE for IKE_SA/);
  assert.deepEqual(await scene.gateway.sessions(), []);
});

interopTest(
  "a gateway that goes down by SIGTERM tells a client that cannot reconnect",
  async (scene) => {
    const client = await scene.client(scene.site, { auth: "eap" });
    await client.initiate("net");
    await scene.gateway.process.stop("SIGTERM");
    assert.equal((await scene.gateway.process.status()).code, 0);
    await client.untilSas("no IKE SA", (sas) => sas.length === 0 ? true : undefined);
  },
);

interopTest("the gateway answers a client's liveness checks", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" }, { connection: "dpd_delay = 1s" });
  await client.initiate("net");
  await until("three answered checks", () => {
    const answers = client.process.output.match(/parsed INFORMATIONAL response \d+ \[ \]/g) ?? [];
    return answers.length >= 3 ? true : undefined;
  }, 10_000);
  assert.equal((await client.listSas())[0]?.state, "ESTABLISHED");
});

interopTest("a client that falls silent is found by dead peer detection", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  await scene.site.namespace.setLink(scene.site.interfaceName, "down");
  const gone = await scene.gateway.untilSession(
    "alice",
    "gone or waiting",
    (session) => session?.state !== "active",
    40_000,
  );
  assert.equal(gone, undefined, "it never asked for a pair, so nothing waits for it");
}, { flags: { dpd: 10, "dpd-retry": 2 } });
