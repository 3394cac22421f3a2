/**
 * Memory that both sides see: one buffer that never moves, its address, and pointers into it.
 *
 * User addresses are below 2^47, so a `number` holds them exactly.
 */

/** One buffer with its address. It must neither be resized nor transferred. */
export class NativeMemory {
  /** The octets. */
  readonly bytes: Uint8Array;
  /** The same octets, for numbers wider than one. */
  readonly view: DataView;
  #address: number | undefined;
  #pointers: (Deno.PointerObject | undefined)[] | undefined;

  /** Takes `bytes` as they are; give octets of their own large buffer, never a small typed array. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Where the octets stand. Asked for only when needed, since that takes the FFI permission. */
  get address(): number {
    return this.#address ??= addressOf(this.bytes);
  }

  /**
   * The pointer to an offset, made once for multiples of 4 since the same offsets come back for ever.
   * BOUNDED by a quarter of the buffer's length.
   */
  pointerAt(offset: number): Deno.PointerObject {
    if ((offset & 3) !== 0) return this.newPointerAt(offset);
    // Of its full length from the start: an array that grows in leaps becomes a slow hash table.
    const pointers = this.#pointers ??= new Array(Math.ceil(this.bytes.length / 4));
    return pointers[offset >>> 2] ??= this.newPointerAt(offset);
  }

  /** A pointer to an offset for somebody who keeps it: memory that has few needs no room for all. */
  newPointerAt(offset: number): Deno.PointerObject {
    const pointer = Deno.UnsafePointer.create(BigInt(this.address + offset));
    if (pointer === null) throw new RangeError("Cannot make pointer: the buffer is at address 0");
    return pointer;
  }

  /** Writes the 64-bit address of `target` in `memory` at `offset`, little-endian. */
  writeAddress(offset: number, memory: NativeMemory, target: number): void {
    const address = memory.address + target;
    this.view.setUint32(offset, address >>> 0, true);
    this.view.setUint32(offset + 4, Math.floor(address / 2 ** 32), true);
  }
}

function addressOf(bytes: Uint8Array): number {
  // The type allows shared memory, whose address is taken the same way.
  const pointer = Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>);
  return Number(Deno.UnsafePointer.value(pointer));
}
