/**
 * Structures of the Linux system call interface as octets, and the numbers that go with them.
 *
 * They are the same on x86-64 and aarch64: little-endian, 64-bit pointers, the same option numbers.
 * Other machines are refused by `libc.ts`. Link-local IPv6 scopes are not kept.
 */
import type { Endpoint, IpAddress } from "../../core/wire/address.ts";

/** Numbers from the Linux headers. */
export const Linux = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_SEQPACKET: 5,
  SOCK_CLOEXEC: 0x80000,
  SOL_SOCKET: 1,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_SNDTIMEO: 21,
  SO_RCVTIMEO: 20,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  IPPROTO_IP: 0,
  IP_TOS: 1,
  IP_PKTINFO: 8,
  IP_MTU_DISCOVER: 10,
  IP_RECVTOS: 13,
  IP_MTU: 14,
  IPPROTO_IPV6: 41,
  IPV6_MTU_DISCOVER: 23,
  IPV6_MTU: 24,
  IPV6_V6ONLY: 26,
  IPV6_RECVPKTINFO: 49,
  IPV6_PKTINFO: 50,
  IPV6_RECVTCLASS: 66,
  IPV6_TCLASS: 67,
  PMTUDISC_DONT: 0,
  PMTUDISC_WANT: 1,
  PMTUDISC_DO: 2,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  O_RDWR: 2,
  O_NONBLOCK: 0x800,
  O_CLOEXEC: 0x80000,
  POLLIN: 1,
  POLLERR: 8,
  POLLHUP: 16,
  POLLNVAL: 32,
  SOL_UDP: 17,
  UDP_SEGMENT: 103,
  UDP_GRO: 104,
  TUNSETIFF: 0x400454ca,
  TUNSETOFFLOAD: 0x400454d0,
  IFF_TUN: 1,
  IFF_NO_PI: 0x1000,
  IFF_VNET_HDR: 0x4000,
  TUN_F_CSUM: 1,
  TUN_F_TSO4: 2,
  TUN_F_TSO6: 4,
  TUN_F_USO4: 0x20,
  TUN_F_USO6: 0x40,
} as const;

/** Sizes of structures, in octets. */
export const Size = {
  SOCKADDR_IN: 16,
  SOCKADDR_IN6: 28,
  IOVEC: 16,
  MSGHDR: 56,
  MMSGHDR: 64,
  POLLFD: 8,
  IFREQ: 40,
  VIRTIO_NET_HDR: 10,
} as const;

/** Offsets and values in `struct virtio_net_hdr`; its numbers are in the machine's order. */
export const VirtioNet = {
  FLAGS: 0,
  GSO_TYPE: 1,
  HEADER_LENGTH: 2,
  GSO_SIZE: 4,
  CHECKSUM_START: 6,
  CHECKSUM_OFFSET: 8,
  NEEDS_CHECKSUM: 1,
  GSO_NONE: 0,
  GSO_TCPV4: 1,
  GSO_TCPV6: 4,
  GSO_UDP_L4: 5,
  GSO_ECN: 0x80,
} as const;

/** Offsets in `struct mmsghdr`, which starts with `struct msghdr`. */
export const Mmsghdr = {
  NAME: 0,
  NAMELEN: 8,
  IOV: 16,
  IOVLEN: 24,
  CONTROL: 32,
  CONTROLLEN: 40,
  FLAGS: 48,
  LEN: 56,
} as const;

/** Offsets in `struct cmsghdr`, and of what follows it. */
const Cmsghdr = { LEN: 0, LEVEL: 8, TYPE: 12, DATA: 16 } as const;

/** Room for the control messages of one datagram: an address, a traffic class and a segment size. */
export const controlBytes = 96;

/** Octets of a control message that holds a segment size. */
export const segmentSizeControlBytes = 24;

/** Octets of a control message that holds a traffic class. */
export const trafficClassControlBytes = 24;

const twoTo32 = 0x1_0000_0000;

/**
 * Writes a pointer. User addresses are below 2^47, so a number holds them exactly, and its lower half is what
 * is left when it is made an integer of 32 bits.
 */
export function writePointer(view: DataView, offset: number, address: number): void {
  view.setUint32(offset, address, true);
  view.setUint32(offset + 4, address / twoTo32, true);
}

/** `sockaddr_in` or `sockaddr_in6` of an endpoint. */
export function buildSockaddr(endpoint: Endpoint): Uint8Array<ArrayBuffer> {
  const { family, octets } = endpoint.address;
  const bytes = new Uint8Array(family === 4 ? Size.SOCKADDR_IN : Size.SOCKADDR_IN6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 4 ? Linux.AF_INET : Linux.AF_INET6, true);
  view.setUint16(2, endpoint.port);
  bytes.set(octets, family === 4 ? 4 : 8);
  return bytes;
}

/** The endpoint of a `sockaddr_in` or `sockaddr_in6`; `undefined` for another family. */
export function parseSockaddr(view: DataView, offset: number): Endpoint | undefined {
  const port = view.getUint16(offset + 2);
  switch (view.getUint16(offset, true)) {
    case Linux.AF_INET:
      return { address: { family: 4, octets: copyOctets(view, offset + 4, 4) }, port };
    case Linux.AF_INET6:
      return { address: { family: 6, octets: copyOctets(view, offset + 8, 16) }, port };
    default:
      return undefined;
  }
}

/** A control message that sets the source address of a datagram. */
export function buildPacketInfo(source: IpAddress): Uint8Array<ArrayBuffer> {
  const isV4 = source.family === 4;
  const bytes = new Uint8Array(isV4 ? 32 : 40); // CMSG_SPACE
  const view = new DataView(bytes.buffer);
  view.setUint32(Cmsghdr.LEN, isV4 ? 28 : 36, true); // CMSG_LEN
  view.setUint32(Cmsghdr.LEVEL, isV4 ? Linux.IPPROTO_IP : Linux.IPPROTO_IPV6, true);
  view.setUint32(Cmsghdr.TYPE, isV4 ? Linux.IP_PKTINFO : Linux.IPV6_PKTINFO, true);
  // in_pktinfo: interface, our address, destination. in6_pktinfo: our address, interface.
  bytes.set(source.octets, Cmsghdr.DATA + (isV4 ? 4 : 0));
  return bytes;
}

/** The address that a datagram was received on, from its control messages; `undefined` without one. */
export function parsePacketInfo(
  view: DataView,
  offset: number,
  length: number,
): IpAddress | undefined {
  let at = offset;
  while (at + Cmsghdr.DATA <= offset + length) {
    const size = view.getUint32(at + Cmsghdr.LEN, true);
    const level = view.getUint32(at + Cmsghdr.LEVEL, true);
    const type = view.getUint32(at + Cmsghdr.TYPE, true);
    if (level === Linux.IPPROTO_IP && type === Linux.IP_PKTINFO) {
      return { family: 4, octets: copyOctets(view, at + Cmsghdr.DATA + 4, 4) };
    }
    if (level === Linux.IPPROTO_IPV6 && type === Linux.IPV6_PKTINFO) {
      return { family: 6, octets: copyOctets(view, at + Cmsghdr.DATA, 16) };
    }
    if (size < Cmsghdr.DATA) return undefined;
    at += Math.ceil(size / 8) * 8;
  }
  return undefined;
}

/** Writes the control message that lets the kernel cut what is sent into datagrams of `size`. */
export function writeSegmentSize(view: DataView, offset: number, size: number): void {
  view.setUint32(offset + Cmsghdr.LEN, Cmsghdr.DATA + 2, true);
  view.setUint32(offset + Cmsghdr.LEN + 4, 0);
  view.setUint32(offset + Cmsghdr.LEVEL, Linux.SOL_UDP, true);
  view.setUint32(offset + Cmsghdr.TYPE, Linux.UDP_SEGMENT, true);
  view.setUint16(offset + Cmsghdr.DATA, size, true);
}

/** Writes the control message that sets the traffic class (TOS) of the outer header. */
export function writeTrafficClass(
  view: DataView,
  offset: number,
  isIpv6: boolean,
  value: number,
): void {
  view.setUint32(offset + Cmsghdr.LEN, Cmsghdr.DATA + 4, true);
  view.setUint32(offset + Cmsghdr.LEN + 4, 0);
  view.setUint32(offset + Cmsghdr.LEVEL, isIpv6 ? Linux.IPPROTO_IPV6 : Linux.IPPROTO_IP, true);
  view.setUint32(offset + Cmsghdr.TYPE, isIpv6 ? Linux.IPV6_TCLASS : Linux.IP_TOS, true);
  view.setUint32(offset + Cmsghdr.DATA, value, true);
}

/** What control messages say about a received message that may be several datagrams. */
export interface ReceivedFacts {
  /** The length of the datagrams that the kernel joined (UDP_GRO); 0 when it is a single one. */
  segmentSize: number;
  /** Traffic class of their outer header. */
  trafficClass: number;
}

/** Reads the control messages of a received message into `facts`. */
export function parseFacts(
  view: DataView,
  offset: number,
  length: number,
  facts: ReceivedFacts,
): void {
  facts.segmentSize = 0;
  facts.trafficClass = 0;
  const end = offset + length;
  for (let at = offset; at + Cmsghdr.DATA < end;) {
    const size = view.getUint32(at + Cmsghdr.LEN, true);
    if (size <= Cmsghdr.DATA) return;
    const type = view.getUint32(at + Cmsghdr.TYPE, true);
    switch (view.getUint32(at + Cmsghdr.LEVEL, true)) {
      case Linux.SOL_UDP:
        if (type === Linux.UDP_GRO) facts.segmentSize = view.getInt32(at + Cmsghdr.DATA, true);
        break;
      case Linux.IPPROTO_IP: // one octet
        if (type === Linux.IP_TOS) facts.trafficClass = view.getUint8(at + Cmsghdr.DATA);
        break;
      case Linux.IPPROTO_IPV6: // four octets
        if (type === Linux.IPV6_TCLASS) facts.trafficClass = view.getUint8(at + Cmsghdr.DATA);
        break;
    }
    at += (size + 7) & ~7;
  }
}

/** The same octets as 32-bit words in the machine's order, to be copied without a loop over octets. */
export function wordsOf(bytes: Uint8Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

function copyOctets(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length).slice();
}
