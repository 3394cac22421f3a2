/** wireguard-go at both ends: WireGuard in user space, which has one suite. */
import { mustRun, until } from "../../../tests/support/background.ts";
import { Lab, type Namespace } from "../../../tests/support/netns.ts";
import { joinedSpaces, outer4 } from "../../../tests/dataplane/support/two_ends.ts";
import { cpuSecondsOf, innerMtu, type System, whyMissing } from "./system.ts";

/** One end: where it is and what it is called, since control sockets of all share one folder. */
interface End {
  readonly namespace: Namespace;
  readonly device: string;
  readonly outer: string;
  readonly inner: string;
  /** File of the private key. */
  readonly key: string;
}

const port = 51_820;

/** Two of them. */
export const wireguardGo: System = {
  name: "wireguard-go",
  suite: "chacha20poly1305",
  whyNot: whyMissing("wireguard-go, wireguard-tools", "wireguard-go", "wg"),
  run: async (use): Promise<void> => {
    await using lab = await Lab.create();
    const [from, to] = await joinedSpaces(lab);
    const end = async (namespace: Namespace, name: string, outer: string, inner: string) => {
      const key = `${lab.folder}/${name}.key`;
      await Deno.writeTextFile(key, await mustRun(["wg", "genkey"]), { mode: 0o600 });
      return { namespace, device: `wg${name}${Deno.pid}`, outer, inner, key };
    };
    const here = await end(from, "a", outer4.here, "10.0.0.1");
    const there = await end(to, "b", outer4.there, "10.0.0.2");
    await using client = start(here);
    await using server = start(there);
    await configure(here, there);
    await configure(there, here);
    await use({
      from: { namespace: from, address: here.inner },
      to: { namespace: to, address: there.inner },
      cpu: () => Promise.resolve({ from: cpuSecondsOf(client.pid), to: cpuSecondsOf(server.pid) }),
    });
  },
};

function start({ namespace, device }: End): ReturnType<Namespace["start"]> {
  return namespace.start(device, ["wireguard-go", "--foreground", device], {
    env: { LOG_LEVEL: "error" },
  });
}

async function configure(own: End, peer: End): Promise<void> {
  const { namespace, device } = own;
  await until(`control socket of ${device}`, async () => {
    const { success } = await namespace.finish(["wg", "show", device]);
    return success ? true : undefined;
  }, 10_000);
  const peerKey = await mustRun(["sh", "-c", 'wg pubkey < "$0"', peer.key]);
  await namespace.run(
    ...["wg", "set", device, "listen-port", `${port}`, "private-key", own.key],
    ...["peer", peerKey.trim(), "allowed-ips", `${peer.inner}/32`],
    ...["endpoint", `${peer.outer}:${port}`],
  );
  await namespace.run("ip", "address", "add", `${own.inner}/24`, "dev", device);
  await namespace.run(
    ...["ip", "link", "set", device, "mtu", `${innerMtu}`, "txqueuelen", "5000", "up"],
  );
}
