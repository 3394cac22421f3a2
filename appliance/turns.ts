/**
 * Work that comes in bursts and must not keep anybody waiting: done at once while there is little of it, and
 * else in turns. Between two of them the runtime goes round to everything else: timers, the store, the
 * operator.
 *
 * Work waits in lines. The first line goes first; but now and then the last one does, so that a line that
 * never ends keeps no other from its turn for good.
 */

/** Milliseconds of a turn. The next one begins about one later, in which little is done. */
export const turnMs = 20;
/** Of so many pieces of work that are taken out one is from the last line that has any. */
const lastFirstEvery = 8;

/** One piece of work. It must not throw. */
export type Work = () => void;

/** Lines of work, and whose turn it is. */
export class Turns {
  readonly #nowMs: () => number;
  /** BOUNDED by whoever brings work. */
  readonly #lines: readonly Work[][];
  /** Milliseconds that this turn has taken so far. */
  #spentMs = 0;
  #taken = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** No work yet, in so many lines; `nowMs` must not jump. */
  constructor(nowMs: () => number, lines: number) {
    this.#nowMs = nowMs;
    this.#lines = Array.from({ length: lines }, () => []);
  }

  /** Does it, now if nothing waits and this turn still lasts. */
  take(line: number, work: Work): void {
    if (this.#spentMs < turnMs && !this.#hasWork) this.#do(work);
    else this.#lines[line]?.push(work);
    this.#expectTurn();
  }

  /** Does nothing more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const line of this.#lines) line.length = 0;
  }

  get #hasWork(): boolean {
    return this.#lines.some((line) => line.length > 0);
  }

  #do(work: Work): void {
    const start = this.#nowMs();
    work();
    this.#spentMs += this.#nowMs() - start;
  }

  #expectTurn(): void {
    if (this.#spentMs > 0 || this.#hasWork) this.#timer ??= setTimeout(() => this.#turn(), 0);
  }

  #turn(): void {
    this.#timer = undefined;
    this.#spentMs = 0;
    while (this.#spentMs < turnMs) {
      const work = this.#next();
      if (work === undefined) break;
      this.#do(work);
    }
    this.#expectTurn();
  }

  #next(): Work | undefined {
    const isWaiting = (line: Work[]): boolean => line.length > 0;
    this.#taken = (this.#taken + 1) % lastFirstEvery;
    const line = this.#taken === 0 ? this.#lines.findLast(isWaiting) : this.#lines.find(isWaiting);
    return line?.shift();
  }
}
