/** Session ids and tokens: their form, and that no character is likelier than another. */
import { equal, match, ok } from "node:assert/strict";
import type { OwnedBytes } from "../../../core/bytes.ts";
import { makePair, makeRecordKey } from "../../../core/gateway/session_pair.ts";
import type { Random } from "../../../core/random.ts";
import { randomText } from "../../../core/random.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** Gives these octets, over and over. */
function replay(octets: Uint8Array): Random {
  let at = 0;
  return {
    bytes: (length): OwnedBytes => Uint8Array.from({ length }, () => octets[at++ % octets.length]!),
  };
}

const everyOctet = Uint8Array.from({ length: 256 }, (_, i) => i);

Deno.test("randomText uses every character equally often over all octets", () => {
  for (const size of [2, 3, 10, 26, 52, 62, 64, 100, 255, 256]) {
    const alphabet = Array.from({ length: size }, (_, i) => String.fromCharCode(0x100 + i)).join(
      "",
    );
    const usable = 256 - (256 % size);
    const text = randomText(replay(everyOctet), alphabet, usable);
    const counts = new Map<string, number>();
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    equal(counts.size, size);
    equal(new Set(counts.values()).size, 1, `${size} characters`);
  }
});

Deno.test("Characters of many pairs are spread evenly (chi-square)", () => {
  const random = new SeededRandom(2026);
  const counts = { id: new Map<string, number>(), token: new Map<string, number>() };
  const pairs = 2_000;
  for (let i = 0; i < pairs; i++) {
    const { sessionId, token } = makePair(random);
    match(sessionId, /^[A-Za-z]{18}$/);
    match(token, /^[A-Za-z0-9]{43}$/);
    for (const c of sessionId) counts.id.set(c, (counts.id.get(c) ?? 0) + 1);
    for (const c of token) counts.token.set(c, (counts.token.get(c) ?? 0) + 1);
  }
  const cases = [[counts.id, 52, 18], [counts.token, 62, 43]] as const;
  for (const [seen, size, length] of cases) {
    equal(seen.size, size);
    const expected = pairs * length / size;
    const chi = [...seen.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // Far beyond the 99.9 % quantile for 61 degrees of freedom (100.9).
    ok(chi < 110, `chi-square ${chi}`);
  }
});

Deno.test("Record keys are 22 letters and digits and do not repeat", () => {
  const random = new SeededRandom(7);
  const keys = new Set(Array.from({ length: 1_000 }, () => makeRecordKey(random)));
  equal(keys.size, 1_000);
  for (const key of keys) match(key, /^[A-Za-z0-9]{22}$/);
});
