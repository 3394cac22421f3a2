/**
 * Session records as stored: JSON, sealed under the record's own name. The token is as good as a
 * password, so a copy of the store without the key file is worth nothing.
 */
import {
  type Endpoint,
  formatIpAddress,
  hexOf,
  type IpAddress,
  type OwnedBytes,
  parseHex,
  parseIpAddress,
  type SessionRecord,
  textOf,
  utf8,
  wall,
} from "../core/mod.ts";
import { openValue, type Sealing, sealValue } from "./sealed_value.ts";

/** A record under its name, sealed. */
export function sealRecord(sealing: Sealing, record: SessionRecord): OwnedBytes {
  return sealValue(sealing, nameIn(record.key), utf8(JSON.stringify(plainOf(record))));
}

/** The record of a sealed value; `undefined` when it is damaged, of another name or another key. */
export function openRecord(
  sealing: Sealing,
  key: string,
  value: unknown,
): SessionRecord | undefined {
  const plaintext = openValue(sealing, nameIn(key), value);
  if (plaintext === undefined) return undefined;
  try {
    return recordOf(JSON.parse(textOf(plaintext)));
  } catch {
    return undefined;
  }
}

function nameIn(key: string): string {
  return `session record ${key}`;
}

/** A record with its octets as hexadecimal digits and its addresses as text. */
interface PlainRecord
  extends Omit<SessionRecord, "identity" | "addresses" | "attributes" | "accounting" | "ikeSa"> {
  readonly identity: { readonly idType: number; readonly data: string };
  readonly addresses: readonly string[];
  readonly attributes: Omit<SessionRecord["attributes"], "addresses" | "class"> & {
    readonly addresses?: readonly string[];
    readonly class?: readonly string[];
  };
  readonly accounting: { readonly sessionId: string; readonly class: readonly string[] };
  readonly ikeSa?: {
    readonly spiI: string;
    readonly spiR: string;
    readonly originalInitiator: boolean;
    readonly local: PlainEndpoint;
    readonly remote: PlainEndpoint;
  };
}

interface PlainEndpoint {
  readonly address: string;
  readonly port: number;
}

function plainOf(record: SessionRecord): PlainRecord {
  const { addresses, class: classes, ...attributes } = record.attributes;
  const { ikeSa, ...rest } = record;
  return {
    ...rest,
    identity: { idType: record.identity.idType, data: hexOf(record.identity.data) },
    addresses: record.addresses.map(formatIpAddress),
    attributes: {
      ...attributes,
      ...(addresses === undefined ? {} : { addresses: addresses.map(formatIpAddress) }),
      ...(classes === undefined ? {} : { class: classes.map(hexOf) }),
    },
    accounting: {
      sessionId: record.accounting.sessionId,
      class: record.accounting.class.map(hexOf),
    },
    ...(ikeSa === undefined ? {} : {
      ikeSa: {
        ...ikeSa,
        spiI: hexOf(ikeSa.spiI),
        spiR: hexOf(ikeSa.spiR),
        local: plainEndpoint(ikeSa.local),
        remote: plainEndpoint(ikeSa.remote),
      },
    }),
  };
}

/** The value was authenticated, so what is in it was written by `plainOf`, maybe a later one. */
function recordOf(plain: PlainRecord): SessionRecord | undefined {
  if (plain.version !== 1) return undefined;
  const { addresses, class: classes, ...attributes } = plain.attributes;
  const { ikeSa, ...rest } = plain;
  return {
    ...rest,
    identity: { idType: plain.identity.idType, data: octetsOf(plain.identity.data) },
    addresses: plain.addresses.map(addressOf),
    attributes: {
      ...attributes,
      ...(addresses === undefined ? {} : { addresses: addresses.map(addressOf) }),
      ...(classes === undefined ? {} : { class: classes.map(octetsOf) }),
    },
    accounting: {
      sessionId: plain.accounting.sessionId,
      class: plain.accounting.class.map(octetsOf),
    },
    firstLogin: wall(plain.firstLogin),
    lastSeen: wall(plain.lastSeen),
    deadline: wall(plain.deadline),
    ...(ikeSa === undefined ? {} : {
      ikeSa: {
        ...ikeSa,
        spiI: octetsOf(ikeSa.spiI),
        spiR: octetsOf(ikeSa.spiR),
        local: endpointOf(ikeSa.local),
        remote: endpointOf(ikeSa.remote),
      },
    }),
  };
}

function plainEndpoint({ address, port }: Endpoint): PlainEndpoint {
  return { address: formatIpAddress(address), port };
}

function endpointOf({ address, port }: PlainEndpoint): Endpoint {
  return { address: addressOf(address), port };
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
