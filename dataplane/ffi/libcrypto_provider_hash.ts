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

/** Hands `parts` to `update` through native memory: all at once where they fit, else in portions. */
function feed(
  parts: readonly Bytes[],
  update: (octets: Deno.PointerObject, length: bigint) => number,
): number {
  let total = 0;
  for (const part of parts) total += part.length;
  const buffer = room(Math.min(total, PORTION));
  let used = 0;
  const flush = (): number => {
    const length = used;
    used = 0;
    return length === 0 ? 1 : update(buffer.pointer, BigInt(length));
  };
  for (const part of parts) {
    for (let at = 0; at < part.length;) {
      const portion = part.subarray(at, at + buffer.length - used);
      replace(buffer, portion, used);
      used += portion.length;
      at += portion.length;
      if (used === buffer.length && flush() !== 1) return 0;
    }
  }
  return flush();
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

/** BOUNDED by the hashes. */
const macContexts = new Map<HashName, Deno.PointerObject>();

/** A context that has its hash and a key of zeros; looking the hash up costs as much as a short MAC. */
function macContext(hash: HashName): Deno.PointerObject {
  const known = macContexts.get(hash);
  if (known !== undefined) return known;
  const context = symbols.EVP_MAC_CTX_new(hmacAlgorithm());
  if (context === null) throw new LibcryptoError("make a MAC context");
  inWorkspace(() => {
    const done = symbols.EVP_MAC_init(
      context,
      room(MOST).pointer,
      BigInt(MOST),
      hmacParameters(hash),
    );
    demand(done, "choose a MAC's hash");
  });
  macContexts.set(hash, context);
  return context;
}

/** HMAC of the parts under `key`. */
export function hmac(hash: HashName, key: Bytes, ...parts: readonly Bytes[]): OwnedBytes {
  // A key longer than a block is replaced by its hash anyway (RFC 2104 §2).
  const shortKey = key.length > PORTION / 2 ? digest(hash, key) : key;
  const context = macContext(hash);
  return inWorkspace(() => {
    const zeros = room(MOST).pointer;
    try {
      const keyAt = place(shortKey).pointer;
      const size = BigInt(shortKey.length);
      demand(symbols.EVP_MAC_init(context, keyAt, size, null), "set a MAC key");
      const update = (octets: Deno.PointerObject, octetCount: bigint): number =>
        symbols.EVP_MAC_update(context, octets, octetCount);
      demand(feed(parts, update), "compute a MAC");
      const out = room(MOST);
      const length = room(8);
      demand(
        symbols.EVP_MAC_final(context, out.pointer, length.pointer, BigInt(MOST)),
        "end a MAC",
      );
      return take(out, sizeAt(length));
    } finally {
      // Nothing of the key stays behind.
      symbols.EVP_MAC_init(context, zeros, BigInt(MOST), null);
    }
  });
}
