/**
 * ESP ciphers over ipsec-mb: AES-GCM packet by packet, AES-CBC with HMAC in bursts. ChaCha20-Poly1305 stays
 * with libcrypto, and so does AES-CBC where the library is of a version whose bursts are not known here.
 *
 * The library is believed only after it has sealed and opened packets as libcrypto does.
 */
import { encryptionOf, integrityOf } from "../../core/crypto/transforms.ts";
import { Encr, Integ } from "../../core/message/constants.ts";
import type { Random } from "../../core/random.ts";
import type { EspKeys, EspSuite } from "../../core/sa/suite.ts";
import { type EspCiphers, type EspOpener, type EspSealer, outcomeSlot } from "../esp/cipher.ts";
import { espAlgorithmOf } from "../esp/keys.ts";
import { hasBursts, isIpsecMbLoaded } from "./ipsec_mb.ts";
import { Burst } from "./ipsec_mb_burst.ts";
import { BurstOpener, BurstSealer } from "./ipsec_mb_cbc.ts";
import { GcmOpener, GcmSealer, gcmWork } from "./ipsec_mb_gcm.ts";
import { createLibcryptoEspCiphers } from "./libcrypto_esp.ts";
import { EspScratch } from "./libcrypto_esp_scratch.ts";

/** Ciphers that work in `arena`; `undefined` where one of the libraries is missing, or ipsec-mb is wrong. */
export function createIpsecMbEspCiphers(
  arena: Uint8Array,
  random: Random,
): EspCiphers | undefined {
  const others = createLibcryptoEspCiphers(arena, random);
  if (!isIpsecMbLoaded || others === undefined || !agrees(random)) return undefined;
  return ciphersBeside(others, arena, random);
}

function ciphersBeside(others: EspCiphers, arena: Uint8Array, random: Random): EspCiphers {
  const scratch = new EspScratch(arena, random);
  const work = gcmWork();
  const burst = hasBursts ? new Burst(scratch) : undefined;
  return {
    name: "ipsec-mb",
    createSealer: (suite: EspSuite, keys: EspKeys): EspSealer => {
      const algorithm = espAlgorithmOf(suite, keys);
      if (algorithm.kind === "aead" && algorithm.name !== "chacha20-poly1305") {
        return new GcmSealer(scratch, work, algorithm);
      }
      return algorithm.kind === "cbc" && burst !== undefined
        ? new BurstSealer(scratch, burst, algorithm)
        : others.createSealer(suite, keys);
    },
    createOpener: (suite: EspSuite, keys: EspKeys): EspOpener => {
      const algorithm = espAlgorithmOf(suite, keys);
      if (algorithm.kind === "aead" && algorithm.name !== "chacha20-poly1305") {
        return new GcmOpener(scratch, work, algorithm);
      }
      return algorithm.kind === "cbc" && burst !== undefined
        ? new BurstOpener(scratch, burst, algorithm)
        : others.createOpener(suite, keys);
    },
    flush: () => burst?.flush(),
    outcomes: burst?.outcomes ?? new Int32Array(0),
  };
}

// --- the proof --------------------------------------------------------------------------------------

const provenSuites: readonly EspSuite[] = [
  ...[128, 256].map((keyBits) => ({
    encryption: Encr.AES_GCM_16,
    keyBits,
    integrity: Integ.NONE,
    esn: true,
  })),
  ...[Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA2_384_192, Integ.HMAC_SHA2_512_256].map((
    integrity,
  ) => ({
    encryption: Encr.AES_CBC,
    keyBits: 256,
    integrity,
    esn: false,
  })),
];

/** Packets of the proof: enough for a burst, one behind the other. */
const provenPackets = 6;
const provenPlaintext = 1408;
const provenStride = 1536;

/** Whether each library opens what the other seals, and not what was forged. */
function agrees(random: Random): boolean {
  const arena = new Uint8Array(new ArrayBuffer(provenPackets * provenStride));
  const others = createLibcryptoEspCiphers(arena, random);
  if (others === undefined) return false;
  const own = ciphersBeside(others, arena, random);
  return provenSuites.every((suite) => {
    const { keyLength = 0, saltLength = 0 } = encryptionOf(suite.encryption, suite.keyBits) ?? {};
    const keys = {
      encryption: random.bytes(keyLength + saltLength),
      integrity: random.bytes(integrityOf(suite.integrity)?.keyLength ?? 0),
    };
    return opens(arena, suite, keys, own, others) && opens(arena, suite, keys, others, own);
  });
}

/** The last packet is forged. */
function opens(
  arena: Uint8Array,
  suite: EspSuite,
  keys: EspKeys,
  from: EspCiphers,
  to: EspCiphers,
): boolean {
  const sealer = from.createSealer(suite, keys);
  const opener = to.createOpener(suite, keys);
  const { plaintextAt, overhead } = sealer.layout;
  const slots = Array.from({ length: provenPackets }, (_, i) => i * provenStride);
  const seqHi = suite.esn ? 7 : 0;
  for (const at of slots) {
    arena.fill(at >> 8, at, at + provenStride);
    sealer.seal(at, provenPlaintext, seqHi);
  }
  from.flush();
  const forged = (slots.at(-1) ?? 0) + plaintextAt;
  arena[forged] = (arena[forged] ?? 0) ^ 1;
  const answers = slots.map((at) => opener.open(at, provenPlaintext + overhead, seqHi));
  to.flush();
  const lengths = answers.map((answer) => answer < -1 ? to.outcomes[outcomeSlot(answer)] : answer);
  sealer.close();
  opener.close();
  return slots.every((at, i) => {
    if (i === provenPackets - 1) return lengths[i] === -1;
    const plain = arena.subarray(at + plaintextAt, at + plaintextAt + provenPlaintext);
    return lengths[i] === provenPlaintext && plain.every((octet) => octet === (at >> 8 & 0xff));
  });
}
