/**
 * The lines in which IKE messages wait for the control plane: the packet loop lets them in, the control
 * plane takes them out. What finds its line full is dropped, and peers send it again.
 *
 * A place is free again only when the thread of the control plane has been round to everything else it has
 * to do, its timers and the operator: messages that come without end would keep it from that.
 */
import { IkeLine } from "./datagram.ts";

/**
 * Places of each line. What begins an IKE SA may cost a key exchange: so many of them are a tenth of a second
 * in which nobody else is heard.
 */
export const ikeLinePlaces: Readonly<Record<IkeLine, number>> = {
  [IkeLine.ESTABLISHED]: 2048,
  [IkeLine.INITIAL]: 256,
};

/** The lines as each of the two threads has them. */
export class IkeLines {
  /** Places in use, by line. */
  readonly #inUse: Int32Array;
  /** Taken out, and not yet given free. */
  readonly #taken: Record<IkeLine, number> = { [IkeLine.ESTABLISHED]: 0, [IkeLine.INITIAL]: 0 };
  #round: ReturnType<typeof setTimeout> | undefined;

  /** The other thread's lines by their `shared`; new and empty ones without it. */
  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#inUse = new Int32Array(shared);
  }

  /** For the other thread. */
  get shared(): SharedArrayBuffer {
    return this.#inUse.buffer as SharedArrayBuffer;
  }

  /** The packet loop's end: takes a place; false when there is none. */
  enter(line: IkeLine): boolean {
    if (Atomics.load(this.#inUse, line) >= ikeLinePlaces[line]) return false;
    Atomics.add(this.#inUse, line, 1);
    return true;
  }

  /** The control plane's end: a message was taken out. */
  took(line: IkeLine): void {
    this.#taken[line]++;
    this.#round ??= setTimeout(() => this.#free(), 0);
  }

  /** The control plane takes out nothing more. */
  close(): void {
    clearTimeout(this.#round);
    this.#round = undefined;
  }

  #free(): void {
    this.#round = undefined;
    for (const line of [IkeLine.ESTABLISHED, IkeLine.INITIAL]) {
      Atomics.sub(this.#inUse, line, this.#taken[line]);
      this.#taken[line] = 0;
    }
  }
}
