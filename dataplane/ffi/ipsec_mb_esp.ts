/**
 * AES-GCM in ESP over ipsec-mb, in place, one call a packet: RFC 4106, ESN of RFC 4303 §2.2.1. All other
 * suites stay with libcrypto.
 *
 * The library is believed only after it has sealed and opened a packet as libcrypto does.
 */
import { Encr, Integ } from "../../core/message/constants.ts";
import type { Random } from "../../core/random.ts";
import { InvariantError } from "../../core/result.ts";
import type { EspKeys, EspSuite } from "../../core/sa/suite.ts";
import type { EspCiphers, EspLayout, EspOpener, EspSealer } from "../esp/cipher.ts";
import { type EspAlgorithm, espAlgorithmOf } from "../esp/keys.ts";
import { isIpsecMbLoaded, symbols } from "./ipsec_mb.ts";
import { createLibcryptoEspCiphers } from "./libcrypto_esp.ts";
import { EspScratch } from "./libcrypto_esp_scratch.ts";
import { NativeMemory } from "./native_memory.ts";

type AeadAlgorithm = Extract<EspAlgorithm, { kind: "aead" }>;

/** Round keys and powers of the hash key take 1.8 KB in the largest generation. */
const expandedKeyBytes = 4096;
const alignmentBytes = 64;

/** Offsets in the memory that all SAs of a thread share. */
const WorkAt = { CONTEXT: 0, TAG: 256 } as const;
const workBytes = 512;

const headerBytes = 8n;
const extendedHeaderBytes = 12n;
const tagBytes = 16n;

/** Ciphers that work in `arena`; `undefined` where one of the libraries is missing, or ipsec-mb is wrong. */
export function createIpsecMbEspCiphers(
  arena: Uint8Array,
  random: Random,
): EspCiphers | undefined {
  const others = createLibcryptoEspCiphers(arena, random);
  if (!isIpsecMbLoaded || others === undefined || !agrees(random)) return undefined;
  return ciphersBeside(others, arena, random);
}

function ciphersBeside(others: EspCiphers, arena: Uint8Array, random: Random): EspCiphers {
  const scratch = new EspScratch(arena, random);
  const work = new NativeMemory(new Uint8Array(new ArrayBuffer(workBytes)));
  return {
    name: "ipsec-mb",
    createSealer: (suite: EspSuite, keys: EspKeys): EspSealer => {
      const algorithm = gcmOf(suite, keys);
      return algorithm === undefined
        ? others.createSealer(suite, keys)
        : new GcmSealer(scratch, work, algorithm);
    },
    createOpener: (suite: EspSuite, keys: EspKeys): EspOpener => {
      const algorithm = gcmOf(suite, keys);
      return algorithm === undefined
        ? others.createOpener(suite, keys)
        : new GcmOpener(scratch, work, algorithm);
    },
  };
}

function gcmOf(suite: EspSuite, keys: EspKeys): AeadAlgorithm | undefined {
  const algorithm = espAlgorithmOf(suite, keys);
  const isGcm = algorithm.kind === "aead" &&
    (algorithm.name === "aes-128-gcm" || algorithm.name === "aes-256-gcm");
  return isGcm ? algorithm : undefined;
}

/** An expanded key in memory of its own. */
class ExpandedKey {
  readonly is256: boolean;
  readonly pointer: Deno.PointerObject;
  readonly #memory: NativeMemory;

  constructor(scratch: EspScratch, key: Uint8Array) {
    this.is256 = key.length === 32;
    const octets = new Uint8Array(new ArrayBuffer(expandedKeyBytes + alignmentBytes));
    this.#memory = new NativeMemory(octets);
    this.pointer = this.#memory.pointerAt(-this.#memory.address & (alignmentBytes - 1));
    scratch.withKey(key, () => {
      if (this.is256) symbols.pre256(scratch.key, this.pointer);
      else symbols.pre128(scratch.key, this.pointer);
    });
  }

  wipe(): void {
    this.#memory.bytes.fill(0);
  }
}

/** The salt as a number, big-endian. */
function saltOf(algorithm: AeadAlgorithm): number {
  return algorithm.salt.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** Seals with AES-GCM; the IV is the sequence number. */
class GcmSealer implements EspSealer {
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #key: ExpandedKey;
  readonly #salt: number;
  readonly #esn: boolean;
  #isClosed = false;

  constructor(scratch: EspScratch, work: NativeMemory, algorithm: AeadAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#context = work.pointerAt(WorkAt.CONTEXT);
    this.#key = new ExpandedKey(scratch, algorithm.key);
    this.#salt = saltOf(algorithm);
    this.#esn = algorithm.esn;
  }

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

  close(): void {
    this.#isClosed = true;
    this.#key.wipe();
  }
}

/** Opens with AES-GCM; the IV is whatever the packet says. */
class GcmOpener implements EspOpener {
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #tag: Deno.PointerObject;
  readonly #work: DataView;
  readonly #key: ExpandedKey;
  readonly #salt: number;
  readonly #esn: boolean;
  #isClosed = false;

  constructor(scratch: EspScratch, work: NativeMemory, algorithm: AeadAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#context = work.pointerAt(WorkAt.CONTEXT);
    this.#tag = work.pointerAt(WorkAt.TAG);
    this.#work = work.view;
    this.#key = new ExpandedKey(scratch, algorithm.key);
    this.#salt = saltOf(algorithm);
    this.#esn = algorithm.esn;
  }

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

/** Whether both libraries make the same packet, and each opens it and no other. */
function agrees(random: Random): boolean {
  const arena = new Uint8Array(new ArrayBuffer(4096));
  const others = createLibcryptoEspCiphers(arena, random);
  if (others === undefined) return false;
  const own = ciphersBeside(others, arena, random);
  const plain = new Uint8Array(1500).map((_, i) => i);
  const put = (): void => arena.set(plain, 0);
  return [128, 256].every((keyBits) => {
    const suite = { encryption: Encr.AES_GCM_16, keyBits, integrity: Integ.NONE, esn: true };
    const keys = { encryption: random.bytes(keyBits / 8 + 4), integrity: new Uint8Array(0) };
    const made = [own, others].map((ciphers) => {
      put();
      const sealer = ciphers.createSealer(suite, keys);
      const length = sealer.seal(0, 1400, 7);
      sealer.close();
      return arena.slice(0, length);
    });
    const [mine = plain, theirs = plain] = made;
    const opener = own.createOpener(suite, keys);
    arena.set(theirs, 0);
    const opened = opener.open(0, theirs.length, 7);
    const isPlain = arena.subarray(16, 1416).every((octet, i) => octet === plain[16 + i]);
    arena.set(theirs, 0);
    arena[20] = (arena[20] ?? 0) ^ 1;
    const forged = opener.open(0, theirs.length, 7);
    opener.close();
    return mine.every((octet, i) => octet === theirs[i]) && mine.length === theirs.length &&
      opened === 1400 && isPlain && forged === -1;
  });
}
