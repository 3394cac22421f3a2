/** What both providers demand of their own callers; a wrong size here is our mistake. */
import type { Bytes } from "../bytes.ts";
import type { AeadName } from "./provider.ts";

/** Octets of an AEAD nonce. */
export const NONCE_LENGTH = 12;
/** Octets of an AEAD tag. */
export const TAG_LENGTH = 16;
/** Octets of an AES block. */
export const BLOCK_LENGTH = 16;

const AEAD_KEY_LENGTH: Readonly<Record<AeadName, number>> = {
  "aes-128-gcm": 16,
  "aes-256-gcm": 32,
  "chacha20-poly1305": 32,
};

/** Throws `RangeError` unless key and nonce have the cipher's lengths. */
export function checkAead(name: AeadName, key: Bytes, nonce: Bytes): void {
  checkLength(key, AEAD_KEY_LENGTH[name], `${name} key`);
  checkLength(nonce, NONCE_LENGTH, `${name} nonce`);
}

/** Throws `RangeError` unless key, IV and text have lengths that AES-CBC can work with. */
export function checkCbc(key: Bytes, iv: Bytes, text: Bytes): void {
  if (key.length !== 16 && key.length !== 24) checkLength(key, 32, "AES-CBC key");
  checkLength(iv, BLOCK_LENGTH, "AES-CBC IV");
  if (text.length % BLOCK_LENGTH !== 0) {
    throw new RangeError(`Cannot use AES-CBC text of ${text.length} octets: needs whole blocks`);
  }
}

/** Throws `RangeError` unless `value` has `length` octets. */
export function checkLength(value: Bytes, length: number, title: string): void {
  if (value.length !== length) {
    throw new RangeError(`Cannot use ${title} of ${value.length} octets: needs ${length}`);
  }
}
