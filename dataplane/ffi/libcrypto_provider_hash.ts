/** Digest and HMAC over libcrypto. */
import type { Bytes, OwnedBytes } from "../../core/bytes.ts";
import type { HashName } from "../../core/crypto/provider.ts";
import {
  demand,
  digestOf,
  hmacAlgorithm,
  hmacParameters,
  LibcryptoError,
} from "./libcrypto_object.ts";
import { inWorkspace, place, PORTION, replace, room, sizeAt, take } from "./libcrypto_workspace.ts";
import { symbols } from "./libcrypto.ts";

/** The longest hash. */
const MOST = 64;

/** Hands `parts` to `update` through native memory, in portions. */
function feed(
  parts: readonly Bytes[],
  update: (octets: Deno.PointerObject, length: bigint) => number,
): number {
  const longest = parts.reduce((most, part) => Math.max(most, part.length), 0);
  const buffer = room(Math.min(longest, PORTION));
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PORTION) {
      const portion = part.subarray(at, at + PORTION);
      replace(buffer, portion);
      if (update(buffer.pointer, BigInt(portion.length)) !== 1) return 0;
    }
  }
  return 1;
}

/** Hash of the parts, one after the other. */
export function digest(hash: HashName, ...parts: readonly Bytes[]): OwnedBytes {
  const algorithm = digestOf(hash);
  const context = symbols.EVP_MD_CTX_new();
  if (context === null) throw new LibcryptoError("make a digest context");
  try {
    return inWorkspace(() => {
      const out = room(MOST);
      const length = room(8);
      demand(symbols.EVP_DigestInit_ex(context, algorithm, null), "start a digest");
      const update = (octets: Deno.PointerObject, size: bigint): number =>
        symbols.EVP_DigestUpdate(context, octets, size);
      demand(feed(parts, update), "compute a digest");
      demand(symbols.EVP_DigestFinal_ex(context, out.pointer, length.pointer), "end a digest");
      return take(out, sizeAt(length));
    });
  } finally {
    symbols.EVP_MD_CTX_free(context);
  }
}

/** HMAC of the parts under `key`. */
export function hmac(hash: HashName, key: Bytes, ...parts: readonly Bytes[]): OwnedBytes {
  const parameters = hmacParameters(hash);
  // A key longer than a block is replaced by its hash anyway (RFC 2104 §2).
  const shortKey = key.length > PORTION / 2 ? digest(hash, key) : key;
  const context = symbols.EVP_MAC_CTX_new(hmacAlgorithm());
  if (context === null) throw new LibcryptoError("make a MAC context");
  try {
    return inWorkspace(() => {
      const out = room(MOST);
      const length = room(8);
      const keyAt = place(shortKey).pointer;
      const size = BigInt(shortKey.length);
      demand(symbols.EVP_MAC_init(context, keyAt, size, parameters), "set a MAC key");
      const update = (octets: Deno.PointerObject, octetCount: bigint): number =>
        symbols.EVP_MAC_update(context, octets, octetCount);
      demand(feed(parts, update), "compute a MAC");
      demand(
        symbols.EVP_MAC_final(context, out.pointer, length.pointer, BigInt(MOST)),
        "end a MAC",
      );
      return take(out, sizeAt(length));
    });
  } finally {
    symbols.EVP_MAC_CTX_free(context);
  }
}
