/**
 * The lines in which IKE messages wait for the control plane: the packet loop lets them in, the control
 * plane lets them out when they are dealt with. What finds its line full is dropped, and peers send it again.
 */
import { IkeLine } from "./datagram.ts";

/** Places of each line. What begins an IKE SA may cost a key exchange: a second's worth of them. */
export const ikeLinePlaces: Readonly<Record<IkeLine, number>> = {
  [IkeLine.ESTABLISHED]: 2048,
  [IkeLine.INITIAL]: 256,
};

/** The lines as each of the two threads has them. */
export class IkeLines {
  /** Places in use, by line. */
  readonly #inUse: Int32Array;

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

  /** The control plane's end: a message was dealt with. */
  leave(line: IkeLine): void {
    Atomics.sub(this.#inUse, line, 1);
  }
}
