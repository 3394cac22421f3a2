/**
 * The log: one line an event on standard error, as text or as JSON. The only importer of LogTape.
 *
 * Events are fixed words with facts; a sentence is made here and nowhere else. Facts with a secret's
 * name are blotted out, text from peers cannot break a line, and what anybody may cause without
 * having logged in is limited to a few lines a second.
 */
import { configureSync, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { formatEndpoint, type Trace, type TraceLevel, type TraceValue } from "../core/mod.ts";
import { sentenceOf } from "./log_sentences.ts";
import { NoiseGate } from "./noise_gate.ts";

/** How lines look. */
export type LogFormat = "text" | "json";

/** Facts of an event. */
export type Facts = Readonly<Record<string, TraceValue>>;

/** Where events are told. */
export interface Log {
  /** Tells an event of the appliance. */
  tell(level: TraceLevel, event: string, facts?: Facts): void;
  /** Tells an event of the core; one that nobody had to log in for may be dropped and counted. */
  trace(trace: Trace): void;
  /** Sets the log back, for tests that open several. */
  close(): void;
}

/** How to open a log. */
export interface LogOptions {
  /** The least important level that is told. */
  readonly level: TraceLevel;
  readonly format: LogFormat;
  /** Takes one line, without its line end. Must not throw. */
  readonly write: (line: string) => void;
  /** Milliseconds of any steady clock, for the limit on noise. */
  readonly nowMs: () => number;
}

const rankOf = { debug: 0, info: 1, warning: 2, error: 3 } as const satisfies Record<
  TraceLevel,
  number
>;

/** Names of facts whose values must never be seen. */
const secretName = /passw|token|secret|psk|nthash|ntresponse|privatekey|msk$/i;

/** Opens the log. There is one a process: the last one opened wins. */
export function openLog(options: LogOptions): Log {
  const line = options.format === "json" ? jsonLine : textLine;
  configureSync({
    reset: true,
    sinks: { out: (record) => options.write(line(record)) },
    loggers: [
      { category: "rejoin", sinks: ["out"], lowestLevel: options.level },
      { category: ["logtape", "meta"], sinks: ["out"], lowestLevel: "error" },
    ],
  });
  const logger = getLogger("rejoin");
  const gate = new NoiseGate(options.nowMs);
  // Asked before anything is put together: most of what is told is for nobody.
  const isTold = (level: TraceLevel): boolean => rankOf[level] >= rankOf[options.level];
  const tell = (level: TraceLevel, event: string, facts: Facts = {}): void => {
    if (isTold(level)) logger[level](event, redacted(facts));
  };
  return {
    tell,
    trace: ({ level, event, sessionId, remote, facts }): void => {
      if (!isTold(level)) return;
      const who = {
        ...(sessionId === undefined ? {} : { session: sessionId }),
        ...(remote === undefined ? {} : { remote }),
      };
      if (sessionId !== undefined || remote === undefined) {
        return tell(level, event, { ...who, ...facts });
      }
      const suppressed = gate.pass(event);
      if (suppressed === undefined) return;
      tell(level, event, { ...who, ...facts, ...(suppressed > 0 ? { suppressed } : {}) });
    },
    close: resetSync,
  };
}

/** A line writer onto standard error. A log that cannot be written is no reason to stop. */
export function writeToStderr(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch {
    // The reader of the log is gone or slow.
  }
}

/** Facts as values that a line can hold: those with a secret's name blotted out, endpoints as text. */
export function redacted(facts: Facts): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined) continue;
    shown[name] = secretName.test(name) ? "[redacted]" : plain(value);
  }
  return shown;
}

/** A fact as a string, number, boolean or list of strings. */
function plain(value: Exclude<TraceValue, undefined>): unknown {
  if (typeof value !== "object") return value;
  return "address" in value ? formatEndpoint(value) : [...value];
}

function eventOf(record: LogRecord): string {
  return record.message.map(String).join("");
}

function timeOf(record: LogRecord): string {
  return new Date(record.timestamp).toISOString();
}

function jsonLine(record: LogRecord): string {
  return JSON.stringify({
    time: timeOf(record),
    level: record.level,
    event: eventOf(record),
    ...record.properties,
  });
}

function textLine(record: LogRecord): string {
  return eventLine(timeOf(record), record.level, eventOf(record), record.properties);
}

/** An event as a line for people. */
export function eventLine(
  time: string,
  level: string,
  event: string,
  shown: Readonly<Record<string, unknown>>,
): string {
  const { sentence, rest } = sentenceOf(event, shown);
  const facts = rest.map(([name, value]) => ` ${name}=${textOfFact(value)}`).join("");
  return `${time} ${level.padEnd(7)} ${sentence}${facts}`;
}

/** Bare when it is one plain word, else quoted with every control character escaped. */
function textOfFact(value: unknown): string {
  const text = Array.isArray(value) ? value.map(String).join(",") : String(value);
  const safe = JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return /^"[\w.,:;@/+*%~()[\]-]+"$/.test(safe) ? safe.slice(1, -1) : safe;
}
