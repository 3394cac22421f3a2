/** What all libcrypto ESP ciphers of one arena share: pointers, scratch fields, random IVs. */
import type { Bytes } from "../../core/bytes.ts";
import type { Random } from "../../core/random.ts";
import { InvariantError } from "../../core/result.ts";
import { TAG_ADDRESS_AT, writeTagParameter } from "./libcrypto_object.ts";
import { NativeMemory } from "./native_memory.ts";

/** Offsets of the scratch fields; all are multiples of 8. */
export const ScratchAt = {
  OUT_LENGTH: 0,
  NONCE: 16,
  AAD: 32,
  SEQ_HI: 48,
  TAG_LIST: 64,
  KEY: 192,
  SPARE: 256,
  MAC: 320,
} as const;
const SCRATCH_LENGTH = 384;

/** 1024 IVs at a time. */
const POOL_LENGTH = 16384;

/** Scratch of one thread: a packet is done before the next begins, so all SAs use the same fields. */
export class EspScratch {
  /** Where packets lie. */
  readonly arena: NativeMemory;
  /** Where the fields of `ScratchAt` lie. */
  readonly fields: NativeMemory;
  /** Where libcrypto writes how much it wrote. */
  readonly outLength: Deno.PointerObject;
  /** Salt and IV. */
  readonly nonce: Deno.PointerObject;
  /** SPI and 64-bit sequence number. */
  readonly aad: Deno.PointerObject;
  /** Upper half of the sequence number, big-endian. */
  readonly seqHi: Deno.PointerObject;
  /** Parameter list of one tag. */
  readonly tagList: Deno.PointerObject;
  /** For keys on their way to a context. */
  readonly key: Deno.PointerObject;
  /** For output that is never there. */
  readonly spare: Deno.PointerObject;
  /** For a MAC before it is cut. */
  readonly mac: Deno.PointerObject;
  /** The number n as libcrypto wants a size. BOUNDED by the longest packet. */
  readonly #sizes: bigint[] = [];
  readonly #random: Random;
  #pool: Bytes = new Uint8Array(0);
  #poolAt = 0;

  /** Scratch for packets in `arena`, with IVs from `random`. */
  constructor(arena: Uint8Array, random: Random) {
    this.arena = new NativeMemory(arena);
    this.fields = new NativeMemory(new Uint8Array(new ArrayBuffer(SCRATCH_LENGTH)));
    this.#random = random;
    this.outLength = this.fields.pointerAt(ScratchAt.OUT_LENGTH);
    this.nonce = this.fields.pointerAt(ScratchAt.NONCE);
    this.aad = this.fields.pointerAt(ScratchAt.AAD);
    this.seqHi = this.fields.pointerAt(ScratchAt.SEQ_HI);
    this.tagList = this.fields.pointerAt(ScratchAt.TAG_LIST);
    this.key = this.fields.pointerAt(ScratchAt.KEY);
    this.spare = this.fields.pointerAt(ScratchAt.SPARE);
    this.mac = this.fields.pointerAt(ScratchAt.MAC);
    writeTagParameter(this.fields, ScratchAt.TAG_LIST, this.arena, 0, 16);
  }

  /** `use` may hand `this.key` to libcrypto; the octets are gone afterwards. */
  withKey<T>(key: Bytes, use: () => T): T {
    this.fields.bytes.set(key, ScratchAt.KEY);
    try {
      return use();
    } finally {
      this.fields.bytes.fill(0, ScratchAt.KEY, ScratchAt.KEY + key.length);
    }
  }

  /** A length as `size_t`. */
  sizeOf(length: number): bigint {
    return this.#sizes[length] ??= BigInt(length);
  }

  /** Writes 16 fresh octets at `offset` of the arena. */
  writeIv(offset: number): void {
    if (this.#poolAt === this.#pool.length) {
      this.#pool = this.#random.bytes(POOL_LENGTH);
      this.#poolAt = 0;
    }
    const { bytes } = this.arena;
    for (let i = 0; i < 16; i++) bytes[offset + i] = this.#pool[this.#poolAt + i] ?? 0;
    this.#poolAt += 16;
  }

  /**
   * Writes nonce (salt and the packet's IV) and AAD of the packet at `offset`; gives the length of the AAD,
   * which is the header, or with ESN the SPI and all 64 bits of the sequence number (RFC 4106 §5).
   */
  writeAeadFields(offset: number, salt: number, esn: boolean, seqHi: number): number {
    const packet = this.arena.view;
    const { view } = this.fields;
    view.setUint32(ScratchAt.NONCE, salt);
    view.setUint32(ScratchAt.NONCE + 4, packet.getUint32(offset + 8));
    view.setUint32(ScratchAt.NONCE + 8, packet.getUint32(offset + 12));
    view.setUint32(ScratchAt.AAD, packet.getUint32(offset));
    if (!esn) {
      view.setUint32(ScratchAt.AAD + 4, packet.getUint32(offset + 4));
      return 8;
    }
    view.setUint32(ScratchAt.AAD + 4, seqHi);
    view.setUint32(ScratchAt.AAD + 8, packet.getUint32(offset + 4));
    return 12;
  }

  /** Lets the tag list point at `offset` of the arena. */
  pointTagAt(offset: number): void {
    this.fields.writeAddress(ScratchAt.TAG_LIST + TAG_ADDRESS_AT, this.arena, offset);
  }

  /** Throws unless `length` octets at `offset` lie in the arena: libcrypto does not look. */
  checkRange(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.arena.bytes.length)) {
      throw new InvariantError("an ESP packet lies outside the arena");
    }
  }
}
