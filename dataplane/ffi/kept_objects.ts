/** Objects that cost more to make than to keep: the most recently used ones, up to so many. */

/** Keeps objects by name. BOUNDED by `most`: who was not asked for longest goes first. */
export class KeptObjects<T> {
  /** In the order of their last use. */
  readonly #byName = new Map<string, T>();
  readonly #most: number;
  readonly #free: (object: T) => void;

  /** None at first; `free` is called once with each that is given up. */
  constructor(most: number, free: (object: T) => void) {
    this.#most = most;
    this.#free = free;
  }

  /** The one of this name, or what `make` gives, which is kept unless that is nothing. */
  get(name: string, make: () => T | undefined): T | undefined {
    const object = this.#byName.get(name) ?? make();
    if (object === undefined) return undefined;
    this.#byName.delete(name);
    this.#byName.set(name, object);
    this.#giveUp();
    return object;
  }

  #giveUp(): void {
    if (this.#byName.size <= this.#most) return;
    for (const [name, object] of this.#byName) {
      this.#byName.delete(name);
      this.#free(object);
      return;
    }
  }
}
