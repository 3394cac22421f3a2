/** Digest and HMAC of the portable provider (FIPS 180-4, RFC 2104). */
import { hmac as hmacOf } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { HashName } from "./provider.ts";

const HASHES = { sha1, sha256, sha384, sha512 } as const;

/** Hash of the parts, one after the other. */
export function digest(hash: HashName, ...parts: readonly Bytes[]): OwnedBytes {
  const state = HASHES[hash].create();
  for (const part of parts) state.update(part);
  return state.digest();
}

/** HMAC of the parts under `key`. */
export function hmac(hash: HashName, key: Bytes, ...parts: readonly Bytes[]): OwnedBytes {
  const state = hmacOf.create(HASHES[hash], key);
  for (const part of parts) state.update(part);
  return state.digest();
}

/** Octets of a hash. */
export function hashLength(hash: HashName): number {
  return HASHES[hash].outputLen;
}
