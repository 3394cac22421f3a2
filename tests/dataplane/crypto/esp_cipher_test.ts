import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { encryptionOf, integrityOf } from "../../../core/crypto/transforms.ts";
import { Encr, Integ } from "../../../core/message/constants.ts";
import { InvariantError } from "../../../core/result.ts";
import type { EspKeys, EspSuite } from "../../../core/sa/suite.ts";
import {
  type EspCiphers,
  espLayoutOf,
  type EspOpener,
  mostPutOff,
  outcomeSlot,
} from "../../../dataplane/esp/cipher.ts";
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

/** Opens one packet, also where that would be put off. */
function openNow(
  ciphers: EspCiphers,
  opener: EspOpener,
  offset: number,
  length: number,
  seqHi: number,
): number {
  const answer = opener.open(offset, length, seqHi);
  ciphers.flush();
  return answer < -1 ? ciphers.outcomes[outcomeSlot(answer)]! : answer;
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
          const length = openNow(ciphers, opener, offset, packet.length, 0);
          assert.equal(length, inner.length + vector.pad_length + 2, vector.id);
          const at = offset + opener.layout.plaintextAt;
          assert.equal(hexOf(arena.subarray(at, at + inner.length)), vector.inner, vector.id);
          assert.equal(arena[at + length - 2], vector.pad_length);
          assert.equal(arena[at + length - 1], vector.next_header);
          arena.set(packet, offset);
          arena[offset + packet.length - 1]! ^= 1;
          assert.equal(openNow(ciphers, opener, offset, packet.length, 0), -1);
          opener.close();
          opened++;
        }
      }
    }
    assert.ok(opened >= 9);
  },
);

Deno.test("all implementations seal the same octets and open each other's, in every suite", () => {
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
      for (const [k, sealer] of sealers.entries()) {
        fill(arena, 128, layout.plaintextAt, plaintext, seq);
        const length = sealer.seal(128, plaintext.length, seqHi);
        all[k]!.flush();
        assert.equal(length, plaintext.length + layout.overhead);
        made.push(hexOf(arena.subarray(128, 128 + length)));
      }
      // AES-CBC takes its IVs from equally seeded sources that are asked in different portions.
      if (suite.encryption !== Encr.AES_CBC) assert.equal(new Set(made).size, 1, nameOf(suite));
      for (const packet of made) {
        for (const [k, opener] of openers.entries()) {
          const octets = hex(packet);
          arena.set(octets, 256);
          const opened = openNow(all[k]!, opener, 256, octets.length, seqHi);
          assert.equal(opened, plaintext.length, nameOf(suite));
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
      ciphers.flush();
      const packet = arena.slice(0, length);
      for (let i = 0; i < length; i++) {
        arena.set(packet);
        arena[i]! ^= 1 << (i % 8);
        const opened = openNow(ciphers, opener, 0, length, 0);
        assert.equal(opened, -1, `${ciphers.name} ${nameOf(suite)} octet ${i}`);
      }
      for (let cut = 0; cut < length; cut++) {
        arena.set(packet);
        assert.equal(openNow(ciphers, opener, 0, cut, 0), -1);
      }
      arena.set(packet);
      assert.equal(openNow(ciphers, opener, 0, length, 1), suite.esn ? -1 : 48);
      arena.set(packet);
      const again = openNow(ciphers, opener, 0, length, 0);
      assert.equal(again, 48, "a failure leaves the opener usable");
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
      ciphers.flush();
      seen.add(hexOf(concatBytes(arena.subarray(8, 24))));
    }
    assert.equal(seen.size, 1100);
    sealer.close();
  }
});

/** One packet of a burst. */
interface Planned {
  readonly suite: number;
  readonly at: number;
  readonly plaintext: Uint8Array;
  readonly seq: number;
  /** Spoilt on its way. */
  readonly isForged: boolean;
}

Deno.test("bursts of mixed suites and lengths come out as one by one", () => {
  const random = new SeededRandom(21);
  const stride = 2048;
  const arena = new Uint8Array(new ArrayBuffer(mostPutOff * stride));
  const [portable, ...others] = both(arena);
  for (let run = 0; run < 40; run++) {
    for (const ciphers of others) {
      // Runs of one suite, as traffic has them, and now and then another in between.
      const chosen = suites.filter(() => random.below(6) === 0).slice(0, 3);
      if (chosen.length === 0) continue;
      const keys = chosen.map((suite) => keysOf(suite, random));
      const sealers = chosen.map((suite, i) => ciphers.createSealer(suite, keys[i]!));
      const openers = chosen.map((suite, i) => ciphers.createOpener(suite, keys[i]!));
      let suite = 0;
      const plans = Array.from({ length: 1 + random.below(mostPutOff) }, (_, i): Planned => {
        if (random.below(9) === 0) suite = random.below(chosen.length);
        const { alignment } = espLayoutOf(chosen[suite]!)!;
        return {
          suite,
          at: i * stride + 4 * random.below(40),
          plaintext: random.bytes(alignment * (1 + random.below(1600 / alignment))),
          seq: i + 1,
          isForged: random.below(5) === 0,
        };
      });
      const highOf = ({ suite }: Planned): number => chosen[suite]!.esn ? 3 : 0;
      const lengths = plans.map((plan) => {
        const { plaintextAt } = sealers[plan.suite]!.layout;
        fill(arena, plan.at, plaintextAt, plan.plaintext, plan.seq);
        return sealers[plan.suite]!.seal(plan.at, plan.plaintext.length, highOf(plan));
      });
      ciphers.flush();
      for (const [i, plan] of plans.entries()) {
        const opener = portable!.createOpener(chosen[plan.suite]!, keys[plan.suite]!);
        const sealed = arena.slice(plan.at, plan.at + lengths[i]!);
        assert.equal(opener.open(plan.at, lengths[i]!, highOf(plan)), plan.plaintext.length);
        arena.set(sealed, plan.at);
        if (plan.isForged) arena[plan.at + random.below(lengths[i]!)]! ^= 1 << random.below(8);
      }
      const answers = plans.map((plan, i) =>
        openers[plan.suite]!.open(plan.at, lengths[i]!, highOf(plan))
      );
      ciphers.flush();
      for (const [i, plan] of plans.entries()) {
        const answer = answers[i]!;
        const opened = answer < -1 ? ciphers.outcomes[outcomeSlot(answer)] : answer;
        assert.equal(opened, plan.isForged ? -1 : plan.plaintext.length, `run ${run} packet ${i}`);
        if (plan.isForged) continue;
        const at = plan.at + openers[plan.suite]!.layout.plaintextAt;
        assert.deepEqual(arena.slice(at, at + plan.plaintext.length), plan.plaintext);
      }
      for (const cipher of [...sealers, ...openers]) cipher.close();
    }
  }
});
