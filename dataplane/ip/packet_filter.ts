/**
 * A packet filter made ready for the hot path: may the peer send this packet (IOS extended access lists)?
 *
 * The first rule that fits decides; what none fits may not pass. A later fragment has neither ports nor
 * flags: a rule that asks for them fits it if it permits, and is passed over if it denies, since without
 * its first fragment it is of no use (as in IOS). What could be put together differently from what was
 * seen here, or sent on to somewhere else, may never pass, whatever the rules are: headers that are too
 * short (RFC 1858 §3), fragments that overlap them (RFC 1858 §4, RFC 3128), IPv6 extension headers behind
 * a fragment header (RFC 7112), source routes.
 *
 * Left out: what is in tunnels (IP in IP, GRE, ESP), which are protocols like any other.
 */
import type { FilterRule, PacketFilter, PortRange } from "../../core/gateway/packet_filter.ts";
import type { AddressPrefix } from "../../core/wire/address.ts";
import { type InnerHeader, Upper } from "./header.ts";
import { addressWords } from "./selector.ts";

const ackOrRst = 0x14;

/** Columns of a rule. Ports are indexes into the list of ranges, the second one behind the last. */
const Column = {
  PERMIT: 0,
  PROTOCOL: 1,
  HAS_UPPER: 2,
  ESTABLISHED: 3,
  ICMP_TYPE: 4,
  ICMP_CODE: 5,
  SOURCE_PORTS: 6,
  DESTINATION_PORTS: 8,
  ADDRESSES: 10,
} as const;

/** Any protocol, type, code or port. */
const anything = -1;

/** The filter. It has no state and may serve any number of pairs. */
export class CompiledFilter {
  readonly #four: RuleTable;
  readonly #six: RuleTable;

  /** Compiles the rules. */
  constructor(filter: PacketFilter) {
    this.#four = new RuleTable(filter.rules.filter(({ family }) => family === 4), 1);
    this.#six = new RuleTable(filter.rules.filter(({ family }) => family === 6), 4);
  }

  /** Whether the packet at `offset` may pass; `header` has parsed it, upper header included. */
  permits(view: DataView, offset: number, header: InnerHeader): boolean {
    if (!isUnequivocal(view, offset, header)) return false;
    return (header.version === 4 ? this.#four : this.#six).permits(view, header);
  }
}

/** The rules of one family, one row each. */
class RuleTable {
  readonly #count: number;
  readonly #stride: number;
  /** Words of an address that count: the last ones. */
  readonly #addressWords: number;
  readonly #rows: Int32Array;
  /** First and last port of each range. */
  readonly #ports: Uint16Array;

  constructor(rules: readonly FilterRule[], addressWords: 1 | 4) {
    this.#count = rules.length;
    this.#addressWords = addressWords;
    this.#stride = Column.ADDRESSES + 4 * addressWords;
    this.#rows = new Int32Array(rules.length * this.#stride);
    const ranges: PortRange[] = [];
    rules.forEach((rule, i) => this.#rows.set(this.#rowOf(rule, ranges), i * this.#stride));
    this.#ports = Uint16Array.from(ranges.flatMap(({ first, last }) => [first, last]));
  }

  /** What the first rule that fits says. */
  permits(view: DataView, header: InnerHeader): boolean {
    const rows = this.#rows;
    const { protocol } = header;
    const isLater = header.fragmentOffset > 0;
    const end = this.#count * this.#stride;
    for (let at = 0; at < end; at += this.#stride) {
      const wanted = rows[at + Column.PROTOCOL] as number;
      if (wanted !== anything && wanted !== protocol) continue;
      if (!this.#coversAddresses(at + Column.ADDRESSES, header)) continue;
      const isPermit = rows[at + Column.PERMIT] !== 0;
      if (rows[at + Column.HAS_UPPER] !== 0) {
        if (isLater ? !isPermit : !this.#coversUpper(at, view, header)) continue;
      }
      return isPermit;
    }
    return false;
  }

  #rowOf(rule: FilterRule, ranges: PortRange[]): readonly number[] {
    const { protocol = anything, icmpType = anything, icmpCode = anything, established } = rule;
    const { sourcePorts, destinationPorts } = rule;
    const hasUpper = established || icmpType !== anything || icmpCode !== anything ||
      sourcePorts !== undefined || destinationPorts !== undefined;
    const portsOf = (list: readonly PortRange[] | undefined): readonly [number, number] => {
      if (list === undefined) return [anything, anything];
      const from = ranges.length;
      ranges.push(...list);
      return [from, ranges.length];
    };
    return [
      rule.action === "permit" ? 1 : 0,
      protocol,
      hasUpper ? 1 : 0,
      established ? 1 : 0,
      icmpType,
      icmpCode,
      ...portsOf(sourcePorts),
      ...portsOf(destinationPorts),
      ...this.#blockOf(rule.source),
      ...this.#blockOf(rule.destination),
    ];
  }

  /** Masks, then values. */
  #blockOf(block: AddressPrefix | undefined): readonly number[] {
    const unused = 4 - this.#addressWords;
    const words = block === undefined ? new Uint32Array(4) : addressWords(block.address);
    const masks = Array.from({ length: this.#addressWords }, (_, i) => {
      const bits = Math.min(32, Math.max(0, (block?.length ?? 0) - 32 * i));
      return bits === 0 ? 0 : -1 << (32 - bits);
    });
    return [...masks, ...masks.map((mask, i) => (words[unused + i] as number) & mask)];
  }

  #coversAddresses(at: number, { source, destination }: InnerHeader): boolean {
    const rows = this.#rows;
    const size = this.#addressWords;
    const unused = 4 - size;
    for (let i = 0; i < size; i++) {
      const from = at + i;
      const to = from + 2 * size;
      const wordFrom = source[unused + i] as number;
      if ((wordFrom & (rows[from] as number)) !== rows[from + size]) return false;
      const wordTo = destination[unused + i] as number;
      if ((wordTo & (rows[to] as number)) !== rows[to + size]) return false;
    }
    return true;
  }

  #coversUpper(at: number, view: DataView, header: InnerHeader): boolean {
    const rows = this.#rows;
    const { protocol, sourcePort, destinationPort } = header;
    if (!this.#coversPort(at + Column.SOURCE_PORTS, sourcePort)) return false;
    if (!this.#coversPort(at + Column.DESTINATION_PORTS, destinationPort)) return false;
    const type = rows[at + Column.ICMP_TYPE] as number;
    if (type !== anything && type !== sourcePort >>> 8) return false;
    const code = rows[at + Column.ICMP_CODE] as number;
    if (code !== anything && code !== (sourcePort & 0xff)) return false;
    return rows[at + Column.ESTABLISHED] === 0 ||
      (protocol === Upper.TCP && (view.getUint8(header.upperAt + 13) & ackOrRst) !== 0);
  }

  #coversPort(at: number, port: number): boolean {
    const from = this.#rows[at] as number;
    if (from === anything) return true;
    const ports = this.#ports;
    const to = this.#rows[at + 1] as number;
    for (let i = 2 * from; i < 2 * to; i += 2) {
      if (port >= (ports[i] as number) && port <= (ports[i + 1] as number)) return true;
    }
    return false;
  }
}

/** Whether the packet is for everybody what it is here. */
function isUnequivocal(view: DataView, offset: number, header: InnerHeader): boolean {
  const { version, protocol, upperAt, fragmentOffset } = header;
  if (header.isAmbiguous) return false;
  if (version === 4 ? hasSourceRoute(view, offset, upperAt) : isOpaque(protocol)) return false;
  // A fragment that begins at octet 8 may lay itself over the flags of TCP (RFC 1858 §4). In IPv6 it need
  // not say truly that it is TCP (RFC 8200 §4.5).
  if (fragmentOffset === 1) return version === 4 && protocol !== Upper.TCP;
  return fragmentOffset > 0 || offset + header.totalLength - upperAt >= leastUpper(protocol);
}

/** Octets that the upper header has at least, where rules may ask for what is in it. */
function leastUpper(protocol: number): number {
  switch (protocol) {
    case Upper.TCP:
      return 20;
    case 1: // ICMP
    case 17: // UDP
    case 33: // DCCP
    case 58: // ICMPv6
    case 132: // SCTP
    case 136: // UDP-Lite
      return 8;
    default:
      return 0;
  }
}

/** Extension headers that `InnerHeader` does not look behind: HIP, Shim6, and those of experiments. */
function isOpaque(protocol: number): boolean {
  return protocol === 139 || protocol === 140 || protocol === 253 || protocol === 254;
}

/** Whether the IPv4 options, up to `end`, are malformed or send the packet on (RFC 791 §3.1). */
function hasSourceRoute(view: DataView, offset: number, end: number): boolean {
  let at = offset + 20;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === 0) return false; // end of the list
    if (kind === 1) { // nothing, of one octet
      at++;
      continue;
    }
    if (kind === 131 || kind === 137) return true; // loose, strict
    const length = at + 1 < end ? view.getUint8(at + 1) : 0;
    if (length < 2) return true;
    at += length;
  }
  return at > end;
}
