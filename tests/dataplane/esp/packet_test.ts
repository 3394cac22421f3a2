import assert from "node:assert/strict";
import {
  addTrailer,
  contentLength,
  nextHeaderOf,
  writeEspHeader,
} from "../../../dataplane/esp/packet.ts";
import { hex, toHex } from "../../support/hex.ts";

function written(length: number, write: (view: DataView) => void): string {
  const bytes = new Uint8Array(length).fill(0xee);
  write(new DataView(bytes.buffer));
  return toHex(bytes);
}

Deno.test("RFC 4303 §2: an ESP header is SPI and sequence number", () => {
  assert.equal(
    written(9, (view) => writeEspHeader(view, 0, 0xfedcba98, 0xf0000001)),
    "fedcba98f0000001ee",
  );
});

const trailers: readonly (readonly [inner: number, alignment: number, trailer: string])[] = [
  [6, 4, "0004"],
  [5, 4, "010104"],
  [4, 4, "01020204"],
  [3, 4, "0102030304"],
  [14, 16, "0004"],
  [15, 16, "0102030405060708090a0b0c0d0e0f0f04"],
  [1, 16, "0102030405060708090a0b0c0d0d04"],
];
for (const [inner, alignment, trailer] of trailers) {
  Deno.test(`RFC 4303 §2.4: padding of ${inner} octets to a multiple of ${alignment}`, () => {
    const text = written(40, (view) => {
      const length = addTrailer(view, 3, inner, alignment, 4);
      assert.equal(length, inner + trailer.length / 2);
      assert.equal(length % alignment, 0);
      assert.equal(contentLength(view, 3, length), inner);
      assert.equal(nextHeaderOf(view, 3, length), 4);
    });
    assert.equal(
      text,
      "ee".repeat(3 + inner) + trailer + "ee".repeat(37 - inner - trailer.length / 2),
    );
  });
}

const faults: readonly (readonly [text: string, plaintext: string])[] = [
  ["no octet", ""],
  ["one octet", "04"],
  ["more padding than plaintext", "01020304"],
  ["a wrong pad octet", "aabb01030204"],
  ["zero padding", "aabb00000204"],
  ["a pad length of 255", "aabbff04"],
];
for (const [text, plaintext] of faults) {
  Deno.test(`RFC 4303 §2.4: ${text} is no plaintext`, () => {
    const bytes = hex("01" + plaintext);
    assert.equal(contentLength(new DataView(bytes.buffer), 1, bytes.length - 1), -1);
  });
}

Deno.test("padding may be all there is", () => {
  const bytes = hex("01020259");
  assert.equal(contentLength(new DataView(bytes.buffer), 0, 4), 0);
});
