/** The order of nonces. */
import { deepEqual, equal } from "node:assert/strict";
import { compareNonces, lowerNonce } from "../../../core/sa/nonces.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const of = (...octets: number[]): Uint8Array => Uint8Array.from(octets);

Deno.test("RFC 7296 §2.8.1: nonces compare octet by octet, and the end of one makes it the lower", () => {
  const ordered = [of(), of(0), of(0, 0), of(0, 255), of(1), of(1, 0), of(127), of(128), of(255)];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) {
      equal(Math.sign(compareNonces(a, b)), Math.sign(i - j), `${a} and ${b}`);
    }
  }
});

Deno.test("The lower of two nonces is a copy, whoever had it", () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 50; i++) {
    const [a, b] = [random.bytes(32), random.bytes(16 + random.below(40))];
    const lower = lowerNonce(a, b);
    deepEqual(lower, lowerNonce(b, a));
    deepEqual(lower, [a, b].sort(compareNonces)[0]);
    const before = Uint8Array.from(lower);
    a.fill(7);
    b.fill(7);
    deepEqual(lower, before);
  }
});
