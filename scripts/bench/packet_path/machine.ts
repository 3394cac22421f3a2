/** The machine in a sentence, for whoever compares figures. */
import { finish } from "../../../tests/support/background.ts";

/** Processor, kernel and versions. */
export async function machineText(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo");
  const model = /^model name\s*: (.*)$/m.exec(info)?.[1] ?? "unknown processor";
  const count = [...info.matchAll(/^processor\s*:/gm)].length;
  const versions: string[] = [`Deno ${Deno.version.deno}`];
  for (const [command, pattern] of programs) {
    const { stdout, stderr } = await finish(command).catch(() => ({ stdout: "", stderr: "" }));
    const found = pattern.exec(stdout + stderr)?.[0];
    if (found !== undefined) versions.push(found);
  }
  return `${count} × ${model}, Linux ${Deno.osRelease()}, ${versions.join(", ")}.`;
}

const programs: readonly (readonly [readonly string[], RegExp])[] = [
  [["openssl", "version"], /OpenSSL [\d.]+/],
  [["/usr/lib/ipsec/charon", "--version"], /strongSwan [\d.]+/],
  [["openvpn", "--version"], /OpenVPN [\d.]+/],
  [["wireguard-go", "--version"], /wireguard-go [\w.]+/],
  [["iperf3", "--version"], /iperf [\d.]+/],
];
