/**
 * A gateway with two addresses of each family on one interface: what is asked of one is answered from it,
 * whether it listens on all addresses or on each by name.
 */
import assert from "node:assert/strict";
import { startCharon } from "../support/charon.ts";
import { interopTest } from "../support/interop.ts";
import { type Namespace, ping } from "../support/netns.ts";
import type { Flags } from "../support/rejoin.ts";
import { charonClient, innerTarget } from "../support/road_warrior.ts";

const probe = new URL("../support/ike_probe_program.ts", import.meta.url).pathname;

/** By family: the addresses of the gateway, and that of the client. */
const families = {
  IPv4: { first: "198.18.1.1", second: "198.18.1.3", client: "198.18.1.2" },
  IPv6: { first: "fd00:18:1::1", second: "fd00:18:1::3", client: "fd00:18:1::2" },
} as const;

const ways: Readonly<Record<string, Flags>> = {
  "all addresses": { listen: ["0.0.0.0", "::"] },
  "each by name": {
    listen: Object.values(families).flatMap(({ first, second }) => [first, second]),
  },
};

for (const [how, flags] of Object.entries(ways)) {
  interopTest(`a gateway that listens on ${how} answers from the address asked`, async (scene) => {
    const { inside, site } = scene;
    await inside.addAddress(`${families.IPv4.second}/24`, "wan1");
    for (const address of [families.IPv6.first, families.IPv6.second]) {
      await inside.addAddress(`${address}/64`, "wan1");
    }
    await site.namespace.addAddress(`${families.IPv6.client}/64`, "wan");
    scene.gateway = await scene.gateway.restart("SIGTERM", flags);
    for (const { first, second } of Object.values(families)) {
      for (const address of [first, second]) {
        for (const port of ["500", "4500"]) {
          const command = [Deno.execPath(), "run", "-A", probe, address, port];
          const { stdout, stderr } = await site.namespace.finish(command, 10_000);
          assert.equal(stdout, `${address} ${port}\n`, stderr);
        }
      }
    }
    for (const [family, { first, second, client: address }] of Object.entries(families)) {
      // What comes from the gateway's other address is thrown away: the second one has to do it all.
      await deafenTo(site.namespace, first);
      const at = { ...site, address, gatewayAddress: second };
      const options = charonClient(scene.lab, at, scene.pki, { auth: "eap" }, { folder: family });
      await using client = await startCharon(options);
      await client.initiate("net");
      const [source = ""] = (await client.listSas())[0]?.virtualIps ?? [];
      const answers = await ping(site.namespace, innerTarget, { source });
      assert.equal(answers.received, answers.sent, family);
      const session = await scene.gateway.session("alice");
      assert.deepEqual(session?.ikeSa?.local, { address: second, port: 4500 });
      await client.swanctl("--terminate", "--ike", "gw");
      await scene.gateway.untilSession("alice", "gone", (one) => one === undefined);
    }
  });
}

/** Lets a namespace throw away what comes from an address. */
async function deafenTo(at: Namespace, address: string): Promise<void> {
  const family = address.includes(":") ? "-6" : "-4";
  // Rules are asked for what comes in as well, once the one for addresses of the host is not the first.
  await at.run("ip", family, "rule", "add", "pref", "20", "lookup", "local");
  await at.run("ip", family, "rule", "del", "pref", "0");
  await at.run("ip", family, "rule", "add", "pref", "10", "from", address, "prohibit");
}
