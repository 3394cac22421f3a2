/** Client puzzles: what counts as a solution, and that solving takes the work that it should. */
import { equal, ok } from "node:assert/strict";
import { concatBytes } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { PrfId } from "../../../core/message/constants.ts";
import {
  type Puzzle,
  PuzzleSolver,
  solvesPuzzle,
  trailingZeroBits,
} from "../../../core/sa/puzzle.ts";
import { hex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const random = new SeededRandom(1);

function puzzleOf(bits: number, prf: number = PrfId.HMAC_SHA2_256): Puzzle {
  return { prf, bits, subject: random.bytes(17) };
}

function solve(puzzle: Puzzle): { readonly solution: Uint8Array; readonly rounds: number } {
  const solver = new PuzzleSolver(nobleProvider, puzzle);
  for (let rounds = 1;; rounds++) {
    const solution = solver.work(16);
    if (solution !== undefined) return { solution, rounds };
  }
}

Deno.test("RFC 8019 §4.4: zero bits are counted from the end", () => {
  const cases: readonly (readonly [octets: string, bits: number])[] = [
    ["", 0],
    ["01", 0],
    ["ff", 0],
    ["02", 1],
    ["80", 7],
    ["00", 8],
    ["0100", 8],
    ["d0000000", 28],
    ["ff40000000", 30],
    ["00000000", 32],
  ];
  for (const [octets, bits] of cases) equal(trailingZeroBits(hex(octets)), bits, octets);
});

for (const [name, prf] of Object.entries(PrfId)) {
  Deno.test(`RFC 8019 §7.1.3: what a solver finds with ${name} is a solution, and of no other puzzle`, () => {
    for (const bits of [0, 1, 4, 7, 8]) {
      const puzzle = puzzleOf(bits, prf);
      const { solution } = solve(puzzle);
      ok(solvesPuzzle(nobleProvider, puzzle, solution), `${bits} bits`);
      if (bits < 4) continue;
      equal(solvesPuzzle(nobleProvider, { ...puzzle, bits: bits + 12 }, solution), false);
      equal(solvesPuzzle(nobleProvider, puzzleOf(bits, prf), solution), false, "another cookie");
      equal(solvesPuzzle(nobleProvider, { ...puzzle, prf: 2 }, solution), false, "another PRF");
    }
  });
}

Deno.test("RFC 8019 §8.2: a solution is four different keys of one length, none longer than the PRF's", () => {
  const puzzle = puzzleOf(0);
  const key = (octet: number, length: number): Uint8Array => new Uint8Array(length).fill(octet);
  const four = (length: number): Uint8Array =>
    concatBytes(...[1, 2, 3, 4].map((octet) => key(octet, length)));
  for (const length of [1, 3, 32]) ok(solvesPuzzle(nobleProvider, puzzle, four(length)));
  equal(solvesPuzzle(nobleProvider, puzzle, four(33)), false, "too long");
  equal(solvesPuzzle(nobleProvider, puzzle, new Uint8Array(0)), false, "empty");
  equal(solvesPuzzle(nobleProvider, puzzle, four(4).subarray(1)), false, "no multiple of four");
  const twice = concatBytes(key(1, 4), key(2, 4), key(3, 4), key(2, 4));
  equal(solvesPuzzle(nobleProvider, puzzle, twice), false, "one key twice");
});

Deno.test("RFC 8019 §4.4: each bit doubles the work", () => {
  const work = (bits: number): number => {
    let rounds = 0;
    for (let i = 0; i < 12; i++) rounds += solve(puzzleOf(bits)).rounds;
    return rounds;
  };
  const [easy, hard] = [work(6), work(9)];
  ok(hard > 4 * easy && hard < 16 * easy, `${easy} rounds and ${hard}`);
});
