import assert from "node:assert/strict";
import { Encr, Integ } from "../../../core/message/constants.ts";
import { espLayoutOf } from "../../../dataplane/esp/cipher.ts";
import { longestEsp, longestInner, outerPath } from "../../../dataplane/esp/outer_path.ts";
import { addTrailer } from "../../../dataplane/esp/packet.ts";

const suites = [
  { encryption: Encr.AES_GCM_16, keyBits: 256, integrity: Integ.NONE, esn: false },
  { encryption: Encr.CHACHA20_POLY1305, keyBits: 256, integrity: Integ.NONE, esn: true },
  { encryption: Encr.AES_CBC, keyBits: 256, integrity: Integ.HMAC_SHA2_256_128, esn: false },
  { encryption: Encr.AES_CBC, keyBits: 128, integrity: Integ.HMAC_SHA2_512_256, esn: false },
];

Deno.test("the longest inner packet is the longest whose ESP packet fits", () => {
  const view = new DataView(new ArrayBuffer(2048));
  for (const suite of suites) {
    const layout = espLayoutOf(suite)!;
    const sealed = (inner: number): number =>
      layout.overhead + addTrailer(view, 0, inner, layout.alignment, 4);
    for (let length = 600; length < 1500; length++) {
      const inner = longestInner(length, layout);
      assert.ok(sealed(inner) <= length, `${inner} of ${length}`);
      assert.ok(sealed(inner + 1) > length, `${inner + 1} of ${length}`);
    }
  }
});

Deno.test("the outer headers are those of the peer's family", () => {
  const four = outerPath(0, new Uint32Array(4), new Uint32Array(0));
  const six = outerPath(0, new Uint32Array(7), new Uint32Array(0));
  assert.deepEqual([four.isIpv6, six.isIpv6], [false, true]);
  assert.deepEqual([longestEsp(1500, four), longestEsp(1500, six)], [1472, 1452]);
});
