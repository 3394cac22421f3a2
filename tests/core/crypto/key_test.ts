import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import {
  contextTag,
  derElement,
  derInteger,
  DerReader,
  derSequence,
} from "../../../core/crypto/der.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { buildPrivateKey, parsePrivateKey } from "../../../core/crypto/private_key.ts";
import { buildPublicKey, parsePublicKey } from "../../../core/crypto/public_key.ts";
import type { SignatureScheme } from "../../../core/crypto/provider.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { testKeys } from "./test_keys.ts";

Deno.test("private keys are read and built again octet by octet", () => {
  for (const [name, pkcs8] of testKeys) {
    const key = parsePrivateKey(pkcs8);
    assert.ok(key, name);
    assert.equal(hexOf(buildPrivateKey(key)), hexOf(pkcs8), name);
  }
});

Deno.test("public keys are read and built again octet by octet", () => {
  for (const [name, pkcs8] of testKeys) {
    const signer = nobleProvider.importPrivateKey(pkcs8)!;
    const key = parsePublicKey(signer.spki);
    assert.ok(key, name);
    assert.equal(hexOf(buildPublicKey(key)), hexOf(signer.spki), name);
    if (signer.key.kind === "rsa") assert.equal(`RSA-${signer.key.modulusBits}`, name);
    else assert.equal(signer.key.curve, name);
  }
});

Deno.test("a private key with attributes or, in version 1, a public key behind it is read", () => {
  const outer = new DerReader(testKeys.get("P-256")!, "test").sequence("info");
  outer.smallInteger("version");
  const algorithm = outer.any("algorithm").whole;
  const octets = outer.any("privateKey").whole;
  const attributes = derElement(contextTag(0, "constructed"));
  const publicKey = derElement(contextTag(1, "primitive"), Uint8Array.of(0, 4));
  const build = (version: number, ...rest: Uint8Array[]): Uint8Array =>
    derSequence(derInteger(version), algorithm, octets, ...rest);
  assert.ok(parsePrivateKey(build(0, attributes)));
  assert.ok(parsePrivateKey(build(1, attributes, publicKey)));
  assert.equal(parsePrivateKey(build(0, publicKey)), undefined);
  assert.equal(parsePrivateKey(build(2)), undefined);
});

Deno.test("a private key with any octet cut off or behind it is refused", () => {
  for (const pkcs8 of testKeys.values()) {
    for (let length = 0; length < pkcs8.length; length++) {
      assert.equal(parsePrivateKey(pkcs8.subarray(0, length)), undefined);
    }
    assert.equal(parsePrivateKey(concatBytes(pkcs8, Uint8Array.of(0))), undefined);
  }
});

Deno.test("an RSA private key with any damaged octet is refused", () => {
  const pkcs8 = testKeys.get("RSA-1024")!;
  const random = new SeededRandom(11);
  for (let at = 0; at < pkcs8.length; at++) {
    const damaged = pkcs8.slice();
    damaged[at]! ^= 1 << random.below(8);
    assert.equal(nobleProvider.importPrivateKey(damaged), undefined, `octet ${at}`);
  }
});

Deno.test("a key on a curve whose public point is another one is refused", () => {
  for (const name of ["P-256", "P-384", "P-521"]) {
    const damaged = testKeys.get(name)!.slice();
    damaged[damaged.length - 1]! ^= 1;
    assert.ok(parsePrivateKey(damaged));
    assert.equal(nobleProvider.importPrivateKey(damaged), undefined);
  }
});

Deno.test("a scheme that does not fit the key throws when signing and fails when checking", () => {
  const ecdsa: SignatureScheme = { kind: "ecdsa", hash: "sha256", encoding: "der" };
  const pkcs1: SignatureScheme = { kind: "rsa-pkcs1", hash: "sha256" };
  const data = Uint8Array.of(1);
  for (const [name, pkcs8] of testKeys) {
    const signer = nobleProvider.importPrivateKey(pkcs8)!;
    const wrong: SignatureScheme = signer.key.kind === "rsa" ? ecdsa : pkcs1;
    const right: SignatureScheme = signer.key.kind === "rsa" ? pkcs1 : ecdsa;
    assert.throws(() => signer.sign(wrong, data), RangeError, name);
    assert.equal(nobleProvider.verify(signer.spki, wrong, data, signer.sign(right, data)), false);
  }
  const short = nobleProvider.importPrivateKey(testKeys.get("RSA-1024")!)!;
  assert.throws(() => short.sign({ kind: "rsa-pss", hash: "sha512" }, data), RangeError);
});
