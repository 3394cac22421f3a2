/**
 * CP payload (RFC 7296 §3.15) and the forms of its attribute values, Cisco's Unity block included.
 *
 * The codec leaves values as octets, because a wrong one must not cost the whole message; the helpers
 * below return `undefined` for a value that has another form.
 */
import { type Bytes, concatBytes, type OwnedBytes, textOf } from "../bytes.ts";
import { limits } from "../limits.ts";
import {
  type AddressPrefix,
  type IpAddress,
  netmaskOf,
  prefixLengthOfNetmask,
} from "../wire/address.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import type { ConfigurationAttribute, CpPayload } from "./payload.ts";

const TYPE_MASK = 0x7fff;
/** Address, mask, and six octets for protocol and ports, which stay zero. */
const UNITY_NETWORK = 14;

/** CP payload, both directions. */
export const cpCodec: PayloadCodec<CpPayload> = {
  parse(body: Reader): CpPayload {
    const configType = body.u8("configType");
    body.bytes(3, "reserved");
    const attributes: ConfigurationAttribute[] = [];
    while (body.remaining > 0) {
      if (attributes.length === limits.configurationAttributes) {
        body.fail("too-many", "attribute", { needed: limits.configurationAttributes });
        break;
      }
      const type = body.u16("attribute.type") & TYPE_MASK;
      const length = body.u16("attribute.length");
      attributes.push({ type, value: body.bytes(length, "attribute.value") });
    }
    return { kind: "CP", configType, attributes };
  },

  build(writer: Writer, payload: CpPayload): void {
    writer.u8(payload.configType);
    writer.zeros(3);
    for (const { type, value } of payload.attributes) {
      if (type > TYPE_MASK) {
        throw new RangeError(`Cannot build CP payload: attribute type is ${type}, needs 15 bits`);
      }
      writer.u16(type);
      writer.u16(value.length);
      writer.bytes(value);
    }
  },
};

/** The first attribute of that type. */
export function findAttribute(cp: CpPayload, type: number): ConfigurationAttribute | undefined {
  return cp.attributes.find((attribute) => attribute.type === type);
}

/** The address of INTERNAL_IP4_ADDRESS, _NETMASK, _DNS, _NBNS, _DHCP or INTERNAL_IP6_DNS. */
export function parseAddressValue(value: Bytes): IpAddress | undefined {
  if (value.length === 4) return { family: 4, octets: value };
  return value.length === 16 ? { family: 6, octets: value } : undefined;
}

/** INTERNAL_IP6_ADDRESS: an address and its prefix length. Some clients send no length: 128. */
export function parseIp6AddressValue(value: Bytes): AddressPrefix | undefined {
  if (value.length === 16) return { address: { family: 6, octets: value }, length: 128 };
  return parseIp6Prefix(value);
}

/** INTERNAL_IP6_ADDRESS and INTERNAL_IP6_SUBNET: 16 octets and a prefix length. */
export function buildIp6PrefixValue(prefix: AddressPrefix): OwnedBytes {
  const writer = new Writer(17);
  writer.bytes(prefix.address.octets);
  writer.u8(prefix.length);
  return writer.finish();
}

/** INTERNAL_IP4_SUBNET (address and netmask) or INTERNAL_IP6_SUBNET (address and length). */
export function buildSubnetValue(prefix: AddressPrefix): OwnedBytes {
  if (prefix.address.family === 6) return buildIp6PrefixValue(prefix);
  return concatBytes(prefix.address.octets, netmaskOf(prefix.length));
}

/** The network of an INTERNAL_IP4_SUBNET or INTERNAL_IP6_SUBNET. */
export function parseSubnetValue(value: Bytes): AddressPrefix | undefined {
  return value.length === 8 ? parseIp4Network(value) : parseIp6Prefix(value);
}

/** UNITY_SPLIT_INCLUDE or UNITY_LOCAL_LAN: 14 octets for each IPv4 network. */
export function buildUnityNetworks(prefixes: readonly AddressPrefix[]): OwnedBytes {
  const writer = new Writer(UNITY_NETWORK * prefixes.length);
  for (const prefix of prefixes) {
    if (prefix.address.family !== 4) continue;
    writer.bytes(prefix.address.octets);
    writer.bytes(netmaskOf(prefix.length));
    writer.zeros(6);
  }
  return writer.finish();
}

/** The networks of a UNITY_SPLIT_INCLUDE or UNITY_LOCAL_LAN. */
export function parseUnityNetworks(value: Bytes): readonly AddressPrefix[] | undefined {
  if (value.length % UNITY_NETWORK !== 0) return undefined;
  const reader = new Reader(value);
  const prefixes: AddressPrefix[] = [];
  while (reader.remaining > 0) {
    const prefix = parseIp4Network(reader.bytes(8, "network"));
    reader.bytes(6, "padding");
    if (prefix === undefined) return undefined;
    prefixes.push(prefix);
  }
  return prefixes;
}

/** A number of 1, 2 or 4 octets, as Cisco's attributes have them. */
export function buildNumberValue(octets: 1 | 2 | 4, value: number): OwnedBytes {
  const writer = new Writer(octets);
  if (octets === 1) writer.u8(value);
  else if (octets === 2) writer.u16(value);
  else writer.u32(value);
  return writer.finish();
}

/** A text value; a terminating NUL, which §3.15.1 forbids but some send, is taken off. */
export function parseTextValue(value: Bytes): string {
  return textOf(value).replace(/\0+$/, "");
}

function parseIp4Network(value: Bytes): AddressPrefix | undefined {
  const length = prefixLengthOfNetmask(value.subarray(4, 8));
  if (length === undefined) return undefined;
  return { address: { family: 4, octets: value.subarray(0, 4) }, length };
}

function parseIp6Prefix(value: Bytes): AddressPrefix | undefined {
  const reader = new Reader(value);
  const octets = reader.bytes(16, "address");
  const length = reader.u8("prefixLength");
  reader.end();
  if (reader.fault !== undefined || length > 128) return undefined;
  return { address: { family: 6, octets }, length };
}
