/**
 * Which sheet's turn it is to have a record sent: so many at once, those that waited longest first.
 *
 * While no server answers anybody, one record at a time asks whether one does again, that of another
 * sheet each time, with growing pauses. A record that gets no answer while others do, or did since it
 * last got none, makes only its own sheet wait, from then on.
 *
 * The gateway's sheet may go alone: after what was there before, ahead of what comes later. Nothing
 * waits for it longer than one try, since not every server answers what it says.
 *
 * Synchronous; times are monotonic milliseconds.
 */

/** How hard servers are tried. */
export interface DeliveryTimes {
  /** Records on their way at the same time. */
  readonly mostAtOnce: number;
  /** Pause after the first failure; doubles up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** What a gateway does. */
export const usualTimes: DeliveryTimes = {
  mostAtOnce: 64,
  firstPauseMs: 2_000,
  longestPauseMs: 60_000,
};

/** What a plan is made from. */
export interface DeliveryPlanOptions {
  readonly times: DeliveryTimes;
  /** Whether a sheet has records, be they stored or not. */
  readonly hasRecords: (name: string) => boolean;
}

interface Pause {
  readonly until: number;
  readonly ms: number;
}

/** That nobody answered a sheet. */
interface Miss {
  readonly at: number;
  /** Present when that is the sheet's own affair. */
  readonly pause?: Pause;
}

/** A sheet that goes alone. */
interface Alone {
  readonly name: string;
  /** What was there before it. */
  readonly before: Set<string>;
  /** Whether those are waited for. */
  waits: boolean;
  /** What came later. */
  readonly behind: Set<string>;
  /** Whether its record may be sent as far as it goes. */
  isDue: boolean;
  /** What its next record comes after. */
  next: Set<string> | undefined;
}

/** The plan of one book; names are those of its sheets, which bound everything in it. */
export class DeliveryPlan {
  readonly #options: DeliveryPlanOptions;
  /** In the order of their turns. */
  readonly #ready = new Set<string>();
  /** On their way, and since when. */
  readonly #busy = new Map<string, number>();
  /** The last time that nobody answered, of sheets that were not answered since. */
  readonly #misses = new Map<string, Miss>();
  #outage: Pause | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;
  #alone: Alone | undefined;

  /** A plan in which nobody has a turn. */
  constructor(options: DeliveryPlanOptions) {
    this.#options = options;
  }

  /** Whether no server answers. */
  get isOutage(): boolean {
    return this.#outage !== undefined;
  }

  /** A sheet has a record that may be sent. */
  wake(name: string): void {
    if (this.#busy.has(name) || this.#misses.get(name)?.pause !== undefined) return;
    const alone = this.#alone;
    if (alone === undefined || alone.before.has(name)) this.#ready.add(name);
    else if (alone.name === name) alone.isDue = true;
    else alone.behind.add(name);
  }

  /** A sheet is to go alone with its next record, once it is woken and after those of `before`. */
  goAlone(name: string, before: Iterable<string>): void {
    const waited = new Set(before);
    waited.delete(name);
    if (this.#alone !== undefined) this.#alone.next = waited;
    else if (!this.#busy.has(name)) this.#waitAlone(name, waited, this.#ready.delete(name));
  }

  /** The sheet whose turn it is; from here on it is busy. */
  take(now: number): string | undefined {
    for (const [name, { pause }] of this.#misses) {
      if (pause !== undefined && pause.until <= now && !this.#busy.has(name)) this.#ready.add(name);
    }
    this.#letAloneGo();
    const isQuiet = this.#outage !== undefined &&
      (this.#busy.size > 0 || now < this.#outage.until);
    if (isQuiet || this.#busy.size >= this.#options.times.mostAtOnce) return undefined;
    const [name] = this.#ready;
    if (name === undefined) return undefined;
    this.#ready.delete(name);
    this.#busy.set(name, now);
    return name;
  }

  /** A busy sheet was answered; `isDue` says whether it has more to send. */
  answered(name: string, isDue: boolean, now: number): void {
    this.#heardAt = now;
    this.#outage = undefined;
    this.skipped(name, isDue);
  }

  /** A busy sheet had nothing to send after all, or nothing that can be sent. */
  skipped(name: string, isDue: boolean): void {
    this.#busy.delete(name);
    this.#misses.delete(name);
    if (this.#alone?.name === name) this.#openWay(this.#alone);
    if (isDue) this.wake(name);
  }

  /** Nobody answered a busy sheet. */
  missed(name: string, now: number): void {
    const began = this.#busy.get(name) ?? now;
    this.#busy.delete(name);
    if (this.#alone?.name === name) this.#openWay(this.#alone);
    const last = this.#misses.get(name);
    // Once it is its own affair it stays so, and says nothing about servers any more.
    const isOwn = last?.pause !== undefined || this.#heardAt >= Math.min(began, last?.at ?? began);
    if (isOwn) {
      this.#misses.set(name, { at: now, pause: this.#longer(last?.pause, now) });
      this.#alone?.before.delete(name);
      return;
    }
    // Those that were on their way when silence fell say no more than the first of them.
    if (this.#outage === undefined || began >= this.#outage.until) {
      this.#outage = this.#longer(this.#outage, now);
    }
    this.#misses.set(name, { at: now });
    this.wake(name);
    if (this.#alone !== undefined) this.#alone.waits = false;
  }

  /** When `take` may have something that it has not now; `undefined` when only a change can bring it. */
  nextAt(): number | undefined {
    const places = this.#outage === undefined ? this.#options.times.mostAtOnce : 1;
    if (this.#busy.size >= places) return undefined;
    let first = this.#ready.size > 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const [name, { pause }] of this.#misses) {
      if (pause !== undefined && !this.#busy.has(name)) first = Math.min(first, pause.until);
    }
    return Number.isFinite(first) ? Math.max(first, this.#outage?.until ?? 0) : undefined;
  }

  #letAloneGo(): void {
    const alone = this.#alone;
    if (alone === undefined || !alone.isDue || this.#busy.has(alone.name)) return;
    if (alone.waits) {
      for (const name of alone.before) {
        if (this.#options.hasRecords(name)) return;
        alone.before.delete(name);
      }
    }
    this.#ready.add(alone.name);
  }

  /** The sheet that went alone was tried. */
  #openWay({ name, behind, next }: Alone): void {
    this.#alone = undefined;
    if (next !== undefined) this.#waitAlone(name, next, false);
    for (const one of behind) this.wake(one);
  }

  #waitAlone(name: string, before: Set<string>, isDue: boolean): void {
    this.#alone = { name, before, waits: true, behind: new Set(), isDue, next: undefined };
  }

  #longer(pause: Pause | undefined, now: number): Pause {
    const { firstPauseMs, longestPauseMs } = this.#options.times;
    const ms = pause === undefined ? firstPauseMs : Math.min(2 * pause.ms, longestPauseMs);
    return { until: now + ms, ms };
  }
}
