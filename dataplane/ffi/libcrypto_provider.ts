/** The fast provider: every operation of `CryptoProvider` by libcrypto. */
import type { AeadName, CryptoProvider, HashName } from "../../core/crypto/provider.ts";
import { aeadOf, cbcOf, digestOf, hmacAlgorithm, LibcryptoError } from "./libcrypto_object.ts";
import { aeadOpen, aeadSeal, cbcDecrypt, cbcEncrypt } from "./libcrypto_provider_cipher.ts";
import { deriveSharedSecret, generateKeyPair } from "./libcrypto_provider_exchange.ts";
import { digest, hmac } from "./libcrypto_provider_hash.ts";
import { importPrivateKey, verify } from "./libcrypto_provider_signature.ts";
import { isLibcryptoLoaded } from "./libcrypto.ts";

const libcryptoProvider: CryptoProvider = {
  name: "libcrypto",
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

const HASHES: readonly HashName[] = ["sha1", "sha256", "sha384", "sha512"];
const AEADS: readonly AeadName[] = ["aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"];

/**
 * Why there is no fast provider; `undefined` when there is one. The library, one of its functions or one of
 * the algorithms is missing (a library restricted to some standard may lack ChaCha20-Poly1305).
 */
export function libcryptoFault(): string | undefined {
  if (!isLibcryptoLoaded) return "libcrypto.so.3 is not there or lacks functions";
  try {
    hmacAlgorithm();
    for (const hash of HASHES) digestOf(hash);
    for (const aead of AEADS) aeadOf(aead);
    for (const keyLength of [16, 24, 32]) cbcOf(keyLength);
    return undefined;
  } catch (error) {
    if (error instanceof LibcryptoError) return error.message;
    throw error;
  }
}

/** The provider, or `undefined` when there is a `libcryptoFault`. */
export function loadLibcryptoProvider(): CryptoProvider | undefined {
  return libcryptoFault() === undefined ? libcryptoProvider : undefined;
}
