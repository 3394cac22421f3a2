/**
 * What a packet filter means, said a second time: slowly, with big numbers and lists, and without a look
 * at how the hot path does it.
 */
import type { FilterRule, PacketFilter, PortRange } from "../../../core/gateway/packet_filter.ts";
import { type AddressPrefix, addressToBigInt, bitsOf } from "../../../core/wire/address.ts";

/** What a packet says, as far as a filter may believe it. */
interface Facts {
  readonly family: 4 | 6;
  readonly source: bigint;
  readonly destination: bigint;
  readonly protocol: number;
  /** The upper header and what is behind it; `undefined` in a later fragment. */
  readonly upper: Uint8Array | undefined;
}

/** Whether the filter permits a packet, which has at least its own length. */
export function naivePermits(filter: PacketFilter, packet: Uint8Array): boolean {
  const facts = packet[0]! >> 4 === 4 ? factsOf4(packet) : factsOf6(packet);
  if (facts === undefined) return false;
  const rule = filter.rules.find((one) => fits(one, facts));
  return rule?.action === "permit";
}

const withPorts = [6, 17, 33, 132, 136];

function fits(rule: FilterRule, { family, source, destination, protocol, upper }: Facts): boolean {
  const isThere = rule.family === family &&
    (rule.protocol === undefined || rule.protocol === protocol) &&
    isIn(source, rule.source) && isIn(destination, rule.destination);
  if (!isThere) return false;
  const asks = rule.established === true || rule.sourcePorts !== undefined ||
    rule.destinationPorts !== undefined || rule.icmpType !== undefined ||
    rule.icmpCode !== undefined;
  if (!asks) return true;
  if (upper === undefined) return rule.action === "permit";
  const hasPorts = withPorts.includes(protocol);
  const port = (at: number): number => upper[at]! * 256 + upper[at + 1]!;
  const isOneOf = (ranges: readonly PortRange[] | undefined, at: number): boolean =>
    ranges === undefined ||
    (hasPorts && ranges.some(({ first, last }) => first <= port(at) && port(at) <= last));
  const isIcmp = protocol === 1 || protocol === 58;
  const isOctet = (wanted: number | undefined, at: number): boolean =>
    wanted === undefined || (isIcmp && upper[at] === wanted);
  const isAnswer = protocol === 6 && ((upper[13]! & 0x10) !== 0 || (upper[13]! & 0x04) !== 0);
  return isOneOf(rule.sourcePorts, 0) && isOneOf(rule.destinationPorts, 2) &&
    isOctet(rule.icmpType, 0) && isOctet(rule.icmpCode, 1) &&
    (rule.established !== true || isAnswer);
}

function isIn(address: bigint, block: AddressPrefix | undefined): boolean {
  if (block === undefined) return true;
  const shift = BigInt(bitsOf(block.address.family) - block.length);
  return address >> shift === addressToBigInt(block.address) >> shift;
}

function factsOf4(packet: Uint8Array): Facts | undefined {
  const size = (packet[0]! & 15) * 4;
  const whole = packet.subarray(0, packet[2]! * 256 + packet[3]!);
  const options = [...whole.subarray(20, size)];
  while (options.length > 0 && options[0] !== 0) {
    const [kind, length = 0] = options;
    if (kind === 131 || kind === 137) return undefined;
    if (kind === 1) options.shift();
    else if (length < 2 || length > options.length) return undefined;
    else options.splice(0, length);
  }
  const offset = (whole[6]! * 256 + whole[7]!) % 8192;
  const protocol = whole[9]!;
  if (offset === 1 && protocol === 6) return undefined;
  return checked({
    family: 4,
    source: numberOf(whole.subarray(12, 16)),
    destination: numberOf(whole.subarray(16, 20)),
    protocol,
    upper: offset === 0 ? whole.subarray(size) : undefined,
  });
}

function factsOf6(packet: Uint8Array): Facts | undefined {
  const whole = packet.subarray(0, 40 + packet[4]! * 256 + packet[5]!);
  const addresses = {
    source: numberOf(whole.subarray(8, 24)),
    destination: numberOf(whole.subarray(24, 40)),
  };
  let next = whole[6]!;
  let rest = whole.subarray(40);
  let isCut = false;
  while ([0, 43, 44, 51, 60].includes(next)) {
    if (isCut || rest.length < 8) return undefined;
    const kind = next;
    next = rest[0]!;
    if (kind === 43 && rest[3] !== 0) return undefined;
    if (kind === 44) {
      isCut = true;
      const offset = (rest[2]! * 256 + rest[3]!) >> 3;
      if (offset > 0) {
        if (offset === 1 || [0, 43, 44, 51, 60].includes(next)) return undefined;
        return checked({ family: 6, ...addresses, protocol: next, upper: undefined });
      }
    }
    const size = kind === 44 ? 8 : kind === 51 ? 4 * (rest[1]! + 2) : 8 * (rest[1]! + 1);
    if (size > rest.length) return undefined;
    rest = rest.subarray(size);
  }
  return checked({ family: 6, ...addresses, protocol: next, upper: rest });
}

/** Without headers that are too short, or that nobody here can look behind. */
function checked(facts: Facts): Facts | undefined {
  const { family, protocol, upper } = facts;
  if (family === 6 && [139, 140, 253, 254].includes(protocol)) return undefined;
  if (upper === undefined) return facts;
  const least = protocol === 6 ? 20 : [1, 58, ...withPorts].includes(protocol) ? 8 : 0;
  return upper.length < least ? undefined : facts;
}

function numberOf(octets: Uint8Array): bigint {
  return octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}
