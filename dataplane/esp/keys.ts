/** What every ESP cipher does first: the facts of its suite, and its keys with checked lengths. */
import type { Bytes } from "../../core/bytes.ts";
import { checkLength } from "../../core/crypto/argument.ts";
import type { AeadName } from "../../core/crypto/provider.ts";
import { encryptionOf, type IntegrityFacts, integrityOf } from "../../core/crypto/transforms.ts";
import type { EspKeys, EspSuite } from "../../core/sa/suite.ts";
import { type EspLayout, espLayoutOf } from "./cipher.ts";

/** A suite made ready: an AEAD cipher with its salt, or AES-CBC with an HMAC. Keys are views. */
export type EspAlgorithm =
  | {
    readonly kind: "aead";
    readonly layout: EspLayout;
    readonly esn: boolean;
    readonly name: AeadName;
    readonly key: Bytes;
    readonly salt: Bytes;
  }
  | {
    readonly kind: "cbc";
    readonly layout: EspLayout;
    readonly esn: boolean;
    readonly key: Bytes;
    readonly integrity: IntegrityFacts;
    readonly integrityKey: Bytes;
  };

/** The algorithm of a suite; throws `RangeError` when it is unknown or a key has the wrong length. */
export function espAlgorithmOf(suite: EspSuite, keys: EspKeys): EspAlgorithm {
  const { esn } = suite;
  const encryption = encryptionOf(suite.encryption, suite.keyBits);
  const layout = espLayoutOf(suite);
  if (encryption === undefined || layout === undefined) {
    throw new RangeError(
      `Cannot make ESP cipher: encryption ${suite.encryption} with ${suite.keyBits} bits and ` +
        `integrity ${suite.integrity} is not supported`,
    );
  }
  const { aead, keyLength, saltLength } = encryption;
  checkLength(keys.encryption, keyLength + saltLength, "ESP encryption key");
  const key = keys.encryption.subarray(0, keyLength);
  if (aead !== undefined) {
    return {
      kind: "aead",
      layout,
      esn,
      name: aead,
      key,
      salt: keys.encryption.subarray(keyLength),
    };
  }
  const integrity = integrityOf(suite.integrity);
  if (integrity === undefined) throw new RangeError("Cannot make ESP cipher: CBC needs integrity");
  checkLength(keys.integrity, integrity.keyLength, "ESP integrity key");
  return { kind: "cbc", layout, esn, key, integrity, integrityKey: keys.integrity };
}

/** The salt of an AEAD cipher, four octets, as a number, big-endian. */
export function saltOf(salt: Bytes): number {
  return salt.reduce((sum, octet) => sum * 256 + octet, 0);
}
