/**
 * From the octets of a RADIUS attribute to the texts of a policy item (`policy_items.ts`). Every reading
 * is of hostile octets: `undefined` for those that make no sense, no text for those that say nothing.
 */
import {
  addressFromBigInt,
  addressToBigInt,
  type Bytes,
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
  prefixToRange,
  textOf,
} from "../../../core/mod.ts";
import { longestBanner, longestSeconds } from "../policy_items.ts";
import { type RadiusPacket, readNumber32, valuesOf } from "./packet.ts";

/** What was read. */
export type Texts = readonly string[] | undefined;

/** One way of reading; the accept is there for attributes that belong together. */
export type Reading = (octets: Bytes, accept: RadiusPacket) => Texts;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A text in UTF-8. */
export function text(octets: Bytes): Texts {
  const decoded = strictText(octets);
  return decoded === undefined ? undefined : [decoded];
}

function strictText(octets: Bytes): string | undefined {
  try {
    return strict.decode(octets);
  } catch {
    return undefined;
  }
}

/** A text for people: what cannot be shown is replaced and what is too long is cut, nothing is wrong. */
function textForPeople(...parts: readonly Bytes[]): Texts {
  const shown = parts.map(textOf).join("").replaceAll("\r\n", "\n")
    .replaceAll(/(?![\n\t])\p{Cc}/gu, "\ufffd").trim().slice(0, longestBanner);
  return shown === "" ? [] : [shown.toWellFormed()];
}

/** The banner of a pair. */
export function banner(octets: Bytes): Texts {
  return textForPeople(octets);
}

/** All of Reply-Message, which goes on from one attribute to the next. */
export function replyMessage(_: Bytes, accept: RadiusPacket): Texts {
  return textForPeople(...valuesOf(accept, "Reply-Message"));
}

/** Four octets of an IPv4 address. */
export function ip4(octets: Bytes): Texts {
  return octets.length === 4 ? [formatIpAddress({ family: 4, octets })] : undefined;
}

/** The same, where two values leave the choice to the gateway (RFC 2865 §5.8). */
export function ip4OrAny(octets: Bytes): Texts {
  const value = readNumber32(octets);
  return value === 0xffff_ffff || value === 0xffff_fffe ? [] : ip4(octets);
}

/** Sixteen octets of an IPv6 address. */
export function ip6(octets: Bytes): Texts {
  return octets.length === 16 ? [formatIpAddress({ family: 6, octets })] : undefined;
}

/**
 * An address out of a prefix (RFC 3162 §2.3): the prefix itself if it is a single address, else the host
 * that Framed-Interface-Id names (§2.2), else the first.
 */
export function ip6FromPrefix(octets: Bytes, accept: RadiusPacket): Texts {
  const [, length = 0] = octets;
  const given = octets.subarray(2);
  const isWhole = length > 0 && length <= 128 && given.length <= 16 && given.length * 8 >= length;
  if (!isWhole) return undefined;
  const address = new Uint8Array(16);
  address.set(given);
  const { first } = prefixToRange({ address: { family: 6, octets: address }, length });
  if (length === 128) return [formatIpAddress(first)];
  const [id] = valuesOf(accept, "Framed-Interface-Id");
  if (id === undefined) return [hostOf(first, 1n)];
  const host = new Uint8Array(16);
  if (id.length !== 8 || length > 64) return undefined;
  host.set(id, 8);
  return [hostOf(first, addressToBigInt({ family: 6, octets: host }))];
}

function hostOf(network: IpAddress, host: bigint): string {
  return formatIpAddress(addressFromBigInt(6, addressToBigInt(network) + host));
}

/** Seconds; 0 says nothing, unless told otherwise, and a time out of the range is the nearest in it. */
export function seconds(least: number, zero: Texts = []): Reading {
  return (octets) => {
    const value = readNumber32(octets);
    if (value === undefined) return undefined;
    return value === 0 ? zero : [String(Math.min(Math.max(value, least), longestSeconds))];
  };
}

/**
 * A network behind the user: prefix, gateway, metrics (RFC 2865 §5.22, RFC 3162 §2.5). Only the user can
 * be the gateway, so it is left out, unspecified, or one of the addresses given; metrics mean nothing.
 * A length is demanded: what the classes of old would make of a bare address nobody means any more.
 */
export function route(octets: Bytes, accept: RadiusPacket): Texts {
  const [network = "", gateway] = strictText(octets)?.trim().split(/\s+/) ?? [];
  if (!network.includes("/")) return undefined;
  return gateway === undefined || isUser(gateway, network, accept) ? [network] : undefined;
}

function isUser(gateway: string, network: string, accept: RadiusPacket): boolean {
  const address = parseIpAddress(gateway);
  if (address === undefined || gateway.includes(":") !== network.includes(":")) return false;
  const own = [
    ...valuesOf(accept, "Framed-IP-Address"),
    ...valuesOf(accept, "Framed-IPv6-Address"),
    new Uint8Array(address.octets.length),
  ];
  return own.some((one) =>
    one.length === address.octets.length && one.every((octet, i) => octet === address.octets[i])
  );
}

/** The group in a Class of the form `OU=NAME` or `OU=NAME;`; another Class says nothing to us. */
export function groupInClass(octets: Bytes): Texts {
  const [, name] = /^OU=([^;\p{Cc}]+);?$/iu.exec(strictText(octets) ?? "") ?? [];
  return name === undefined ? [] : [name];
}
