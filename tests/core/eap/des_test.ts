/** DES against known answers: worked examples of textbooks and NIST SP 800-17 tables. */
import { equal, throws } from "node:assert/strict";
import { desEncrypt } from "../../../core/eap/des.ts";
import { hex, toHex } from "../../support/hex.ts";

const cases: readonly (readonly [key: string, plain: string, cipher: string])[] = [
  ["133457799bbcdff1", "0123456789abcdef", "85e813540f0ab405"],
  ["0101010101010101", "8000000000000000", "95f8a5e5dd31d900"], // variable plaintext
  ["0101010101010101", "0000000000000001", "166b40b44aba4bd6"],
  ["8001010101010101", "0000000000000000", "95a8d72813daa94d"], // variable key
  ["0101010101010102", "0000000000000000", "869efd7f9f265a09"],
  ["7ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"], // substitution tables
  ["0131d9619dc1376e", "5cd54ca83def57da", "7a389d10354bd271"],
  ["07a1133e4a0b2686", "0248d43806f67172", "868ebb51cab4599a"],
];

Deno.test("DES gives the known answers", () => {
  for (const [key, plain, cipher] of cases) {
    equal(toHex(desEncrypt(hex(key), hex(plain))), cipher);
  }
});

Deno.test("DES does not look at parity bits", () => {
  const plain = hex("0123456789abcdef");
  equal(
    toHex(desEncrypt(hex("0000000000000000"), plain)),
    toHex(desEncrypt(hex("0101010101010101"), plain)),
  );
});

Deno.test("DES refuses keys and blocks of other sizes", () => {
  throws(() => desEncrypt(new Uint8Array(7), new Uint8Array(8)), RangeError);
  throws(() => desEncrypt(new Uint8Array(8), new Uint8Array(16)), RangeError);
});
