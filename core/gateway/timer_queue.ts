/**
 * Deadlines of many owners, the earliest first: a binary heap with stale entries left in place.
 *
 * An owner says anew when it wants to be woken; older entries of the same owner are skipped when
 * they come up. BOUNDED: rebuilt when stale entries outnumber the owners four to one.
 */
import type { Monotonic } from "../moment.ts";

interface Entry<T> {
  readonly at: Monotonic;
  readonly owner: T;
}

/** A queue of one deadline an owner. */
export class TimerQueue<T> {
  #heap: Entry<T>[] = [];
  readonly #wanted = new Map<T, Monotonic>();

  /** Wakes `owner` at `at` and not before; `undefined` for never. Replaces what it said earlier. */
  set(owner: T, at: Monotonic | undefined): void {
    if (at === undefined) {
      this.#wanted.delete(owner);
      return;
    }
    if (this.#wanted.get(owner) === at) return;
    this.#wanted.set(owner, at);
    this.#push({ at, owner });
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#wanted.size) this.#rebuild();
  }

  /** How many owners wait. */
  get size(): number {
    return this.#wanted.size;
  }

  /** The earliest deadline. */
  next(): Monotonic | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Takes out one owner whose deadline has come, or `undefined`. */
  pop(now: Monotonic): T | undefined {
    this.#dropStale();
    const top = this.#heap[0];
    if (top === undefined || top.at > now) return undefined;
    this.#removeTop();
    this.#wanted.delete(top.owner);
    return top.owner;
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#wanted.get(top.owner) === top.at) return;
      this.#removeTop();
    }
  }

  #rebuild(): void {
    this.#heap = [];
    for (const [owner, at] of this.#wanted) this.#push({ at, owner });
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      const left = heap[child];
      const right = heap[child + 1];
      if (left !== undefined && right !== undefined && right.at < left.at) child++;
      const smaller = heap[child];
      if (smaller === undefined || smaller.at >= last.at) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = last;
  }
}
