/** A packet path in another process and network namespace, called as if it were here. */
import type {
  ChildSaCounters,
  Dataplane,
  DataplaneCounters,
  DataplaneEvent,
  DataplaneOptions,
  DataplaneTrouble,
  IkeDatagram,
} from "../../../dataplane/mod.ts";
import type { Namespace } from "../../support/netns.ts";
import { until } from "../../support/background.ts";
import { buildOctetsJson, parseOctetsJson } from "../../../core/octets_json.ts";

/** The answer to `open`. */
export interface Opened
  extends Pick<Dataplane, "sockets" | "tunName" | "cryptoName" | "features" | "loops"> {
  readonly startedMs: number;
}

interface Line {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly kind?: string;
  readonly event?: DataplaneEvent;
  readonly ike?: IkeDatagram;
  readonly removed?: ChildSaCounters;
  readonly trouble?: DataplaneTrouble;
  readonly fatal?: string;
}

/** What a call over there threw. */
export class RemoteError extends Error {
  readonly kind: string;
  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The far program. */
export class RemoteEnd implements AsyncDisposable {
  readonly events: DataplaneEvent[] = [];
  readonly ike: IkeDatagram[] = [];
  readonly removed: ChildSaCounters[] = [];
  readonly troubles: DataplaneTrouble[] = [];
  readonly fatal: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #calls = new Map<number, (line: Line) => void>();
  #lastId = 0;
  #isClosed = false;

  /** Starts it in a namespace; `wrapper` stands before the program, `args` behind it. */
  constructor(namespace: Namespace, wrapper: readonly string[] = [], args: readonly string[] = []) {
    const program = new URL("./end_program.ts", import.meta.url).pathname;
    const [command = "", ...rest] = namespace.inside([
      ...wrapper,
      ...[Deno.execPath(), "run", "--no-check", "-A", program, ...args],
    ]);
    this.#child = new Deno.Command(command, { args: rest, stdin: "piped", stdout: "piped" })
      .spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Opens the packet path with options that tests share. */
  open(options: Partial<DataplaneOptions> & Pick<DataplaneOptions, "listen">): Promise<Opened> {
    const shared = {
      ...{ tunName: "tun%d", mtu: 1400, ikePort: 500, nattPort: 4500, workers: 1 },
      ...{ replayWindow: 2048, fragments: "discover", clampsMss: true, copiesDscp: true },
    };
    return this.call("open", { ...shared, ...options });
  }

  counters(...only: readonly (readonly number[])[]): Promise<DataplaneCounters> {
    return this.call("counters", ...only);
  }

  /** Calls a function over there: one of `Dataplane` or of the program. */
  async call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Line>();
    this.#calls.set(id, resolve);
    await this.#writer.write(new TextEncoder().encode(buildOctetsJson({ id, name, args }) + "\n"));
    const { error, kind = "", result } = await promise;
    if (error !== undefined) throw new RemoteError(kind, error);
    return result as T;
  }

  /** Waits until a report of that kind came, and gives the first. */
  event<K extends DataplaneEvent["kind"]>(kind: K): Promise<DataplaneEvent & { readonly kind: K }> {
    type Wanted = DataplaneEvent & { readonly kind: K };
    return until(
      `event ${kind}`,
      () => this.events.find((it): it is Wanted => it.kind === kind),
      5000,
    );
  }

  /** Closes the packet path over there and waits for the program to end; its exit status. */
  async close(): Promise<number> {
    if (!this.#isClosed) await this.#writer.close();
    this.#isClosed = true;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#reading;
    const { code } = await this.#child.status;
    clearTimeout(timer);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(parseOctetsJson(line) as Line);
    }
    for (const resolve of this.#calls.values()) resolve({ error: "the program ended" });
  }

  #take(line: Line): void {
    if (line.event !== undefined) this.events.push(line.event);
    if (line.ike !== undefined) this.ike.push(line.ike);
    if (line.removed !== undefined) this.removed.push(line.removed);
    if (line.trouble !== undefined) this.troubles.push(line.trouble);
    if (line.fatal !== undefined) this.fatal.push(line.fatal);
    if (line.id === undefined) return;
    this.#calls.get(line.id)?.(line);
    this.#calls.delete(line.id);
  }
}
