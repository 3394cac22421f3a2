import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { encryptionOf, integrityOf } from "../../../core/crypto/transforms.ts";
import { Encr, Integ } from "../../../core/message/constants.ts";
import { InvariantError } from "../../../core/result.ts";
import type { EspKeys, EspSuite } from "../../../core/sa/suite.ts";
import { type EspCiphers, espLayoutOf } from "../../../dataplane/esp/cipher.ts";
import { createPortableEspCiphers } from "../../../dataplane/esp/portable_cipher.ts";
import { createIpsecMbEspCiphers } from "../../../dataplane/ffi/ipsec_mb_esp.ts";
import { createLibcryptoEspCiphers } from "../../../dataplane/ffi/libcrypto_esp.ts";
import { hex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";

const ARENA = 8192;

function both(arena: Uint8Array, seed = 1): EspCiphers[] {
  const portable = createPortableEspCiphers(nobleProvider, arena, new SeededRandom(seed));
  const fast = createLibcryptoEspCiphers(arena, new SeededRandom(seed));
  const fastest = createIpsecMbEspCiphers(arena, new SeededRandom(seed));
  if (fast === undefined) console.log("skipped: libcrypto is not there");
  if (fastest === undefined) console.log("skipped: ipsec-mb is not there");
  return [portable, fast, fastest].filter((it) => it !== undefined);
}

const suites: EspSuite[] = [];
for (const esn of [false, true]) {
  for (const keyBits of [128, 256]) {
    suites.push({ encryption: Encr.AES_GCM_16, keyBits, integrity: Integ.NONE, esn });
  }
  suites.push({ encryption: Encr.CHACHA20_POLY1305, keyBits: 256, integrity: Integ.NONE, esn });
  for (const keyBits of [128, 192, 256]) {
    for (
      const integrity of [
        Integ.HMAC_SHA2_256_128,
        Integ.HMAC_SHA2_384_192,
        Integ.HMAC_SHA2_512_256,
      ]
    ) suites.push({ encryption: Encr.AES_CBC, keyBits, integrity, esn });
  }
}

function nameOf(suite: EspSuite): string {
  return `${suite.encryption}-${suite.keyBits}/${suite.integrity}${suite.esn ? " ESN" : ""}`;
}

function keysOf(suite: EspSuite, random: SeededRandom): EspKeys {
  const facts = encryptionOf(suite.encryption, suite.keyBits)!;
  return {
    encryption: random.bytes(facts.keyLength + facts.saltLength),
    integrity: random.bytes(integrityOf(suite.integrity)?.keyLength ?? 0),
  };
}

/** Puts a packet with a random plaintext at `offset`. */
function fill(
  arena: Uint8Array,
  offset: number,
  at: number,
  plaintext: Uint8Array,
  seq: number,
): void {
  arena.set([0xc0, 0xde, 0, 1, seq >>> 24, seq >>> 16, seq >>> 8, seq], offset);
  arena.set(plaintext, offset + at);
}

interface EspPacket {
  readonly id: string;
  readonly alg: string;
  readonly key?: string;
  readonly keymat?: string;
  readonly esp_packet: string;
  readonly plaintext_with_trailer?: string;
  readonly inner: string;
  readonly pad_length: number;
  readonly next_header: number;
}

const rfcPackets = readVectorJson<{ esp_packets: EspPacket[] }>(
  "own/rfc-values/esp-rfc-packets.json",
);

vectorTest(
  "RFC packets of AES-GCM and ChaCha20-Poly1305 are opened in place",
  rfcPackets,
  (file) => {
    let opened = 0;
    for (const vector of file.esp_packets) {
      if (vector.keymat === undefined) continue; // AES-CBC without integrity: see the provider's test
      const encryption = vector.alg.startsWith("AES-GCM")
        ? Encr.AES_GCM_16
        : Encr.CHACHA20_POLY1305;
      const keymat = hex(vector.keymat);
      const suite = {
        encryption,
        keyBits: 8 * (keymat.length - 4),
        integrity: Integ.NONE,
        esn: false,
      };
      const keys = { encryption: keymat, integrity: new Uint8Array(0) };
      const packet = hex(vector.esp_packet);
      const inner = hex(vector.inner);
      for (const offset of [0, 64, 1001]) {
        const arena = new Uint8Array(new ArrayBuffer(ARENA));
        for (const ciphers of both(arena)) {
          const opener = ciphers.createOpener(suite, keys);
          arena.set(packet, offset);
          const length = opener.open(offset, packet.length, 0);
          assert.equal(length, inner.length + vector.pad_length + 2, vector.id);
          const at = offset + opener.layout.plaintextAt;
          assert.equal(hexOf(arena.subarray(at, at + inner.length)), vector.inner, vector.id);
          assert.equal(arena[at + length - 2], vector.pad_length);
          assert.equal(arena[at + length - 1], vector.next_header);
          arena.set(packet, offset);
          arena[offset + packet.length - 1]! ^= 1;
          assert.equal(opener.open(offset, packet.length, 0), -1);
          opener.close();
          opened++;
        }
      }
    }
    assert.ok(opened >= 9);
  },
);

Deno.test("both implementations seal the same octets and open each other's, in every suite", () => {
  const random = new SeededRandom(7);
  for (const suite of suites) {
    const arena = new Uint8Array(new ArrayBuffer(ARENA));
    const all = both(arena, 99);
    const keys = keysOf(suite, random);
    const sealers = all.map((ciphers) => ciphers.createSealer(suite, keys));
    const openers = all.map((ciphers) => ciphers.createOpener(suite, keys));
    const layout = espLayoutOf(suite)!;
    for (const [i, blocks] of [1, 2, 5, 40, 89].entries()) {
      const plaintext = random.bytes(blocks * layout.alignment);
      const seqHi = suite.esn ? 0x80000001 : 0;
      const seq = 0xfffffff0 + i;
      const made: string[] = [];
      for (const sealer of sealers) {
        fill(arena, 128, layout.plaintextAt, plaintext, seq);
        const length = sealer.seal(128, plaintext.length, seqHi);
        assert.equal(length, plaintext.length + layout.overhead);
        made.push(hexOf(arena.subarray(128, 128 + length)));
      }
      // AES-CBC takes its IVs from equally seeded sources that are asked in different portions.
      if (suite.encryption !== Encr.AES_CBC) assert.equal(new Set(made).size, 1, nameOf(suite));
      for (const packet of made) {
        for (const opener of openers) {
          const octets = hex(packet);
          arena.set(octets, 256);
          assert.equal(opener.open(256, octets.length, seqHi), plaintext.length, nameOf(suite));
          const at = 256 + layout.plaintextAt;
          assert.equal(
            hexOf(arena.subarray(at, at + plaintext.length)),
            hexOf(plaintext),
            nameOf(suite),
          );
        }
      }
    }
    for (const cipher of [...sealers, ...openers]) cipher.close();
  }
});

Deno.test("a flipped bit anywhere, a wrong ESN half and impossible lengths are refused", () => {
  const random = new SeededRandom(8);
  for (const suite of suites.filter((suite) => suite.keyBits === 256)) {
    const arena = new Uint8Array(new ArrayBuffer(ARENA));
    const layout = espLayoutOf(suite)!;
    for (const ciphers of both(arena)) {
      const keys = keysOf(suite, random);
      const sealer = ciphers.createSealer(suite, keys);
      const opener = ciphers.createOpener(suite, keys);
      fill(arena, 0, layout.plaintextAt, random.bytes(48), 5);
      const length = sealer.seal(0, 48, 0);
      const packet = arena.slice(0, length);
      for (let i = 0; i < length; i++) {
        arena.set(packet);
        arena[i]! ^= 1 << (i % 8);
        assert.equal(opener.open(0, length, 0), -1, `${ciphers.name} ${nameOf(suite)} octet ${i}`);
      }
      for (let cut = 0; cut < length; cut++) {
        arena.set(packet);
        assert.equal(opener.open(0, cut, 0), -1);
      }
      arena.set(packet);
      assert.equal(opener.open(0, length, 1), suite.esn ? -1 : 48);
      arena.set(packet);
      assert.equal(opener.open(0, length, 0), 48, "a failure leaves the opener usable");
      sealer.close();
      opener.close();
    }
  }
});

Deno.test("ESP keys and suites of the wrong shape are refused, closed ciphers too", () => {
  const arena = new Uint8Array(new ArrayBuffer(ARENA));
  const gcm = { encryption: Encr.AES_GCM_16, keyBits: 128, integrity: Integ.NONE, esn: false };
  const none = new Uint8Array(0);
  for (const ciphers of both(arena)) {
    const short = { encryption: new Uint8Array(16), integrity: none };
    assert.throws(() => ciphers.createSealer(gcm, short), RangeError);
    const cbc = { encryption: Encr.AES_CBC, keyBits: 128, integrity: Integ.NONE, esn: false };
    assert.throws(() => ciphers.createOpener(cbc, short), RangeError);
    const odd = { ...gcm, keyBits: 192 };
    assert.throws(() => ciphers.createOpener(odd, short), RangeError);
    const sealer = ciphers.createSealer(gcm, { encryption: new Uint8Array(20), integrity: none });
    assert.throws(() => sealer.seal(ARENA - 16, 32, 0), InvariantError);
    sealer.close();
    if (ciphers.name !== "noble") assert.throws(() => sealer.seal(0, 32, 0), InvariantError);
    sealer.close();
  }
});

Deno.test("AES-CBC packets never share an IV", () => {
  const suite = {
    encryption: Encr.AES_CBC,
    keyBits: 128,
    integrity: Integ.HMAC_SHA2_256_128,
    esn: false,
  };
  const arena = new Uint8Array(new ArrayBuffer(ARENA));
  for (const ciphers of both(arena)) {
    const sealer = ciphers.createSealer(suite, keysOf(suite, new SeededRandom(3)));
    const seen = new Set<string>();
    for (let i = 0; i < 1100; i++) {
      sealer.seal(0, 16, 0);
      seen.add(hexOf(concatBytes(arena.subarray(8, 24))));
    }
    assert.equal(seen.size, 1100);
    sealer.close();
  }
});
