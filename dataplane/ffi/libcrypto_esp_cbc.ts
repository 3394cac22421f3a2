/** AES-CBC with HMAC-SHA-2 in ESP over libcrypto: RFC 3602, RFC 4868, ESN of RFC 4303 §2.2.1. */
import type { Bytes } from "../../core/bytes.ts";
import { InvariantError } from "../../core/result.ts";
import type { EspLayout, EspOpener, EspSealer } from "../esp/cipher.ts";
import type { EspAlgorithm } from "../esp/keys.ts";
import { type EspScratch, ScratchAt } from "./libcrypto_esp_scratch.ts";
import { cbcOf, hmacAlgorithm, hmacParameters, LibcryptoError } from "./libcrypto_object.ts";
import { symbols } from "./libcrypto.ts";

type CbcAlgorithm = Extract<EspAlgorithm, { kind: "cbc" }>;

const BLOCK_LENGTH = 16;
const PLAINTEXT_AT = 24;
/** The longest MAC, in the form that its argument wants. */
const MAC_ROOM = 64n;
const SEQ_HI_SIZE = 4n;
const NO_KEY = 0n;

function broken(action: string): never {
  symbols.ERR_clear_error();
  throw new LibcryptoError(action);
}

/** The HMAC half of a suite: a keyed context that is started anew for each packet. */
class EspMac {
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #esn: boolean;

  constructor(scratch: EspScratch, algorithm: CbcAlgorithm) {
    const context = symbols.EVP_MAC_CTX_new(hmacAlgorithm());
    if (context === null) broken("make a MAC context");
    this.#scratch = scratch;
    this.#context = context;
    this.#esn = algorithm.esn;
    const key: Bytes = algorithm.integrityKey;
    const parameters = hmacParameters(algorithm.integrity.hash);
    const done = scratch.withKey(
      key,
      () => symbols.EVP_MAC_init(context, scratch.key, BigInt(key.length), parameters),
    );
    if (done !== 1) {
      this.close();
      broken("set an integrity key");
    }
  }

  /** Leaves the whole MAC of `length` octets at `offset` in the scratch field. */
  compute(offset: number, length: number, seqHi: number): void {
    const scratch = this.#scratch;
    const context = this.#context;
    const covered = scratch.arena.pointerAt(offset);
    let done = symbols.EVP_MAC_init(context, null, NO_KEY, null);
    if (done === 1) done = symbols.EVP_MAC_update(context, covered, scratch.sizeOf(length));
    if (done === 1 && this.#esn) {
      scratch.fields.view.setUint32(ScratchAt.SEQ_HI, seqHi);
      done = symbols.EVP_MAC_update(context, scratch.seqHi, SEQ_HI_SIZE);
    }
    if (done === 1) done = symbols.EVP_MAC_final(context, scratch.mac, scratch.outLength, MAC_ROOM);
    if (done !== 1) broken("compute an ESP ICV");
  }

  close(): void {
    symbols.EVP_MAC_CTX_free(this.#context);
  }
}

function newCipher(
  scratch: EspScratch,
  algorithm: CbcAlgorithm,
  direction: "encrypt" | "decrypt",
): Deno.PointerObject {
  const cipher = cbcOf(algorithm.key.length);
  const context = symbols.EVP_CIPHER_CTX_new();
  if (context === null) broken("make a cipher context");
  const done = scratch.withKey(algorithm.key, () => {
    return direction === "encrypt"
      ? symbols.EVP_EncryptInit_ex(context, cipher, null, scratch.key, null)
      : symbols.EVP_DecryptInit_ex(context, cipher, null, scratch.key, null);
  });
  if (done !== 1 || symbols.EVP_CIPHER_CTX_set_padding(context, 0) !== 1) {
    symbols.EVP_CIPHER_CTX_free(context);
    broken("set a CBC key");
  }
  return context;
}

/** Seals: a random IV, AES-CBC, then the ICV over all of it. */
export class CbcSealer implements EspSealer {
  /** The suite's layout. */
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #mac: EspMac;
  readonly #cipher: Deno.PointerObject;
  #isClosed = false;

  /** Binds both keys to new contexts. */
  constructor(scratch: EspScratch, algorithm: CbcAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#cipher = newCipher(scratch, algorithm, "encrypt");
    this.#mac = new EspMac(scratch, algorithm);
  }

  /** See `EspSealer`. */
  seal(offset: number, plaintextLength: number, seqHi: number): number {
    const length = this.layout.overhead + plaintextLength;
    const scratch = this.#scratch;
    const { arena, outLength } = scratch;
    scratch.checkRange(offset, length);
    if (this.#isClosed || plaintextLength < 0 || plaintextLength % BLOCK_LENGTH !== 0) {
      throw new InvariantError("an ESP sealer is misused");
    }
    scratch.writeIv(offset + 8);
    const iv = arena.pointerAt(offset + 8);
    const data = arena.pointerAt(offset + PLAINTEXT_AT);
    if (
      symbols.EVP_EncryptInit_ex(this.#cipher, null, null, null, iv) !== 1 ||
      symbols.EVP_EncryptUpdate(this.#cipher, data, outLength, data, plaintextLength) !== 1
    ) {
      broken("seal an ESP packet");
    }
    const icvAt = offset + PLAINTEXT_AT + plaintextLength;
    this.#mac.compute(offset, icvAt - offset, seqHi);
    const packet = arena.bytes;
    const mac = scratch.fields.bytes;
    for (let i = 0; i < this.layout.icvLength; i++) packet[icvAt + i] = mac[ScratchAt.MAC + i] ?? 0;
    return length;
  }

  /** Frees contexts and keys. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    symbols.EVP_CIPHER_CTX_free(this.#cipher);
    this.#mac.close();
  }
}

/** Opens: the ICV first, and only if it is right AES-CBC. */
export class CbcOpener implements EspOpener {
  /** The suite's layout. */
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #mac: EspMac;
  readonly #cipher: Deno.PointerObject;
  #isClosed = false;

  /** Binds both keys to new contexts. */
  constructor(scratch: EspScratch, algorithm: CbcAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#cipher = newCipher(scratch, algorithm, "decrypt");
    this.#mac = new EspMac(scratch, algorithm);
  }

  /** See `EspOpener`. */
  open(offset: number, packetLength: number, seqHi: number): number {
    const scratch = this.#scratch;
    const { arena, outLength } = scratch;
    const length = packetLength - this.layout.overhead;
    scratch.checkRange(offset, packetLength);
    if (this.#isClosed) throw new InvariantError("an ESP opener is misused");
    if (length < 0 || length % BLOCK_LENGTH !== 0) return -1;
    const icvAt = offset + PLAINTEXT_AT + length;
    this.#mac.compute(offset, icvAt - offset, seqHi);
    const packet = arena.bytes;
    const mac = scratch.fields.bytes;
    let difference = 0; // no early exit, as in core/crypto/constant_time.ts
    for (let i = 0; i < this.layout.icvLength; i++) {
      difference |= (packet[icvAt + i] ?? 0) ^ (mac[ScratchAt.MAC + i] ?? 0);
    }
    if (difference !== 0) return -1;
    const iv = arena.pointerAt(offset + 8);
    const data = arena.pointerAt(offset + PLAINTEXT_AT);
    if (
      symbols.EVP_DecryptInit_ex(this.#cipher, null, null, null, iv) !== 1 ||
      symbols.EVP_DecryptUpdate(this.#cipher, data, outLength, data, length) !== 1
    ) {
      broken("open an ESP packet");
    }
    return length;
  }

  /** Frees contexts and keys. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    symbols.EVP_CIPHER_CTX_free(this.#cipher);
    this.#mac.close();
  }
}
