/**
 * Cryptography for simulations. `quickCrypto` has a toy key exchange and toy signatures in place of
 * the slow ones and protects nothing; everything symmetric is real. `watchCrypto` looks over the
 * shoulder of any provider.
 */
import { copyBytes, equalBytes, hexOf, type OwnedBytes } from "../../core/bytes.ts";
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import type { CryptoProvider, KeyPair, Signer } from "../../core/crypto/provider.ts";

/** A Mersenne prime small enough to be fast and large enough not to repeat. */
const PRIME = (1n << 61n) - 1n;
const GENERATOR = 37n;

/** A provider for many runs in little time. */
export const quickCrypto: CryptoProvider = {
  ...bound(nobleProvider),
  generateKeyPair(group, random): KeyPair {
    const privateKey = random.bytes(8);
    const publicValue = octetsOf(power(GENERATOR, numberOf(privateKey) % PRIME));
    return { group, privateKey, publicValue };
  },
  deriveSharedSecret(pair, peerPublicValue): OwnedBytes | undefined {
    if (peerPublicValue.length !== 8) return undefined;
    const theirs = numberOf(peerPublicValue);
    if (theirs < 2n || theirs >= PRIME) return undefined;
    return octetsOf(power(theirs, numberOf(pair.privateKey) % PRIME));
  },
  importPrivateKey(pkcs8): Signer | undefined {
    const real = nobleProvider.importPrivateKey(pkcs8);
    if (real === undefined) return undefined;
    const { key, spki } = real;
    return { key, spki, sign: (_, data) => nobleProvider.hmac("sha256", spki, data) };
  },
  verify(spki, _, data, signature): boolean {
    return equalBytes(nobleProvider.hmac("sha256", spki, data), signature);
  },
};

/** What was seen of a provider at work. */
export interface CryptoWatch {
  /** The provider to use. */
  readonly crypto: CryptoProvider;
  /** Operations in the order of their calls, for instance `hmac sha256`. */
  readonly calls: string[];
  /** Padded plaintext by sealed octets, ciphertext without a tag, as hexadecimal digits. */
  readonly sealed: Map<string, OwnedBytes>;
}

/** A provider that does the same and can be looked at. */
export function watchCrypto(inner: CryptoProvider): CryptoWatch {
  const calls: string[] = [];
  const sealed = new Map<string, OwnedBytes>();
  const crypto: CryptoProvider = {
    name: inner.name,
    digest(hash, ...parts): OwnedBytes {
      calls.push(`digest ${hash}`);
      return inner.digest(hash, ...parts);
    },
    hmac(hash, key, ...parts): OwnedBytes {
      calls.push(`hmac ${hash}`);
      return inner.hmac(hash, key, ...parts);
    },
    aeadSeal(name, key, nonce, aad, plaintext): OwnedBytes {
      calls.push(`aead-seal ${name}`);
      const result = inner.aeadSeal(name, key, nonce, aad, plaintext);
      sealed.set(hexOf(result), copyBytes(plaintext));
      return result;
    },
    aeadOpen(name, key, nonce, aad, ciphertext): OwnedBytes | undefined {
      calls.push(`aead-open ${name}`);
      return inner.aeadOpen(name, key, nonce, aad, ciphertext);
    },
    cbcEncrypt(key, iv, plaintext): OwnedBytes {
      calls.push("cbc-encrypt");
      const result = inner.cbcEncrypt(key, iv, plaintext);
      sealed.set(hexOf(result), copyBytes(plaintext));
      return result;
    },
    cbcDecrypt(key, iv, ciphertext): OwnedBytes {
      calls.push("cbc-decrypt");
      return inner.cbcDecrypt(key, iv, ciphertext);
    },
    generateKeyPair(group, random): KeyPair {
      calls.push(`generate-key-pair ${group}`);
      return inner.generateKeyPair(group, random);
    },
    deriveSharedSecret(pair, peerPublicValue): OwnedBytes | undefined {
      calls.push(`derive-shared-secret ${pair.group}`);
      return inner.deriveSharedSecret(pair, peerPublicValue);
    },
    importPrivateKey(pkcs8): Signer | undefined {
      return inner.importPrivateKey(pkcs8);
    },
    verify(spki, scheme, data, signature): boolean {
      calls.push(`verify ${scheme.kind}`);
      return inner.verify(spki, scheme, data, signature);
    },
  };
  return { crypto, calls, sealed };
}

/** The symmetric half of a provider, usable apart from its object. */
function bound(inner: CryptoProvider): Omit<
  CryptoProvider,
  "generateKeyPair" | "deriveSharedSecret" | "importPrivateKey" | "verify"
> {
  return {
    name: inner.name,
    digest: (...args) => inner.digest(...args),
    hmac: (...args) => inner.hmac(...args),
    aeadSeal: (...args) => inner.aeadSeal(...args),
    aeadOpen: (...args) => inner.aeadOpen(...args),
    cbcEncrypt: (...args) => inner.cbcEncrypt(...args),
    cbcDecrypt: (...args) => inner.cbcDecrypt(...args),
  };
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = result * square % PRIME;
    square = square * square % PRIME;
  }
  return result;
}

function numberOf(octets: Uint8Array): bigint {
  return new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
}

function octetsOf(value: bigint): OwnedBytes {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, value);
  return octets;
}
