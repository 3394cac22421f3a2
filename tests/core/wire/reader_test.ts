/** The reader: values, bounds, the first fault and nothing but zeros after it. */
import assert from "node:assert/strict";
import { Reader } from "../../../core/wire/reader.ts";
import { hex, toHex } from "../../support/hex.ts";

Deno.test("numbers are read in network order, views are not copies", () => {
  const bytes = hex("01 0203 04050607 08090a0b0c0d0e0f ffee dd");
  const reader = new Reader(bytes);
  assert.equal(reader.u8("a"), 0x01);
  assert.equal(reader.u16("b"), 0x0203);
  assert.equal(reader.u32("c"), 0x04050607);
  assert.equal(reader.u64("d"), 0x08090a0b0c0d0e0fn);
  assert.equal(reader.offset, 15);
  assert.equal(reader.remaining, 3);
  const view = reader.bytes(2, "e");
  assert.equal(toHex(view), "ffee");
  assert.equal(view.buffer, bytes.buffer);
  assert.equal(toHex(reader.rest()), "dd");
  assert.equal(reader.rest().length, 0);
  reader.end();
  assert.deepEqual(reader.result("value"), { ok: true, value: "value" });
});

Deno.test("large unsigned numbers stay positive", () => {
  const reader = new Reader(hex("ffff ffffffff ffffffffffffffff"));
  assert.equal(reader.u16("a"), 65535);
  assert.equal(reader.u32("b"), 4294967295);
  assert.equal(reader.u64("c"), 18446744073709551615n);
});

Deno.test("a reader of a view starts at the view, not at its buffer", () => {
  const reader = new Reader(hex("aabbccdd").subarray(2));
  assert.equal(reader.u16("a"), 0xccdd);
  assert.equal(reader.remaining, 0);
});

Deno.test("the first fault stays, and every later read gives zero", () => {
  const reader = new Reader(hex("010203"));
  assert.equal(reader.u16("first"), 0x0102);
  assert.equal(reader.u32("second"), 0);
  const fault = { kind: "short", offset: 2, path: "second", had: 1, needed: 4 } as const;
  assert.deepEqual(reader.fault, fault);
  assert.equal(reader.remaining, 0);
  assert.equal(reader.u8("third"), 0);
  assert.equal(reader.u16("third"), 0);
  assert.equal(reader.u64("third"), 0n);
  assert.equal(reader.bytes(1, "third").length, 0);
  assert.equal(reader.rest().length, 0);
  reader.fail("bad-value", "fourth");
  reader.end();
  assert.deepEqual(reader.result(1), { ok: false, fault });
});

Deno.test("a parser that loops until nothing is left ends after a fault", () => {
  const reader = new Reader(new Uint8Array(1000));
  let rounds = 0;
  while (reader.remaining > 0 && rounds < 10_000) {
    rounds++;
    if (rounds === 3) reader.fail("bad-value", "x");
    else reader.u8("x");
  }
  assert.equal(rounds, 3);
});

Deno.test("readers of parts keep absolute offsets, name the path and share the fault", () => {
  const reader = new Reader(hex("0000 aabbccddee 1122"), 100);
  reader.u16("head");
  const outer = reader.sub(5, "SA");
  outer.u8("number");
  const inner = outer.sub(3, "transform");
  assert.equal(inner.offset, 103);
  assert.equal(inner.u16("id"), 0xbbcc);
  assert.equal(inner.u16("key"), 0);
  assert.deepEqual(inner.fault, {
    kind: "short",
    offset: 105,
    path: "SA.transform.key",
    had: 1,
    needed: 2,
  });
  assert.equal(reader.fault, inner.fault);
  assert.equal(outer.remaining, 0);
  assert.equal(reader.remaining, 0);
});

Deno.test("a part cannot reach past its parent", () => {
  const reader = new Reader(hex("0102030405"));
  const part = reader.sub(6, "part");
  assert.equal(part.u8("x"), 0);
  assert.deepEqual(reader.fault, { kind: "short", offset: 0, path: "part", had: 5, needed: 6 });
});

Deno.test("octets left over are a fault when the end is asked for", () => {
  const reader = new Reader(hex("010203"));
  const part = reader.sub(2, "part");
  part.u8("x");
  part.end();
  assert.deepEqual(reader.fault, {
    kind: "trailing-octets",
    offset: 1,
    path: "part",
    had: 1,
    needed: 0,
  });
});
