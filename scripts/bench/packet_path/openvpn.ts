/** OpenVPN 2 at both ends, point to point over UDP, without its kernel module. */
import type { Background } from "../../../tests/support/background.ts";
import { Lab, type Namespace } from "../../../tests/support/netns.ts";
import { joinedSpaces, outer4 } from "../../../tests/dataplane/support/two_ends.ts";
import { makeTestPki } from "../../../tests/support/test_pki.ts";
import { cpuSecondsOf, innerMtu, type System, whyMissing } from "./system.ts";

/** Socket buffers of both sides, octets: what ours asks for. */
const bufferBytes = 8_388_608;

/** Two of them, AES-256-GCM. */
export const openVpn: System = {
  name: "OpenVPN",
  suite: "aes256gcm16",
  whyNot: whyMissing("openvpn, strongswan-pki", "openvpn", "pki"),
  run: async (use): Promise<void> => {
    await using lab = await Lab.create();
    const [from, to] = await joinedSpaces(lab);
    const pki = await makeTestPki(`${lab.folder}/pki`);
    await using server = start(to, [
      ...["--tls-server", "--dh", "none", "--ifconfig", "10.0.0.2", "10.0.0.1"],
      ...["--local", outer4.there, "--ca", pki.ca, "--cert", pki.gatewayCert],
      ...["--key", pki.gatewayKey],
    ]);
    await using client = start(from, [
      ...["--tls-client", "--ifconfig", "10.0.0.1", "10.0.0.2"],
      ...["--remote", outer4.there, "1194", "--ca", pki.ca, "--cert", pki.clientCert],
      ...["--key", pki.clientKey],
    ]);
    for (const end of [server, client]) {
      await end.waitFor(/Initialization Sequence Completed/, 20_000);
    }
    await use({
      from: { namespace: from, address: "10.0.0.1" },
      to: { namespace: to, address: "10.0.0.2" },
      cpu: () => Promise.resolve({ from: cpuSecondsOf(client.pid), to: cpuSecondsOf(server.pid) }),
    });
  },
};

function start(namespace: Namespace, args: readonly string[]): Background {
  return namespace.start("openvpn", [
    ...["openvpn", "--dev", "tun", "--proto", "udp", "--port", "1194", "--disable-dco"],
    ...["--data-ciphers", "AES-256-GCM", "--cipher", "AES-256-GCM", "--auth", "SHA256"],
    ...["--tun-mtu", `${innerMtu}`, "--txqueuelen", "5000", "--verb", "1"],
    ...["--sndbuf", `${bufferBytes}`, "--rcvbuf", `${bufferBytes}`],
    ...args,
  ]);
}
