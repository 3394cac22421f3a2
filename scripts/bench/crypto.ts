/**
 * Time to seal and open one ESP packet in place, per suite, provider and packet size, in nanoseconds.
 *
 * `deno run -A scripts/bench/crypto.ts [--quick]`. One line per figure; the best of several rounds, since
 * other work on the machine only ever adds.
 */
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import { encryptionOf, integrityOf } from "../../core/crypto/transforms.ts";
import { Encr, Integ } from "../../core/message/constants.ts";
import type { EspSuite } from "../../core/sa/suite.ts";
import type { EspCiphers, EspLayout } from "../../dataplane/esp/cipher.ts";
import { createPortableEspCiphers } from "../../dataplane/esp/portable_cipher.ts";
import { createIpsecMbEspCiphers } from "../../dataplane/ffi/ipsec_mb_esp.ts";
import { createLibcryptoEspCiphers } from "../../dataplane/ffi/libcrypto_esp.ts";

const SUITES: readonly (EspSuite & { readonly name: string })[] = [
  suite("aes128gcm16", Encr.AES_GCM_16, 128, Integ.NONE),
  suite("aes256gcm16", Encr.AES_GCM_16, 256, Integ.NONE),
  suite("chacha20poly1305", Encr.CHACHA20_POLY1305, 256, Integ.NONE),
  suite("aes128-sha256", Encr.AES_CBC, 128, Integ.HMAC_SHA2_256_128),
  suite("aes256-sha384", Encr.AES_CBC, 256, Integ.HMAC_SHA2_384_192),
  suite("aes256-sha512", Encr.AES_CBC, 256, Integ.HMAC_SHA2_512_256),
];
/** Plaintext with trailer, all whole AES blocks. */
const SIZES = [64, 512, 1424];
/** Packets lie one behind the other, as in a burst. */
const SLOTS = 64;
const SLOT_LENGTH = 1600;

function suite(
  name: string,
  encryption: number,
  keyBits: number,
  integrity: number,
): EspSuite & { readonly name: string } {
  return { name, encryption, keyBits, integrity, esn: false };
}

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const isQuick = Deno.args.includes("--quick");

/** Best time of one operation, in nanoseconds. `prepare` runs outside of the clock. */
function measure(rounds: number, bursts: number, prepare: () => void, burst: () => void): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    let spent = 0;
    for (let i = 0; i < bursts; i++) {
      prepare();
      const start = performance.now();
      burst();
      spent += performance.now() - start;
    }
    best = Math.min(best, spent * 1e6 / (bursts * SLOTS));
  }
  return best;
}

function report(name: string, operation: string, size: number, ns: number): void {
  const gigabits = (8 * size) / ns;
  console.log(
    `${name} ${operation} ${size} octets: ${ns.toFixed(0)} ns, ${
      gigabits.toFixed(2)
    } Gbit/s per core`,
  );
}

function run(ciphers: EspCiphers, arena: Uint8Array): void {
  const isSlow = ciphers.name === "noble";
  const rounds = isQuick ? 3 : isSlow ? 4 : 12;
  const bursts = isQuick ? 5 : isSlow ? 10 : 100;
  for (const one of SUITES) {
    const facts = encryptionOf(one.encryption, one.keyBits);
    const keys = {
      encryption: random.bytes((facts?.keyLength ?? 0) + (facts?.saltLength ?? 0)),
      integrity: random.bytes(integrityOf(one.integrity)?.keyLength ?? 0),
    };
    const sealer = ciphers.createSealer(one, keys);
    const opener = ciphers.createOpener(one, keys);
    for (const size of SIZES) {
      const sealAll = (): void => {
        for (let i = 0; i < SLOTS; i++) sealer.seal(i * SLOT_LENGTH, size, 0);
      };
      const openAll = (): void => {
        const length = size + opener.layout.overhead;
        for (let i = 0; i < SLOTS; i++) {
          if (opener.open(i * SLOT_LENGTH, length, 0) !== size) throw new Error("wrong ICV");
        }
      };
      const fill = (): void => fillHeaders(arena, sealer.layout);
      const name = `${ciphers.name} ${one.name}`;
      report(name, "seal", size, measure(rounds, bursts, fill, sealAll));
      report(
        name,
        "open",
        size,
        measure(rounds, bursts, () => {
          fill();
          sealAll();
        }, openAll),
      );
    }
    sealer.close();
    opener.close();
  }
}

let sequence = 0;

function fillHeaders(arena: Uint8Array, layout: EspLayout): void {
  const view = new DataView(arena.buffer);
  for (let i = 0; i < SLOTS; i++) {
    view.setUint32(i * SLOT_LENGTH, 0xc0de0001);
    view.setUint32(i * SLOT_LENGTH + 4, sequence++ >>> 0);
    view.setUint32(i * SLOT_LENGTH + layout.plaintextAt, i);
  }
}

const arena = new Uint8Array(new ArrayBuffer(SLOTS * SLOT_LENGTH));
const fastest = createIpsecMbEspCiphers(arena, random);
if (fastest === undefined) console.log("ipsec-mb: not there");
else run(fastest, arena);
const fast = createLibcryptoEspCiphers(arena, random);
if (fast === undefined) console.log("libcrypto: not there");
else run(fast, arena);
run(createPortableEspCiphers(nobleProvider, arena, random), arena);
