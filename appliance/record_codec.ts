/**
 * Session records as stored: JSON, sealed. The token is as good as a password, so a copy of the store
 * without the key file is worth nothing.
 *
 * Layout: version (1 octet), nonce (12), then AES-256-GCM ciphertext and tag. Each record has a key
 * of its own, HMAC-SHA-256(master, name), so random nonces never meet under one key; version and name
 * are authenticated, so a sealed value cannot be moved to another name.
 */
import {
  type Bytes,
  concatBytes,
  type CryptoProvider,
  formatIpAddress,
  hexOf,
  type IpAddress,
  type OwnedBytes,
  parseHex,
  parseIpAddress,
  type Random,
  type SessionRecord,
  textOf,
  utf8,
  wall,
} from "../core/mod.ts";

const layout = 1;
const nonceBytes = 12;

/** What sealing needs. */
export interface Sealing {
  readonly crypto: Pick<CryptoProvider, "hmac" | "aeadSeal" | "aeadOpen">;
  readonly random: Random;
  /** 32 octets. */
  readonly masterKey: Bytes;
}

/** A record under its name, sealed. */
export function sealRecord(sealing: Sealing, record: SessionRecord): OwnedBytes {
  const nonce = sealing.random.bytes(nonceBytes);
  const aad = aadOf(record.key);
  const plaintext = utf8(JSON.stringify(plainOf(record)));
  const sealed = sealing.crypto.aeadSeal(
    "aes-256-gcm",
    keyOf(sealing, record.key),
    nonce,
    aad,
    plaintext,
  );
  return concatBytes(Uint8Array.of(layout), nonce, sealed);
}

/** The record of a sealed value; `undefined` when it is damaged, of another name or another key. */
export function openRecord(
  sealing: Sealing,
  name: string,
  value: unknown,
): SessionRecord | undefined {
  if (!(value instanceof Uint8Array) || value[0] !== layout) return undefined;
  const nonce = value.subarray(1, 1 + nonceBytes);
  const sealed = value.subarray(1 + nonceBytes);
  if (sealed.length < 16) return undefined;
  const plaintext = sealing.crypto.aeadOpen(
    "aes-256-gcm",
    keyOf(sealing, name),
    nonce,
    aadOf(name),
    sealed,
  );
  if (plaintext === undefined) return undefined;
  try {
    return recordOf(JSON.parse(textOf(plaintext)));
  } catch {
    return undefined;
  }
}

function keyOf(sealing: Sealing, name: string): OwnedBytes {
  return sealing.crypto.hmac("sha256", sealing.masterKey, utf8(`rejoin session record ${name}`));
}

function aadOf(name: string): OwnedBytes {
  return concatBytes(Uint8Array.of(layout), utf8(name));
}

/** A record with its octets as hexadecimal digits and its addresses as text. */
interface PlainRecord
  extends Omit<SessionRecord, "identity" | "addresses" | "attributes" | "accounting"> {
  readonly identity: { readonly idType: number; readonly data: string };
  readonly addresses: readonly string[];
  readonly attributes: Omit<SessionRecord["attributes"], "addresses"> & {
    readonly addresses?: readonly string[];
  };
  readonly accounting: { readonly sessionId: string; readonly class: readonly string[] };
}

function plainOf(record: SessionRecord): PlainRecord {
  const { addresses, ...attributes } = record.attributes;
  return {
    ...record,
    identity: { idType: record.identity.idType, data: hexOf(record.identity.data) },
    addresses: record.addresses.map(formatIpAddress),
    attributes: {
      ...attributes,
      ...(addresses === undefined ? {} : { addresses: addresses.map(formatIpAddress) }),
    },
    accounting: {
      sessionId: record.accounting.sessionId,
      class: record.accounting.class.map(hexOf),
    },
  };
}

/** The value was authenticated, so what is in it was written by `plainOf`, maybe a later one. */
function recordOf(plain: PlainRecord): SessionRecord | undefined {
  if (plain.version !== 1) return undefined;
  const { addresses, ...attributes } = plain.attributes;
  return {
    ...plain,
    identity: { idType: plain.identity.idType, data: octetsOf(plain.identity.data) },
    addresses: plain.addresses.map(addressOf),
    attributes: {
      ...attributes,
      ...(addresses === undefined ? {} : { addresses: addresses.map(addressOf) }),
    },
    accounting: {
      sessionId: plain.accounting.sessionId,
      class: plain.accounting.class.map(octetsOf),
    },
    firstLogin: wall(plain.firstLogin),
    lastSeen: wall(plain.lastSeen),
    deadline: wall(plain.deadline),
  };
}

function octetsOf(text: string): OwnedBytes {
  const octets = parseHex(text);
  if (octets === undefined) throw new RangeError("Cannot read octets: not hexadecimal");
  return octets;
}

function addressOf(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new RangeError("Cannot read an address");
  return address;
}
