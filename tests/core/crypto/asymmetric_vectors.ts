/** Every published vector for key exchange and signatures, as tests of one provider. */
import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import { octetsOf } from "../../../core/crypto/big_octets.ts";
import { isModpValue, modpPrimeOf } from "../../../core/crypto/modp_primes.ts";
import type { CryptoProvider, SignatureScheme } from "../../../core/crypto/provider.ts";
import { groupOf, supportedGroups } from "../../../core/crypto/transforms.ts";
import { Group } from "../../../core/message/constants.ts";
import { hex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { readVectorJson, readVectorText, vectorTest } from "../../support/vectors.ts";
import { strongswan, wycheproof } from "./provider_vectors.ts";

/** Registers the tests. */
export function testAsymmetricVectors(crypto: CryptoProvider): void {
  testEcp(crypto);
  testX25519(crypto);
  testEveryGroup(crypto);
  testSignatures(crypto);
}

/** g^ir of a private key, as text. */
function shared(
  crypto: CryptoProvider,
  group: number,
  secret: Uint8Array,
  peer: Uint8Array,
): string {
  const pair = { group, privateKey: secret, publicValue: new Uint8Array(0) };
  const made = crypto.deriveSharedSecret(pair, peer);
  return made === undefined ? "refused" : hexOf(made);
}

/** A random source that gives one value. */
function only(octets: Uint8Array): { bytes(length: number): Uint8Array } {
  return {
    bytes(length: number): Uint8Array {
      assert.equal(length, octets.length);
      return octets.slice();
    },
  };
}

function testEcp(crypto: CryptoProvider): void {
  const it = crypto.name;
  interface Rfc5903 {
    readonly vectors: readonly (Readonly<Record<string, string>> & { readonly group: number })[];
  }
  const rfc = readVectorJson<Rfc5903>("own/rfc-values/rfc5903-ecp.json");
  vectorTest(`${it}: the three exchanges of RFC 5903 §8`, rfc, (file) => {
    assert.equal(file.vectors.length, 3);
    for (const { group, i, r, gix, giy, grx, gry, girx } of file.vectors) {
      const initiator = crypto.generateKeyPair(group, only(hex(i ?? "")));
      const responder = crypto.generateKeyPair(group, only(hex(r ?? "")));
      assert.equal(hexOf(initiator.publicValue), `${gix}${giy}`);
      assert.equal(hexOf(responder.publicValue), `${grx}${gry}`);
      assert.equal(shared(crypto, group, initiator.privateKey, responder.publicValue), girx);
      assert.equal(shared(crypto, group, responder.privateKey, initiator.publicValue), girx);
    }
  });

  const groups = new Map([
    ["ECP_256_BIT", Group.ECP_256],
    ["ECP_384_BIT", Group.ECP_384],
    ["ECP_521_BIT", Group.ECP_521],
    ["CURVE_25519", Group.CURVE25519],
  ]);
  for (const name of ["ecp", "curve25519"]) {
    vectorTest(`${it}: ${name} exchanges of strongSwan's vectors`, strongswan(name), (file) => {
      for (const { id, method, seed, pub_i, pub_r, shared: expected } of file.vectors) {
        const group = groups.get(method ?? "");
        if (group === undefined) continue;
        const seeds = hex(seed ?? "");
        const [i, r] = [seeds.subarray(0, seeds.length / 2), seeds.subarray(seeds.length / 2)];
        assert.equal(hexOf(crypto.generateKeyPair(group, only(i)).publicValue), pub_i, id ?? "");
        assert.equal(hexOf(crypto.generateKeyPair(group, only(r)).publicValue), pub_r, id ?? "");
        assert.equal(shared(crypto, group, i, hex(pub_r ?? "")), expected, id ?? "");
        assert.equal(shared(crypto, group, r, hex(pub_i ?? "")), expected, id ?? "");
      }
    });
  }

  interface Ecdh {
    readonly public: string;
    readonly private: string;
    readonly shared: string;
  }
  const points = wycheproof<unknown, Ecdh>("ecdh_secp256r1_ecpoint");
  vectorTest(`${it}: P-256 exchanges of Wycheproof, bad points included`, points, (file) => {
    for (const test of file.testGroups.flatMap((group) => group.tests)) {
      const secret = octetsOf(BigInt(`0x${test.private}`), 32);
      const point = hex(test.public);
      const label = `${test.tcId} ${test.comment}`;
      if (point[0] !== 4) { // IKE has no compressed points, and no place to put one
        assert.notEqual(test.result, "valid", label);
        continue;
      }
      const made = shared(crypto, Group.ECP_256, secret, point.subarray(1));
      assert.equal(made, test.result === "invalid" ? "refused" : test.shared, label);
    }
  });
}

function testX25519(crypto: CryptoProvider): void {
  const it = crypto.name;
  interface Xdh {
    readonly public: string;
    readonly private: string;
    readonly shared: string;
  }
  vectorTest(`${it}: X25519 of Wycheproof`, wycheproof<unknown, Xdh>("x25519"), (file) => {
    let zero = 0;
    for (const test of file.testGroups.flatMap((group) => group.tests)) {
      const made = shared(crypto, Group.CURVE25519, hex(test.private), hex(test.public));
      const isZero = test.flags.includes("ZeroSharedSecret"); // RFC 8031 §3.2 wants it refused
      if (isZero) zero++;
      assert.equal(made, isZero ? "refused" : test.shared, `${test.tcId} ${test.comment}`);
    }
    assert.ok(zero > 20);
  });

  const rfc = readVectorText("thirdparty/kat/pyca-vectors/asymmetric/X25519/rfc7748.txt");
  vectorTest(`${it}: X25519 of RFC 7748 §5.2`, rfc, (text) => {
    const one = /^INPUT_SCALAR = (\w+)$\s*^INPUT_U = (\w+)$\s*^OUTPUT_U = (\w+)$/gm;
    const cases = [...text.matchAll(one)];
    assert.ok(cases.length >= 2);
    for (const [, scalar = "", u = "", expected] of cases) {
      assert.equal(shared(crypto, Group.CURVE25519, hex(scalar), hex(u)), expected);
    }
  });
}

function testEveryGroup(crypto: CryptoProvider): void {
  const it = crypto.name;
  Deno.test(`${it}: both sides of every group agree, and a seed repeats its pair`, () => {
    for (const group of supportedGroups) {
      const facts = groupOf(group)!;
      const a = crypto.generateKeyPair(group, new SeededRandom(1));
      const b = crypto.generateKeyPair(group, new SeededRandom(2));
      assert.deepEqual(a, crypto.generateKeyPair(group, new SeededRandom(1)));
      assert.equal(a.publicValue.length, facts.publicLength);
      assert.equal(a.privateKey.length, facts.privateLength);
      const ours = crypto.deriveSharedSecret(a, b.publicValue);
      assert.equal(ours?.length, facts.sharedLength);
      assert.deepEqual(ours, crypto.deriveSharedSecret(b, a.publicValue));
      assert.notDeepEqual(ours, crypto.deriveSharedSecret(a, a.publicValue));
    }
    assert.throws(() => crypto.generateKeyPair(2, new SeededRandom(1)), RangeError);
  });

  Deno.test(`${it}: RFC 6989: peer values out of range, off the curve or too long are refused`, () => {
    for (const group of supportedGroups) {
      const { publicLength } = groupOf(group)!;
      const pair = crypto.generateKeyPair(group, new SeededRandom(3));
      const peer = crypto.generateKeyPair(group, new SeededRandom(4)).publicValue;
      const bad = [
        new Uint8Array(0),
        new Uint8Array(publicLength),
        peer.subarray(1),
        concatBytes(peer, new Uint8Array(1)),
        concatBytes(new Uint8Array(1), peer),
      ];
      const prime = modpPrimeOf(group);
      if (prime !== undefined) {
        for (const value of [1n, prime - 1n, prime, prime + 1n]) {
          assert.ok(!isModpValue(value, prime));
          bad.push(octetsOf(value, publicLength));
        }
        const two = crypto.deriveSharedSecret(pair, octetsOf(2n, publicLength));
        assert.deepEqual(two, pair.publicValue);
      } else if (group !== Group.CURVE25519) {
        bad.push(peer.toReversed(), new Uint8Array(publicLength).fill(0xff));
        for (const at of [publicLength / 2 - 1, publicLength - 1]) {
          const moved = peer.slice();
          moved[at]! ^= 1;
          bad.push(moved);
        }
      }
      for (const value of bad) {
        assert.equal(crypto.deriveSharedSecret(pair, value), undefined, `group ${group}`);
      }
      const short = { ...pair, privateKey: pair.privateKey.subarray(1) };
      assert.throws(() => crypto.deriveSharedSecret(short, peer), RangeError);
    }
  });
}

interface Signature {
  readonly msg: string;
  readonly sig: string;
}

function testSignatures(crypto: CryptoProvider): void {
  const it = crypto.name;
  interface KeyGroup {
    readonly publicKeyDer: string;
  }
  const check = (
    spki: string,
    scheme: SignatureScheme,
    tests: readonly (Signature & { tcId: number; comment: string; result: string })[],
  ): void => {
    for (const test of tests) {
      const isGood = crypto.verify(hex(spki), scheme, hex(test.msg), hex(test.sig));
      // The one acceptable case lacks the NULL of DigestInfo, which RFC 8017 only lets verifiers tolerate.
      assert.equal(isGood, test.result === "valid", `${test.tcId} ${test.comment}`);
    }
  };

  const pkcs1 = wycheproof<KeyGroup, Signature>("rsa_signature_2048_sha256");
  vectorTest(`${it}: RSASSA-PKCS1-v1_5 of Wycheproof`, pkcs1, (file) => {
    for (const group of file.testGroups) {
      check(group.publicKeyDer, { kind: "rsa-pkcs1", hash: "sha256" }, group.tests);
    }
  });

  const pss = wycheproof<KeyGroup, Signature>("rsa_pss_2048_sha256_mgf1_32");
  vectorTest(`${it}: RSASSA-PSS of Wycheproof`, pss, (file) => {
    for (const group of file.testGroups) {
      const spki = group.publicKeyDer;
      check(spki, { kind: "rsa-pss", hash: "sha256" }, group.tests);
    }
  });

  const ecdsa = wycheproof<KeyGroup, Signature>("ecdsa_secp256r1_sha256");
  vectorTest(`${it}: ECDSA on P-256 of Wycheproof`, ecdsa, (file) => {
    for (const group of file.testGroups) {
      const spki = group.publicKeyDer;
      check(spki, { kind: "ecdsa", hash: "sha256", encoding: "der" }, group.tests);
    }
  });
}
