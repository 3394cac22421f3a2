/** Login with a certificate from strongSwan. */
import assert from "node:assert/strict";
import { startCharon } from "../support/charon.ts";
import { interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { charonClient, innerTarget } from "../support/road_warrior.ts";
import { clientName, makeTestPki } from "../support/test_pki.ts";

interopTest("certificate login gets an address and carries packets", async (scene) => {
  const client = await scene.client(scene.site, { auth: "certificate" });
  await client.initiate("net");
  const [session] = await scene.gateway.sessions();
  assert.equal(session?.method, "certificate");
  assert.equal(session.ikeSa?.remoteId, clientName);
  const [source = ""] = session.addresses;
  const answers = await ping(scene.site.namespace, innerTarget, { source });
  assert.equal(answers.received, answers.sent);
});

interopTest("a certificate of a foreign CA is refused", async (scene) => {
  const foreign = await makeTestPki(`${scene.lab.folder}/foreign`);
  const options = charonClient(scene.lab, scene.site, {
    ...scene.pki,
    clientCert: foreign.clientCert,
    clientKey: foreign.clientKey,
  }, { auth: "certificate" });
  await using client = await startCharon(options);
  const { up } = await client.tryInitiate("net", 10);
  assert.equal(up, false);
  assert.match(client.process.output, /AUTH_FAILED|AUTHENTICATION_FAILED/);
  assert.deepEqual(await scene.gateway.sessions(), []);
});
