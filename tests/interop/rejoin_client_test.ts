/** Our own client: against our gateway, against strongSwan's, and as the source of a pair for strongSwan. */
import assert from "node:assert/strict";
import { type InteropScene, interopTest, swanGatewayTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import type { Flags } from "../support/rejoin.ts";
import { type RejoinClient, startClientAt } from "../support/rejoin_client.ts";
import { innerTarget } from "../support/road_warrior.ts";
import { readClientPair } from "../support/stored_session.ts";

function ours(scene: InteropScene, flags: Flags = {}): Promise<RejoinClient> {
  return startClientAt(`${scene.lab.folder}/client`, scene.site, scene.pki, flags);
}

interopTest(
  "our client logs in, is killed, and comes back by token when started again",
  async (scene) => {
    await using first = await ours(scene);
    assert.equal((await first.nextEstablished(10_000)).how, "login");
    const before = await scene.gateway.session("alice");
    assert.equal(before?.addresses.length, 1);
    await first.process.stop("SIGKILL");
    await using second = await ours(scene);
    assert.equal((await second.nextEstablished(10_000)).how, "reconnect");
    const after = await scene.gateway.session("alice");
    assert.deepEqual(after?.addresses, before.addresses);
    assert.equal(after?.reconnect?.count, 1);
    assert.equal((await scene.gateway.counters())["aaa-question"], 1);
    const [source = ""] = after.addresses;
    const answers = await ping(scene.site.namespace, innerTarget, { source });
    assert.equal(answers.received, answers.sent);
  },
);

interopTest(
  "our client logs out by SIGTERM: the session is over and the pair void",
  async (scene) => {
    await using client = await ours(scene);
    await client.nextEstablished(10_000);
    await client.process.stop("SIGTERM");
    await scene.gateway.untilSession("alice", "gone", (session) => session === undefined);
    await using again = await ours(scene);
    assert.equal((await again.nextEstablished(10_000)).how, "login");
  },
);

interopTest("a pair that our client was given lets stock strongSwan come back", async (scene) => {
  await using client = await ours(scene, { park: true });
  await client.nextEstablished(10_000);
  const before = await scene.gateway.session("alice");
  await client.process.stop("SIGTERM");
  const pair = await readClientPair(
    `${scene.lab.folder}/client`,
    scene.site.gatewayAddress,
    "alice",
  );
  assert.match(pair.sessionId, /^[A-Za-z]{18}$/);
  assert.match(pair.token, /^[A-Za-z0-9]{43}$/);
  const charon = await scene.client(scene.site, { auth: "reconnect", ...pair });
  await charon.initiate("net");
  assert.deepEqual((await charon.listSas())[0]?.virtualIps, before?.addresses);
  assert.equal((await scene.gateway.session("alice"))?.reconnect?.count, 1);
});

interopTest("our client logs in with a certificate", async (scene) => {
  await using client = await ours(scene, {
    auth: "cert",
    cert: scene.pki.clientCert,
    key: scene.pki.clientKey,
  });
  assert.equal((await client.nextEstablished(10_000)).how, "login");
  assert.equal((await scene.gateway.sessions())[0]?.method, "certificate");
});

interopTest("a link that is down for a moment costs our client one round trip", async (scene) => {
  await using client = await ours(scene, { dpd: 2, "dpd-retry": 1 });
  await client.nextEstablished(10_000);
  const { namespace, interfaceName, gatewayAddress } = scene.site;
  await namespace.setLink(interfaceName, "down");
  await client.process.waitFor(/reconnecting/, 15_000);
  await namespace.setLink(interfaceName, "up");
  await namespace.run("ip", "route", "replace", "default", "via", gatewayAddress);
  assert.equal((await client.nextEstablished(15_000)).how, "reconnect");
  const session = await scene.gateway.session("alice");
  assert.equal(session?.reconnect?.count, 1);
  assert.equal((await scene.gateway.counters())["aaa-question"], 1);
});

swanGatewayTest(
  "our client logs in to a strongSwan gateway and carries packets",
  async ({ server, site, source }) => {
    const answers = await ping(site.namespace, innerTarget, { source, count: 10 });
    assert.equal(answers.received, answers.sent);
    await server.swanctl("--rekey", "--child", "net");
    await server.untilSas(
      "a second Child SA alone",
      ([sa]) =>
        sa?.children.length === 1 && sa.children[0]?.name === "net" &&
          /CHILD_SA net\{2\} established/.test(server.process.output)
          ? true
          : undefined,
    );
    const more = await ping(site.namespace, innerTarget, { source, count: 10 });
    assert.equal(more.received, more.sent);
  },
);
