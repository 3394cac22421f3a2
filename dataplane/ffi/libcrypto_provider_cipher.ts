/** AES-GCM, ChaCha20-Poly1305 and AES-CBC over libcrypto, for IKE messages. */
import { type Bytes, concatBytes, type OwnedBytes } from "../../core/bytes.ts";
import { checkAead, checkCbc, TAG_LENGTH } from "../../core/crypto/argument.ts";
import type { AeadName } from "../../core/crypto/provider.ts";
import { aeadOf, cbcOf, demand, LibcryptoError } from "./libcrypto_object.ts";
import {
  inWorkspace,
  type NativeOctets,
  place,
  placeTagList,
  PORTION,
  replace,
  room,
  take,
} from "./libcrypto_workspace.ts";
import { symbols } from "./libcrypto.ts";

type Direction = "encrypt" | "decrypt";

/** Runs `work` with a context that has its key and IV, inside the workspace. */
function withCipher<T>(
  direction: Direction,
  cipher: Deno.PointerObject,
  key: Bytes,
  iv: Bytes,
  work: (context: Deno.PointerObject) => T,
): T {
  const context = symbols.EVP_CIPHER_CTX_new();
  if (context === null) throw new LibcryptoError("make a cipher context");
  try {
    return inWorkspace(() => {
      const keyAt = place(key).pointer;
      const ivAt = place(iv).pointer;
      const done = direction === "encrypt"
        ? symbols.EVP_EncryptInit_ex(context, cipher, null, keyAt, ivAt)
        : symbols.EVP_DecryptInit_ex(context, cipher, null, keyAt, ivAt);
      demand(done, "set a cipher key");
      return work(context);
    });
  } finally {
    symbols.EVP_CIPHER_CTX_free(context);
  }
}

function update(
  direction: Direction,
  context: Deno.PointerObject,
  out: Deno.PointerValue,
  outLength: NativeOctets,
  input: NativeOctets,
  length: number,
): void {
  const done = direction === "encrypt"
    ? symbols.EVP_EncryptUpdate(context, out, outLength.pointer, input.pointer, length)
    : symbols.EVP_DecryptUpdate(context, out, outLength.pointer, input.pointer, length);
  demand(done, "run a cipher");
}

/** Hands the AAD over, in portions. */
function authenticate(direction: Direction, context: Deno.PointerObject, aad: Bytes): void {
  transform(direction, context, aad, "aad");
}

/** Ciphers `text` in portions, in place; of AAD there is no output. */
function transform(
  direction: Direction,
  context: Deno.PointerObject,
  text: Bytes,
  role: "aad" | "text",
): OwnedBytes {
  const done: Bytes[] = [];
  inWorkspace(() => {
    const outLength = room(8);
    const buffer = room(Math.min(text.length, PORTION));
    for (let at = 0; at < text.length; at += PORTION) {
      const portion = text.subarray(at, at + PORTION);
      replace(buffer, portion);
      const out = role === "aad" ? null : buffer.pointer;
      update(direction, context, out, outLength, buffer, portion.length);
      if (role === "text") done.push(take(buffer, portion.length));
    }
  });
  return concatBytes(...done);
}

/** Ciphertext followed by the tag. */
export function aeadSeal(
  name: AeadName,
  key: Bytes,
  nonce: Bytes,
  aad: Bytes,
  plaintext: Bytes,
): OwnedBytes {
  checkAead(name, key, nonce);
  return withCipher("encrypt", aeadOf(name), key, nonce, (context) => {
    authenticate("encrypt", context, aad);
    const ciphertext = transform("encrypt", context, plaintext, "text");
    const spare = room(16).pointer;
    const outLength = room(8).pointer;
    const tag = room(TAG_LENGTH);
    demand(symbols.EVP_EncryptFinal_ex(context, spare, outLength), "end a seal");
    const list = placeTagList(tag).pointer;
    demand(symbols.EVP_CIPHER_CTX_get_params(context, list), "read a tag");
    return concatBytes(ciphertext, take(tag));
  });
}

/** Plaintext, or `undefined` when the tag is wrong or missing. */
export function aeadOpen(
  name: AeadName,
  key: Bytes,
  nonce: Bytes,
  aad: Bytes,
  sealed: Bytes,
): OwnedBytes | undefined {
  checkAead(name, key, nonce);
  const length = sealed.length - TAG_LENGTH;
  if (length < 0) return undefined;
  return withCipher("decrypt", aeadOf(name), key, nonce, (context) => {
    const list = placeTagList(place(sealed.subarray(length))).pointer;
    demand(symbols.EVP_CIPHER_CTX_set_params(context, list), "set a tag");
    authenticate("decrypt", context, aad);
    const plaintext = transform("decrypt", context, sealed.subarray(0, length), "text");
    const spare = room(16).pointer;
    if (symbols.EVP_DecryptFinal_ex(context, spare, room(8).pointer) === 1) return plaintext;
    symbols.ERR_clear_error();
    plaintext.fill(0);
    return undefined;
  });
}

/** AES-CBC without padding. */
export function cbcEncrypt(key: Bytes, iv: Bytes, plaintext: Bytes): OwnedBytes {
  checkCbc(key, iv, plaintext);
  return cbc("encrypt", key, iv, plaintext);
}

/** AES-CBC without padding. */
export function cbcDecrypt(key: Bytes, iv: Bytes, ciphertext: Bytes): OwnedBytes {
  checkCbc(key, iv, ciphertext);
  return cbc("decrypt", key, iv, ciphertext);
}

function cbc(direction: Direction, key: Bytes, iv: Bytes, text: Bytes): OwnedBytes {
  return withCipher(direction, cbcOf(key.length), key, iv, (context) => {
    demand(symbols.EVP_CIPHER_CTX_set_padding(context, 0), "switch padding off");
    return transform(direction, context, text, "text");
  });
}
