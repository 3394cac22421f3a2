/** The timer heap against a list that is sorted every time. */
import { deepEqual, equal } from "node:assert/strict";
import { TimerQueue } from "../../../core/gateway/timer_queue.ts";
import { monotonic } from "../../../core/moment.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

Deno.test("TimerQueue equals a sorted list on random sets, removals and pops", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed);
    const queue = new TimerQueue<string>();
    const twin = new Map<string, number>();
    let now = 0;
    for (let i = 0; i < 2_000; i++) {
      const owner = `owner ${random.below(50)}`;
      const at = now + random.below(1_000);
      switch (random.below(4)) {
        case 0:
        case 1:
          queue.set(owner, monotonic(at));
          twin.set(owner, at);
          break;
        case 2:
          queue.set(owner, undefined);
          twin.delete(owner);
          break;
        default: {
          now += random.below(100);
          const due: string[] = [];
          for (let next = queue.pop(monotonic(now)); next; next = queue.pop(monotonic(now))) {
            due.push(next);
          }
          const expected = [...twin].filter(([, time]) => time <= now);
          deepEqual(due.toSorted(), expected.map(([name]) => name).toSorted());
          const times = due.map((name) => twin.get(name)!);
          deepEqual(times, times.toSorted((a, b) => a - b), "earliest first");
          for (const [name] of expected) twin.delete(name);
        }
      }
      equal(queue.size, twin.size);
      const earliest = [...twin.values()].reduce((a, b) => Math.min(a, b), Infinity);
      equal(queue.next() ?? Infinity, earliest);
    }
  }
});

Deno.test("An owner that postpones for ever does not fill the memory", () => {
  const queue = new TimerQueue<number>();
  for (let i = 0; i < 100_000; i++) queue.set(i % 3, monotonic(i));
  equal(queue.size, 3);
  equal(queue.next(), 99_997);
});

Deno.test("The same deadline again changes nothing, and a popped owner is out", () => {
  const queue = new TimerQueue<string>();
  queue.set("a", monotonic(5));
  queue.set("a", monotonic(5));
  equal(queue.pop(monotonic(4)), undefined);
  equal(queue.pop(monotonic(5)), "a");
  equal(queue.pop(monotonic(9)), undefined);
  equal(queue.next(), undefined);
  queue.set("a", monotonic(7));
  equal(queue.next(), 7);
});
