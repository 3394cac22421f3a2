/** Padding and layout of SK and SKF (RFC 7296 §3.14, RFC 7383 §2.5). */
import assert from "node:assert/strict";
import { layoutEncrypted, padTo, stripPadding } from "../../../core/message/encrypted.ts";
import { hex, toHex } from "../../support/hex.ts";

const header = {
  initiatorSpi: hex("0102030405060708"),
  responderSpi: hex("1112131415161718"),
  exchangeType: 35,
  flags: { initiator: true, response: false },
  messageId: 1,
};

Deno.test("padding fills whole blocks with as little as possible", () => {
  for (const block of [1, 4, 8, 16]) {
    for (let length = 0; length < 70; length++) {
      const pad = padTo(block, length);
      assert.equal((length + pad + 1) % block, 0);
      assert.ok(pad >= 0 && pad < block);
    }
  }
  assert.equal(padTo(1, 100), 0);
  assert.equal(padTo(16, 0), 15);
  assert.equal(padTo(16, 15), 0);
  assert.equal(padTo(16, 16), 15);
});

Deno.test("padding is taken off by its length octet, whatever its other octets are", () => {
  assert.equal(toHex(stripPadding(hex("aabbcc 00")) ?? hex("ff")), "aabbcc");
  assert.equal(toHex(stripPadding(hex("aabb 990102 03")) ?? hex("ff")), "aabb");
  assert.equal(toHex(stripPadding(hex("00")) ?? hex("ff")), "");
  assert.equal(toHex(stripPadding(hex("000000 03")) ?? hex("ff")), "");
  assert.equal(stripPadding(hex("000000 04")), undefined);
  assert.equal(stripPadding(hex("ff")), undefined);
  assert.equal(stripPadding(hex("")), undefined);
});

Deno.test("a message that is one SK: all octets before the IV, the rest zero", () => {
  const layout = layoutEncrypted({
    header,
    firstInnerPayload: 35,
    ivLength: 8,
    ciphertextLength: 5,
    icvLength: 16,
  });
  assert.equal(
    toHex(layout.bytes),
    "01020304050607081112131415161718" + "2e202308" + "00000001" + "0000003d" + "23000021" +
      "00".repeat(29),
  );
  assert.deepEqual(
    [layout.aadLength, layout.ivOffset, layout.ciphertextOffset, layout.icvOffset],
    [32, 32, 40, 45],
  );
});

Deno.test("a fragment names its number and the total before the IV", () => {
  const layout = layoutEncrypted({
    header,
    firstInnerPayload: 0,
    fragment: { number: 2, total: 3 },
    ivLength: 16,
    ciphertextLength: 16,
    icvLength: 16,
  });
  assert.equal(
    toHex(layout.bytes.subarray(16, 36)),
    "35202308" + "00000001" + "00000054" + "00000038" + "00020003",
  );
  assert.deepEqual(
    [layout.aadLength, layout.ivOffset, layout.ciphertextOffset, layout.icvOffset],
    [36, 36, 52, 68],
  );
});

Deno.test("a message that is too long for its length field throws", () => {
  const shape = { header, firstInnerPayload: 35, ivLength: 8, icvLength: 16 };
  assert.throws(() => layoutEncrypted({ ...shape, ciphertextLength: 65535 }), RangeError);
});
