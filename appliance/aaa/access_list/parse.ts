/**
 * One line of an IOS extended access list, IPv4 or IPv6, to a rule:
 *
 *     permit|deny PROTOCOL SOURCE [PORTS] DESTINATION [PORTS] [established | TYPE [CODE]] [log]
 *
 * Left out: `dscp`, `tos`, `fragments`, flags of TCP but `established`, object groups, time ranges, and
 * wildcards whose ones are not all at the end. They are refused: a rule that is obeyed in part is none.
 */
import {
  type AddressPrefix,
  bitsOf,
  fail,
  type FilterRule,
  ok,
  parseIpAddress,
  parsePrefix,
  type PortRange,
  prefixToRange,
  type Result,
} from "../../../core/mod.ts";
import { type LineFault, LineWords } from "./line_words.ts";
import {
  icmpOf,
  icmpWords,
  portWords,
  protocolNumbers,
  protocolsWithPorts,
  tcp,
  type Words,
} from "./words.ts";

/** Ports behind one `eq` or `neq`, as in IOS. */
export const mostPorts = 10;

const mostPort = 65_535;
const mostOctet = 255;

/**
 * The rule of a line. `family` is that of the list; in a list of both, a rule is of the family that
 * its addresses or its protocol say, else IPv4.
 */
export function parseRule(text: string, family?: 4 | 6): Result<FilterRule, LineFault> {
  const words = new LineWords(text);
  const rule = readRule(words, { known: family });
  return words.fault === undefined ? ok(rule) : fail(words.fault);
}

/** Which family a rule is of, as far as its words have said. */
interface FamilySoFar {
  known: 4 | 6 | undefined;
}

/** Settles the family; false when it is settled otherwise. */
function settle(so: FamilySoFar, family: 4 | 6): boolean {
  so.known ??= family;
  return so.known === family;
}

function readRule(words: LineWords, family: FamilySoFar): FilterRule {
  const action = words.next === "permit" ? "permit" : "deny";
  if (!words.takeIf(action)) words.refuse("permit or deny");
  const named = readProtocol(words, family);
  const number = typeof named === "number" ? named : undefined;
  const source = readAddress(words, family);
  const sourcePorts = readPorts(words, number);
  const destination = readAddress(words, family);
  const destinationPorts = readPorts(words, number);
  const version = family.known ?? 4;
  const protocol = named === "icmp" ? icmpOf[version] : number;
  const icmp = protocol === icmpOf[version] ? readIcmp(words, version) : {};
  const established = protocol === tcp && words.takeIf("established");
  if (!words.takeIf("log")) words.takeIf("log-input");
  if (words.next !== "") words.refuse("the end of the rule");
  return {
    action,
    family: version,
    ...(protocol === undefined ? {} : { protocol }),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
    ...(destinationPorts === undefined ? {} : { destinationPorts }),
    ...(established ? { established } : {}),
    ...icmp,
  };
}

/** A number, `icmp` of a family that is not known yet, or `undefined` for any. */
function readProtocol(words: LineWords, family: FamilySoFar): number | "icmp" | undefined {
  const examples = family.known === 6
    ? "ipv6, tcp, udp, icmp"
    : family.known === 4
    ? "ip, tcp, udp, icmp"
    : "ip, ipv6, tcp, udp, icmp, icmpv6";
  const word = words.next;
  const isOfFamily = word === "ip"
    ? settle(family, 4)
    : word === "ipv6" || word === "icmpv6"
    ? settle(family, 6)
    : true;
  const number = protocolNumbers.get(word) ?? numberOf(word, mostOctet);
  const isKnown = number !== undefined || ["ip", "ipv6", "icmp"].includes(word);
  if (!isOfFamily || !isKnown) words.refuse(`a protocol such as ${examples}, or its number,`);
  words.take();
  return word === "icmp" ? word : number;
}

/** `any`, `host A`, `A/LENGTH` or `A WILDCARD`; `undefined` is any. */
function readAddress(words: LineWords, family: FamilySoFar): AddressPrefix | undefined {
  if (words.takeIf("any")) return undefined;
  const kind = family.known === undefined ? "IPv4 or IPv6" : `IPv${family.known}`;
  const isHost = words.takeIf("host");
  const address = parseIpAddress(words.next);
  const block = isHost ? undefined : parsePrefix(words.next);
  const given = address?.family ?? block?.address.family;
  if (given === undefined || !settle(family, given)) {
    words.refuse(isHost ? `an ${kind} address` : `any, host and an ${kind} address, or a block,`);
    return undefined;
  }
  words.take();
  if (block !== undefined) return blockOf(block);
  if (address === undefined) return undefined;
  if (isHost) return { address, length: bitsOf(given) };
  if (given === 6) {
    words.refuse("a block such as 2001:db8::/32, or host before the address,", 1);
    return undefined;
  }
  const length = wildcardLength(words.next);
  if (length === undefined) {
    words.refuse("a wildcard whose ones are all at the end, such as 0.0.0.255,");
    return undefined;
  }
  words.take();
  return blockOf({ address, length });
}

/** The block with nothing behind its leading bits; all addresses are any. */
function blockOf(block: AddressPrefix): AddressPrefix | undefined {
  return block.length === 0
    ? undefined
    : { address: prefixToRange(block).first, length: block.length };
}

/** The prefix length of `0.0.0.255` and its like. */
function wildcardLength(text: string): number | undefined {
  const wildcard = parseIpAddress(text);
  if (wildcard?.family !== 4) return undefined;
  const value = wildcard.octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const length = Math.clz32(value);
  return value === 2 ** (32 - length) - 1 ? length : undefined;
}

/** Ports, where the protocol has them and the line names some; in ascending order. */
function readPorts(
  words: LineWords,
  protocol: number | undefined,
): readonly PortRange[] | undefined {
  const operator = words.next;
  if (!["eq", "neq", "gt", "lt", "range"].includes(operator)) return undefined;
  if (protocol === undefined || !protocolsWithPorts.has(protocol)) {
    words.refuse("no ports, which this protocol does not have,");
    return undefined;
  }
  words.take();
  const known = portWords(protocol);
  const first = readPort(words, known);
  switch (operator) {
    case "gt":
      if (first === mostPort) words.refuse(`a port below ${mostPort}`, 1);
      return [{ first: first + 1, last: mostPort }];
    case "lt":
      if (first === 0) words.refuse("a port above 0", 1);
      return [{ first: 0, last: first - 1 }];
    case "range": {
      const last = readPort(words, known);
      if (last < first) words.refuse(`a port from ${first} on`, 1);
      return [{ first, last }];
    }
  }
  const ports = new Set([first]);
  while (portOf(words.next, known) !== undefined) {
    ports.add(readPort(words, known));
    if (ports.size > mostPorts) words.refuse(`at most ${mostPorts} ports behind ${operator}`, 1);
  }
  const sorted = [...ports].sort((a, b) => a - b);
  return operator === "eq" ? sorted.map((port) => ({ first: port, last: port })) : allBut(sorted);
}

function readPort(words: LineWords, known: Words<number>): number {
  const port = portOf(words.next, known);
  if (port === undefined) words.refuse("a port, a number from 0 to 65535 or a word such as www,");
  words.take();
  return port ?? 0;
}

function portOf(word: string, known: Words<number>): number | undefined {
  return known.get(word) ?? numberOf(word, mostPort);
}

/** The gaps between ports in ascending order. */
function allBut(ports: readonly number[]): readonly PortRange[] {
  return [...ports, mostPort + 1]
    .map((port, i) => ({ first: (ports[i - 1] ?? -1) + 1, last: port - 1 }))
    .filter(({ first, last }) => first <= last);
}

/** Type and code of ICMP, where the line names them. */
function readIcmp(words: LineWords, family: 4 | 6): Pick<FilterRule, "icmpType" | "icmpCode"> {
  const known = icmpWords[family].get(words.next);
  const icmpType = known?.[0] ?? numberOf(words.next, mostOctet);
  if (icmpType === undefined) return {};
  words.take();
  const given = known === undefined ? numberOf(words.next, mostOctet) : undefined;
  if (given !== undefined) words.take();
  const icmpCode = known?.[1] ?? given;
  return icmpCode === undefined ? { icmpType } : { icmpType, icmpCode };
}

function numberOf(word: string, most: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(word)) return undefined;
  const value = Number(word);
  return value <= most ? value : undefined;
}
