/**
 * What a datagram on a NAT traversal port is (RFC 3948 §2): IKE, ESP or keepalive.
 *
 * On the IKE port everything is IKE; nobody asks there.
 */

/** Kinds of datagram. */
export const DatagramKind = {
  /** One octet of ones (RFC 3948 §2.3). */
  KEEPALIVE: 0,
  /** A non-ESP marker, then an IKE message (RFC 3948 §2.2). */
  IKE: 1,
  /** An ESP packet (RFC 3948 §2.1). */
  ESP: 2,
  /** Too short to be anything. */
  JUNK: 3,
} as const;

/** A value of `DatagramKind`. */
export type DatagramKind = typeof DatagramKind[keyof typeof DatagramKind];

/** Octets of the non-ESP marker, which are all zero. */
export const nonEspMarkerBytes = 4;

/** The kind of the datagram of `length` octets at `offset`. */
export function datagramKind(view: DataView, offset: number, length: number): DatagramKind {
  if (length > nonEspMarkerBytes) {
    return view.getUint32(offset) === 0 ? DatagramKind.IKE : DatagramKind.ESP;
  }
  if (length === 1 && view.getUint8(offset) === 0xff) return DatagramKind.KEEPALIVE;
  return DatagramKind.JUNK;
}
