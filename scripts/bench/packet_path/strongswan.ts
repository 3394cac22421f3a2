/** strongSwan at both ends, with its user-space ESP (kernel-libipsec, whose TUN device has 1400 octets). */
import { startCharon, whyNoCharon } from "../../../tests/support/charon.ts";
import { Lab } from "../../../tests/support/netns.ts";
import {
  charonClient,
  charonGateway,
  connectedLab,
  innerTarget,
} from "../../../tests/support/road_warrior.ts";
import { makeTestPki } from "../../../tests/support/test_pki.ts";
import { cpuSecondsOf, type System } from "./system.ts";

/** Two charons and their ESP proposal. */
export function strongSwan(suite: "aes256gcm16" | "aes256-sha384"): System {
  return {
    name: "strongSwan",
    suite,
    whyNot: whyNoCharon(),
    run: async (use): Promise<void> => {
      await using lab = await Lab.create();
      const { gateway: inside, clients: [site] } = await connectedLab(lab, 1);
      if (site === undefined) return;
      const pki = await makeTestPki(`${lab.folder}/pki`);
      await using gateway = await startCharon(charonGateway(lab, inside, pki));
      await using client = await startCharon(
        charonClient(lab, site, pki, { auth: "eap" }, { esp: suite }),
      );
      await client.initiate("net");
      const source = (await client.listSas())[0]?.virtualIps[0] ?? "";
      const [from, to] = [client.process.pid, gateway.process.pid];
      await use({
        from: { namespace: site.namespace, address: source },
        to: { namespace: inside, address: innerTarget },
        cpu: () => Promise.resolve({ from: cpuSecondsOf(from), to: cpuSecondsOf(to) }),
      });
    },
  };
}
