/**
 * Tells what is wrong with a server's answers: each cause once, then at most once in a while with how
 * often it came meanwhile, since anybody on the way can send such datagrams without end.
 */
import type { Log } from "../../log.ts";
import type { RadiusCounter } from "./tally.ts";

/** Milliseconds between two lines about the same cause. */
const pauseMs = 60_000;

/** What networks do by themselves: no reason to worry. */
const harmless: ReadonlySet<RadiusCounter> = new Set(["duplicate", "late"]);

/** Signatures that do not fit: most likely two secrets. */
const secretsDiffer: ReadonlySet<RadiusCounter> = new Set([
  "bad-authenticator",
  "bad-message-authenticator",
]);

/** The cause of all complaints about connections. */
const connection = "connection";

interface Told {
  readonly at: number;
  since: number;
}

/** Complaints about one server. */
export class Complaints {
  readonly #log: Log;
  readonly #server: string;
  /** BOUNDED by the causes. */
  readonly #told = new Map<RadiusCounter | typeof connection, Told>();

  /** By the server's name. */
  constructor(log: Log, server: string) {
    this.#log = log;
    this.#server = server;
  }

  /** An answer was dropped. `lastHeard` is when the server last gave a good one. */
  dropped(cause: RadiusCounter, now: number, lastHeard: number): void {
    const suppressed = this.#pass(cause, now);
    if (suppressed === undefined) return;
    const facts = { server: this.#server, cause, ...suppressed };
    const isSecret = secretsDiffer.has(cause) && lastHeard < now - pauseMs;
    const event = isSecret ? "radius-secrets-differ" : "radius-answer-dropped";
    this.#log.tell(harmless.has(cause) ? "info" : "warning", event, facts);
  }

  /** There is no way to the server, or no more. */
  broken(reason: string, now: number): void {
    const suppressed = this.#pass(connection, now);
    if (suppressed === undefined) return;
    const facts = { server: this.#server, reason, ...suppressed };
    this.#log.tell("warning", "radius-connection-broken", facts);
  }

  /** What is to be said of those kept back since the last line; `undefined` when this is one of them. */
  #pass(
    cause: RadiusCounter | typeof connection,
    now: number,
  ): { readonly suppressed?: number } | undefined {
    const told = this.#told.get(cause);
    if (told !== undefined && now - told.at < pauseMs) {
      told.since += 1;
      return undefined;
    }
    this.#told.set(cause, { at: now, since: 0 });
    return told === undefined || told.since === 0 ? {} : { suppressed: told.since };
  }
}
