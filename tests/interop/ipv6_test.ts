/** IPv6 inside the tunnel, beside IPv4 in the same Child SA. */
import assert from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { innerTarget, innerTarget6 } from "../support/road_warrior.ts";

interopTest("IPv4 and IPv6 pass through one Child SA", async (scene) => {
  const { site, inside, gateway } = scene;
  const client = await scene.client(site, { auth: "eap" }, { ipv6: true });
  await client.initiate("net");
  const [sa] = await client.listSas();
  const [source4 = "", source6 = ""] = sa?.virtualIps ?? [];
  assert.match(source4, /^10\.99\.0\.\d+$/);
  assert.match(source6, /^fd00:99::/);
  assert.deepEqual((await gateway.session("alice"))?.addresses, [source4, source6]);
  for (const [target, source] of [[innerTarget, source4], [innerTarget6, source6]] as const) {
    const answers = await ping(site.namespace, target, { source });
    assert.equal(answers.received, answers.sent, target);
  }
  const speed = await iperf(
    { namespace: site.namespace, address: source6 },
    { namespace: inside, address: innerTarget6 },
    { seconds: 1 },
  );
  assert.ok(speed.bitsPerSecond > 1e6, `${speed.bitsPerSecond} bit/s`);
}, { flags: { pool: ["10.99.0.0/24", "fd00:99::/112"] } });
