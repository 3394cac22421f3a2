/** Message headers for `recvmmsg` and `sendmmsg`, laid out in the arena once. */
import type { Arena } from "../buffers.ts";
import { controlBytes, Mmsghdr, Size, writePointer } from "../ffi/layout.ts";
import { addressOf, pointerTo } from "../ffi/libc.ts";

/** Distance of socket addresses. */
export const nameStride = 32;

/** Octets of the arena that `count` messages take. */
export function messagesBytes(count: number): number {
  return count * (Size.MMSGHDR + Size.IOVEC + nameStride + controlBytes) + 1024;
}

/** Message headers in the arena, one per slot, with their iovec, name and control message. */
export class Messages {
  /** The arena. */
  readonly view: DataView;
  /** The same in words. */
  readonly words: Uint32Array;
  /** Its address. */
  readonly base: number;
  /** Where the `mmsghdr`s stand. */
  readonly headers: number;
  /** Where the iovecs stand. */
  readonly iovecs: number;
  /** Where the socket addresses stand. */
  readonly names: number;
  /** Where the control messages stand. */
  readonly controls: number;
  /** To each header. */
  readonly pointers: readonly Deno.PointerObject[];

  /** Lays them out in an arena that has `messagesBytes(count)` left. */
  constructor(arena: Arena, count: number) {
    this.view = arena.view;
    this.words = arena.words;
    this.headers = arena.reserve(count * Size.MMSGHDR);
    this.iovecs = arena.reserve(count * Size.IOVEC);
    this.names = arena.reserve(count * nameStride);
    this.controls = arena.reserve(count * controlBytes);
    const { address, pointer } = addressOf(arena.bytes);
    this.base = address;
    const pointers: Deno.PointerObject[] = [];
    for (let i = 0; i < count; i++) {
      const header = this.headers + i * Size.MMSGHDR;
      pointers.push(pointerTo(pointer, header));
      writePointer(this.view, header + Mmsghdr.NAME, address + this.names + i * nameStride);
      writePointer(this.view, header + Mmsghdr.IOV, address + this.iovecs + i * Size.IOVEC);
      writePointer(this.view, header + Mmsghdr.IOVLEN, 1);
      writePointer(this.view, header + Mmsghdr.CONTROL, address + this.controls + i * controlBytes);
    }
    this.pointers = pointers;
  }

  /** Which octets slot `i` carries. */
  setData(i: number, offset: number, length: number): void {
    const iovec = this.iovecs + i * Size.IOVEC;
    writePointer(this.view, iovec, this.base + offset);
    this.view.setUint32(iovec + 8, length, true);
  }

  /** Lengths of name and control message of slot `i`. */
  setLengths(i: number, nameLength: number, controlLength: number): void {
    const header = this.headers + i * Size.MMSGHDR;
    this.view.setUint32(header + Mmsghdr.NAMELEN, nameLength, true);
    this.view.setUint32(header + Mmsghdr.CONTROLLEN, controlLength, true);
  }
}
