/**
 * Whether a server is there, judged by its silence (RFC 3539 §3.4 has the words alive and suspect; RFC
 * 2865 leaves the rule to the client). Plain state; times are monotonic milliseconds.
 *
 * A server that answers anybody is alive, however long it lets others wait: somebody has to press a
 * button. How long its silence towards everybody may be is learned from how long its answers took.
 */

/** Milliseconds. */
export interface RadiusTimes {
  /** How long one server is waited for. */
  readonly timeoutMs: number;
  /** How long a silent server is asked last; 0 does not remember it. */
  readonly deadMs: number;
  /** Until the first retransmission. */
  readonly firstPauseMs: number;
}

/** What questions are about. */
export type Purpose = "access" | "accounting";

/** What a server is good for. */
export type Standing =
  | "alive"
  /** Silent until a while ago: one question may find out whether it still is. */
  | "due"
  | "dead";

/** A server's life for `show`. */
export interface HealthPicture {
  readonly isAlive: boolean;
  /** How long it has been so, and how long it was otherwise before; 0 when it never was. */
  readonly durationMs: number;
  readonly previousMs: number;
  /** All times as dead together, and how many they were. */
  readonly deadMs: number;
  readonly deaths: number;
}

/** Of a server that was never heard, silence for this part of the whole patience is enough. */
const unknownPart = 1 / 3;
/** Silence is none before the first retransmission had time to be answered: so many first pauses. */
const leastPauses = 1.5;
/** A server may be silent for so many times its slowest answer. */
const slowness = 4;
/** With each answer the slowest one counts a little less, so that one bad day is forgotten. */
const fading = 0.99;

/** One server. */
export class ServerHealth {
  readonly #times: RadiusTimes;
  #lastHeard = Number.NEGATIVE_INFINITY;
  /** People are waited for in one of them only. */
  readonly #slowestMs: Partial<Record<Purpose, number>> = {};
  #deadUntil: number | undefined;
  #since: number;
  #previousMs = 0;
  #deadMs = 0;
  #deaths = 0;

  /** A server that is believed to be there. */
  constructor(times: RadiusTimes, now: number) {
    this.#times = times;
    this.#since = now;
  }

  /** When it last gave an answer that is believed. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /** Until when it is asked last; of servers that are dead the one with the least is tried first. */
  get deadUntil(): number {
    return this.#deadUntil ?? 0;
  }

  /** What it is good for. */
  standing(now: number): Standing {
    if (this.#deadUntil === undefined) return "alive";
    return now < this.#deadUntil ? "dead" : "due";
  }

  /** For how long it may say nothing to anybody before it is doubted. */
  patienceMs(): number {
    const { timeoutMs, firstPauseMs } = this.#times;
    const known = Object.values(this.#slowestMs);
    const enough = known.length === 0 ? timeoutMs * unknownPart : Math.max(...known) * slowness;
    return Math.min(timeoutMs, Math.max(firstPauseMs * leastPauses, enough));
  }

  /** It answered; whether it was dead until then. A sign of life says nothing about its speed. */
  heard(now: number, answer?: { readonly purpose: Purpose; readonly tookMs: number }): boolean {
    this.#lastHeard = now;
    if (answer !== undefined) {
      const { purpose, tookMs } = answer;
      this.#slowestMs[purpose] = Math.max(tookMs, (this.#slowestMs[purpose] ?? 0) * fading);
    }
    if (this.#deadUntil === undefined) return false;
    this.#deadUntil = undefined;
    this.#deadMs += now - this.#since;
    this.#turn(now);
    return true;
  }

  /** It is silent; whether that is news. */
  die(now: number): boolean {
    if (this.#times.deadMs === 0) return false;
    const wasAlive = this.#deadUntil === undefined;
    this.#deadUntil = now + this.#times.deadMs;
    if (!wasAlive) return false;
    this.#deaths += 1;
    this.#turn(now);
    return true;
  }

  /** Forgets what was counted, not what is. */
  clear(now: number): void {
    this.#deadMs = 0;
    this.#deaths = 0;
    if (this.#deadUntil !== undefined) this.#since = now;
  }

  /** Its life so far. */
  picture(now: number): HealthPicture {
    const durationMs = now - this.#since;
    const isAlive = this.#deadUntil === undefined;
    return {
      isAlive,
      durationMs,
      previousMs: this.#previousMs,
      deadMs: this.#deadMs + (isAlive ? 0 : durationMs),
      deaths: this.#deaths,
    };
  }

  #turn(now: number): void {
    this.#previousMs = now - this.#since;
    this.#since = now;
  }
}
