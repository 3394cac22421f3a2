/** Inner packets for tests: headers right, upper checksums zero, content that can be recognised. */
import { address } from "./ends.ts";
import { naiveSum } from "./naive_packets.ts";

/** What stands in a made packet. */
export interface InnerFields {
  readonly source?: string;
  readonly destination?: string;
  /** Upper protocol, 17 unless told. */
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Octets behind the ports, 8 unless told. */
  readonly content?: number;
  /** Fragment offset in octets; no ports are written then. */
  readonly fragmentOffset?: number;
  /** IPv4: may not be cut. */
  readonly dontFragment?: boolean;
  /** DSCP and ECN. */
  readonly trafficClass?: number;
}

/** An IPv4 or IPv6 packet, by the family of its addresses. */
export function innerPacket(fields: InnerFields = {}): Uint8Array<ArrayBuffer> {
  const source = address(fields.source ?? "10.0.0.1");
  const destination = address(fields.destination ?? "10.0.0.2");
  const { protocol = 17, content = 8, fragmentOffset = 0, trafficClass = 0 } = fields;
  const isV4 = source.family === 4;
  const fragmentHeader = !isV4 && fragmentOffset > 0 ? 8 : 0;
  const upperAt = (isV4 ? 20 : 40) + fragmentHeader;
  const packet = new Uint8Array(upperAt + 4 + content).map((_, i) => i & 0xff);
  const view = new DataView(packet.buffer);
  packet.fill(0, 0, upperAt);
  if (isV4) {
    packet[0] = 0x45;
    packet[1] = trafficClass;
    view.setUint16(2, packet.length);
    view.setUint16(6, (fields.dontFragment === true ? 0x4000 : 0) | (fragmentOffset >> 3));
    packet[8] = 64;
    packet[9] = protocol;
    packet.set(source.octets, 12);
    packet.set(destination.octets, 16);
    view.setUint16(10, 0xffff - naiveSum(packet.subarray(0, 20)));
  } else {
    view.setUint16(0, 0x6000 | (trafficClass << 4));
    view.setUint16(4, packet.length - 40);
    packet[6] = fragmentHeader > 0 ? 44 : protocol;
    packet[7] = 64;
    packet.set(source.octets, 8);
    packet.set(destination.octets, 24);
    if (fragmentHeader > 0) {
      packet[40] = protocol;
      view.setUint16(42, fragmentOffset & 0xfff8);
    }
  }
  view.setUint16(upperAt, fields.sourcePort ?? 1000);
  view.setUint16(upperAt + 2, fields.destinationPort ?? 2000);
  return packet;
}
