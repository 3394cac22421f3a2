/**
 * Bursts of AES-CBC with HMAC over ipsec-mb: packets of one suite and one direction are gathered and then
 * sealed or opened side by side. RFC 3602, RFC 4868, ESN of RFC 4303 §2.2.1.
 *
 * Below `leastBurst` packets libcrypto is faster, and does them one by one.
 */
import type { HashName } from "../../core/crypto/provider.ts";
import { InvariantError } from "../../core/result.ts";
import { mostPutOff } from "../esp/cipher.ts";
import { bursts } from "./ipsec_mb.ts";
import type { BurstKeys } from "./ipsec_mb_keys.ts";
import type { EspScratch } from "./libcrypto_esp_scratch.ts";
import { NativeMemory } from "./native_memory.ts";

/** Fewer packets are done by libcrypto. */
const leastBurst = 4;

const ivAt = 8;
const plaintextAt = 24;
const ivBytes = 16;

/** IMB_JOB of version 1.3: offsets of its fields, pointers and lengths of eight octets, enums of four. */
const Job = {
  ENC_KEYS: 0,
  DEC_KEYS: 8,
  KEY_LENGTH: 16,
  SOURCE: 24,
  DESTINATION: 32,
  CIPHER_START: 40,
  CIPHER_LENGTH: 48,
  HASH_START: 56,
  HASH_LENGTH: 64,
  IV: 72,
  IV_LENGTH: 80,
  TAG: 88,
  TAG_LENGTH: 96,
  INNER_PAD: 104,
  OUTER_PAD: 112,
} as const;
const jobBytes = 200;

/** IMB_CIPHER_CBC; IMB_DIR_ENCRYPT and IMB_DIR_DECRYPT; IMB_AUTH_HMAC_SHA_*. */
const cbc = 1;
const direction = { seal: 1, open: 2 } as const;
const hashNumbers: Readonly<Record<HashName, number>> = {
  sha1: 1,
  sha256: 3,
  sha384: 4,
  sha512: 5,
};

/** Longest ICV. */
const tagRoom = 32;

/** One SA and direction, as a burst sees it. */
export interface BurstMember {
  readonly kind: "seal" | "open";
  readonly keys: BurstKeys;
  readonly icvLength: number;
  readonly esn: boolean;
  /** One packet, by libcrypto: the length of the plaintext, or -1. */
  single(offset: number, plaintextLength: number, seqHi: number): number;
}

/** The packets that wait in one thread. */
export class Burst {
  /** See `EspCiphers.outcomes`. */
  readonly outcomes: Int32Array<ArrayBuffer> = new Int32Array(mostPutOff);
  readonly #scratch: EspScratch;
  readonly #manager: Deno.PointerObject;
  readonly #jobs = new NativeMemory(new Uint8Array(new ArrayBuffer(mostPutOff * jobBytes)));
  readonly #firstJob: Deno.PointerObject;
  /** Tags that are to be compared. */
  readonly #tags = new NativeMemory(new Uint8Array(new ArrayBuffer(mostPutOff * tagRoom)));
  /** ICVs whose place the upper half of a sequence number takes. */
  readonly #received = new Uint8Array(mostPutOff * tagRoom);
  readonly #members: (BurstMember | undefined)[] = new Array(mostPutOff).fill(undefined);
  readonly #offsets = new Uint32Array(mostPutOff);
  readonly #lengths = new Uint32Array(mostPutOff);
  readonly #highs = new Uint32Array(mostPutOff);
  /** Packets since the last flush, and how many of them are done. */
  #count = 0;
  #done = 0;

  /** For packets in the arena of `scratch`. */
  constructor(scratch: EspScratch) {
    this.#scratch = scratch;
    const manager = bursts.allocate(0n);
    if (manager === null) throw new InvariantError("ipsec-mb has no memory for a manager");
    bursts.initialize(manager);
    this.#manager = manager;
    this.#firstJob = this.#jobs.pointerAt(0);
  }

  /** Puts a packet off; its number. */
  add(member: BurstMember, offset: number, plaintextLength: number, seqHi: number): number {
    if (this.#count > this.#done && !isAlike(member, this.#members[this.#done] as BurstMember)) {
      this.#run();
    }
    const slot = this.#count;
    if (slot === mostPutOff) throw new InvariantError("too many ESP packets are put off");
    this.#members[slot] = member;
    this.#offsets[slot] = offset;
    this.#lengths[slot] = plaintextLength;
    this.#highs[slot] = seqHi;
    this.#count = slot + 1;
    return slot;
  }

  /** Does all that waits; numbers begin anew with the next packet. */
  flush(): void {
    this.#run();
    this.#count = 0;
    this.#done = 0;
  }

  #run(): void {
    const [first, end] = [this.#done, this.#count];
    const count = end - first;
    if (count === 0) return;
    this.#done = end;
    if (count < leastBurst) this.#runSingly(first, end);
    else if ((this.#members[first] as BurstMember).kind === "seal") this.#seal(first, count);
    else this.#open(first, count);
  }

  #runSingly(first: number, end: number): void {
    for (let slot = first; slot < end; slot++) {
      const member = this.#members[slot] as BurstMember;
      this.outcomes[slot] = member.single(
        this.#offsets[slot] as number,
        this.#lengths[slot] as number,
        this.#highs[slot] as number,
      );
    }
  }

  #seal(first: number, count: number): void {
    const { arena } = this.#scratch;
    for (let i = 0; i < count; i++) {
      const offset = this.#offsets[first + i] as number;
      const length = this.#lengths[first + i] as number;
      const icvAt = offset + plaintextAt + length;
      this.#scratch.writeIv(offset + ivAt);
      this.#writeJob(i, first + i, arena, icvAt);
      // Covered by the MAC and not sent: the ICV takes its place.
      if ((this.#members[first + i] as BurstMember).esn) {
        arena.view.setUint32(icvAt, this.#highs[first + i] as number);
      }
    }
    this.#cipher(first, count, direction.seal);
    this.#hash(first, count);
  }

  #open(first: number, count: number): void {
    const { arena } = this.#scratch;
    for (let i = 0; i < count; i++) {
      const { esn, icvLength } = this.#members[first + i] as BurstMember;
      const icvAt = (this.#offsets[first + i] as number) + plaintextAt +
        (this.#lengths[first + i] as number);
      this.#writeJob(i, first + i, this.#tags, i * tagRoom);
      for (let k = 0; k < icvLength; k++) {
        this.#received[i * tagRoom + k] = arena.bytes[icvAt + k] as number;
      }
      if (esn) arena.view.setUint32(icvAt, this.#highs[first + i] as number);
    }
    this.#hash(first, count);
    let good = 0;
    for (let i = 0; i < count; i++) {
      const isGood = this.#isTag(i, (this.#members[first + i] as BurstMember).icvLength);
      this.outcomes[first + i] = isGood ? this.#lengths[first + i] as number : -1;
      if (!isGood) continue;
      if (good < i) this.#jobs.bytes.copyWithin(good * jobBytes, i * jobBytes, (i + 1) * jobBytes);
      good++;
    }
    if (good > 0) this.#cipher(first, good, direction.open);
  }

  /** No early exit, as in core/crypto/constant_time.ts. */
  #isTag(i: number, length: number): boolean {
    const made = this.#tags.bytes;
    let difference = 0;
    for (let k = i * tagRoom; k < i * tagRoom + length; k++) {
      difference |= (made[k] as number) ^ (this.#received[k] as number);
    }
    return difference === 0;
  }

  #writeJob(i: number, slot: number, tagMemory: NativeMemory, tagAt: number): void {
    const jobs = this.#jobs;
    const { arena } = this.#scratch;
    const { keys, esn, icvLength } = this.#members[slot] as BurstMember;
    const at = i * jobBytes;
    const offset = this.#offsets[slot] as number;
    const length = this.#lengths[slot] as number;
    const { memory } = keys;
    jobs.writeAddress(at + Job.ENC_KEYS, memory, keys.encryptionAt);
    jobs.writeAddress(at + Job.DEC_KEYS, memory, keys.decryptionAt);
    jobs.writeAddress(at + Job.INNER_PAD, memory, keys.innerPadAt);
    jobs.writeAddress(at + Job.OUTER_PAD, memory, keys.outerPadAt);
    jobs.writeAddress(at + Job.SOURCE, arena, offset);
    jobs.writeAddress(at + Job.DESTINATION, arena, offset + plaintextAt);
    jobs.writeAddress(at + Job.IV, arena, offset + ivAt);
    jobs.writeAddress(at + Job.TAG, tagMemory, tagAt);
    this.#writeLength(at + Job.KEY_LENGTH, keys.keyBytes);
    this.#writeLength(at + Job.CIPHER_START, plaintextAt);
    this.#writeLength(at + Job.CIPHER_LENGTH, length);
    this.#writeLength(at + Job.HASH_START, 0);
    this.#writeLength(at + Job.HASH_LENGTH, plaintextAt + length + (esn ? 4 : 0));
    this.#writeLength(at + Job.IV_LENGTH, ivBytes);
    this.#writeLength(at + Job.TAG_LENGTH, icvLength);
  }

  /** The upper half is zero from the start and stays so. */
  #writeLength(at: number, value: number): void {
    this.#jobs.view.setUint32(at, value, true);
  }

  #cipher(slot: number, count: number, way: number): void {
    const { keyBytes } = (this.#members[slot] as BurstMember).keys;
    const done = bursts.cipher(this.#manager, this.#firstJob, count, cbc, way, keyBytes);
    if (done !== count) throw new InvariantError("ipsec-mb left a cipher job undone");
  }

  #hash(slot: number, count: number): void {
    const hash = hashNumbers[(this.#members[slot] as BurstMember).keys.hash];
    const done = bursts.hash(this.#manager, this.#firstJob, count, hash);
    if (done !== count) throw new InvariantError("ipsec-mb left a hash job undone");
  }
}

/** Whether two can be in one burst. */
function isAlike(a: BurstMember, b: BurstMember): boolean {
  return a === b ||
    (a.kind === b.kind && a.keys.keyBytes === b.keys.keyBytes && a.keys.hash === b.keys.hash);
}
