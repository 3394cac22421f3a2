/**
 * Secrets at rest: values that are worth nothing without the key file beside them.
 *
 * Layout: version (1 octet), nonce (12), then AES-256-GCM ciphertext and tag. Each name has a key of
 * its own, HMAC-SHA-256(master, name), so that random nonces do not meet under one key; version and
 * name are authenticated, so a sealed value cannot be moved to another name.
 */
import {
  type Bytes,
  concatBytes,
  type CryptoProvider,
  type OwnedBytes,
  type Random,
  utf8,
} from "../core/mod.ts";

const layout = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** What sealing needs. */
export interface Sealing {
  readonly crypto: Pick<CryptoProvider, "hmac" | "aeadSeal" | "aeadOpen">;
  readonly random: Random;
  /** 32 octets. */
  readonly masterKey: Bytes;
}

/** Seals a value under a name. */
export function sealValue(sealing: Sealing, name: string, plaintext: Bytes): OwnedBytes {
  const nonce = sealing.random.bytes(nonceBytes);
  const key = keyOf(sealing, name);
  const sealed = sealing.crypto.aeadSeal("aes-256-gcm", key, nonce, aadOf(name), plaintext);
  return concatBytes(Uint8Array.of(layout), nonce, sealed);
}

/** Opens it; `undefined` when it is damaged, of another name, or sealed with another key. */
export function openValue(sealing: Sealing, name: string, value: unknown): OwnedBytes | undefined {
  if (!(value instanceof Uint8Array) || value[0] !== layout) return undefined;
  const nonce = value.subarray(1, 1 + nonceBytes);
  const sealed = value.subarray(1 + nonceBytes);
  if (sealed.length < tagBytes) return undefined;
  const key = keyOf(sealing, name);
  return sealing.crypto.aeadOpen("aes-256-gcm", key, nonce, aadOf(name), sealed);
}

function keyOf(sealing: Sealing, name: string): OwnedBytes {
  return sealing.crypto.hmac("sha256", sealing.masterKey, utf8(`rejoin ${name}`));
}

function aadOf(name: string): OwnedBytes {
  return concatBytes(Uint8Array.of(layout), utf8(name));
}
