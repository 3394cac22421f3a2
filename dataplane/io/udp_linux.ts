/**
 * Batches of datagrams: `recvmmsg` into slots of the arena, `sendmmsg` from anywhere in it.
 *
 * Message headers, iovecs, names and control messages are laid out once. Segmentation offload
 * (UDP_GRO, UDP_SEGMENT) would need other control messages and a segment size per slot, and nothing
 * else here.
 */
import type { Endpoint, IpAddress } from "../../core/wire/address.ts";
import { type Arena, slotStride } from "../buffers.ts";
import type { OuterPath } from "../esp/child_sa.ts";
import { Errno } from "../ffi/errno.ts";
import {
  buildPacketInfo,
  buildSockaddr,
  controlBytes,
  Linux,
  Mmsghdr,
  parsePacketInfo,
  parseSockaddr,
  Size,
  wordsOf,
  writePointer,
} from "../ffi/layout.ts";
import { addressOf, errno, libc, pointerTo } from "../ffi/libc.ts";
import { isUnspecified, type UdpSocket } from "./udp_socket_linux.ts";

/** Datagrams in one system call. */
export const batchSize = 64;

/** The largest UDP payload, and room that makes a slot's length visible when it is exceeded. */
const datagramBytes = 65_536;
const nameStride = 32;
const flowLabelWord = 1;

/** Octets of the arena that a receive batch takes. */
export const receiveBatchBytes: number = batchSize *
    (slotStride(datagramBytes) + Size.MMSGHDR + Size.IOVEC + nameStride + controlBytes) + 1024;

/** Octets of the arena that a send batch takes, packets not included. */
export const sendBatchBytes: number = batchSize *
    (Size.MMSGHDR + Size.IOVEC + nameStride + controlBytes) + 1024;

/** Message headers in the arena, one per slot, with their iovec, name and control message. */
class Messages {
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly base: number;
  readonly headers: number;
  readonly iovecs: number;
  readonly names: number;
  readonly controls: number;
  readonly pointers: readonly Deno.PointerObject[];

  constructor(arena: Arena) {
    this.view = arena.view;
    this.words = new Uint32Array(arena.bytes.buffer);
    this.headers = arena.reserve(batchSize * Size.MMSGHDR);
    this.iovecs = arena.reserve(batchSize * Size.IOVEC);
    this.names = arena.reserve(batchSize * nameStride);
    this.controls = arena.reserve(batchSize * controlBytes);
    const { address, pointer } = addressOf(arena.bytes);
    this.base = address;
    const pointers: Deno.PointerObject[] = [];
    for (let i = 0; i < batchSize; i++) {
      const header = this.headers + i * Size.MMSGHDR;
      pointers.push(pointerTo(pointer, header));
      writePointer(this.view, header + Mmsghdr.NAME, address + this.names + i * nameStride);
      writePointer(this.view, header + Mmsghdr.IOV, address + this.iovecs + i * Size.IOVEC);
      writePointer(this.view, header + Mmsghdr.IOVLEN, 1);
      writePointer(this.view, header + Mmsghdr.CONTROL, address + this.controls + i * controlBytes);
    }
    this.pointers = pointers;
  }

  /** Which octets slot `i` carries. */
  setData(i: number, offset: number, length: number): void {
    const iovec = this.iovecs + i * Size.IOVEC;
    writePointer(this.view, iovec, this.base + offset);
    this.view.setUint32(iovec + 8, length, true);
  }

  /** Lengths of name and control message of slot `i`. */
  setLengths(i: number, nameLength: number, controlLength: number): void {
    const header = this.headers + i * Size.MMSGHDR;
    this.view.setUint32(header + Mmsghdr.NAMELEN, nameLength, true);
    this.view.setUint32(header + Mmsghdr.CONTROLLEN, controlLength, true);
  }
}

/** Received datagrams. They are overwritten by the next `receive`. */
export class ReceiveBatch {
  readonly #messages: Messages;
  readonly #slots: number;
  readonly #stride = slotStride(datagramBytes);

  /** Lays out the slots in an arena that has `receiveBatchBytes` left. */
  constructor(arena: Arena) {
    this.#messages = new Messages(arena);
    this.#slots = arena.reserve(batchSize * this.#stride);
    for (let i = 0; i < batchSize; i++) {
      this.#messages.setData(i, this.offset(i), datagramBytes);
      this.#messages.setLengths(i, Size.SOCKADDR_IN6, controlBytes);
    }
  }

  /** Takes what is there, without waiting; the number of datagrams, or minus the error number. */
  receive(fd: number): number {
    const messages = this.#messages;
    const first = messages.pointers[0] as Deno.PointerObject;
    const count = libc.recvmmsg(fd, first, batchSize, Linux.MSG_DONTWAIT, null);
    return count < 0 ? -errno() : count;
  }

  /** Makes the first `count` slots ready again after their use. */
  recycle(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#messages.setLengths(i, Size.SOCKADDR_IN6, controlBytes);
    }
  }

  /** Where datagram `i` starts. */
  offset(i: number): number {
    return this.#slots + i * this.#stride;
  }

  /** Its length. */
  length(i: number): number {
    const { view, headers } = this.#messages;
    return view.getUint32(headers + i * Size.MMSGHDR + Mmsghdr.LEN, true);
  }

  /** Whether it was longer than a slot. */
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

/** Datagrams that wait to be sent. */
export class SendBatch {
  readonly #messages: Messages;
  readonly #fds: readonly number[];
  readonly #flags: number;
  readonly #sockets = new Uint32Array(batchSize);
  #count = 0;

  /**
   * Lays out the headers in an arena that has `sendBatchBytes` left. `fds` is by socket number; with
   * MSG_DONTWAIT in `flags` a full socket buffer refuses datagrams.
   */
  constructor(arena: Arena, fds: readonly number[], flags: number) {
    this.#messages = new Messages(arena);
    this.#fds = fds;
    this.#flags = flags | Linux.MSG_NOSIGNAL;
  }

  /** Datagrams that wait. */
  get count(): number {
    return this.#count;
  }

  /** Adds the octets at `offset`; they must stay as they are until `flush`. Not more than `batchSize`. */
  add(offset: number, length: number, path: OuterPath): void {
    const messages = this.#messages;
    const i = this.#count++;
    this.#sockets[i] = path.socket;
    messages.setData(i, offset, length);
    messages.setLengths(i, path.name.length * 4, path.control.length * 4);
    copyWords(path.name, messages.words, (messages.names + i * nameStride) >>> 2);
    copyWords(path.control, messages.words, (messages.controls + i * controlBytes) >>> 2);
  }

  /** Sends all of them. Returns how many the kernel refused. */
  flush(): number {
    let refused = 0;
    let at = 0;
    while (at < this.#count) {
      const socket = this.#sockets[at] as number;
      let end = at + 1;
      while (end < this.#count && this.#sockets[end] === socket) end++;
      refused += this.#sendRun(this.#fds[socket] as number, at, end);
      at = end;
    }
    this.#count = 0;
    return refused;
  }

  /** One socket's part. A message that the kernel refuses stops the call; the others still go. */
  #sendRun(fd: number, start: number, end: number): number {
    let refused = 0;
    let at = start;
    while (at < end) {
      const first = this.#messages.pointers[at] as Deno.PointerObject;
      const sent = libc.sendmmsg(fd, first, end - at, this.#flags);
      if (sent > 0) at += sent;
      else if (sent === 0 || errno() !== Errno.EINTR) {
        refused++;
        at++;
      }
    }
    return refused;
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
  return {
    socket,
    name: wordsOf(buildSockaddr(remote)),
    control: isChosen ? wordsOf(buildPacketInfo(local.address)) : new Uint32Array(0),
  };
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

function copyWords(from: Uint32Array, to: Uint32Array, at: number): void {
  for (let k = 0; k < from.length; k++) to[at + k] = from[k] as number;
}
