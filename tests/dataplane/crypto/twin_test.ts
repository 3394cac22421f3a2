/** Two implementations of one contract: whatever goes in, the same must come out. */
import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { CryptoProvider, HashName, SignatureScheme } from "../../../core/crypto/provider.ts";
import { supportedGroups } from "../../../core/crypto/transforms.ts";
import { createIpsecMbEspCiphers } from "../../../dataplane/ffi/ipsec_mb_esp.ts";
import { selectEspCiphers, selectProvider } from "../../../dataplane/crypto.ts";
import { loadLibcryptoProvider } from "../../../dataplane/ffi/libcrypto_provider.ts";
import { testKeys } from "../../core/crypto/test_keys.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const fast = loadLibcryptoProvider();
if (fast === undefined) console.warn("skipped: libcrypto.so.3 is not there, nothing to compare");

const HASHES: readonly HashName[] = ["sha1", "sha256", "sha384", "sha512"];

function twinTest(name: string, run: (fast: CryptoProvider) => void): void {
  Deno.test({ name, ignore: fast === undefined, fn: () => fast && run(fast) });
}

/** Both results in text, which must be equal; gives the first. */
function same<T>(make: (crypto: CryptoProvider) => T, other: CryptoProvider, label: string): T {
  const value = make(nobleProvider);
  assert.deepEqual(make(other), value, label);
  return value;
}

/** A length that is often at an edge. */
function length(random: SeededRandom, most: number): number {
  return random.chance(0.3)
    ? Math.min(most, random.pick([0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129]))
    : random.below(most + 1);
}

twinTest("twins: digests and HMACs of random parts, also longer than a portion", (fast) => {
  const random = new SeededRandom(21);
  for (let i = 0; i < 120; i++) {
    const hash = random.pick(HASHES);
    const most = i % 40 === 0 ? 150_000 : 600;
    const parts = random.list(random.below(4), () => random.bytes(length(random, most)));
    const key = random.bytes(length(random, i % 40 === 0 ? 70_000 : 300));
    same((crypto) => hexOf(crypto.digest(hash, ...parts)), fast, `digest ${i}`);
    same((crypto) => hexOf(crypto.hmac(hash, key, ...parts)), fast, `hmac ${i}`);
  }
});

twinTest("twins: AEAD and CBC of random texts, also longer than a portion", (fast) => {
  const random = new SeededRandom(22);
  for (let i = 0; i < 120; i++) {
    const name = random.pick(["aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"] as const);
    const key = random.bytes(name === "aes-128-gcm" ? 16 : 32);
    const nonce = random.bytes(12);
    const most = i % 60 === 0 ? 140_000 : 2000;
    const aad = random.bytes(length(random, most));
    const text = random.bytes(length(random, most));
    const sealed = same(
      (crypto) => crypto.aeadSeal(name, key, nonce, aad, text),
      fast,
      `seal ${i}`,
    );
    const opened = same((crypto) => crypto.aeadOpen(name, key, nonce, aad, sealed), fast, "open");
    assert.deepEqual(opened, text);
    sealed[random.below(sealed.length)]! ^= 1 << random.below(8);
    const spoilt = same((crypto) => crypto.aeadOpen(name, key, nonce, aad, sealed), fast, "spoilt");
    assert.equal(spoilt, undefined);

    const cbcKey = random.bytes(random.pick([16, 24, 32]));
    const iv = random.bytes(16);
    const blocks = random.bytes(16 * length(random, most >> 4));
    const cipher = same((crypto) => crypto.cbcEncrypt(cbcKey, iv, blocks), fast, `cbc ${i}`);
    assert.deepEqual(same((crypto) => crypto.cbcDecrypt(cbcKey, iv, cipher), fast, "cbc"), blocks);
  }
});

twinTest("twins: the same random stream gives the same key pairs and secrets", (fast) => {
  const random = new SeededRandom(23);
  for (const group of supportedGroups) {
    for (let i = 0; i < 3; i++) {
      const seed = random.u32();
      const pair = same(
        (crypto) => crypto.generateKeyPair(group, new SeededRandom(seed)),
        fast,
        "",
      );
      const peer = nobleProvider.generateKeyPair(group, new SeededRandom(seed + 1)).publicValue;
      const secret = same((crypto) => crypto.deriveSharedSecret(pair, peer), fast, `${group}`);
      assert.ok(secret);
      const noise = random.bytes(peer.length);
      same((crypto) => crypto.deriveSharedSecret(pair, noise), fast, `noise ${group}`);
      peer[random.below(peer.length)]! ^= 1 << random.below(8);
      same((crypto) => crypto.deriveSharedSecret(pair, peer), fast, `spoilt ${group}`);
    }
  }
});

function schemesOf(kind: "rsa" | "ec"): SignatureScheme[] {
  return HASHES.flatMap((hash): SignatureScheme[] =>
    kind === "rsa"
      ? [{ kind: "rsa-pkcs1", hash }, { kind: "rsa-pss", hash }]
      : [{ kind: "ecdsa", hash, encoding: "der" }, { kind: "ecdsa", hash, encoding: "raw" }]
  );
}

twinTest("twins: each checks the other's signatures and refuses them when spoilt", (fast) => {
  const random = new SeededRandom(24);
  for (const [name, pkcs8] of testKeys) {
    const [slowSigner, fastSigner] = [nobleProvider, fast].map((crypto) =>
      crypto.importPrivateKey(pkcs8)
    );
    assert.ok(slowSigner && fastSigner);
    assert.deepEqual(fastSigner.key, slowSigner.key);
    assert.deepEqual(fastSigner.spki, slowSigner.spki);
    for (const scheme of schemesOf(slowSigner.key.kind)) {
      if (name === "RSA-1024" && scheme.kind === "rsa-pss" && scheme.hash === "sha512") {
        assert.throws(() => fastSigner.sign(scheme, pkcs8), RangeError);
        continue;
      }
      const data = random.bytes(random.below(300));
      const label = `${name} ${scheme.kind} ${scheme.hash}`;
      for (const signer of [slowSigner, fastSigner]) {
        const signature = signer.sign(scheme, data);
        const check = (crypto: CryptoProvider): boolean =>
          crypto.verify(signer.spki, scheme, data, signature);
        assert.equal(same(check, fast, label), true, label);
        signature[random.below(signature.length)]! ^= 1 << random.below(8);
        assert.equal(same(check, fast, label), false, label);
      }
      if (scheme.kind === "rsa-pkcs1") {
        same((crypto) => crypto.importPrivateKey(pkcs8)?.sign(scheme, data), fast, label);
      }
      const lengths = [0, 1, slowSigner.spki.length, 2000].map((size) => random.bytes(size));
      for (const noise of lengths) {
        const check = (crypto: CryptoProvider): boolean =>
          crypto.verify(slowSigner.spki, scheme, data, noise);
        assert.equal(same(check, fast, label), false, label);
      }
    }
    const wrong: SignatureScheme = slowSigner.key.kind === "rsa"
      ? { kind: "ecdsa", hash: "sha256", encoding: "raw" }
      : { kind: "rsa-pss", hash: "sha256" };
    assert.throws(() => fastSigner.sign(wrong, pkcs8), RangeError);
  }
});

twinTest("twins: spoilt private and public keys are accepted by both or by none", (fast) => {
  const random = new SeededRandom(25);
  for (const [name, pkcs8] of testKeys) {
    const { spki, key } = nobleProvider.importPrivateKey(pkcs8)!;
    const scheme = schemesOf(key.kind)[2]!;
    const data = Uint8Array.of(1, 2, 3);
    const signature = nobleProvider.importPrivateKey(pkcs8)!.sign(scheme, data);
    for (let i = 0; i < 60; i++) {
      const spoiltKey = pkcs8.slice();
      spoiltKey[random.below(pkcs8.length)]! ^= 1 << random.below(8);
      same((crypto) => crypto.importPrivateKey(spoiltKey)?.spki, fast, `${name} ${i}`);
      const spoiltSpki = spki.slice();
      spoiltSpki[random.below(spki.length)]! ^= 1 << random.below(8);
      same((crypto) => crypto.verify(spoiltSpki, scheme, data, signature), fast, `${name} ${i}`);
    }
    for (const bad of [new Uint8Array(0), spki, concatBytes(pkcs8, spki)]) {
      assert.equal(same((crypto) => crypto.importPrivateKey(bad), fast, name), undefined);
    }
    assert.equal(
      same((crypto) => crypto.verify(pkcs8, scheme, data, signature), fast, name),
      false,
    );
  }
});

Deno.test("the provider is libcrypto when it is there, and noble when that is asked for", () => {
  assert.equal(selectProvider(undefined).name, fast?.name ?? "noble");
  assert.equal(selectProvider("noble").name, "noble");
  const arena = new Uint8Array(new ArrayBuffer(4096));
  const random = new SeededRandom(26);
  assert.equal(selectEspCiphers(arena, random, "noble").name, "noble");
  if (fast !== undefined) {
    assert.equal(selectProvider("libcrypto").name, "libcrypto");
    assert.equal(selectEspCiphers(arena, random, "libcrypto").name, "libcrypto");
    const fastest = createIpsecMbEspCiphers(arena, random)?.name ?? "libcrypto";
    assert.equal(selectEspCiphers(arena, random, undefined).name, fastest);
  }
});
