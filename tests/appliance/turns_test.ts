import assert from "node:assert/strict";
import { turnMs, Turns } from "../../appliance/turns.ts";

/** Turns whose clock stands still but for the work, and what was done. */
class Scene {
  readonly done: string[] = [];
  nowMs = 0;
  readonly turns: Turns;

  constructor(lines: number) {
    this.turns = new Turns(() => this.nowMs, lines);
  }

  /** Work that takes so long. */
  give(line: number, name: string, ms: number): void {
    this.turns.take(line, () => {
      this.nowMs += ms;
      this.done.push(name);
    });
  }
}

/** The next timer that is due at once fires after those that were set before. */
const nextTurn = (): Promise<void> => new Promise((go) => setTimeout(go, 0));

Deno.test("Work is done at once while there is little of it", () => {
  const scene = new Scene(1);
  for (let i = 0; i < 100; i++) scene.give(0, `${i}`, 0);
  assert.equal(scene.done.length, 100, "and what takes no time leaves no timer");
  scene.give(0, "long", turnMs);
  assert.equal(scene.done.at(-1), "long");
  scene.turns.close();
});

Deno.test("A turn ends after its time, and everybody else has a go before the next one", async () => {
  const scene = new Scene(1);
  for (let i = 0; i < 10; i++) scene.give(0, `${i}`, turnMs / 2);
  assert.deepEqual(scene.done, ["0", "1"]);
  const others: number[] = [];
  for (let turn = 2; turn <= 5; turn++) {
    await nextTurn();
    others.push(scene.done.length);
  }
  assert.deepEqual(others, [4, 6, 8, 10]);
  assert.deepEqual(scene.done, Array.from({ length: 10 }, (_, i) => `${i}`), "in order");
  scene.turns.close();
});

Deno.test("What was done at once counts in a turn that has ended no more", async () => {
  const scene = new Scene(1);
  scene.give(0, "a", turnMs);
  scene.give(0, "b", 0);
  assert.deepEqual(scene.done, ["a"]);
  await nextTurn();
  assert.deepEqual(scene.done, ["a", "b"]);
  scene.give(0, "c", 0);
  assert.deepEqual(scene.done, ["a", "b", "c"]);
  scene.turns.close();
});

Deno.test("The first line goes first, and the last one is not kept waiting for ever", async () => {
  const scene = new Scene(3);
  scene.give(0, "begin", turnMs);
  for (let i = 0; i < 40; i++) scene.give(2, "last", 1);
  for (let i = 0; i < 40; i++) scene.give(1, "middle", 1);
  for (let i = 0; i < 40; i++) scene.give(0, "first", 1);
  await nextTurn();
  const turn = scene.done.slice(1);
  assert.equal(turn.length, turnMs);
  assert.equal(turn.filter((name) => name === "first").length, 18);
  assert.equal(turn.filter((name) => name === "last").length, 2);
  scene.turns.close();
});

Deno.test("Work that waits is not done after the end", async () => {
  const scene = new Scene(1);
  scene.give(0, "a", turnMs);
  scene.give(0, "b", 1);
  scene.turns.close();
  await nextTurn();
  assert.deepEqual(scene.done, ["a"]);
});
