/**
 * strongSwan's daemon in a namespace of its own, with ESP in user space (`kernel-libipsec`), as the client
 * of our gateway or as the gateway to compare with. Everything it reads and writes is under one folder.
 */
import { type Background, finish, mustRun, until } from "./background.ts";
import type { Namespace } from "./netns.ts";
import { viciCommand } from "./vici_command.ts";
import { parseVici, type ViciSection } from "./vici_text.ts";

const program = "/usr/lib/ipsec/charon";

const plugins =
  "random nonce openssl pem pkcs1 pkcs8 pkcs12 x509 pubkey revocation constraints kdf hmac " +
  "sha1 sha2 aes curve25519 md4 kernel-libipsec kernel-netlink socket-default vici updown eap-identity " +
  "eap-mschapv2 eap-md5 eap-tls eap-ttls eap-dynamic counters attr resolve";

/** What a daemon is started with. */
export interface CharonOptions {
  /** Where it runs. */
  readonly namespace: Namespace;
  /** A folder of its own; made if it is not there. */
  readonly folder: string;
  /** Text of swanctl.conf: connections, secrets, pools. */
  readonly swanctl: string;
  /** Files to copy: name below the folder, such as `x509ca/ca.pem`, and where from. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further lines for the `charon` section of strongswan.conf. */
  readonly settings?: string;
  /** Levels of the log, default `default = 1`. */
  readonly logLevels?: string;
}

/** An IKE SA as `swanctl --list-sas` tells it. */
export interface CharonIkeSa {
  readonly connection: string;
  readonly uniqueId: string;
  readonly state: string;
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  /** Algorithms such as `AES_GCM_16-256`. */
  readonly encryption: string;
  readonly integrity: string;
  readonly virtualIps: readonly string[];
  readonly children: readonly CharonChildSa[];
}

/** A Child SA of it. */
export interface CharonChildSa {
  readonly name: string;
  readonly state: string;
  readonly spiIn: string;
  readonly spiOut: string;
  readonly encryption: string;
  readonly integrity: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A running daemon. */
export class Charon implements AsyncDisposable {
  readonly #folder: string;
  /** The process, for its pid, log and end. */
  readonly process: Background;

  /** Use `startCharon`. */
  constructor(process: Background, folder: string) {
    this.process = process;
    this.#folder = folder;
  }

  #command(args: readonly string[]): readonly string[] {
    return ["swanctl", ...args, "--uri", `unix://${this.#folder}/vici`];
  }

  #environment(): { readonly env: Record<string, string> } {
    return { env: { SWANCTL_DIR: this.#folder } };
  }

  /** Runs `swanctl` against it; throws when that fails. */
  swanctl(...args: readonly string[]): Promise<string> {
    return mustRun(this.#command(args), this.#environment());
  }

  /** Begins to rekey now: the IKE SA by the name of its connection, or a Child SA by that of its own. */
  rekey(kind: "ike" | "child", name: string): Promise<void> {
    return viciCommand(`${this.#folder}/vici`, "rekey", { [kind]: name });
  }

  /** Brings a child configuration up; throws with the log when that fails. */
  async initiate(child: string, timeoutSeconds = 15): Promise<void> {
    const { up, text } = await this.tryInitiate(child, timeoutSeconds);
    if (!up) {
      throw new Error(`${child} did not come up:\n${text}\n${this.process.output.slice(-6000)}`);
    }
  }

  /** Tries to bring a child configuration up: whether it came, and what was said. */
  async tryInitiate(
    child: string,
    timeoutSeconds = 15,
  ): Promise<{ readonly up: boolean; readonly text: string }> {
    const { success, stdout, stderr } = await finish(
      this.#command(["--initiate", "--child", child, "--timeout", `${timeoutSeconds}`]),
      { ...this.#environment(), timeoutMs: (timeoutSeconds + 5) * 1000 },
    );
    return { up: success, text: stdout + stderr };
  }

  /** Its IKE SAs. */
  async listSas(): Promise<readonly CharonIkeSa[]> {
    return parseVici(await this.swanctl("--list-sas", "--raw")).flatMap(readIkeSas);
  }

  /** Waits until its IKE SAs satisfy a condition, and returns what that made of them. */
  untilSas<T>(
    what: string,
    find: (sas: readonly CharonIkeSa[]) => T | undefined,
    timeoutMs = 10_000,
  ): Promise<T> {
    return until(what, async () => find(await this.listSas()), timeoutMs, 100);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}

/** Starts a daemon and loads its configuration. */
export async function startCharon(options: CharonOptions): Promise<Charon> {
  const { namespace, folder } = options;
  await writeConfiguration(options);
  const process = namespace.start("charon", [
    ...["unshare", "--mount", "sh", "-c"],
    `mount -t tmpfs tmpfs /run && exec ${program}`,
  ], { env: { STRONGSWAN_CONF: `${folder}/strongswan.conf`, SWANCTL_DIR: folder } });
  const charon = new Charon(process, folder);
  try {
    await until("charon's control socket", () => {
      if (process.hasEnded) throw new Error(`charon ended:\n${process.output}`);
      return isThere(`${folder}/vici`) ? true : undefined;
    }, 10_000);
    await charon.swanctl("--load-all", "--noprompt");
  } catch (error) {
    await process.stop();
    throw error;
  }
  return charon;
}

/** The mark keeps the daemon's own datagrams out of a tunnel that covers every address. */
async function writeConfiguration(options: CharonOptions): Promise<void> {
  const { folder } = options;
  const settings = `charon {
  load = ${plugins}
  filelog { stderr { ${options.logLevels ?? "default = 1"} } }
  plugins {
    vici { socket = unix://${folder}/vici }
    kernel-libipsec { allow_peer_ts = yes }
    socket-default { fwmark = 0x42 }
    kernel-netlink { fwmark = !0x42 }
    resolve { file = ${folder}/resolv.conf }
  }
  ${options.settings ?? ""}
}
`;
  for (const name of ["", "/x509", "/x509ca", "/private"]) {
    await Deno.mkdir(folder + name, { recursive: true });
  }
  await Deno.writeTextFile(`${folder}/strongswan.conf`, settings);
  await Deno.writeTextFile(`${folder}/swanctl.conf`, options.swanctl);
  for (const [name, from] of Object.entries(options.files ?? {})) {
    await Deno.copyFile(from, `${folder}/${name}`);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function readIkeSas(event: ViciSection): readonly CharonIkeSa[] {
  return Object.entries(event.sections).map(([connection, sa]) => ({
    connection,
    uniqueId: sa.values["uniqueid"] ?? "",
    state: sa.values["state"] ?? "",
    initiatorSpi: sa.values["initiator-spi"] ?? "",
    responderSpi: sa.values["responder-spi"] ?? "",
    encryption: algorithm(sa, "encr"),
    integrity: sa.values["integ-alg"] ?? "",
    virtualIps: sa.lists["local-vips"] ?? sa.lists["remote-vips"] ?? [],
    children: Object.values(sa.sections["child-sas"]?.sections ?? {}).map(readChildSa),
  }));
}

function readChildSa(sa: ViciSection): CharonChildSa {
  return {
    name: sa.values["name"] ?? "",
    state: sa.values["state"] ?? "",
    spiIn: sa.values["spi-in"] ?? "",
    spiOut: sa.values["spi-out"] ?? "",
    encryption: algorithm(sa, "encr"),
    integrity: sa.values["integ-alg"] ?? "",
    bytesIn: Number(sa.values["bytes-in"] ?? 0),
    bytesOut: Number(sa.values["bytes-out"] ?? 0),
  };
}

function algorithm(sa: ViciSection, kind: string): string {
  const size = sa.values[`${kind}-keysize`];
  return (sa.values[`${kind}-alg`] ?? "") + (size === undefined ? "" : `-${size}`);
}

/** Why charon cannot be used here, or `undefined` when it can. */
export function whyNoCharon(): string | undefined {
  if (Deno.uid() !== 0) return "not root";
  for (const path of [program, "/usr/sbin/swanctl", "/usr/bin/pki", "/dev/net/tun"]) {
    if (!isThere(path)) return `${path} is missing`;
  }
  return undefined;
}
