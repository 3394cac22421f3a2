/** Every published vector for symmetric operations and hashes, as tests of one provider. */
import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import type { AeadName, CryptoProvider, HashName } from "../../../core/crypto/provider.ts";
import { prfPlus } from "../../../core/crypto/prf_plus.ts";
import { equalSecrets } from "../../../core/crypto/constant_time.ts";
import { hex } from "../../support/hex.ts";
import { readVectorJson, readVectorText, vectorTest } from "../../support/vectors.ts";

interface Wycheproof<G, T> {
  readonly testGroups: readonly (G & { readonly tests: readonly (Case & T)[] })[];
}

interface Case {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: "valid" | "invalid" | "acceptable";
}

/** A Wycheproof file, by its name. */
export function wycheproof<G, T>(name: string): Wycheproof<G, T> | undefined {
  return readVectorJson(`thirdparty/wycheproof/${name}_test.json`);
}

interface StrongswanFile {
  readonly vectors: readonly Readonly<Record<string, string | null>>[];
}

/** A file of strongSwan's vectors, by its name. */
export function strongswan(name: string): StrongswanFile | undefined {
  return readVectorJson(`thirdparty/kat/strongswan-vectors/${name}.json`);
}

const HMAC_HASHES: readonly HashName[] = ["sha256", "sha384", "sha512"];

function hashIn(text: string | null | undefined): HashName {
  const found = HMAC_HASHES.find((hash) => text?.includes(`SHA2_${hash.slice(3)}`));
  assert.ok(found, `no hash in ${text}`);
  return found;
}

/** Registers the tests. */
export function testSymmetricVectors(crypto: CryptoProvider): void {
  const it = crypto.name;
  testDigests(crypto);
  testMacs(crypto);
  testGcm(crypto);
  testCbc(crypto);

  vectorTest(`${it}: prf+ of strongSwan's vectors`, strongswan("kdf_prf_plus"), (file) => {
    assert.equal(file.vectors.length, 7);
    for (const { id, prf, key, salt, out } of file.vectors) {
      const expected = out ?? "";
      const made = prfPlus(
        crypto,
        hashIn(prf),
        hex(key ?? ""),
        hex(salt ?? ""),
        expected.length / 2,
      );
      assert.equal(hexOf(made), expected, id ?? "");
    }
  });
}

function testDigests(crypto: CryptoProvider): void {
  Deno.test(`${crypto.name}: digests of "abc" (FIPS 180-4), of nothing and of parts`, () => {
    const abc = new TextEncoder().encode("abc");
    const expected: Record<HashName, string> = {
      sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" +
        "8086072ba1e7cc2358baeca134c825a7",
      sha512: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    };
    for (const [name, digest] of Object.entries(expected)) {
      const hash = name as HashName;
      assert.equal(hexOf(crypto.digest(hash, abc)), digest);
      const parts = [abc.subarray(0, 1), new Uint8Array(0), abc.subarray(1)];
      assert.equal(hexOf(crypto.digest(hash, ...parts)), digest);
      assert.equal(hexOf(crypto.digest(hash)), hexOf(crypto.digest(hash, new Uint8Array(0))));
    }
  });
}

function testMacs(crypto: CryptoProvider): void {
  const it = crypto.name;
  vectorTest(`${it}: HMAC of strongSwan's vectors`, strongswan("sha2_hmac"), (file) => {
    for (const { id, kind, alg, key, seed, data, out, mac } of file.vectors) {
      const full = crypto.hmac(hashIn(alg), hex(key ?? ""), hex(seed ?? data ?? ""));
      const expected = out ?? mac ?? "";
      assert.equal(hexOf(full).slice(0, expected.length), expected, `${id} ${kind}`);
    }
  });

  for (const hash of HMAC_HASHES) {
    const file = readVectorText(`thirdparty/kat/pyca-vectors/HMAC/rfc-4231-${hash}.txt`);
    vectorTest(`${it}: HMAC-${hash} of RFC 4231`, file, (text) => {
      const cases = [...text.matchAll(/^Key = (\w+)$.*?^Msg = (\w+)$.*?^MD = (\w+)$/gms)];
      assert.ok(cases.length >= 5);
      for (const [, key = "", message = "", expected = ""] of cases) {
        const mac = crypto.hmac(hash, hex(key), hex(message));
        assert.equal(hexOf(mac).slice(0, expected.length), expected);
      }
    });
  }

  interface Group {
    readonly tagSize: number;
  }
  interface Mac {
    readonly key: string;
    readonly msg: string;
    readonly tag: string;
  }
  vectorTest(`${it}: HMAC-SHA-256 of Wycheproof`, wycheproof<Group, Mac>("hmac_sha256"), (file) => {
    for (const group of file.testGroups) {
      for (const test of group.tests) {
        const mac = crypto.hmac("sha256", hex(test.key), hex(test.msg));
        const isEqual = equalSecrets(mac.subarray(0, group.tagSize / 8), hex(test.tag));
        assert.equal(isEqual, test.result === "valid", `${test.tcId} ${test.comment}`);
      }
    }
  });
}

function aeadFor(keyLength: number): AeadName | undefined {
  return keyLength === 16 ? "aes-128-gcm" : keyLength === 32 ? "aes-256-gcm" : undefined;
}

function testGcm(crypto: CryptoProvider): void {
  const it = crypto.name;
  interface Group {
    readonly ivSize: number;
    readonly keySize: number;
  }
  interface Aead {
    readonly key: string;
    readonly iv: string;
    readonly aad: string;
    readonly msg: string;
    readonly ct: string;
    readonly tag: string;
  }
  vectorTest(`${it}: AES-GCM of Wycheproof`, wycheproof<Group, Aead>("aes_gcm"), (file) => {
    let run = 0;
    for (const group of file.testGroups) {
      const name = aeadFor(group.keySize / 8);
      if (name === undefined || group.ivSize !== 96) continue; // the only sizes that ESP and IKE have
      for (const test of group.tests) {
        const [key, iv, aad] = [hex(test.key), hex(test.iv), hex(test.aad)];
        const sealed = hex(test.ct + test.tag);
        const opened = crypto.aeadOpen(name, key, iv, aad, sealed);
        const label = `${test.tcId} ${test.comment}`;
        assert.equal(
          opened && hexOf(opened),
          test.result === "valid" ? test.msg : undefined,
          label,
        );
        if (test.result === "valid") {
          const made = crypto.aeadSeal(name, key, iv, aad, hex(test.msg));
          assert.equal(hexOf(made), test.ct + test.tag, label);
        }
        run++;
      }
    }
    assert.ok(run > 100);
  });

  vectorTest(`${it}: AES-GCM of strongSwan's vectors`, strongswan("aes_gcm"), (file) => {
    let run = 0;
    for (const vector of file.vectors) {
      const key = hex(vector.key ?? "");
      const name = aeadFor(key.length);
      if (vector.alg !== "ENCR_AES_GCM_ICV16" || name === undefined) continue;
      const nonce = hex(`${vector.salt}${vector.iv}`);
      const aad = hex(vector.aad ?? "");
      const made = crypto.aeadSeal(name, key, nonce, aad, hex(vector.plain ?? ""));
      assert.equal(hexOf(made), vector.cipher_and_icv, vector.id ?? "");
      run++;
    }
    assert.ok(run >= 8);
  });

  Deno.test(`${it}: an AEAD cipher refuses short input and throws on wrong sizes of its caller`, () => {
    const nonce = new Uint8Array(12);
    const none = new Uint8Array(0);
    for (const name of ["aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"] as const) {
      const key = new Uint8Array(name === "aes-128-gcm" ? 16 : 32);
      for (let length = 0; length < 20; length++) {
        assert.equal(crypto.aeadOpen(name, key, nonce, none, new Uint8Array(length)), undefined);
      }
      assert.throws(() => crypto.aeadSeal(name, key.subarray(1), nonce, none, none), RangeError);
      assert.throws(() => crypto.aeadSeal(name, key, nonce.subarray(1), none, none), RangeError);
      const sealed = crypto.aeadSeal(name, key, nonce, none, none);
      assert.equal(sealed.length, 16);
      assert.deepEqual(crypto.aeadOpen(name, key, nonce, none, sealed), none);
    }
  });
}

function testCbc(crypto: CryptoProvider): void {
  const it = crypto.name;
  vectorTest(`${it}: AES-CBC of strongSwan's vectors`, strongswan("aes_cbc"), (file) => {
    for (const { id, key, iv, plain, cipher } of file.vectors) {
      const made = crypto.cbcEncrypt(hex(key ?? ""), hex(iv ?? ""), hex(plain ?? ""));
      assert.equal(hexOf(made), cipher, id ?? "");
      const back = crypto.cbcDecrypt(hex(key ?? ""), hex(iv ?? ""), made);
      assert.equal(hexOf(back), plain, id ?? "");
    }
  });

  interface Cbc {
    readonly key: string;
    readonly iv: string;
    readonly msg: string;
    readonly ct: string;
  }
  const file = wycheproof<unknown, Cbc>("aes_cbc_pkcs5");
  vectorTest(`${it}: AES-CBC of Wycheproof, the padding made here`, file, ({ testGroups }) => {
    for (const test of testGroups.flatMap((group) => group.tests)) {
      if (test.result !== "valid") continue; // all of them are about padding, which is not ours
      const message = hex(test.msg);
      const padding = 16 - message.length % 16;
      const padded = concatBytes(message, new Uint8Array(padding).fill(padding));
      const made = crypto.cbcEncrypt(hex(test.key), hex(test.iv), padded);
      assert.equal(hexOf(made), test.ct, `${test.tcId}`);
      assert.deepEqual(crypto.cbcDecrypt(hex(test.key), hex(test.iv), hex(test.ct)), padded);
    }
  });

  interface RfcPacket {
    readonly id: string;
    readonly alg: string;
    readonly key?: string;
    readonly esp_packet: string;
    readonly inner: string;
  }
  const rfc = readVectorJson<{ esp_packets: RfcPacket[] }>("own/rfc-values/esp-rfc-packets.json");
  vectorTest(`${it}: ESP packets of RFC 3602`, rfc, ({ esp_packets }) => {
    let run = 0;
    for (const packet of esp_packets) {
      if (packet.alg !== "AES-CBC-128" || packet.key === undefined) continue;
      const octets = hex(packet.esp_packet);
      const [iv, text] = [octets.subarray(8, 24), octets.subarray(24)];
      const plain = crypto.cbcDecrypt(hex(packet.key), iv, text);
      assert.equal(hexOf(plain).slice(0, packet.inner.length), packet.inner, packet.id);
      assert.deepEqual(crypto.cbcEncrypt(hex(packet.key), iv, plain), text);
      run++;
    }
    assert.equal(run, 2);
  });

  Deno.test(`${it}: AES-CBC throws on wrong sizes, and takes nothing for nothing`, () => {
    const [key, iv, none] = [new Uint8Array(24), new Uint8Array(16), new Uint8Array(0)];
    assert.deepEqual(crypto.cbcEncrypt(key, iv, none), none);
    assert.deepEqual(crypto.cbcDecrypt(key, iv, none), none);
    assert.throws(() => crypto.cbcEncrypt(key, iv, new Uint8Array(15)), RangeError);
    assert.throws(() => crypto.cbcDecrypt(key, iv, new Uint8Array(17)), RangeError);
    assert.throws(() => crypto.cbcDecrypt(key, iv.subarray(1), new Uint8Array(16)), RangeError);
    assert.throws(() => crypto.cbcDecrypt(iv.subarray(1), iv, new Uint8Array(16)), RangeError);
  });
}
