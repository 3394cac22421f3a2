/** The algorithms that clients in the field use, for IKE and ESP alike. */
import assert from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";

const suites = [
  { ike: "aes256gcm16-prfsha384-ecp384", esp: "aes256gcm16" },
  { ike: "aes128gcm16-prfsha256-x25519", esp: "aes128gcm16" },
  { ike: "aes256-sha384-ecp256", esp: "aes256-sha384" },
  { ike: "aes128-sha256-modp2048", esp: "aes128-sha256" },
  { ike: "aes256-sha512-ecp521", esp: "aes256-sha512" },
];

for (const { ike, esp } of suites) {
  interopTest(`IKE ${ike} and ESP ${esp} agree and carry packets of every size`, async (scene) => {
    const client = await scene.client(scene.site, { auth: "eap" }, { ike, esp });
    await client.initiate("net");
    const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
    for (const size of [0, 1, 15, 16, 17, 64, 1000, 1300]) {
      const { received } = await ping(scene.site.namespace, innerTarget, {
        source,
        count: 1,
        size,
      });
      assert.equal(received, 1, `echo with ${size} octets`);
    }
    const speed = await iperf(
      { namespace: scene.site.namespace, address: source },
      { namespace: scene.inside, address: innerTarget },
      { seconds: 1 },
    );
    assert.ok(speed.bitsPerSecond > 1e6, `${speed.bitsPerSecond} bit/s`);
  }, { flags: { "ike-proposal": ike, "esp-proposal": esp } });
}
