/**
 * Who is to be told that a restart has cost them their IKE SA (RFC 6290), without being asked: a client
 * that has nothing to send would find out by its liveness checks alone, much later.
 *
 * So slowly that those who come back are not all there at once, and a few times, since a message may
 * be lost. Who has come back meanwhile is left alone.
 */
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import { limits } from "../limits.ts";
import type { Session } from "./session.ts";

/** Until the first one: whoever is told must find a gateway that hears. */
const START_MS = 100;
/** Between two to the same client. */
const AGAIN_MS = 1_000;
/** To one client. */
const TRIES = 3;
/** Between two batches. */
const BATCH_MS = 50;
const BATCH = limits.crashNoticesPerSecond * BATCH_MS / 1_000;

interface Waiting {
  readonly session: Session;
  readonly at: Monotonic;
  readonly triesLeft: number;
}

/** The queue. BOUNDED by the sessions that the store held. */
export class CrashNotices {
  /** The earliest first; what is before `#head` is done. */
  #queue: Waiting[] = [];
  #head = 0;
  #next: Monotonic | undefined;

  /** When `take` has something to do. */
  get next(): Monotonic | undefined {
    return this.#next;
  }

  /** These are to be told from now on. */
  begin(sessions: readonly Session[], now: Monotonic): void {
    const at = after(now, START_MS);
    this.#queue = sessions.map((session) => ({ session, at, triesLeft: TRIES }));
    this.#head = 0;
    this.#next = sessions.length === 0 ? undefined : at;
  }

  /** Whom to tell now; `isLost` says who has not come back. */
  take(now: Monotonic, isLost: (session: Session) => boolean): readonly Session[] {
    const due: Session[] = [];
    if (this.#next === undefined || now < this.#next) return due;
    for (;;) {
      const first = this.#queue[this.#head];
      this.#next = first?.at;
      if (first === undefined || first.at > now) break;
      if (due.length === BATCH) {
        this.#next = after(now, BATCH_MS);
        break;
      }
      this.#head++;
      const { session, triesLeft } = first;
      if (!isLost(session)) continue;
      due.push(session);
      if (triesLeft === 1) continue;
      this.#queue.push({ session, at: after(now, AGAIN_MS), triesLeft: triesLeft - 1 });
    }
    if (this.#head > 1_000 || this.#next === undefined) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return due;
  }
}
