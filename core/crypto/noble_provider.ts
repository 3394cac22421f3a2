/**
 * The portable provider: `@noble/hashes`, `@noble/ciphers`, `@noble/curves`, and big integers for RSA and MODP.
 *
 * It runs wherever the language runs, needs no permission and is what the tests of the core use. It is about a
 * hundred times slower than libcrypto, and big integers are not constant time.
 */
import { aeadOpen, aeadSeal, cbcDecrypt, cbcEncrypt } from "./noble_provider_cipher.ts";
import { deriveSharedSecret, generateKeyPair } from "./noble_provider_exchange.ts";
import { digest, hmac } from "./noble_provider_hash.ts";
import { importPrivateKey, verify } from "./noble_provider_signature.ts";
import type { CryptoProvider } from "./provider.ts";

/** The portable provider. It has no state. */
export const nobleProvider: CryptoProvider = {
  name: "noble",
  digest,
  hmac,
  aeadSeal,
  aeadOpen,
  cbcEncrypt,
  cbcDecrypt,
  generateKeyPair,
  deriveSharedSecret,
  importPrivateKey,
  verify,
};
