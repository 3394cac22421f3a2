import assert from "node:assert/strict";
import { concatBytes } from "../../../core/bytes.ts";
import { limits } from "../../../core/limits.ts";
import { type Fragment, FragmentBuffer } from "../../../core/sa/fragments.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

function fragment(number: number, total: number, text: string, messageId = 1): Fragment {
  const plaintext = new TextEncoder().encode(text);
  return { messageId, number, total, firstPayload: number === 1 ? 35 : 0, plaintext };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Adds fragments and returns what the last one completed. */
function feed(buffer: FragmentBuffer, ...fragments: Fragment[]): string | undefined {
  const outcomes = fragments.map((one) => buffer.add(one));
  const last = outcomes.at(-1);
  return last?.kind === "complete" ? textOf(last.plaintext) : undefined;
}

Deno.test("RFC 7383 §2.6: fragments make a message in whatever order they come", () => {
  const orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
  for (const order of orders) {
    const buffer = new FragmentBuffer();
    const outcomes = order.map((number) => buffer.add(fragment(number, 3, `<${number}>`)));
    assert.deepEqual(outcomes.slice(0, 2), [{ kind: "stored" }, { kind: "stored" }]);
    const last = outcomes[2]!;
    assert.ok(last.kind === "complete");
    assert.equal(textOf(last.plaintext), "<1><2><3>");
    assert.equal(last.firstPayload, 35);
  }
});

Deno.test("A message in a single fragment is complete at once", () => {
  assert.equal(feed(new FragmentBuffer(), fragment(1, 1, "all")), "all");
});

Deno.test("RFC 7383 §2.6: a fragment that is there already is ignored", () => {
  const buffer = new FragmentBuffer();
  assert.equal(buffer.add(fragment(1, 2, "old")).kind, "stored");
  assert.deepEqual(buffer.add(fragment(1, 2, "new")), { kind: "duplicate" });
  assert.equal(feed(buffer, fragment(2, 2, "-end")), "old-end");
});

Deno.test("RFC 7383 §2.6: a larger total starts anew, a smaller one is refused", () => {
  const buffer = new FragmentBuffer();
  buffer.add(fragment(1, 2, "gone"));
  assert.equal(buffer.add(fragment(1, 3, "a")).kind, "stored");
  assert.deepEqual(buffer.add(fragment(2, 2, "late")), { kind: "refused" });
  assert.equal(feed(buffer, fragment(3, 3, "c"), fragment(2, 3, "b")), "abc");
});

Deno.test("Impossible numbers and too many fragments are refused and change nothing", () => {
  const buffer = new FragmentBuffer();
  buffer.add(fragment(1, 2, "a"));
  const bad = [[0, 2], [3, 2], [1, 0], [1, limits.fragmentsPerMessage + 1]] as const;
  for (const [number, total] of bad) {
    assert.deepEqual(buffer.add(fragment(number, total, "x")), { kind: "refused" });
  }
  assert.equal(feed(buffer, fragment(2, 2, "b")), "ab");
  const many = Array.from(
    { length: limits.fragmentsPerMessage },
    (_, i) => fragment(i + 1, limits.fragmentsPerMessage, "x"),
  );
  assert.equal(feed(buffer, ...many)?.length, limits.fragmentsPerMessage);
});

Deno.test("A message over the size limit is refused at the fragment that goes past it", () => {
  const buffer = new FragmentBuffer();
  const big = new Uint8Array(limits.messageBytes - 10);
  assert.equal(buffer.add({ ...fragment(1, 2, ""), plaintext: big }).kind, "stored");
  assert.deepEqual(buffer.add(fragment(2, 2, "x".repeat(11))), { kind: "refused" });
  const outcome = buffer.add(fragment(2, 2, "x".repeat(10)));
  assert.ok(outcome.kind === "complete");
  assert.equal(outcome.plaintext.length, limits.messageBytes);
});

Deno.test("A new Message ID drops what was collected, and so does clear", () => {
  const buffer = new FragmentBuffer();
  buffer.add(fragment(1, 2, "old", 1));
  assert.equal(buffer.add(fragment(2, 2, "b", 2)).kind, "stored");
  assert.equal(feed(buffer, fragment(1, 2, "a", 2)), "ab");
  buffer.add(fragment(1, 2, "old", 3));
  buffer.clear();
  assert.equal(feed(buffer, fragment(2, 2, "d", 3), fragment(1, 2, "c", 3)), "cd");
});

Deno.test("The octets of a fragment are copied", () => {
  const buffer = new FragmentBuffer();
  const first = fragment(1, 2, "keep");
  buffer.add(first);
  first.plaintext.fill(0);
  assert.equal(feed(buffer, fragment(2, 2, "-me")), "keep-me");
});

Deno.test("Twin: reassembly equals concatenation under random order and repetition", () => {
  const random = new SeededRandom(31);
  const buffer = new FragmentBuffer();
  for (let messageId = 0; messageId < 300; messageId++) {
    const total = random.between(1, 20);
    const pieces = random.list(total, () => random.bytes(random.below(40)));
    const missing = new Set(pieces.keys());
    for (;;) {
      const index = random.below(total);
      const outcome = buffer.add({
        messageId,
        number: index + 1,
        total,
        firstPayload: index === 0 ? 33 : 0,
        plaintext: pieces[index]!,
      });
      const wasMissing = missing.delete(index);
      if (missing.size > 0) {
        assert.equal(outcome.kind, wasMissing ? "stored" : "duplicate");
        continue;
      }
      assert.deepEqual(outcome, {
        kind: "complete",
        firstPayload: 33,
        plaintext: concatBytes(...pieces),
      });
      break;
    }
  }
});
