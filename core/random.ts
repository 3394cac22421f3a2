/** Randomness as the core sees it: handed in by whoever builds it, so that a run can be repeated. */
import type { OwnedBytes } from "./bytes.ts";

/** A source of random octets. The appliance gives the system's, tests give a seeded one. */
export interface Random {
  /** `length` fresh octets. */
  bytes(length: number): OwnedBytes;
}

/**
 * `length` characters drawn evenly from `alphabet` (at most 256 characters).
 *
 * Octets at or above the largest multiple of the alphabet's size are thrown away, so no character
 * is likelier than another.
 */
export function randomText(random: Random, alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length);
  const codes: number[] = [];
  while (codes.length < length) {
    for (const octet of random.bytes(length)) {
      if (octet < limit && codes.length < length) {
        codes.push(alphabet.charCodeAt(octet % alphabet.length));
      }
    }
  }
  return String.fromCharCode(...codes);
}
