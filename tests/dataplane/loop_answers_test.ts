import assert from "node:assert/strict";
import { LoopAnswers } from "../../dataplane/loop_answers.ts";

Deno.test("a question is answered when all loops have, whatever else is asked meanwhile", () => {
  const answers = new LoopAnswers<string>();
  assert.deepEqual([answers.open(2), answers.open(2)], [1, 2]);
  assert.equal(answers.take(1, "a1"), undefined);
  assert.equal(answers.take(2, "a2"), undefined);
  assert.deepEqual(answers.take(1, "b1"), ["a1", "b1"]);
  assert.deepEqual(answers.take(2, "b2"), ["a2", "b2"]);
});

Deno.test("nobody waits for what was answered, or never asked", () => {
  const answers = new LoopAnswers<string>();
  answers.open(1);
  assert.deepEqual(answers.take(1, "a"), ["a"]);
  assert.equal(answers.take(1, "a"), undefined);
  assert.equal(answers.take(2, "a"), undefined);
});
