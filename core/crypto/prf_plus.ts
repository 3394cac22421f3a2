/** prf+ of RFC 7296 §2.13: as much key material as wanted from an HMAC. */
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import type { CryptoProvider, HashName } from "./provider.ts";

/** The round counter is one octet and starts at 1. */
const MOST_ROUNDS = 255;

/**
 * The first `length` octets of T1 | T2 | …, where Tn = prf(key, Tn-1 | seed | n).
 *
 * Throws `RangeError` when that needs more than 255 rounds.
 */
export function prfPlus(
  crypto: CryptoProvider,
  hash: HashName,
  key: Bytes,
  seed: Bytes,
  length: number,
): OwnedBytes {
  const rounds: Bytes[] = [];
  let previous: Bytes = new Uint8Array(0);
  for (let made = 0; made < length; made += previous.length) {
    const round = rounds.length + 1;
    if (round > MOST_ROUNDS) {
      throw new RangeError(`Cannot derive ${length} octets: over 255 rounds`);
    }
    previous = crypto.hmac(hash, key, previous, seed, Uint8Array.of(round));
    rounds.push(previous);
  }
  return concatBytes(...rounds).slice(0, length);
}
