/** Events counted by name. */

/** Counters that are made when they are first needed. BOUNDED: the names are words of this program. */
export class Counted {
  readonly #counts = new Map<string, number>();

  /** One more. */
  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** By name. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** From zero again. */
  clear(): void {
    this.#counts.clear();
  }
}
