/** Which of two simultaneous rekeys counts: that without the lowest of the four nonces (RFC 7296 §2.8.1). */
import { type Bytes, copyBytes, type OwnedBytes } from "../bytes.ts";

/** Below 0 when `a` is the lower nonce: octet by octet, and a nonce is above its own beginning. */
export function compareNonces(a: Bytes, b: Bytes): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** A copy of the lower of the two nonces of an exchange. */
export function lowerNonce(nonceI: Bytes, nonceR: Bytes): OwnedBytes {
  return copyBytes(compareNonces(nonceI, nonceR) <= 0 ? nonceI : nonceR);
}
