/** Inner packets with everything that a filter looks at, or must not be misled by. */
import { address } from "./ends.ts";

/** What stands in a packet. */
export interface FilterPacket {
  readonly source?: string;
  readonly destination?: string;
  /** 6 unless told. */
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Of TCP; SYN unless told. */
  readonly flags?: number;
  /** Octets from the upper header on, 40 unless told. */
  readonly upperBytes?: number;
  /** In units of 8 octets. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  /** IPv4 options, a multiple of 4 octets. */
  readonly options?: readonly number[];
  /** Numbers and octets of IPv6 extension headers; the fragment header (44) has its octets made. */
  readonly extensions?: readonly (readonly [kind: number, octets?: readonly number[]])[];
}

/** A packet of the family of its addresses. */
export function filterPacket(fields: FilterPacket): Uint8Array<ArrayBuffer> {
  const source = address(fields.source ?? "10.0.0.1");
  const destination = address(fields.destination ?? "10.0.0.2");
  const { protocol = 6, upperBytes = 40, fragmentOffset = 0, moreFragments = false } = fields;
  const upper = new Uint8Array(Math.max(upperBytes, 20));
  const view = new DataView(upper.buffer);
  view.setUint16(0, fields.sourcePort ?? 1000);
  view.setUint16(2, fields.destinationPort ?? 443);
  upper[12] = 0x50;
  upper[13] = fields.flags ?? 0x02;
  const content = upper.subarray(0, upperBytes);
  if (source.family === 4) {
    const options = fields.options ?? [];
    const packet = Uint8Array.of(...new Uint8Array(20), ...options, ...content);
    const header = new DataView(packet.buffer);
    packet[0] = 0x45 + options.length / 4;
    header.setUint16(2, packet.length);
    header.setUint16(6, fragmentOffset | (moreFragments ? 0x2000 : 0));
    packet.set([64, protocol], 8);
    packet.set(source.octets, 12);
    packet.set(destination.octets, 16);
    return packet;
  }
  const extensions = fields.extensions ?? [];
  const headers = extensions.flatMap(([kind, octets = [0, 0, 0, 0, 0, 0, 0, 0]], i) => {
    const next = extensions[i + 1]?.[0] ?? protocol;
    const field = (fragmentOffset << 3) | (moreFragments ? 1 : 0);
    return kind === 44
      ? [next, 0, field >> 8, field & 0xff, 0, 0, 0, 7]
      : [next, ...octets.slice(1)];
  });
  const packet = Uint8Array.of(...new Uint8Array(40), ...headers, ...content);
  packet[0] = 0x60;
  new DataView(packet.buffer).setUint16(4, packet.length - 40);
  packet.set([extensions[0]?.[0] ?? protocol, 64], 6);
  packet.set(source.octets, 8);
  packet.set(destination.octets, 24);
  return packet;
}
