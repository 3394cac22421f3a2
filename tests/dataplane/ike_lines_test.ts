import assert from "node:assert/strict";
import { IkeLine } from "../../dataplane/datagram.ts";
import { ikeLinePlaces, IkeLines } from "../../dataplane/ike_lines.ts";

const { ESTABLISHED, INITIAL } = IkeLine;

/** Both ends of the lines, as the two threads have them. */
function bothEnds(): { readonly loop: IkeLines; readonly control: IkeLines } {
  const control = new IkeLines();
  return { control, loop: new IkeLines(control.shared) };
}

function fill(loop: IkeLines, line: IkeLine): number {
  let entered = 0;
  while (loop.enter(line)) entered++;
  return entered;
}

Deno.test("Who begins an IKE SA takes no place of those who have one", () => {
  const { loop } = bothEnds();
  assert.equal(fill(loop, INITIAL), ikeLinePlaces[INITIAL]);
  assert.equal(fill(loop, ESTABLISHED), ikeLinePlaces[ESTABLISHED]);
});

Deno.test("A place is free when its message was dealt with", () => {
  const { loop, control } = bothEnds();
  fill(loop, INITIAL);
  assert.equal(loop.enter(INITIAL), false);
  for (let i = 0; i < 3; i++) control.leave(INITIAL);
  assert.equal(fill(loop, INITIAL), 3);
  assert.equal(fill(loop, ESTABLISHED), ikeLinePlaces[ESTABLISHED], "and in its own line alone");
});
