/** scrypt hashes: a published value, round trips, refusals. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  defaultCost,
  formatPasswordHash,
  hashPassword,
  isPassword,
  parsePasswordHash,
} from "../../../appliance/users/password_hash.ts";
import { hex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const cheap = { log2N: 4, r: 8, p: 1 };
const random = new SeededRandom(1);
const draw = (length: number): Uint8Array => random.bytes(length);

Deno.test("RFC 7914 §12: the RFC's password is known by the RFC's hash", async () => {
  const hash = {
    cost: { log2N: 14, r: 8, p: 1 },
    salt: new TextEncoder().encode("SodiumChloride"),
    hash: hex(
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ),
  };
  equal(await isPassword("pleaseletmein", hash), true);
  equal(await isPassword("pleaseletmeIn", hash), false);
  deepEqual(parsePasswordHash(formatPasswordHash(hash)), hash);
});

Deno.test("a password is known again, and no other", async () => {
  const hash = await hashPassword("correct horse", draw, cheap);
  equal(await isPassword("correct horse", hash), true);
  equal(await isPassword("correct hors", hash), false);
  equal(await isPassword("", hash), false);
  const again = await hashPassword("correct horse", draw, cheap);
  ok(formatPasswordHash(again) !== formatPasswordHash(hash), "salts differ");
});

Deno.test("a text of a hash has no colon and parses to the same hash", async () => {
  const hash = await hashPassword("x", draw, defaultCost);
  const text = formatPasswordHash(hash);
  match(text, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  deepEqual(parsePasswordHash(text), hash);
});

Deno.test("letters that can be written in two ways are one password", async () => {
  const hash = await hashPassword("\u00e4", draw, cheap);
  equal(await isPassword("a\u0308", hash), true);
});

Deno.test("many at once all get their answer", async () => {
  const hash = await hashPassword("x", draw, cheap);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => isPassword(i % 2 === 0 ? "x" : "y", hash)),
  );
  deepEqual(answers, Array.from({ length: 50 }, (_, i) => i % 2 === 0));
});

Deno.test("texts that are no hash, or one that takes all memory, are refused", () => {
  const salt = "AAAAAAAAAAAAAAAAAAAAAA";
  const hash = "A".repeat(43);
  ok(parsePasswordHash(`$scrypt$ln=15,r=8,p=1$${salt}$${hash}`));
  for (
    const text of [
      "",
      "secret",
      `$argon2id$ln=15,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=30,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=15,r=99,p=1$${salt}$${hash}`,
      `$scrypt$ln=15,r=8,p=99$${salt}$${hash}`,
      `$scrypt$ln=0,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=15,r=8,p=0$${salt}$${hash}`,
      `$scrypt$ln=15,r=8,p=1$${salt}`,
      `$scrypt$ln=15,r=8,p=1$AAAA$${hash}`,
      `$scrypt$ln=15,r=8,p=1$${salt}$AAAA`,
      `$scrypt$ln=15,r=8,p=1$${salt}$${hash}=`,
      ` $scrypt$ln=15,r=8,p=1$${salt}$${hash}`,
    ]
  ) equal(parsePasswordHash(text), undefined, text);
});
