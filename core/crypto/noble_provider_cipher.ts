/** AES-GCM, ChaCha20-Poly1305 and AES-CBC of the portable provider. */
import { cbc, gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { checkAead, checkCbc, TAG_LENGTH } from "./argument.ts";
import type { AeadName } from "./provider.ts";

/** What noble's AEAD ciphers have in common. */
interface Aead {
  encrypt(plaintext: Bytes): Uint8Array;
  decrypt(sealed: Bytes): Uint8Array;
}

function aeadOf(name: AeadName, key: Bytes, nonce: Bytes, aad: Bytes): Aead {
  checkAead(name, key, nonce);
  return name === "chacha20-poly1305" ? chacha20poly1305(key, nonce, aad) : gcm(key, nonce, aad);
}

/** Ciphertext followed by the tag. */
export function aeadSeal(
  name: AeadName,
  key: Bytes,
  nonce: Bytes,
  aad: Bytes,
  plaintext: Bytes,
): OwnedBytes {
  return aeadOf(name, key, nonce, aad).encrypt(plaintext);
}

/** Plaintext, or `undefined` when the tag is wrong or missing. */
export function aeadOpen(
  name: AeadName,
  key: Bytes,
  nonce: Bytes,
  aad: Bytes,
  sealed: Bytes,
): OwnedBytes | undefined {
  const cipher = aeadOf(name, key, nonce, aad);
  if (sealed.length < TAG_LENGTH) return undefined;
  try {
    return cipher.decrypt(sealed);
  } catch {
    return undefined; // noble throws on a wrong tag, and all sizes are checked by now
  }
}

/** AES-CBC without padding. */
export function cbcEncrypt(key: Bytes, iv: Bytes, plaintext: Bytes): OwnedBytes {
  checkCbc(key, iv, plaintext);
  if (plaintext.length === 0) return new Uint8Array(0);
  return cbc(key, iv, { disablePadding: true }).encrypt(plaintext);
}

/** AES-CBC without padding. */
export function cbcDecrypt(key: Bytes, iv: Bytes, ciphertext: Bytes): OwnedBytes {
  checkCbc(key, iv, ciphertext);
  if (ciphertext.length === 0) return new Uint8Array(0);
  return cbc(key, iv, { disablePadding: true }).decrypt(ciphertext);
}
