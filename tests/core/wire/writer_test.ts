/** The writer: values, growth, patched lengths, and numbers that do not fit. */
import assert from "node:assert/strict";
import { Reader } from "../../../core/wire/reader.ts";
import { Writer } from "../../../core/wire/writer.ts";
import { hex, toHex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

Deno.test("numbers are written in network order and lengths patched afterwards", () => {
  const writer = new Writer(1);
  writer.u8(0x01);
  writer.u16(0);
  writer.u32(0x04050607);
  writer.u64(0x08090a0b0c0d0e0fn);
  writer.bytes(hex("aabb"));
  writer.zeros(2);
  assert.equal(writer.position, 19);
  writer.patchU16(1, 0x0203);
  writer.patchU32(3, 0xfffefdfc);
  writer.patchU8(18, 0x99);
  assert.equal(toHex(writer.finish()), "010203fffefdfc08090a0b0c0d0e0faabb0099");
});

Deno.test("what comes out is a copy", () => {
  const writer = new Writer();
  writer.u8(1);
  const first = writer.finish();
  writer.patchU8(0, 2);
  writer.u8(3);
  assert.equal(toHex(first), "01");
  assert.equal(toHex(writer.finish()), "0203");
});

Deno.test("a number that does not fit throws and says what would", () => {
  const writer = new Writer();
  for (const value of [-1, 256, 1.5, Number.NaN]) assert.throws(() => writer.u8(value), RangeError);
  assert.throws(() => writer.u16(65536), {
    name: "RangeError",
    message: "Cannot write u16: value is 65536, needs 0 to 65535",
  });
  assert.throws(() => writer.u32(2 ** 32), RangeError);
  assert.throws(() => writer.u64(1n << 64n), RangeError);
  assert.throws(() => writer.u64(-1n), RangeError);
  assert.throws(() => writer.patchU16(0, 1), RangeError);
  assert.equal(writer.position, 0);
});

Deno.test("whatever is written is read back, whatever the first capacity", () => {
  const random = new SeededRandom(6);
  for (let round = 0; round < 100; round++) {
    const writer = new Writer(random.below(40));
    const values = random.list(random.below(60), () => random.u32());
    for (const value of values) {
      writer.u32(value);
      writer.u16(value & 0xffff);
      writer.u64(BigInt(value) << 31n);
      writer.u8(value & 0xff);
    }
    const reader = new Reader(writer.finish());
    for (const value of values) {
      assert.equal(reader.u32("a"), value);
      assert.equal(reader.u16("b"), value & 0xffff);
      assert.equal(reader.u64("c"), BigInt(value) << 31n);
      assert.equal(reader.u8("d"), value & 0xff);
    }
    reader.end();
    assert.equal(reader.fault, undefined);
  }
});
