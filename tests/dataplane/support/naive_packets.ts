/**
 * Cutting, joining and checksums of inner packets once more, octet by octet and with fresh memory for
 * everything: what the packet path must agree with.
 */
import { concatBytes } from "../../../core/bytes.ts";
import { address } from "./ends.ts";

type Octets = Uint8Array;

/** RFC 1071, over big-endian words; not complemented. */
export function naiveSum(...pieces: readonly Octets[]): number {
  const octets = concatBytes(...pieces);
  let sum = 0;
  octets.forEach((octet, i) => sum += i % 2 === 0 ? octet * 256 : octet);
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return sum;
}

function pseudoHeader(packet: Octets, length: number): Octets {
  const isV4 = packet[0]! >> 4 === 4;
  const addresses = isV4 ? packet.slice(12, 20) : packet.slice(8, 40);
  const protocol = isV4 ? packet[9]! : packet[6]!;
  return concatBytes(addresses, Uint8Array.of(0, protocol, length >> 8, length & 0xff));
}

/** Where the upper header starts, and what it is. */
export function shapeOf(packet: Octets): { transport: number; isTcp: boolean; headers: number } {
  const isV4 = packet[0]! >> 4 === 4;
  const transport = isV4 ? (packet[0]! & 15) * 4 : 40;
  const isTcp = (isV4 ? packet[9] : packet[6]) === 6;
  return {
    transport,
    isTcp,
    headers: transport + (isTcp ? (packet[transport + 12]! >> 4) * 4 : 8),
  };
}

/** Sets all lengths and checksums of a packet. */
export function naiveFinish(packet: Octets): Octets {
  const result = packet.slice();
  const view = new DataView(result.buffer);
  const { transport, isTcp } = shapeOf(result);
  if (result[0]! >> 4 === 4) {
    view.setUint16(2, result.length);
    view.setUint16(10, 0);
    view.setUint16(10, 0xffff - naiveSum(result.slice(0, transport)));
  } else {
    view.setUint16(4, result.length - 40);
  }
  const field = transport + (isTcp ? 16 : 6);
  if (!isTcp) view.setUint16(transport + 4, result.length - transport);
  view.setUint16(field, 0);
  const upper = result.slice(transport);
  const sum = 0xffff - naiveSum(pseudoHeader(result, upper.length), upper);
  view.setUint16(field, sum === 0 ? 0xffff : sum);
  return result;
}

/** The packets that a super-packet stands for. */
export function naiveCut(packet: Octets, size: number): Octets[] {
  const { transport, isTcp, headers } = shapeOf(packet);
  const parts: Octets[] = [];
  for (let at = headers; at < packet.length; at += size) {
    const part = concatBytes(packet.slice(0, headers), packet.slice(at, at + size));
    const view = new DataView(part.buffer);
    const isLast = at + size >= packet.length;
    if (part[0]! >> 4 === 4) view.setUint16(4, view.getUint16(4) + parts.length);
    if (isTcp) {
      view.setUint32(transport + 4, view.getUint32(transport + 4) + at - headers);
      if (!isLast) part[transport + 13]! &= ~0x09;
      if (at > headers) part[transport + 13]! &= ~0x80;
    }
    parts.push(naiveFinish(part));
  }
  return parts;
}

/** What a made packet is like. */
export interface MadeFields {
  readonly version: 4 | 6;
  readonly protocol: "tcp" | "udp";
  readonly payload: Octets;
  readonly port?: number;
  /** Octets of TCP options or of IPv4 options. */
  readonly tcpOptions?: Octets;
  readonly ipOptions?: Octets;
  readonly flags?: number;
  readonly sequence?: number;
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly tos?: number;
}

/** A packet with right lengths and checksums; longer than any link, if need be. */
export function madePacket(fields: MadeFields): Octets {
  const { version, protocol, payload, port = 7, tcpOptions = new Uint8Array(0) } = fields;
  const ipOptions = fields.ipOptions ?? new Uint8Array(0);
  const ip = new Uint8Array(version === 4 ? 20 + ipOptions.length : 40);
  const ipView = new DataView(ip.buffer);
  const number = protocol === "tcp" ? 6 : 17;
  if (version === 4) {
    ip.set([0x40 | ip.length / 4, fields.tos ?? 0]);
    ipView.setUint16(4, fields.id ?? 1);
    ipView.setUint16(6, fields.dontFragment === false ? 0 : 0x4000);
    ip.set([64, number], 8);
    ip.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
    ip.set(ipOptions, 20);
  } else {
    ipView.setUint32(0, 0x6000_1234 | ((fields.tos ?? 0) << 20));
    ip.set([number, 64], 6);
    ip.set([0xfd, 0, 1], 8);
    ip.set([0xfd, 0, 2], 24);
  }
  const upper = new Uint8Array(protocol === "tcp" ? 20 + tcpOptions.length : 8);
  const view = new DataView(upper.buffer);
  view.setUint16(0, port);
  view.setUint16(2, 5201);
  if (protocol === "tcp") {
    view.setUint32(4, fields.sequence ?? 1000);
    view.setUint32(8, 77);
    upper.set([(upper.length / 4) << 4, fields.flags ?? 0x10], 12);
    view.setUint16(14, 501);
    upper.set(tcpOptions, 20);
  }
  return naiveFinish(concatBytes(ip, upper, payload));
}

/** A UDP or TCP packet between two hosts, with right lengths and checksums. */
export function addressedPacket(
  source: string,
  destination: string,
  fields: Partial<MadeFields> & Pick<MadeFields, "protocol">,
): Uint8Array<ArrayBuffer> {
  const [from, to] = [address(source), address(destination)];
  const version = from.family;
  const packet = Uint8Array.from(madePacket({ version, payload: new Uint8Array(8), ...fields }));
  packet.set(from.octets, version === 4 ? 12 : 8);
  packet.set(to.octets, version === 4 ? 16 : 24);
  return Uint8Array.from(naiveFinish(packet));
}
