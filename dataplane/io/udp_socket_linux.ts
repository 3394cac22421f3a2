/**
 * Opening the UDP sockets that IKE and ESP share.
 *
 * Whether an IPv4 datagram has DF is up to its socket, and so is how much may wait to be sent. So a NAT
 * traversal endpoint is two sockets: one that receives, and sends ESP; and one that only sends, IKE and what
 * has to be cut. Both are one group of SO_REUSEPORT, whose program chooses the first for all that arrives.
 */
import { type Endpoint, formatEndpoint, type IpAddress } from "../../core/wire/address.ts";
import type { FragmentMode } from "../dataplane.ts";
import { DataplaneError } from "../error.ts";
import { Errno } from "../ffi/errno.ts";
import { buildSockaddr, Linux, parseSockaddr, Size, writePointer } from "../ffi/layout.ts";
import { addressOf, errno, libc, systemError } from "../ffi/libc.ts";

/** A bound socket. */
export interface UdpSocket {
  /** File descriptor. */
  readonly fd: number;
  /**
   * One with the same endpoint on which nothing arrives: its datagrams have no DF and are cut where they are
   * too long. The same as `fd` where ESP is not carried.
   */
  readonly cutFd: number;
  /** What it is bound to; the address may be the unspecified one. */
  readonly local: Endpoint;
  /** Whether it carries ESP and marked IKE messages (RFC 3948), and not plain IKE. */
  readonly isNatt: boolean;
}

/** Room for bursts while the packet loop is busy. */
const bufferBytes = 8 << 20;

/** Whether an address stands for all of its family. */
export function isUnspecified(address: IpAddress): boolean {
  return address.octets.every((octet) => octet === 0);
}

/** Asks the kernel to join datagrams of one flow on receiving; whether it will. */
export function enableUdpGro({ fd }: UdpSocket): boolean {
  return trySetOption(fd, Linux.SOL_UDP, Linux.UDP_GRO, 1);
}

/** Whether the kernel can cut what is sent into datagrams; setting it to 0 changes nothing. */
export function hasUdpSegmentation({ fd }: UdpSocket): boolean {
  return trySetOption(fd, Linux.SOL_UDP, Linux.UDP_SEGMENT, 0);
}

/**
 * Opens and binds a socket; port 0 takes a free one. With `discover` IPv4 datagrams sent by `fd` have DF, and
 * those that the path is known not to take are refused with EMSGSIZE. Throws `DataplaneError`.
 */
export function openUdpSocket(
  endpoint: Endpoint,
  isNatt: boolean,
  fragments: FragmentMode = "clear",
): UdpSocket {
  const { address } = endpoint;
  if (isNatt) {
    const { fd, cutFd } = openPair(endpoint, fragments);
    return { fd, cutFd, local: { address, port: boundPort(fd) }, isNatt };
  }
  const fd = openFd(endpoint, fragments, []);
  return { fd, cutFd: fd, local: { address, port: boundPort(fd) }, isNatt };
}

/** Closes both of its descriptors. */
export function closeUdpSocket({ fd, cutFd }: UdpSocket): void {
  libc.close(cutFd); // first, so that nothing ever arrives there
  if (fd !== cutFd) libc.close(fd);
}

/**
 * Opens the two sockets of an endpoint. The kernel looks through sockets of IPv4 from the newest on and through
 * those of IPv6 from the oldest. The one that receives is what it meets first, and is no more part of the
 * group in the end: so whoever else binds the port is told that it is taken.
 */
function openPair(endpoint: Endpoint, fragments: FragmentMode): Pick<UdpSocket, "fd" | "cutFd"> {
  const receiver = endpoint.address.family === 4 ? 1 : 0;
  const modes = receiver === 0 ? [fragments, "clear"] as const : ["clear", fragments] as const;
  const fds = [openFd(endpoint, modes[0], [])];
  try {
    const [first = -1] = fds;
    setOption(first, Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1);
    const local = { address: endpoint.address, port: boundPort(first) };
    fds.push(openFd(local, modes[1], [Linux.SO_REUSEPORT]));
    const { [receiver]: fd = -1, [1 - receiver]: cutFd = -1 } = fds;
    chooseReceiver(fd, receiver);
    setOption(fd, Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 0);
    return { fd, cutFd };
  } catch (error) {
    for (const fd of fds) libc.close(fd);
    throw error;
  }
}

/** Which socket of a group receives, by the order in which they joined: a program of one instruction. */
function chooseReceiver(fd: number, receiver: number): void {
  const programAt = 16;
  const bytes = new Uint8Array(new ArrayBuffer(24));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 1, true); // struct sock_fprog: instructions, and where they are
  writePointer(view, 8, addressOf(bytes).address + programAt);
  view.setUint16(programAt, Linux.BPF_RET_K, true); // struct sock_filter
  view.setUint32(programAt + 4, receiver, true);
  const { SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF } = Linux;
  if (libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes, programAt) === 0) return;
  throw systemError("choose the socket that receives", errno());
}

/** Opens and binds one socket, with these options of SOL_SOCKET set to 1 before. */
function openFd(endpoint: Endpoint, fragments: FragmentMode, options: readonly number[]): number {
  const isV4 = endpoint.address.family === 4;
  const domain = isV4 ? Linux.AF_INET : Linux.AF_INET6;
  const fd = libc.socket(domain, Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError(`open a UDP socket for ${formatEndpoint(endpoint)}`, errno());
  try {
    growBuffers(fd);
    for (const option of options) setOption(fd, Linux.SOL_SOCKET, option, 1);
    if (isV4) {
      setOption(fd, Linux.IPPROTO_IP, Linux.IP_PKTINFO, 1);
      setOption(fd, Linux.IPPROTO_IP, Linux.IP_RECVTOS, 1);
      const discovery = fragments === "clear" ? Linux.PMTUDISC_DONT : Linux.PMTUDISC_DO;
      setOption(fd, Linux.IPPROTO_IP, Linux.IP_MTU_DISCOVER, discovery);
    } else {
      setOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_V6ONLY, 1);
      setOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_RECVPKTINFO, 1);
      setOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_RECVTCLASS, 1);
      // There is no DF and no router that cuts: this host cuts what is longer than it knows the path to be.
      const discovery = fragments === "clear" ? Linux.PMTUDISC_DONT : Linux.PMTUDISC_WANT;
      setOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_MTU_DISCOVER, discovery);
    }
    const name = buildSockaddr(endpoint);
    if (libc.bind(fd, name, name.length) < 0) throw bindError(endpoint, errno());
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Sets an integer option; `false` when the kernel refuses. */
function trySetOption(fd: number, level: number, option: number, value: number): boolean {
  return libc.setsockopt(fd, level, option, Int32Array.of(value), 4) === 0;
}

function setOption(fd: number, level: number, option: number, value: number): void {
  if (!trySetOption(fd, level, option, value)) {
    throw systemError(`set socket option ${level}/${option}`, errno());
  }
}

/** Beyond the system's limit where we may, up to it where we may not. */
export function growBuffers(fd: number): void {
  if (!trySetOption(fd, Linux.SOL_SOCKET, Linux.SO_RCVBUFFORCE, bufferBytes)) {
    setOption(fd, Linux.SOL_SOCKET, Linux.SO_RCVBUF, bufferBytes);
  }
  if (!trySetOption(fd, Linux.SOL_SOCKET, Linux.SO_SNDBUFFORCE, bufferBytes)) {
    setOption(fd, Linux.SOL_SOCKET, Linux.SO_SNDBUF, bufferBytes);
  }
}

function boundPort(fd: number): number {
  const name = new Uint8Array(Size.SOCKADDR_IN6);
  if (libc.getsockname(fd, name, Uint32Array.of(name.length)) < 0) {
    throw systemError("read the name of a UDP socket", errno());
  }
  const bound = parseSockaddr(new DataView(name.buffer), 0);
  if (bound === undefined) throw systemError("read the name of a UDP socket", Errno.EAFNOSUPPORT);
  return bound.port;
}

function bindError(endpoint: Endpoint, number: number): DataplaneError {
  const text = formatEndpoint(endpoint);
  switch (number) {
    case Errno.EADDRINUSE:
      return new DataplaneError(
        "port-taken",
        `Cannot listen on ${text}: another program has this UDP port`,
      );
    case Errno.EADDRNOTAVAIL:
      return new DataplaneError(
        "no-address",
        `Cannot listen on ${text}: this host does not have the address`,
      );
    case Errno.EACCES:
      return new DataplaneError(
        "no-permission",
        `Cannot listen on ${text}: a port below 1024 needs root or CAP_NET_BIND_SERVICE`,
      );
    default:
      return systemError(`listen on ${text}`, number);
  }
}
