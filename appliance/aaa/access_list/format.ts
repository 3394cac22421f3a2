/** A rule as the line of an access list that it came from, in the words of IOS. */
import {
  type AddressPrefix,
  bitsOf,
  type FilterRule,
  formatIpAddress,
  formatPrefix,
  type PortRange,
} from "../../../core/mod.ts";
import { icmpOf, icmpWords, portWords, protocolNumbers, wordFor } from "./words.ts";

const mostPort = 65_535;

/**
 * The line of a rule. In a list of one family, `listFamily`, the line need not say which; else it is
 * written so that it does.
 */
export function formatRule(rule: FilterRule, listFamily?: 4 | 6): string {
  const { action, family, protocol, source, destination } = rule;
  const isPlain = listFamily === family || family === 4;
  const name = protocolText(protocol, family, isPlain);
  // An IPv6 rule without addresses would be taken for one of IPv4.
  const saysFamily = isPlain || source !== undefined || destination !== undefined ||
    name === "ipv6" || name === "icmpv6";
  return [
    action,
    name,
    saysFamily ? addressText(source) : "::/0",
    ...portsText(rule.sourcePorts, protocol),
    addressText(destination),
    ...portsText(rule.destinationPorts, protocol),
    ...icmpText(rule),
    ...(rule.established ? ["established"] : []),
  ].join(" ");
}

function protocolText(protocol: number | undefined, family: 4 | 6, isPlain: boolean): string {
  if (protocol === undefined) return family === 4 ? "ip" : "ipv6";
  if (protocol === icmpOf[family]) return isPlain ? "icmp" : "icmpv6";
  // The word says IPv6.
  if (protocol === icmpOf[6]) return String(protocol);
  return wordFor(protocolNumbers, (number) => number === protocol) ?? String(protocol);
}

function addressText(block: AddressPrefix | undefined): string {
  if (block === undefined) return "any";
  const { address, length } = block;
  if (length === bitsOf(address.family)) return `host ${formatIpAddress(address)}`;
  if (address.family === 6) return formatPrefix(block);
  const wildcard = 2 ** (32 - length) - 1;
  const octets = [24, 16, 8, 0].map((shift) => (wildcard >>> shift) & 0xff);
  return `${formatIpAddress(address)} ${octets.join(".")}`;
}

function portsText(
  ranges: readonly PortRange[] | undefined,
  protocol: number | undefined,
): readonly string[] {
  const [only] = ranges ?? [];
  if (ranges === undefined || only === undefined) return [];
  const text = (port: number): string =>
    wordFor(portWords(protocol ?? 0), (known) => known === port) ?? String(port);
  if (ranges.every(({ first, last }) => first === last)) {
    return ["eq", ...ranges.map(({ first }) => text(first))];
  }
  if (ranges.length > 1) return ["neq", ...portsBetween(ranges).map(text)];
  const { first, last } = only;
  if (first > 0 && last === mostPort) return ["gt", text(first - 1)];
  if (first === 0 && last < mostPort) return ["lt", text(last + 1)];
  return ["range", text(first), text(last)];
}

/** The ports that ranges in ascending order leave out. */
function portsBetween(ranges: readonly PortRange[]): readonly number[] {
  const missing: number[] = [];
  let next = 0;
  for (const { first, last } of [...ranges, { first: mostPort + 1, last: mostPort + 1 }]) {
    for (; next < first; next++) missing.push(next);
    next = last + 1;
  }
  return missing;
}

function icmpText({ family, icmpType, icmpCode }: FilterRule): readonly string[] {
  if (icmpType === undefined) return [];
  const word = wordFor(
    icmpWords[family],
    ([type, code]) => type === icmpType && code === icmpCode,
  );
  if (word !== undefined) return [word];
  return [String(icmpType), ...(icmpCode === undefined ? [] : [String(icmpCode)])];
}
