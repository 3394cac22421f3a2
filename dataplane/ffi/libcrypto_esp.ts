/**
 * ESP ciphers over libcrypto, in place, with no allocation per packet.
 *
 * Key, algorithm and direction are bound to a context when the SA is installed; a packet only sets the IV. The
 * tag is written to and read from the packet itself: the address in a prepared parameter list is changed.
 * RFC 4303 §3.3 and §3.4, RFC 4106 §5 and §8, RFC 7634 §2, RFC 3602, RFC 4868.
 */
import type { Random } from "../../core/random.ts";
import type { EspKeys, EspSuite } from "../../core/sa/suite.ts";
import type { EspCiphers, EspOpener, EspSealer } from "../esp/cipher.ts";
import { espAlgorithmOf } from "../esp/keys.ts";
import { AeadOpener, AeadSealer } from "./libcrypto_esp_aead.ts";
import { CbcOpener, CbcSealer } from "./libcrypto_esp_cbc.ts";
import { EspScratch } from "./libcrypto_esp_scratch.ts";
import { isLibcryptoLoaded } from "./libcrypto.ts";

/** Ciphers that work in `arena`, or `undefined` without the library. */
export function createLibcryptoEspCiphers(
  arena: Uint8Array,
  random: Random,
): EspCiphers | undefined {
  if (!isLibcryptoLoaded) return undefined;
  const scratch = new EspScratch(arena, random);
  return {
    name: "libcrypto",
    createSealer: (suite: EspSuite, keys: EspKeys): EspSealer => {
      const algorithm = espAlgorithmOf(suite, keys);
      return algorithm.kind === "aead"
        ? new AeadSealer(scratch, algorithm)
        : new CbcSealer(scratch, algorithm);
    },
    createOpener: (suite: EspSuite, keys: EspKeys): EspOpener => {
      const algorithm = espAlgorithmOf(suite, keys);
      return algorithm.kind === "aead"
        ? new AeadOpener(scratch, algorithm)
        : new CbcOpener(scratch, algorithm);
    },
    flush: () => {},
    outcomes: new Int32Array(0),
  };
}
