/**
 * Our own program as a process in a namespace: the gateway (`rejoin serve`) and its operator's words.
 * From the sources, or the executable that `REJOIN_BIN` names.
 */
import { askSessions, askSummary, order } from "../../appliance/control/client.ts";
import type { PoolFacts, ReconnectFacts, SessionFacts } from "../../appliance/show/facts.ts";
import { type Background, type Finished, mustRun, type Signal, until } from "./background.ts";
import type { Namespace } from "./netns.ts";
import { gatewayName, type TestPki } from "./test_pki.ts";

const root = new URL("../../", import.meta.url).pathname;

/** How the program is called: the executable, or Deno with the sources. */
export function rejoinCommand(): readonly string[] {
  const executable = Deno.env.get("REJOIN_BIN");
  if (executable !== undefined && executable !== "") return [executable];
  return [Deno.execPath(), "run", "--allow-all", "--no-check", `${root}main.ts`];
}

let fetched: Promise<void> | undefined;

/**
 * Fetches what the sources import, once, while there is a network: a fresh namespace has none. Nothing
 * happens when everything is there, or with an executable.
 */
export function fetchImports(): Promise<void> {
  return fetched ??= fetchOnce();
}

async function fetchOnce(): Promise<void> {
  const [program = "", word] = rejoinCommand();
  if (word === "run") {
    await mustRun([program, "cache", "--quiet", `${root}main.ts`], { timeoutMs: 300_000 });
  }
}

/** A flag and its value; a list gives the flag once per value. */
export type Flags = Readonly<Record<string, string | number | readonly string[] | true>>;

/** Flags as they stand on a command line. */
export function argumentsOf(flags: Flags): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === true) return [`--${name}`];
    const values = Array.isArray(value) ? value as readonly string[] : [String(value)];
    return values.flatMap((one) => [`--${name}`, one]);
  });
}

/** What a gateway is started with. */
export interface GatewayOptions {
  readonly namespace: Namespace;
  /** State folder; the same one again is the same gateway after a restart. */
  readonly folder: string;
  /** Certificates; without them the gateway makes its own. */
  readonly pki?: TestPki;
  /** Further flags, or other values of the usual ones. */
  readonly flags?: Flags;
}

/** A running gateway. */
export class RejoinGateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  /** The process: pid, log, end. */
  readonly process: Background;

  /** Use `startGateway`. */
  constructor(process: Background, options: GatewayOptions) {
    this.process = process;
    this.#options = options;
  }

  get #control(): string {
    return `${this.#options.folder}/control.sock`;
  }

  /** Runs an operator's command against it. */
  command(...words: readonly string[]): Promise<Finished> {
    const command = [...rejoinCommand(), ...words, "--control", this.#control];
    return this.#options.namespace.finish(command);
  }

  /** Begins to rekey now; how many sessions that concerns. */
  rekey(what: "ike" | "child"): Promise<number> {
    const request = { command: "rekey", what, selector: {} } as const;
    return order(this.#control, request);
  }

  /** What `show …` prints. */
  async show(...words: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await this.command("show", ...words);
    if (!success) throw new Error(`show ${words.join(" ")} failed: ${stdout}${stderr}`);
    return stdout;
  }

  // What is only looked at is asked over the control socket: a process for each look takes longer than the rest.

  /** All sessions, active and waiting. */
  async sessions(): Promise<readonly SessionFacts[]> {
    return (await Array.fromAsync(askSessions(this.#control, {}))).flat();
  }

  /** The session of a user. */
  async session(userName: string): Promise<SessionFacts | undefined> {
    return (await this.sessions()).find((session) => session.userName === userName);
  }

  /** Waits until the session of a user satisfies a condition. */
  untilSession(
    userName: string,
    what: string,
    isSo: (session: SessionFacts | undefined) => boolean,
    timeoutMs = 15_000,
  ): Promise<SessionFacts | undefined> {
    return until(
      `session of ${userName}: ${what}`,
      async () => {
        const session = await this.session(userName);
        return isSo(session) ? [session] as const : undefined;
      },
      timeoutMs,
      50,
    ).then(([session]) => session);
  }

  /** `show crypto ikev2 stats reconnect`. */
  async reconnectStats(): Promise<ReconnectFacts> {
    return (await askSummary(this.#control)).reconnect;
  }

  /** Counters by name. */
  async counters(): Promise<Readonly<Record<string, number>>> {
    return (await askSummary(this.#control)).counters;
  }

  /** `show ip local pool`. */
  async pools(): Promise<readonly PoolFacts[]> {
    return (await askSummary(this.#control)).pools;
  }

  /** Ends it and starts one with the same state. */
  async restart(signal: Signal = "SIGTERM", flags: Flags = {}): Promise<RejoinGateway> {
    await this.process.stop(signal);
    return await startGateway({ ...this.#options, flags: { ...this.#options.flags, ...flags } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}

/** Starts a gateway and waits until it says that it is ready; users are alice and bob. */
export async function startGateway(options: GatewayOptions): Promise<RejoinGateway> {
  const { namespace, folder, pki } = options;
  await Deno.mkdir(folder, { recursive: true });
  const flags: Flags = {
    pool: "10.99.0.0/24",
    user: ["alice:alicepw", "bob:bobpw"],
    "state-dir": folder,
    control: `${folder}/control.sock`,
    "log-level": "debug",
    ...(pki === undefined ? {} : {
      cert: pki.gatewayCert,
      key: pki.gatewayKey,
      "client-ca": pki.ca,
      id: gatewayName,
    }),
    ...options.flags,
  };
  const command = [...rejoinCommand(), "serve", ...argumentsOf(flags)];
  const process = namespace.start("rejoin serve", command);
  try {
    await process.waitFor(/rejoin is ready|gateway-ready/, 20_000);
  } catch (error) {
    await process.stop("SIGKILL");
    throw error;
  }
  return new RejoinGateway(process, options);
}

/** Why our gateway cannot be started here, or `undefined`. */
export function whyNoGateway(): string | undefined {
  if (Deno.uid() !== 0) return "not root";
  try {
    Deno.statSync("/dev/net/tun");
  } catch {
    return "/dev/net/tun is missing";
  }
  return undefined;
}
