/**
 * UDP datagrams of a capture file: pcap and pcapng, Ethernet, raw IP, Linux cooked and null framing,
 * IPv4 and IPv6 without extension headers. Just enough for test material; anything else is passed over.
 */

/** One UDP datagram. */
export interface CapturedDatagram {
  /** Number of the packet in the file, from 1. */
  readonly frame: number;
  /** UDP source port. */
  readonly sourcePort: number;
  /** UDP destination port. */
  readonly destinationPort: number;
  /** UDP payload, as much of it as was captured. */
  readonly payload: Uint8Array;
}

/** All UDP datagrams of a capture file. */
export function readPcap(file: Uint8Array): CapturedDatagram[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 24) return [];
  const frames = view.getUint32(0) === 0x0a0d0d0a ? pcapngFrames(view) : pcapFrames(view);
  return frames.flatMap(({ linkType, start, end }, i) => {
    const datagram = udpOf(view, linkType, start, Math.min(end, file.length));
    return datagram === undefined ? [] : [{ frame: i + 1, ...datagram }];
  });
}

interface Frame {
  readonly linkType: number;
  readonly start: number;
  readonly end: number;
}

function pcapFrames(view: DataView): Frame[] {
  const magic = view.getUint32(0);
  const isLittle = magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1;
  const linkType = view.getUint32(20, isLittle);
  const frames: Frame[] = [];
  for (let at = 24; at + 16 <= view.byteLength;) {
    const captured = view.getUint32(at + 8, isLittle);
    frames.push({ linkType, start: at + 16, end: at + 16 + captured });
    at += 16 + captured;
  }
  return frames;
}

function pcapngFrames(view: DataView): Frame[] {
  const linkTypes: number[] = [];
  const frames: Frame[] = [];
  let isLittle = true;
  for (let at = 0; at + 12 <= view.byteLength;) {
    if (view.getUint32(at) === 0x0a0d0d0a) isLittle = view.getUint32(at + 8, true) === 0x1a2b3c4d;
    const type = view.getUint32(at, isLittle);
    const length = view.getUint32(at + 4, isLittle);
    if (type === 1) linkTypes.push(view.getUint16(at + 8, isLittle));
    if (type === 6 && at + 28 <= view.byteLength) {
      const linkType = linkTypes[view.getUint32(at + 8, isLittle)] ?? 1;
      const captured = view.getUint32(at + 20, isLittle);
      frames.push({ linkType, start: at + 28, end: at + 28 + captured });
    }
    at += Math.max(length, 12);
  }
  return frames;
}

function udpOf(
  view: DataView,
  linkType: number,
  start: number,
  end: number,
): Omit<CapturedDatagram, "frame"> | undefined {
  const ip = start + ({ 0: 4, 1: 14, 12: 0, 101: 0, 113: 16 }[linkType] ?? 14);
  if (ip + 20 > end) return undefined;
  const version = view.getUint8(ip) >> 4;
  const protocol = view.getUint8(version === 4 ? ip + 9 : ip + 6);
  const udp = ip + (version === 4 ? 4 * (view.getUint8(ip) & 0x0f) : 40);
  if (protocol !== 17 || udp + 8 > end) return undefined;
  const length = view.getUint16(udp + 4);
  const payloadEnd = Math.max(udp + 8, Math.min(end, udp + length));
  return {
    sourcePort: view.getUint16(udp),
    destinationPort: view.getUint16(udp + 2),
    payload: new Uint8Array(view.buffer, view.byteOffset + udp + 8, payloadEnd - udp - 8),
  };
}
