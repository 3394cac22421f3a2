/**
 * Explicit IVs of AEAD ciphers (RFC 5282 §3.1, RFC 4106 §3.1): a counter, so that none repeats
 * under a key. One object belongs to one sending key; a new key begins with a new object.
 */
import type { OwnedBytes } from "../bytes.ts";
import { invariant } from "../result.ts";
import { Writer } from "../wire/writer.ts";

const LAST = 0xffff_ffff_ffff_ffffn;

/** Counts the messages sealed under one key. */
export class IvCounter {
  #next = 0n;

  /** Eight octets that this object has never given before. */
  next(): OwnedBytes {
    invariant(this.#next <= LAST, "a key never seals 2^64 messages");
    const writer = new Writer(8);
    writer.u64(this.#next++);
    return writer.finish();
  }
}
