/** AES-GCM in ESP over ipsec-mb, in place, one call a packet: RFC 4106, ESN of RFC 4303 §2.2.1. */
import { InvariantError } from "../../core/result.ts";
import type { EspLayout, EspOpener, EspSealer } from "../esp/cipher.ts";
import { type EspAlgorithm, saltOf } from "../esp/keys.ts";
import { symbols } from "./ipsec_mb.ts";
import { addressOf, pointerTo } from "./libc.ts";
import type { EspScratch } from "./libcrypto_esp_scratch.ts";
import { NativeMemory } from "./native_memory.ts";

type AeadAlgorithm = Extract<EspAlgorithm, { kind: "aead" }>;

/** Round keys and powers of the hash key take 1.8 KB in the largest generation. */
const expandedKeyBytes = 4096;
const alignmentBytes = 64;

/** Offsets in the memory that `gcmWork` makes. */
const WorkAt = { CONTEXT: 0, TAG: 256 } as const;
const workBytes = 512;

/** Memory that all SAs of a thread share: a packet is done before the next begins. */
export function gcmWork(): NativeMemory {
  return new NativeMemory(new Uint8Array(new ArrayBuffer(workBytes)));
}

const headerBytes = 8n;
const extendedHeaderBytes = 12n;
const tagBytes = 16n;

/** An expanded key in memory of its own, which only one pointer ever leads to: there is one for every SA. */
class ExpandedKey {
  readonly is256: boolean;
  readonly pointer: Deno.PointerObject;
  readonly #octets = new Uint8Array(new ArrayBuffer(expandedKeyBytes + alignmentBytes));

  constructor(scratch: EspScratch, key: Uint8Array) {
    this.is256 = key.length === 32;
    const { address, pointer } = addressOf(this.#octets);
    this.pointer = pointerTo(pointer, -address & (alignmentBytes - 1));
    scratch.withKey(key, () => {
      if (this.is256) symbols.pre256(scratch.key, this.pointer);
      else symbols.pre128(scratch.key, this.pointer);
    });
  }

  wipe(): void {
    this.#octets.fill(0);
  }
}

/** Seals with AES-GCM; the IV is the sequence number. */
export class GcmSealer implements EspSealer {
  /** The suite's layout. */
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #key: ExpandedKey;
  readonly #salt: number;
  readonly #esn: boolean;
  #isClosed = false;

  /** Expands the key. */
  constructor(scratch: EspScratch, work: NativeMemory, algorithm: AeadAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#context = work.pointerAt(WorkAt.CONTEXT);
    this.#key = new ExpandedKey(scratch, algorithm.key);
    this.#salt = saltOf(algorithm.salt);
    this.#esn = algorithm.esn;
  }

  /** See `EspSealer`. */
  seal(offset: number, plaintextLength: number, seqHi: number): number {
    const length = this.layout.overhead + plaintextLength;
    const scratch = this.#scratch;
    const { arena, nonce, aad } = scratch;
    scratch.checkRange(offset, length);
    if (this.#isClosed || plaintextLength < 0) throw new InvariantError("an ESP sealer is misused");
    arena.view.setUint32(offset + 8, seqHi);
    arena.view.setUint32(offset + 12, arena.view.getUint32(offset + 4));
    scratch.writeAeadFields(offset, this.#salt, this.#esn, seqHi);
    const aadLength = this.#esn ? extendedHeaderBytes : headerBytes;
    const data = arena.pointerAt(offset + 16);
    const tag = arena.pointerAt(offset + 16 + plaintextLength);
    const { is256, pointer: key } = this.#key;
    const context = this.#context;
    if (is256) {
      symbols.enc256(
        key,
        context,
        data,
        data,
        plaintextLength,
        nonce,
        aad,
        aadLength,
        tag,
        tagBytes,
      );
    } else {
      symbols.enc128(
        key,
        context,
        data,
        data,
        plaintextLength,
        nonce,
        aad,
        aadLength,
        tag,
        tagBytes,
      );
    }
    return length;
  }

  /** Overwrites the key. */
  close(): void {
    this.#isClosed = true;
    this.#key.wipe();
  }
}

/** Opens with AES-GCM; the IV is whatever the packet says. */
export class GcmOpener implements EspOpener {
  /** The suite's layout. */
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #tag: Deno.PointerObject;
  readonly #work: DataView;
  readonly #key: ExpandedKey;
  readonly #salt: number;
  readonly #esn: boolean;
  #isClosed = false;

  /** Expands the key. */
  constructor(scratch: EspScratch, work: NativeMemory, algorithm: AeadAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#context = work.pointerAt(WorkAt.CONTEXT);
    this.#tag = work.pointerAt(WorkAt.TAG);
    this.#work = work.view;
    this.#key = new ExpandedKey(scratch, algorithm.key);
    this.#salt = saltOf(algorithm.salt);
    this.#esn = algorithm.esn;
  }

  /** See `EspOpener`. */
  open(offset: number, packetLength: number, seqHi: number): number {
    const scratch = this.#scratch;
    const { arena, nonce, aad } = scratch;
    const length = packetLength - this.layout.overhead;
    scratch.checkRange(offset, packetLength);
    if (this.#isClosed) throw new InvariantError("an ESP opener is misused");
    if (length < 0 || (length & 3) !== 0) return -1;
    scratch.writeAeadFields(offset, this.#salt, this.#esn, seqHi);
    const aadLength = this.#esn ? extendedHeaderBytes : headerBytes;
    const data = arena.pointerAt(offset + 16);
    const { is256, pointer: key } = this.#key;
    const [context, tag] = [this.#context, this.#tag];
    if (is256) {
      symbols.dec256(
        key,
        context,
        data,
        data,
        length,
        nonce,
        aad,
        aadLength,
        tag,
        tagBytes,
      );
    } else {
      symbols.dec128(
        key,
        context,
        data,
        data,
        length,
        nonce,
        aad,
        aadLength,
        tag,
        tagBytes,
      );
    }
    return this.#isTag(offset + 16 + length) ? length : -1;
  }

  /** Overwrites the key. */
  close(): void {
    this.#isClosed = true;
    this.#key.wipe();
  }

  /** Whether the tag just made stands at `at`; the time does not depend on where they differ. */
  #isTag(at: number): boolean {
    const { view } = this.#scratch.arena;
    const made = this.#work;
    const differences = (made.getUint32(WorkAt.TAG) ^ view.getUint32(at)) |
      (made.getUint32(WorkAt.TAG + 4) ^ view.getUint32(at + 4)) |
      (made.getUint32(WorkAt.TAG + 8) ^ view.getUint32(at + 8)) |
      (made.getUint32(WorkAt.TAG + 12) ^ view.getUint32(at + 12));
    return differences === 0;
  }
}
