import assert from "node:assert/strict";
import { Arena } from "../../dataplane/buffers.ts";
import { warmUp, warmUpBytes } from "../../dataplane/warm_up.ts";
import { portable } from "./support/ends.ts";

Deno.test("warming up moves packets through the whole path and ends in time", () => {
  const arena = new Arena(warmUpBytes);
  let ms = 0;
  assert.equal(warmUp(arena, portable(arena.bytes), 20, () => ms++), 19);
});
