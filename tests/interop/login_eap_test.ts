/** Login with EAP-MSCHAPv2 from strongSwan: the tunnel carries ping and TCP; wrong passwords do not. */
import assert from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";

interopTest("EAP-MSCHAPv2 login gets an address; ping and TCP pass both ways", async (scene) => {
  const { site, inside, gateway } = scene;
  const client = await scene.client(site, { auth: "eap" });
  await client.initiate("net");
  const [sa] = await client.listSas();
  const address = sa?.virtualIps[0] ?? "";
  assert.match(address, /^10\.99\.0\.\d+$/);
  const session = await gateway.session("alice");
  assert.deepEqual(session?.addresses, [address]);
  assert.equal(session?.state, "active");
  const answers = await ping(site.namespace, innerTarget, { source: address, count: 5 });
  assert.equal(answers.received, 5);
  const back = await ping(inside, address, { source: innerTarget, count: 5 });
  assert.equal(back.received, 5);
  const up = await iperf(
    { namespace: site.namespace, address },
    { namespace: inside, address: innerTarget },
  );
  assert.ok(up.bitsPerSecond > 1e6, `${up.bitsPerSecond} bit/s`);
  const down = await iperf(
    { namespace: site.namespace, address },
    { namespace: inside, address: innerTarget },
    { args: ["-R"] },
  );
  assert.ok(down.bitsPerSecond > 1e6, `${down.bitsPerSecond} bit/s`);
  const carried = (await gateway.session("alice"))?.childSas[0];
  assert.ok((carried?.bytesIn ?? 0) > up.bytes, "the gateway counted what came in");
  assert.ok((carried?.bytesOut ?? 0) > down.bytes, "the gateway counted what went out");
});

interopTest("a wrong password is refused and leaves no session", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap", password: "wrong" });
  const { up } = await client.tryInitiate("net", 10);
  assert.equal(up, false);
  assert.match(client.process.output, /EAP.*fail|AUTHENTICATION_FAILED|AUTH_FAILED/i);
  assert.deepEqual(await scene.gateway.sessions(), []);
});

interopTest("an RSA gateway certificate serves as well", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  assert.equal((await scene.gateway.session("alice"))?.ikeSa?.authSign, "RSA");
}, { keys: "rsa" });
