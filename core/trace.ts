/**
 * Things worth telling an operator, as data. The core never formats a sentence: the appliance turns
 * a trace into a log line. No trace carries key material, tokens or passwords.
 */
import type { Endpoint } from "./wire/address.ts";

/** How much an operator cares. */
export type TraceLevel = "debug" | "info" | "warning" | "error";

/** A value of a trace. */
export type TraceValue = string | number | boolean | Endpoint | readonly string[] | undefined;

/** One event. `event` is a fixed word such as `ike-sa-established`; the rest are its facts. */
export interface Trace {
  /** How much it matters. */
  readonly level: TraceLevel;
  /** What happened, as kebab-case words that never change. */
  readonly event: string;
  /** Which session, as `show` prints it. */
  readonly sessionId?: number;
  /** The peer. */
  readonly remote?: Endpoint;
  /** Further facts. */
  readonly facts?: Readonly<Record<string, TraceValue>>;
}
