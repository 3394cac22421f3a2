/** AES-GCM-16 and ChaCha20-Poly1305 in ESP over libcrypto: RFC 4106, RFC 7634, ESN of RFC 4303 §2.2.1. */
import { InvariantError } from "../../core/result.ts";
import type { EspLayout, EspOpener, EspSealer } from "../esp/cipher.ts";
import { type EspAlgorithm, saltOf } from "../esp/keys.ts";
import type { EspScratch } from "./libcrypto_esp_scratch.ts";
import { aeadOf, LibcryptoError } from "./libcrypto_object.ts";
import { symbols } from "./libcrypto.ts";

type AeadAlgorithm = Extract<EspAlgorithm, { kind: "aead" }>;

function newContext(): Deno.PointerObject {
  const context = symbols.EVP_CIPHER_CTX_new();
  if (context === null) throw new LibcryptoError("make a cipher context");
  return context;
}

/** The context failed where it cannot fail. */
function broken(action: string): never {
  symbols.ERR_clear_error();
  throw new LibcryptoError(action);
}

/** Seals with an AEAD cipher; the IV is the sequence number. */
export class AeadSealer implements EspSealer {
  /** The suite's layout. */
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #salt: number;
  readonly #esn: boolean;
  #isClosed = false;

  /** Binds the key to a new context. */
  constructor(scratch: EspScratch, algorithm: AeadAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#salt = saltOf(algorithm.salt);
    this.#esn = algorithm.esn;
    const cipher = aeadOf(algorithm.name);
    const context = newContext();
    this.#context = context;
    const done = scratch.withKey(
      algorithm.key,
      () => symbols.EVP_EncryptInit_ex(context, cipher, null, scratch.key, null),
    );
    if (done !== 1) {
      this.close();
      broken("set an encryption key");
    }
  }

  /** See `EspSealer`. */
  seal(offset: number, plaintextLength: number, seqHi: number): number {
    const length = this.layout.overhead + plaintextLength;
    const scratch = this.#scratch;
    const context = this.#context;
    const { arena, outLength } = scratch;
    scratch.checkRange(offset, length);
    if (this.#isClosed || plaintextLength < 0) throw new InvariantError("an ESP sealer is misused");
    arena.view.setUint32(offset + 8, seqHi);
    arena.view.setUint32(offset + 12, arena.view.getUint32(offset + 4));
    const aadLength = scratch.writeAeadFields(offset, this.#salt, this.#esn, seqHi);
    const data = arena.pointerAt(offset + 16);
    scratch.pointTagAt(offset + 16 + plaintextLength);
    if (
      symbols.EVP_EncryptInit_ex(context, null, null, null, scratch.nonce) !== 1 ||
      symbols.EVP_EncryptUpdate(context, null, outLength, scratch.aad, aadLength) !== 1 ||
      symbols.EVP_EncryptUpdate(context, data, outLength, data, plaintextLength) !== 1 ||
      symbols.EVP_EncryptFinal_ex(context, scratch.spare, outLength) !== 1 ||
      symbols.EVP_CIPHER_CTX_get_params(context, scratch.tagList) !== 1
    ) {
      broken("seal an ESP packet");
    }
    return length;
  }

  /** Frees context and key. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    symbols.EVP_CIPHER_CTX_free(this.#context);
  }
}

/** Opens with an AEAD cipher; the IV is whatever the packet says. */
export class AeadOpener implements EspOpener {
  /** The suite's layout. */
  readonly layout: EspLayout;
  readonly #scratch: EspScratch;
  readonly #context: Deno.PointerObject;
  readonly #salt: number;
  readonly #esn: boolean;
  #isClosed = false;

  /** Binds the key to a new context. */
  constructor(scratch: EspScratch, algorithm: AeadAlgorithm) {
    this.layout = algorithm.layout;
    this.#scratch = scratch;
    this.#salt = saltOf(algorithm.salt);
    this.#esn = algorithm.esn;
    const cipher = aeadOf(algorithm.name);
    const context = newContext();
    this.#context = context;
    const done = scratch.withKey(
      algorithm.key,
      () => symbols.EVP_DecryptInit_ex(context, cipher, null, scratch.key, null),
    );
    if (done !== 1) {
      this.close();
      broken("set a decryption key");
    }
  }

  /** See `EspOpener`. */
  open(offset: number, packetLength: number, seqHi: number): number {
    const scratch = this.#scratch;
    const context = this.#context;
    const { arena, outLength } = scratch;
    const length = packetLength - this.layout.overhead;
    scratch.checkRange(offset, packetLength);
    if (this.#isClosed) throw new InvariantError("an ESP opener is misused");
    if (length < 0 || (length & 3) !== 0) return -1;
    const aadLength = scratch.writeAeadFields(offset, this.#salt, this.#esn, seqHi);
    const data = arena.pointerAt(offset + 16);
    scratch.pointTagAt(offset + 16 + length);
    if (
      symbols.EVP_DecryptInit_ex(context, null, null, null, scratch.nonce) !== 1 ||
      symbols.EVP_CIPHER_CTX_set_params(context, scratch.tagList) !== 1 ||
      symbols.EVP_DecryptUpdate(context, null, outLength, scratch.aad, aadLength) !== 1 ||
      symbols.EVP_DecryptUpdate(context, data, outLength, data, length) !== 1
    ) {
      broken("open an ESP packet");
    }
    if (symbols.EVP_DecryptFinal_ex(context, scratch.spare, outLength) === 1) return length;
    symbols.ERR_clear_error();
    return -1;
  }

  /** Frees context and key. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    symbols.EVP_CIPHER_CTX_free(this.#context);
  }
}
