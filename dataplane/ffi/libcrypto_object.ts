/**
 * Names, parameter lists and algorithm objects of libcrypto.
 *
 * Algorithms are fetched once and kept as long as the thread, so that no lookup by name happens later.
 */
import { utf8 } from "../../core/bytes.ts";
import type { AeadName, HashName } from "../../core/crypto/provider.ts";
import { InvariantError } from "../../core/result.ts";
import { symbols } from "./libcrypto.ts";
import { NativeMemory } from "./native_memory.ts";

/** libcrypto's names of our hashes. */
const HASHES: Readonly<Record<HashName, string>> = {
  sha1: "SHA1",
  sha256: "SHA256",
  sha384: "SHA384",
  sha512: "SHA512",
};

/** libcrypto's names of our AEAD ciphers. */
const AEADS: Readonly<Record<AeadName, string>> = {
  "aes-128-gcm": "AES-128-GCM",
  "aes-256-gcm": "AES-256-GCM",
  "chacha20-poly1305": "ChaCha20-Poly1305",
};

/** OSSL_PARAM: key, type, data, data_size, return_size, each in eight octets. */
const PARAM_LENGTH = 40;
const PARAM_TYPE = { utf8: 4, octets: 5 } as const;

/** Texts and lists that libcrypto reads; filled at the start, never freed. */
const constants = new NativeMemory(new Uint8Array(new ArrayBuffer(4096)));
let used = 0;

/** Keeps octets for ever, eight-aligned, with at least one zero behind. */
function keep(octets: Uint8Array): number {
  const offset = used;
  used += (octets.length + 8) & ~7;
  if (used > constants.bytes.length) throw new InvariantError("no room for another libcrypto name");
  constants.bytes.set(octets, offset);
  return offset;
}

const texts = new Map<string, number>();

/** The offset of a text among the constants, closed by zero. BOUNDED by the names in this folder. */
function textAt(text: string): number {
  const known = texts.get(text);
  if (known !== undefined) return known;
  const offset = keep(utf8(text));
  texts.set(text, offset);
  return offset;
}

const algorithms = new Map<string, Deno.PointerObject>();

function fetchOnce(
  key: string,
  fetch: (name: Deno.PointerObject) => Deno.PointerValue,
  name: string,
): Deno.PointerObject {
  const known = algorithms.get(key);
  if (known !== undefined) return known;
  const fetched = fetch(constants.pointerAt(textAt(name)));
  if (fetched === null) {
    symbols.ERR_clear_error();
    throw new LibcryptoError(`fetch ${name}`);
  }
  algorithms.set(key, fetched);
  return fetched;
}

/** libcrypto could not do what it can always do: memory is short, or a module is missing. */
export class LibcryptoError extends InvariantError {
  /** Its name in stack traces. */
  override name = "LibcryptoError";
  /** `action` is what was tried; no secret may be in it. */
  constructor(action: string) {
    super(`libcrypto cannot ${action}`);
  }
}

/** Throws `LibcryptoError` unless libcrypto's return value says success. */
export function demand(returned: number, action: string): void {
  if (returned === 1) return;
  symbols.ERR_clear_error();
  throw new LibcryptoError(action);
}

/** The EVP_MD of a hash. */
export function digestOf(hash: HashName): Deno.PointerObject {
  return fetchOnce(`md ${hash}`, (name) => symbols.EVP_MD_fetch(null, name, null), HASHES[hash]);
}

/** The EVP_CIPHER of an AEAD cipher. */
export function aeadOf(aead: AeadName): Deno.PointerObject {
  const fetch = (name: Deno.PointerObject): Deno.PointerValue =>
    symbols.EVP_CIPHER_fetch(null, name, null);
  return fetchOnce(`cipher ${aead}`, fetch, AEADS[aead]);
}

/** The EVP_CIPHER of AES-CBC with a key of `keyLength` octets. */
export function cbcOf(keyLength: number): Deno.PointerObject {
  const fetch = (name: Deno.PointerObject): Deno.PointerValue =>
    symbols.EVP_CIPHER_fetch(null, name, null);
  return fetchOnce(`cbc ${keyLength}`, fetch, `AES-${8 * keyLength}-CBC`);
}

/** The EVP_MAC of HMAC. */
export function hmacAlgorithm(): Deno.PointerObject {
  return fetchOnce("hmac", (name) => symbols.EVP_MAC_fetch(null, name, null), "HMAC");
}

/** The parameter list that tells HMAC its hash. */
export function hmacParameters(hash: HashName): Deno.PointerObject {
  const key = `parameters ${hash}`;
  const known = algorithms.get(key);
  if (known !== undefined) return known;
  const list = keep(new Uint8Array(2 * PARAM_LENGTH));
  const name = HASHES[hash];
  writeParameter(constants, list, "digest", PARAM_TYPE.utf8, constants, textAt(name), name.length);
  const made = constants.pointerAt(list);
  algorithms.set(key, made);
  return made;
}

/** Octets of a list that `writeTagParameter` writes. */
export const TAG_LIST_LENGTH = 2 * PARAM_LENGTH;

/** Where the address of the tag stands in a list made by `writeTagParameter`. */
export const TAG_ADDRESS_AT = 16;

/** Writes at `offset` a list whose one entry is an AEAD tag of `length` octets at `target` in `memory`. */
export function writeTagParameter(
  list: NativeMemory,
  offset: number,
  memory: NativeMemory,
  target: number,
  length: number,
): void {
  writeParameter(list, offset, "tag", PARAM_TYPE.octets, memory, target, length);
}

function writeParameter(
  list: NativeMemory,
  offset: number,
  key: string,
  type: number,
  memory: NativeMemory,
  target: number,
  length: number,
): void {
  list.bytes.fill(0, offset, offset + 2 * PARAM_LENGTH); // the second entry stays zero: the end
  list.writeAddress(offset, constants, textAt(key));
  list.view.setUint32(offset + 8, type, true);
  list.writeAddress(offset + TAG_ADDRESS_AT, memory, target);
  list.view.setUint32(offset + 24, length, true);
}
