/**
 * Time to seal and open one ESP packet in place, per suite, provider and packet size, and what
 * `openssl speed` says of the same algorithms.
 *
 *     deno task bench crypto [--quick] [--json]
 *
 * Packets are done in bursts of 64, as the packet loop does them; the best of several rounds counts, since
 * other work on the machine only ever adds. For AES-CBC with an HMAC openssl's figure is that of one after
 * the other, and it knows neither padding nor sequence numbers.
 */
import { parseArgs } from "node:util";
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import { encryptionOf, integrityOf } from "../../core/crypto/transforms.ts";
import { Encr, Integ } from "../../core/message/constants.ts";
import type { EspSuite } from "../../core/sa/suite.ts";
import { type EspCiphers, type EspLayout, outcomeSlot } from "../../dataplane/esp/cipher.ts";
import { createPortableEspCiphers } from "../../dataplane/esp/portable_cipher.ts";
import { createIpsecMbEspCiphers } from "../../dataplane/ffi/ipsec_mb_esp.ts";
import { createLibcryptoEspCiphers } from "../../dataplane/ffi/libcrypto_esp.ts";
import { opensslNs } from "./crypto/openssl.ts";

/** One figure. */
interface Figure {
  readonly system: string;
  readonly suite: string;
  readonly test: string;
  readonly nsPerPacket: number;
  readonly gbitPerSecond: number;
  readonly cpuPerGbit: number;
}

const suites: readonly (EspSuite & { readonly name: string })[] = [
  suite("aes128gcm16", Encr.AES_GCM_16, 128, Integ.NONE),
  suite("aes256gcm16", Encr.AES_GCM_16, 256, Integ.NONE),
  suite("chacha20poly1305", Encr.CHACHA20_POLY1305, 256, Integ.NONE),
  suite("aes128-sha256", Encr.AES_CBC, 128, Integ.HMAC_SHA2_256_128),
  suite("aes256-sha384", Encr.AES_CBC, 256, Integ.HMAC_SHA2_384_192),
  suite("aes256-sha512", Encr.AES_CBC, 256, Integ.HMAC_SHA2_512_256),
];
/** Plaintext with trailer, all whole AES blocks. */
const sizes = [64, 512, 1424];
/** Packets lie one behind the other, as in a burst. */
const slots = 64;
const slotBytes = 1600;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const random = {
  bytes: (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length)),
};

function suite(
  name: string,
  encryption: number,
  keyBits: number,
  integrity: number,
): EspSuite & { readonly name: string } {
  return { name, encryption, keyBits, integrity, esn: false };
}

/** Best time of one packet, in nanoseconds. `prepare` runs outside of the clock. */
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
    best = Math.min(best, spent * 1e6 / (bursts * slots));
  }
  return best;
}

function figure(system: string, suite: string, test: string, size: number, ns: number): Figure {
  const gbitPerSecond = 8 * size / ns;
  return {
    system,
    suite,
    test: `${test} ${size}`,
    nsPerPacket: ns,
    gbitPerSecond,
    cpuPerGbit: 1 / gbitPerSecond,
  };
}

function run(ciphers: EspCiphers, arena: Uint8Array): readonly Figure[] {
  const isSlow = ciphers.name === "noble";
  const rounds = isSlow ? 3 : options.quick ? 6 : 12;
  const bursts = isSlow ? 4 : options.quick ? 60 : 100;
  const figures: Figure[] = [];
  for (const one of suites) {
    const facts = encryptionOf(one.encryption, one.keyBits);
    const keys = {
      encryption: random.bytes((facts?.keyLength ?? 0) + (facts?.saltLength ?? 0)),
      integrity: random.bytes(integrityOf(one.integrity)?.keyLength ?? 0),
    };
    const sealer = ciphers.createSealer(one, keys);
    const opener = ciphers.createOpener(one, keys);
    const answers = new Int32Array(slots);
    for (const size of sizes) {
      const sealAll = (): void => {
        for (let i = 0; i < slots; i++) sealer.seal(i * slotBytes, size, 0);
        ciphers.flush();
      };
      const openAll = (): void => {
        const length = size + opener.layout.overhead;
        for (let i = 0; i < slots; i++) answers[i] = opener.open(i * slotBytes, length, 0);
        ciphers.flush();
        for (let i = 0; i < slots; i++) {
          const answer = answers[i] as number;
          const opened = answer < -1 ? ciphers.outcomes[outcomeSlot(answer)] : answer;
          if (opened !== size) throw new Error("wrong ICV");
        }
      };
      const fill = (): void => fillHeaders(arena, sealer.layout);
      const fillSealed = (): void => {
        fill();
        sealAll();
      };
      const { name } = ciphers;
      const sealNs = measure(rounds, bursts, fill, sealAll);
      figures.push(figure(name, one.name, "seal", size, sealNs));
      const openNs = measure(rounds, bursts, fillSealed, openAll);
      figures.push(figure(name, one.name, "open", size, openNs));
    }
    sealer.close();
    opener.close();
  }
  return figures;
}

let sequence = 0;

function fillHeaders(arena: Uint8Array, layout: EspLayout): void {
  const view = new DataView(arena.buffer);
  for (let i = 0; i < slots; i++) {
    view.setUint32(i * slotBytes, 0xc0de0001);
    view.setUint32(i * slotBytes + 4, sequence++ >>> 0);
    view.setUint32(i * slotBytes + layout.plaintextAt, i);
  }
}

async function runOpenssl(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { name } of suites) {
    for (const size of options.quick ? sizes.slice(-1) : sizes) {
      const ns = await opensslNs(name, size);
      if (ns !== undefined) figures.push(figure("openssl speed", name, "seal", size, ns));
    }
  }
  return figures;
}

function print(figures: readonly Figure[]): void {
  if (options.json) { for (const one of figures) console.log(JSON.stringify(one)); }
  else {
    for (const { system, suite, test, nsPerPacket, gbitPerSecond } of figures) {
      const cells = [system.padEnd(14), suite.padEnd(17), `${test} octets`.padEnd(17)];
      const ns = `${nsPerPacket.toFixed(0)} ns`.padStart(9);
      console.log(`${cells.join("")}${ns}  ${gbitPerSecond.toFixed(2)} Gbit/s per core`);
    }
  }
}

const arena = new Uint8Array(new ArrayBuffer(slots * slotBytes));
const fastest = createIpsecMbEspCiphers(arena, random);
const fast = createLibcryptoEspCiphers(arena, random);
if (fastest === undefined) console.error("ipsec-mb: not there");
else print(run(fastest, arena));
if (fast === undefined) console.error("libcrypto: not there");
else print(run(fast, arena));
print(run(createPortableEspCiphers(nobleProvider, arena, random), arena));
print(await runOpenssl());
