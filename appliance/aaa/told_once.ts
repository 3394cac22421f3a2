/** What is worth one line of the log, however often it happens. */

/** Names remembered, at most: whoever makes up more of them is told of no further ones. */
const mostNames = 100;

/** Remembers what was told. */
export class ToldOnce {
  readonly #names = new Set<string>();

  /** Whether this is the first time; then it is the last. */
  isNew(name: string): boolean {
    if (this.#names.has(name) || this.#names.size >= mostNames) return false;
    this.#names.add(name);
    return true;
  }
}
