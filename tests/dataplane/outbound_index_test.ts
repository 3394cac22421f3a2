/** The index of outbound pairs: what it costs, and that nothing stays in it. */
import assert from "node:assert/strict";
import type { ChildSa } from "../../dataplane/esp/child_sa.ts";
import { addressWords } from "../../dataplane/ip/selector.ts";
import { OutboundIndex } from "../../dataplane/outbound_index.ts";
import { address } from "../support/sim_settings.ts";
import { selector } from "./support/ends.ts";

/** Told from others by being another one. */
function pairCalled(name: string): ChildSa {
  return { name } as unknown as ChildSa;
}

const never = (): boolean => false;

function networkOf(i: number): string {
  const start = `10.${i >> 8}.${i & 255}`;
  return `${start}.0-${start}.255`;
}

Deno.test("ten thousand networks take one step, each further width one more", () => {
  const index = new OutboundIndex();
  const pairs = Array.from({ length: 10_000 }, (_, i) => pairCalled(`${i}`));
  for (const [i, sa] of pairs.entries()) index.add(selector(networkOf(i)), sa, never);
  assert.equal(index.lengths(4).length, 1);
  for (const i of [0, 255, 256, 9_999]) {
    const [length] = index.lengths(4);
    assert.deepEqual(length?.at(addressWords(address(`10.${i >> 8}.${i & 255}.7`))), [pairs[i]]);
  }
  const wide = pairCalled("wide");
  index.add(selector("10.0.0.0-10.255.255.255"), wide, never);
  index.add(selector("10.0.0.9"), wide, never);
  index.add(selector("fd00::-fd00::ff"), wide, never);
  assert.deepEqual(index.lengths(4).map(({ bits }) => bits), [32, 24, 8]);
  assert.deepEqual(index.lengths(6).map(({ bits }) => bits), [120]);
  for (const [i, sa] of pairs.entries()) index.remove(selector(networkOf(i)), sa);
  index.remove(selector("10.0.0.9"), wide);
  index.remove(selector("10.0.0.0-10.255.255.255"), wide);
  index.remove(selector("fd00::-fd00::ff"), wide);
  assert.deepEqual([index.lengths(4), index.lengths(6)], [[], []]);
});

Deno.test("a pair stands once at its prefix, in front of those that are to be behind it", () => {
  const index = new OutboundIndex();
  const [old, young] = [pairCalled("old"), pairCalled("young")];
  const network = selector("10.1.0.0-10.1.255.255");
  index.add(network, old, never);
  index.add(network, young, (other) => other === old);
  index.add(network, young, never);
  const at = (): unknown => index.lengths(4)[0]?.at(addressWords(address("10.1.2.3")));
  assert.deepEqual(at(), [young, old]);
  index.remove(network, pairCalled("a stranger"));
  index.remove(network, young);
  assert.deepEqual(at(), [old]);
  index.remove(network, old);
  assert.equal(at(), undefined);
  index.remove(network, old);
});
