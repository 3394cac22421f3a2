import assert from "node:assert/strict";
import { KeptObjects } from "../../../dataplane/ffi/kept_objects.ts";

Deno.test("What is kept is made once, and who was not asked for longest is freed", () => {
  const made: string[] = [];
  const freed: string[] = [];
  const kept = new KeptObjects<string>(2, (object) => freed.push(object));
  const get = (name: string): string | undefined =>
    kept.get(name, () => {
      made.push(name);
      return `object ${name}`;
    });
  for (const name of ["a", "b", "a", "c", "a", "b"]) assert.equal(get(name), `object ${name}`);
  assert.deepEqual(made, ["a", "b", "c", "b"]);
  assert.deepEqual(freed, ["object b", "object c"]);
});

Deno.test("What cannot be made takes no place", () => {
  const freed: string[] = [];
  const kept = new KeptObjects<string>(1, (object) => freed.push(object));
  kept.get("a", () => "object a");
  assert.equal(kept.get("b", () => undefined), undefined);
  assert.deepEqual(freed, []);
  assert.equal(kept.get("a", () => assert.fail("it is kept")), "object a");
});
