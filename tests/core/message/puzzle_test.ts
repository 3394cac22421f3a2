/** PUZZLE, both ways. */
import { deepEqual, equal } from "node:assert/strict";
import { notify } from "../../../core/message/notify.ts";
import { buildPuzzle, parsePuzzle } from "../../../core/message/puzzle.ts";
import { hex } from "../../support/hex.ts";

Deno.test("RFC 8019 §8.1: PUZZLE has a PRF in two octets and the difficulty in one", () => {
  const built = buildPuzzle({ prf: 5, bits: 18 });
  equal(built.notifyType, 16434);
  deepEqual(built.data, hex("000512"));
  deepEqual(parsePuzzle(built), { prf: 5, bits: 18 });
  for (const wrong of ["", "0005", "00051200"]) {
    equal(parsePuzzle(notify(16434, hex(wrong))), undefined, wrong);
  }
});
