/**
 * Client puzzles (RFC 8019 §4.4, §7.1.3): who wants to be served finds keys under which a PRF of something
 * that it could not know before ends in zero bits. Finding them takes work, seeing that they are right
 * does not.
 */
import { type Bytes, concatBytes, equalBytes, type OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { prfOf } from "../crypto/transforms.ts";
import type { PuzzleTerms } from "../message/puzzle.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** One puzzle. */
export interface Puzzle extends PuzzleTerms {
  /** What the PRF is computed of: a cookie. */
  readonly subject: Bytes;
}

/** Keys of a solution (§7.1.3): several, so that the work is more nearly the same every time. */
const KEYS = 4;
/** Octets of the keys that we try: enough for any number of bits that we take upon us. */
const KEY_BYTES = 4;

/** Whether a solution has as many zero bits as the puzzle asks for. */
export function solvesPuzzle(crypto: CryptoProvider, puzzle: Puzzle, solution: Bytes): boolean {
  const length = solution.length / KEYS;
  const longest = prfOf(puzzle.prf)?.keyLength ?? 0;
  if (!Number.isInteger(length) || length < 1 || length > longest) return false;
  const reader = new Reader(solution);
  const keys = Array.from({ length: KEYS }, () => reader.bytes(length, "key"));
  const isDistinct = keys.every((key, i) => keys.slice(0, i).every((it) => !equalBytes(it, key)));
  return isDistinct && keys.every((key) => isKey(crypto, puzzle, key));
}

/** Looks for a solution, a part of the work at a time. */
export class PuzzleSolver {
  readonly #crypto: CryptoProvider;
  readonly #puzzle: Puzzle;
  readonly #found: OwnedBytes[] = [];
  #next = 0;

  /** Nothing is tried yet. The PRF must be one that we have. */
  constructor(crypto: CryptoProvider, puzzle: Puzzle) {
    this.#crypto = crypto;
    this.#puzzle = puzzle;
  }

  /** Tries so many more keys; the solution, once it is found. */
  work(tries: number): OwnedBytes | undefined {
    for (let i = 0; i < tries && this.#found.length < KEYS; i++) {
      const writer = new Writer(KEY_BYTES);
      writer.u32(this.#next++);
      const key = writer.finish();
      if (isKey(this.#crypto, this.#puzzle, key)) this.#found.push(key);
    }
    return this.#found.length < KEYS ? undefined : concatBytes(...this.#found);
  }
}

function isKey(crypto: CryptoProvider, { prf, bits, subject }: Puzzle, key: Bytes): boolean {
  const hash = prfOf(prf)?.hash;
  return hash !== undefined && trailingZeroBits(crypto.hmac(hash, key, subject)) >= bits;
}

/** How many zero bits octets end in. */
export function trailingZeroBits(bytes: Bytes): number {
  const last = bytes.findLastIndex((octet) => octet !== 0);
  if (last < 0) return 8 * bytes.length;
  const octet = bytes[last] ?? 0;
  return 8 * (bytes.length - 1 - last) + 31 - Math.clz32(octet & -octet);
}
