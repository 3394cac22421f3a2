/**
 * Batches of received datagrams: `recvmmsg` into slots of the arena, and the way back to a peer.
 *
 * With UDP_GRO a message may be several datagrams of one peer, one behind the other, all of the same length
 * but the last.
 */
import type { Endpoint, IpAddress } from "../../core/wire/address.ts";
import { type Arena, slotStride } from "../buffers.ts";
import { type OuterPath, outerPath } from "../esp/outer_path.ts";
import {
  buildPacketInfo,
  buildSockaddr,
  controlBytes,
  Linux,
  Mmsghdr,
  parseFacts,
  parsePacketInfo,
  parseSockaddr,
  type ReceivedFacts,
  Size,
  wordsOf,
} from "../ffi/layout.ts";
import { errno, libc } from "../ffi/libc.ts";
import { Messages, messagesBytes, nameStride } from "./udp_messages.ts";
import { isUnspecified, type UdpSocket } from "./udp_socket_linux.ts";

/** Messages in one system call. */
export const batchSize = 64;

/** The largest UDP payload, and room that makes a slot's length visible when it is exceeded. */
const datagramBytes = 65_536;
const flowLabelWord = 1;

/** After a burst of so many octets, take no more than so many messages. */
const longBurst = 131_072;
const longMessages = 8;

/** Octets of the arena that a receive batch takes. */
export const receiveBatchBytes: number = batchSize * slotStride(datagramBytes) +
  messagesBytes(batchSize);

/** Received datagrams. They are overwritten by the next `receive`. */
export class ReceiveBatch {
  readonly #messages: Messages;
  readonly #slots: number;
  readonly #stride = slotStride(datagramBytes);
  readonly #facts: ReceivedFacts = { segmentSize: 0, trafficClass: 0 };
  /** Messages to ask for: fewer when they are long, so that a burst stays in the processor's cache. */
  #wanted = batchSize;

  /** Lays out the slots in an arena that has `receiveBatchBytes` left. */
  constructor(arena: Arena) {
    this.#messages = new Messages(arena, batchSize);
    this.#slots = arena.reserve(batchSize * this.#stride);
    for (let i = 0; i < batchSize; i++) {
      this.#messages.setData(i, this.offset(i), datagramBytes);
      this.#messages.setLengths(i, Size.SOCKADDR_IN6, controlBytes);
    }
  }

  /** Takes what is there, without waiting; the number of messages, or minus the error number. */
  receive(fd: number): number {
    const messages = this.#messages;
    const first = messages.pointers[0] as Deno.PointerObject;
    const count = libc.recvmmsg(fd, first, this.#wanted, Linux.MSG_DONTWAIT, null);
    return count < 0 ? -errno() : count;
  }

  /** Makes the first `count` slots ready again after their use. */
  recycle(count: number): void {
    let octets = 0;
    for (let i = 0; i < count; i++) {
      octets += this.length(i);
      this.#messages.setLengths(i, Size.SOCKADDR_IN6, controlBytes);
    }
    this.#wanted = octets > longBurst ? longMessages : batchSize;
  }

  /** Where message `i` starts. */
  offset(i: number): number {
    return this.#slots + i * this.#stride;
  }

  /** Its length. */
  length(i: number): number {
    const { view, headers } = this.#messages;
    return view.getUint32(headers + i * Size.MMSGHDR + Mmsghdr.LEN, true);
  }

  /** What the kernel says about it; the result is overwritten by the next call. */
  facts(i: number): Readonly<ReceivedFacts> {
    const { view, headers, controls } = this.#messages;
    const length = view.getUint32(headers + i * Size.MMSGHDR + Mmsghdr.CONTROLLEN, true);
    parseFacts(view, controls + i * controlBytes, length, this.#facts);
    return this.#facts;
  }

  /**
   * Whether it was longer than a slot. No UDP datagram is; the kernel says the same where it joined more
   * than that.
   */
  isTruncated(i: number): boolean {
    const { view, headers } = this.#messages;
    const flags = view.getUint32(headers + i * Size.MMSGHDR + Mmsghdr.FLAGS, true);
    return (flags & Linux.MSG_TRUNC) !== 0;
  }

  /** Whether it came from the far end of `path`. */
  isFrom(i: number, path: OuterPath): boolean {
    const { words, names } = this.#messages;
    const at = (names + i * nameStride) >>> 2;
    const { name } = path;
    for (let k = 0; k < name.length; k++) {
      // Octets 4 to 7 are the address in IPv4 and the flow label in IPv6.
      if (k === flowLabelWord && name.length > 4) continue;
      if (words[at + k] !== name[k]) return false;
    }
    return true;
  }

  /** Who sent it. */
  remote(i: number): Endpoint | undefined {
    return parseSockaddr(this.#messages.view, this.#messages.names + i * nameStride);
  }

  /** The address it was sent to. */
  localAddress(i: number): IpAddress | undefined {
    const { view, headers, controls } = this.#messages;
    const length = view.getUint32(headers + i * Size.MMSGHDR + Mmsghdr.CONTROLLEN, true);
    return parsePacketInfo(view, controls + i * controlBytes, length);
  }
}

/** The way from `local` to `remote` through one of `sockets`; `undefined` when none fits. */
export function pathBetween(
  sockets: readonly UdpSocket[],
  local: Endpoint,
  remote: Endpoint,
): OuterPath | undefined {
  const socket = findSocket(sockets, local);
  const bound = sockets[socket];
  if (bound === undefined || local.address.family !== remote.address.family) return undefined;
  const isChosen = isUnspecified(bound.local.address) && !isUnspecified(local.address);
  const control = isChosen ? wordsOf(buildPacketInfo(local.address)) : new Uint32Array(0);
  return outerPath(socket, wordsOf(buildSockaddr(remote)), control);
}

/** The number of the socket bound to `local`, else of one bound to all addresses on its port; or -1. */
function findSocket(sockets: readonly UdpSocket[], local: Endpoint): number {
  const fits = (socket: UdpSocket): boolean =>
    socket.local.port === local.port && socket.local.address.family === local.address.family;
  const isSame = (socket: UdpSocket): boolean =>
    socket.local.address.octets.every((octet, i) => octet === local.address.octets[i]);
  const exact = sockets.findIndex((socket) => fits(socket) && isSame(socket));
  if (exact >= 0) return exact;
  return sockets.findIndex((socket) =>
    fits(socket) && (isUnspecified(socket.local.address) || isUnspecified(local.address))
  );
}
