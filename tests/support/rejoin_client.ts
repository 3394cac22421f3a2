/** `rejoin connect` as a process in a namespace. */
import { type Background, until } from "./background.ts";
import type { Namespace } from "./netns.ts";
import { argumentsOf, type Flags, rejoinCommand } from "./rejoin.ts";
import type { ClientSite } from "./road_warrior.ts";
import { gatewayName, type TestPki } from "./test_pki.ts";

/** What a client is started with. */
export interface RejoinClientOptions {
  readonly namespace: Namespace;
  /** Where it keeps its pair. */
  readonly folder: string;
  /** Address of the gateway. */
  readonly gateway: string;
  readonly flags: Flags;
}

/** How a tunnel came up. */
export interface Established {
  readonly how: "login" | "reconnect";
  readonly tookMs: number;
}

/** A running client. */
export class RejoinClient implements AsyncDisposable {
  readonly #namespace: Namespace;
  #heard = 0;
  /** The process: pid, log, end. */
  readonly process: Background;

  /** Use `startClient`. */
  constructor(process: Background, namespace: Namespace) {
    this.process = process;
    this.#namespace = namespace;
  }

  /** Waits until the tunnel is up once more than it was seen before. */
  async nextEstablished(timeoutMs: number): Promise<Established> {
    const line = await this.process.waitFor(
      /established.*\bhow=(login|reconnect)\b.*/,
      timeoutMs,
      this.#heard,
    );
    this.#heard += (line.index ?? 0) + line[0].length;
    const took = /\btookMs=(\d+)/.exec(line[0]);
    return { how: line[1] as "login" | "reconnect", tookMs: Number(took?.[1] ?? Number.NaN) };
  }

  /** The inner IPv4 address on its TUN device. */
  innerAddress(device: string): Promise<string> {
    return until(`an address on ${device}`, async () => {
      const { stdout } = await this.#namespace.finish([
        "ip",
        "-4",
        "-o",
        "address",
        "show",
        device,
      ]);
      return /\binet ([\d.]+)/.exec(stdout)?.[1];
    }, 5000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}

/** Starts a client; it is not up yet. */
export async function startClient(options: RejoinClientOptions): Promise<RejoinClient> {
  const { namespace, folder, gateway, flags } = options;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const command = [...rejoinCommand(), "connect", gateway, ...argumentsOf(flags)];
  return new RejoinClient(namespace.start("rejoin connect", command), namespace);
}

/** Starts alice's client at a site, with its pair in `folder`. */
export async function startClientAt(
  folder: string,
  site: ClientSite,
  pki: TestPki,
  flags: Flags = {},
): Promise<RejoinClient> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${folder}/password`, "alicepw\n", { mode: 0o600 });
  return await startClient({
    namespace: site.namespace,
    folder,
    gateway: site.gatewayAddress,
    flags: {
      user: "alice",
      "password-file": `${folder}/password`,
      ca: pki.ca,
      "remote-id": gatewayName,
      "state-dir": folder,
      ...flags,
    },
  });
}
