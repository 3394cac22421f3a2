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

const nextRound = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("Who begins an IKE SA takes no place of those who have one", () => {
  const { loop } = bothEnds();
  assert.equal(fill(loop, INITIAL), ikeLinePlaces[INITIAL]);
  assert.equal(fill(loop, ESTABLISHED), ikeLinePlaces[ESTABLISHED]);
});

Deno.test("A place is free when the control plane has been round to everything else", async () => {
  const { loop, control } = bothEnds();
  fill(loop, INITIAL);
  for (let i = 0; i < 3; i++) control.took(INITIAL);
  await Promise.resolve();
  assert.equal(loop.enter(INITIAL), false, "not before");
  await nextRound();
  assert.equal(fill(loop, INITIAL), 3);
  control.took(INITIAL);
  await nextRound();
  assert.equal(fill(loop, INITIAL), 1, "and every round again");
});

Deno.test("Lines that are closed leave no timer", () => {
  const { loop, control } = bothEnds();
  fill(loop, ESTABLISHED);
  control.took(ESTABLISHED);
  control.close();
  assert.equal(loop.enter(ESTABLISHED), false);
});
