/** MD4 against the values printed in RFC 1320 A.5. */
import { equal } from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import { md4 } from "../../../core/eap/md4.ts";
import { toHex } from "../../support/hex.ts";

const digits = "1234567890".repeat(8);
const letters = "abcdefghijklmnopqrstuvwxyz";
const cases: readonly (readonly [message: string, digest: string])[] = [
  ["", "31d6cfe0d16ae931b73c59d7e0c089c0"],
  ["a", "bde52cb31de33e46245e05fbdbd6fb24"],
  ["abc", "a448017aaf21d8525fc10ae87aa6729d"],
  ["message digest", "d9130a8164549fe818874806e1c7014b"],
  [letters, "d79e1c308aa5bbcdeea8ed63df412da9"],
  [`${letters.toUpperCase()}${letters}0123456789`, "043f8582f241db351ce627e153e7f0e4"],
  [digits, "e33b4ddc9c38f2199c3e7b164fcc0536"],
];

Deno.test("RFC 1320 A.5: MD4 of the test suite", () => {
  for (const [message, digest] of cases) equal(toHex(md4(utf8(message))), digest);
});

Deno.test("MD4 takes a view as it takes its own octets, at every length around a block", () => {
  const octets = Uint8Array.from({ length: 200 }, (_, i) => i);
  const seen = new Set<string>();
  for (let length = 0; length <= 130; length++) {
    const view = octets.subarray(3, 3 + length);
    const digest = toHex(md4(view));
    equal(digest, toHex(md4(view.slice())));
    seen.add(digest);
  }
  equal(seen.size, 131);
});
