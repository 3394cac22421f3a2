import assert from "node:assert/strict";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { equalSecrets } from "../../../core/crypto/constant_time.ts";
import { prfPlus } from "../../../core/crypto/prf_plus.ts";
import {
  encryptionOf,
  groupOf,
  integrityOf,
  prfOf,
  supportedEncryptions,
  supportedGroups,
  supportedIntegrities,
  supportedPrfs,
} from "../../../core/crypto/transforms.ts";
import { integerOf } from "../../../core/crypto/big_octets.ts";
import { modpPrimeOf } from "../../../core/crypto/modp_primes.ts";
import { hex } from "../../support/hex.ts";
import { readVectorText, vectorTest } from "../../support/vectors.ts";
import { Encr, Group, Integ, PrfId } from "../../../core/message/constants.ts";

Deno.test("every supported transform has facts, and they fit together", () => {
  assert.equal(supportedEncryptions.length, 6);
  for (const { encryption, keyBits } of supportedEncryptions) {
    const facts = encryptionOf(encryption, keyBits)!;
    assert.equal(8 * facts.keyLength, keyBits);
    const isAead = facts.aead !== undefined;
    assert.equal(facts.saltLength + facts.ivLength, isAead ? 12 : 16);
    assert.equal(facts.icvLength, isAead ? 16 : 0);
    assert.equal(facts.blockLength, isAead ? 1 : 16);
  }
  for (const integrity of supportedIntegrities) {
    const facts = integrityOf(integrity)!;
    assert.equal(facts.keyLength, nobleProvider.digest(facts.hash).length);
    assert.equal(2 * facts.icvLength, facts.keyLength); // RFC 4868 §2.3: half of the hash
  }
  for (const prf of supportedPrfs) {
    const facts = prfOf(prf)!;
    assert.equal(facts.outputLength, nobleProvider.digest(facts.hash).length);
    assert.equal(facts.keyLength, facts.outputLength);
  }
  assert.deepEqual(supportedGroups, [14, 15, 16, 19, 20, 21, 31]);
  assert.equal(groupOf(Group.ECP_521)?.publicLength, 132);
});

Deno.test("transforms that we do not speak have no facts", () => {
  assert.equal(encryptionOf(Encr.NULL, 0), undefined);
  assert.equal(encryptionOf(Encr.AES_GCM_16, 192), undefined);
  assert.equal(encryptionOf(Encr.AES_CBC, 0), undefined);
  assert.equal(encryptionOf(3, 192), undefined);
  assert.equal(integrityOf(Integ.NONE), undefined);
  assert.equal(integrityOf(2), undefined);
  assert.equal(prfOf(2), undefined);
  assert.equal(groupOf(Group.NONE), undefined);
  assert.equal(groupOf(2), undefined);
});

Deno.test("RFC 7634 §5: ChaCha20-Poly1305 is negotiated without a key length", () => {
  const facts = encryptionOf(Encr.CHACHA20_POLY1305, 0);
  assert.equal(facts, encryptionOf(Encr.CHACHA20_POLY1305, 256));
  assert.equal(facts?.keyLength, 32);
});

Deno.test("RFC 7296 §2.13: prf+ ends at 255 rounds", () => {
  const { hash } = prfOf(PrfId.HMAC_SHA2_256)!;
  const key = new Uint8Array(32);
  const seed = Uint8Array.of(1, 2, 3);
  const longest = prfPlus(nobleProvider, hash, key, seed, 255 * 32);
  assert.equal(longest.length, 8160);
  assert.deepEqual(prfPlus(nobleProvider, hash, key, seed, 33), longest.slice(0, 33));
  assert.equal(prfPlus(nobleProvider, hash, key, seed, 0).length, 0);
  assert.throws(() => prfPlus(nobleProvider, hash, key, seed, 8161), RangeError);
});

Deno.test("secrets are equal only when every octet is", () => {
  const secret = Uint8Array.of(1, 2, 3, 4);
  assert.ok(equalSecrets(secret, secret.slice()));
  assert.ok(equalSecrets(new Uint8Array(0), new Uint8Array(0)));
  assert.ok(!equalSecrets(secret, secret.subarray(1)));
  for (let bit = 0; bit < 32; bit++) {
    const other = secret.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(!equalSecrets(secret, other));
  }
});

const rfc3526 = readVectorText("thirdparty/kat/pyca-vectors/asymmetric/DH/rfc3526.txt");
vectorTest("the MODP primes are those of RFC 3526", rfc3526, (text) => {
  const primes = [...text.matchAll(/^P = (\w+)$/gm)].map(([, digits = ""]) =>
    integerOf(hex(digits))
  );
  for (const group of [Group.MODP_2048, Group.MODP_3072, Group.MODP_4096]) {
    const prime = modpPrimeOf(group);
    assert.ok(prime !== undefined && primes.includes(prime));
    assert.equal(prime.toString(16).length / 2, groupOf(group)?.publicLength);
  }
});
