/**
 * Memory for one call of the provider at a time: arguments go in, results come out, and all of it is
 * wiped when the call is done.
 */
import type { Bytes, OwnedBytes } from "../../core/bytes.ts";
import { InvariantError } from "../../core/result.ts";
import { TAG_LIST_LENGTH, writeTagParameter } from "./libcrypto_object.ts";
import { NativeMemory } from "./native_memory.ts";

/** Long inputs are worked through in portions of this many octets, whole AES blocks. */
export const PORTION = 65536;
const LENGTH = 2 * PORTION;

/** Octets in native memory. */
export interface NativeOctets {
  /** Where they stand. */
  readonly at: number;
  /** The same, for libcrypto. */
  readonly pointer: Deno.PointerObject;
  /** How many. */
  readonly length: number;
}

const memory = new NativeMemory(new Uint8Array(new ArrayBuffer(LENGTH)));
let used = 0;
let depth = 0;

/** Runs `work`; whatever it placed in the workspace is gone afterwards. Calls may nest. */
export function inWorkspace<T>(work: () => T): T {
  const start = used;
  depth++;
  try {
    return work();
  } finally {
    depth--;
    memory.bytes.fill(0, start, used);
    used = start;
  }
}

/** Room for `length` octets, all zero, eight-aligned; at least eight, so that it has an address. */
export function room(length: number): NativeOctets {
  if (depth === 0) throw new InvariantError("the crypto workspace is used outside of a call");
  const at = used;
  used += Math.max(8, (length + 7) & ~7);
  if (used > LENGTH) throw new InvariantError("the crypto workspace is too small");
  return { at, pointer: memory.pointerAt(at), length };
}

/** A copy of `octets` in the workspace. */
export function place(octets: Bytes): NativeOctets {
  const placed = room(octets.length);
  memory.bytes.set(octets, placed.at);
  return placed;
}

/** Overwrites what stands in `target`, from `offset` on. */
export function replace(target: NativeOctets, octets: Bytes, offset = 0): void {
  if (offset + octets.length > target.length) {
    throw new InvariantError("octets do not fit their place");
  }
  memory.bytes.set(octets, target.at + offset);
}

/** A copy of the first `length` octets that stand there. */
export function take(source: NativeOctets, length: number = source.length): OwnedBytes {
  return memory.bytes.slice(source.at, source.at + length);
}

/** A pointer to the octets, in the workspace itself: d2i functions want the address of an address. */
export function placeAddressOf(target: NativeOctets): NativeOctets {
  const placed = room(8);
  memory.writeAddress(placed.at, memory, target.at);
  return placed;
}

/** A `size_t` in the workspace, for functions that read and change a length. */
export function placeSize(value: number): NativeOctets {
  const placed = room(8);
  memory.view.setUint32(placed.at, value, true);
  return placed;
}

/** The lower 32 bits of a number that libcrypto wrote. */
export function sizeAt(source: NativeOctets): number {
  return memory.view.getUint32(source.at, true);
}

/** A parameter list whose one entry is the AEAD tag that stands, or shall stand, at `tag`. */
export function placeTagList(tag: NativeOctets): NativeOctets {
  const placed = room(TAG_LIST_LENGTH);
  writeTagParameter(memory, placed.at, memory, tag.at, tag.length);
  return placed;
}
