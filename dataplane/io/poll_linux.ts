/** Waiting for several file descriptors at once, without using the processor. */
import type { Arena } from "../buffers.ts";
import { Errno } from "../ffi/errno.ts";
import { Linux, Size } from "../ffi/layout.ts";
import { addressOf, errno, libc, pointerTo, systemError } from "../ffi/libc.ts";

const eventsAt = 4;
const returnedAt = 6;

/** A fixed set of descriptors, by position. */
export class Poller {
  readonly #view: DataView;
  readonly #at: number;
  readonly #count: number;
  readonly #pointer: Deno.PointerObject;

  /** Lays out the set in `arena`. */
  constructor(arena: Arena, fds: readonly number[]) {
    this.#view = arena.view;
    this.#count = fds.length;
    this.#at = arena.reserve(fds.length * Size.POLLFD);
    this.#pointer = pointerTo(addressOf(arena.bytes).pointer, this.#at);
    fds.forEach((fd, i) => {
      this.#view.setInt32(this.#at + i * Size.POLLFD, fd, true);
      this.#view.setInt16(this.#at + i * Size.POLLFD + eventsAt, Linux.POLLIN, true);
    });
  }

  /** Blocks until one is readable or in error, or `timeoutMs` have passed; -1 waits for ever. */
  wait(timeoutMs: number): void {
    if (libc.poll(this.#pointer, this.#count, timeoutMs) >= 0) return;
    const number = errno();
    if (number !== Errno.EINTR) throw systemError("wait for packets", number);
    for (let i = 0; i < this.#count; i++) {
      this.#view.setInt16(this.#at + i * Size.POLLFD + returnedAt, 0, true);
    }
  }

  /** Whether descriptor `i` was ready when `wait` returned; errors count, the next call will tell. */
  isReady(i: number): boolean {
    return this.#view.getInt16(this.#at + i * Size.POLLFD + returnedAt, true) !== 0;
  }
}
