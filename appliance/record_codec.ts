/**
 * Session records as stored: JSON, sealed under the record's own name. The token is as good as a
 * password, so a copy of the store without the key file is worth nothing.
 *
 * Layout 2 is the record as it stands, with its octets in the form of `octets_json.ts`. Layout 1, which
 * had no number, wrote octets as digits and addresses as text, field by field; it is still read.
 */
import {
  buildOctetsJson,
  type IpAddress,
  type OwnedBytes,
  parseHex,
  parseIpAddress,
  parseOctetsJson,
  type SessionRecord,
  textOf,
  utf8,
} from "../core/mod.ts";
import { openValue, type Sealing, sealValue } from "./sealed_value.ts";

const layout = 2;

/** A record as layout 2 has it. */
interface Stored {
  readonly layout: number;
  readonly record: SessionRecord;
}

/** A record under its name, sealed. */
export function sealRecord(sealing: Sealing, record: SessionRecord): OwnedBytes {
  const stored: Stored = { layout, record };
  return sealValue(sealing, nameIn(record.key), utf8(buildOctetsJson(stored)));
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
    return recordOf(parseOctetsJson(textOf(plaintext)) as Stored | FormerRecord);
  } catch {
    return undefined;
  }
}

function nameIn(key: string): string {
  return `session record ${key}`;
}

/** The value was authenticated, so a gateway wrote it, maybe a later one. */
function recordOf(stored: Stored | FormerRecord): SessionRecord | undefined {
  const record = "layout" in stored
    ? stored.layout === layout ? stored.record : undefined
    : recordOfFormer(stored);
  return record?.version === 1 ? record : undefined;
}

// --- layout 1 -----------------------------------------------------------------------------------

/** A record with its octets as hexadecimal digits and its addresses as text. */
interface FormerRecord
  extends Omit<SessionRecord, "identity" | "addresses" | "attributes" | "accounting" | "ikeSa"> {
  readonly identity: { readonly idType: number; readonly data: string };
  readonly addresses: readonly string[];
  readonly attributes: {
    readonly group?: string;
    readonly sessionLifetimeSeconds?: number;
    readonly addresses?: readonly string[];
    readonly class?: readonly string[];
  };
  readonly accounting: { readonly sessionId: string; readonly class: readonly string[] };
}

function recordOfFormer(former: FormerRecord): SessionRecord {
  const { addresses, class: classes, ...attributes } = former.attributes;
  return {
    ...former,
    identity: { idType: former.identity.idType, data: octetsOf(former.identity.data) },
    addresses: former.addresses.map(addressOf),
    attributes: {
      ...attributes,
      ...(addresses === undefined ? {} : { addresses: addresses.map(addressOf) }),
      ...(classes === undefined ? {} : { class: classes.map(octetsOf) }),
    },
    accounting: {
      sessionId: former.accounting.sessionId,
      class: former.accounting.class.map(octetsOf),
    },
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
