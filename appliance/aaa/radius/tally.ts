/** What is counted of one server, for one purpose. */
import type { Stray } from "./identifiers.ts";
import { type Attribute, Code, readNumber32 } from "./packet.ts";
import type { AnswerFault } from "./protection.ts";

/** Accounting records by kind. */
export type RecordKind = "start" | "interim" | "stop";

/** What is counted. */
export type RadiusCounter =
  /** Questions, and what became of them. */
  | "requests"
  | "retransmissions"
  /** Questions that came here because another server was silent. */
  | "failovers"
  | "answers"
  | "timeouts"
  /** Answers by what they say. */
  | "accepts"
  | "rejects"
  | "challenges"
  | "accounting-responses"
  | "status-responses"
  /** No way to the server. */
  | "unreachable"
  /** Accounting records by kind: of one server, and what became of them in the end. */
  | `${RecordKind}-requests`
  | `${RecordKind}-responses`
  | `${RecordKind}-passed`
  | `${RecordKind}-failed`
  /** Datagrams that were dropped. */
  | Stray
  | AnswerFault
  | "unexpected-code";

/** Counters of the answers that are believed, by code. */
export const answerCounters: ReadonlyMap<number, RadiusCounter> = new Map([
  [Code.ACCESS_ACCEPT, "accepts"],
  [Code.ACCESS_REJECT, "rejects"],
  [Code.ACCESS_CHALLENGE, "challenges"],
  [Code.ACCOUNTING_RESPONSE, "accounting-responses"],
]);

/** Acct-Status-Type (RFC 2866 §5.1). */
const recordKinds: ReadonlyMap<number, RecordKind> = new Map([
  [1, "start"],
  [2, "stop"],
  [3, "interim"],
]);

/** The kind of an accounting record; `undefined` for what is none, or is not about a session. */
export function recordKindOf(
  { code, attributes }: { readonly code: number; readonly attributes: readonly Attribute[] },
): RecordKind | undefined {
  if (code !== Code.ACCOUNTING_REQUEST) return undefined;
  const status = attributes.find(({ name }) => name === "Acct-Status-Type");
  return status === undefined ? undefined : recordKinds.get(readNumber32(status.value) ?? 0);
}

/** Counters and answer times. */
export class Tally {
  readonly #counters = new Map<RadiusCounter, number>();
  #answerMs = 0;

  /** What was counted so far. */
  get counters(): ReadonlyMap<RadiusCounter, number> {
    return this.#counters;
  }

  /** How long an answer took on average, whole milliseconds; 0 without one. */
  get averageMs(): number {
    const answers = this.#counters.get("answers") ?? 0;
    return answers === 0 ? 0 : Math.round(this.#answerMs / answers);
  }

  /** One more. */
  count(name: RadiusCounter): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }

  /** An answer that is believed. */
  answered(tookMs: number): void {
    this.count("answers");
    this.#answerMs += tookMs;
  }

  /** Counts from zero again. */
  clear(): void {
    this.#counters.clear();
    this.#answerMs = 0;
  }
}
