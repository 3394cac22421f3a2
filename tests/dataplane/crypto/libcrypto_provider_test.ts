import assert from "node:assert/strict";
import { concatBytes, utf8 } from "../../../core/bytes.ts";
import { curveNamed } from "../../../core/crypto/curves.ts";
import { buildPublicKey } from "../../../core/crypto/public_key.ts";
import { loadLibcryptoProvider } from "../../../dataplane/ffi/libcrypto_provider.ts";
import { testAsymmetricVectors } from "../../core/crypto/asymmetric_vectors.ts";
import { testSymmetricVectors } from "../../core/crypto/provider_vectors.ts";
import { testKeys } from "../../core/crypto/test_keys.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const provider = loadLibcryptoProvider();
if (provider === undefined) {
  console.warn("skipped: libcrypto.so.3 is not there, so its provider is not tested");
} else {
  testSymmetricVectors(provider);
  testAsymmetricVectors(provider);

  Deno.test("libcrypto: of many public keys each checks what its own key signed, again and again", () => {
    const scheme = { kind: "ecdsa", hash: "sha256", encoding: "raw" } as const;
    const curve = curveNamed("P-256");
    const random = new SeededRandom(31);
    const data = utf8("signed");
    const signer = provider.importPrivateKey(testKeys.get("P-256") ?? new Uint8Array(0));
    assert.ok(signer !== undefined);
    const signature = signer.sign(scheme, data);
    const others = Array.from({ length: 200 }, () => {
      const { publicValue } = provider.generateKeyPair(19, random);
      return buildPublicKey({
        kind: "ec",
        curve,
        point: concatBytes(Uint8Array.of(4), publicValue),
      });
    });
    for (let round = 0; round < 3; round++) {
      for (const other of others) {
        assert.equal(provider.verify(other, scheme, data, signature), false);
      }
      assert.equal(provider.verify(signer.spki, scheme, data, signature), true);
      assert.equal(provider.verify(signer.spki, scheme, utf8("another"), signature), false);
      assert.equal(provider.verify(signer.spki.subarray(1), scheme, data, signature), false);
    }
  });
}
