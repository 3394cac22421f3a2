/**
 * What a datagram on a NAT traversal port is (RFC 3948 §2): IKE, ESP or keepalive. On the IKE port
 * everything is IKE; nobody asks there.
 *
 * And which line an IKE message waits in for the control plane: whoever begins an IKE SA, which anybody can
 * in any number, does not stand in the way of those who have one.
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

/** Lines of IKE messages. */
export const IkeLine = {
  /** For an IKE SA that is there, as far as its octets say. */
  ESTABLISHED: 0,
  /** To begin one. */
  INITIAL: 1,
} as const;

/** A value of `IkeLine`. */
export type IkeLine = typeof IkeLine[keyof typeof IkeLine];

/** Octets of an IKE header (RFC 7296 §3.1), and where the exchange type and the flags stand in it. */
const ikeHeaderBytes = 28;
const exchangeTypeOffset = 18;
const flagsOffset = 19;
const ikeSaInit = 34;
const responseFlag = 0x20;

/** The line of the IKE message of `length` octets at `offset`, without the non-ESP marker. */
export function ikeLine(view: DataView, offset: number, length: number): IkeLine {
  if (length < ikeHeaderBytes) return IkeLine.INITIAL;
  const isInitial = view.getUint8(offset + exchangeTypeOffset) === ikeSaInit &&
    (view.getUint8(offset + flagsOffset) & responseFlag) === 0;
  return isInitial ? IkeLine.INITIAL : IkeLine.ESTABLISHED;
}
