/**
 * Sending datagrams from anywhere in the arena: `sendmmsg`, and runs of equal length to one peer as one
 * message that the kernel cuts (UDP_SEGMENT).
 *
 * The kernel cuts octets and knows no packets: in a run all have the length of the first, and only the
 * last may be shorter. A run has one outer header, and so one traffic class.
 */
import type { Arena } from "../buffers.ts";
import type { OuterPath } from "../esp/outer_path.ts";
import { Errno, isWantOfRoom } from "../ffi/errno.ts";
import {
  controlBytes,
  Linux,
  Mmsghdr,
  segmentSizeControlBytes,
  Size,
  trafficClassControlBytes,
  writePointer,
  writeSegmentSize,
  writeTrafficClass,
} from "../ffi/layout.ts";
import { errno, libc } from "../ffi/libc.ts";
import { Messages, messagesBytes, nameStride } from "./udp_messages.ts";
import type { UdpSocket } from "./udp_socket_linux.ts";

/** Datagrams that a batch holds. */
export const sendBatchSize = 128;

/** What the kernel takes in one message: UDP_MAX_SEGMENTS of old kernels, and less than 65 507 octets. */
const runLimits = { packets: 64, bytes: 65_000 } as const;

/** Payload of the longest UDP datagram over IPv4. */
const longestDatagram = 65_507;

/** Octets of the arena that a send batch takes, packets not included. */
export const sendBatchBytes: number = messagesBytes(sendBatchSize);

/** Datagrams that wait to be sent. */
export class SendBatch {
  readonly #messages: Messages;
  readonly #sockets: readonly UdpSocket[];
  readonly #flags: number;
  #joinsRuns: boolean;
  /** By packet. */
  readonly #lengths = new Uint32Array(sendBatchSize);
  /** By message: its path, traffic class, first packet and how many packets. */
  readonly #paths: (OuterPath | undefined)[] = new Array(sendBatchSize).fill(undefined);
  readonly #classes = new Uint8Array(sendBatchSize);
  readonly #starts = new Uint32Array(sendBatchSize);
  readonly #runs = new Uint32Array(sendBatchSize);
  #count = 0;
  #messageCount = 0;
  #runBytes = 0;
  #isRunOpen = false;
  /** Packets of the last `flush` that were refused for want of room, a part of all refused ones. */
  refusedForRoom = 0;
  /** The error number of the last packet that was refused. */
  lastError = 0;
  /** Whether something was too long for its path, which then is stale; for the user to set back. */
  hasStalePath = false;

  /**
   * Lays out the headers in an arena that has `sendBatchBytes` left. With MSG_DONTWAIT in `flags` a full
   * socket buffer refuses datagrams. `joinsRuns`: use UDP_SEGMENT.
   */
  constructor(arena: Arena, sockets: readonly UdpSocket[], flags: number, joinsRuns = false) {
    this.#messages = new Messages(arena, sendBatchSize);
    this.#sockets = sockets;
    this.#flags = flags | Linux.MSG_NOSIGNAL;
    this.#joinsRuns = joinsRuns;
  }

  /** Datagrams that wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds the octets at `offset`, to be sent with a traffic class; they must stay as they are until `flush`.
   * Not more than `sendBatchSize`.
   */
  add(offset: number, length: number, path: OuterPath, trafficClass: number): void {
    const packet = this.#count++;
    this.#lengths[packet] = length;
    this.#messages.setData(packet, offset, length);
    if (this.#isRunOpen && this.#extends(length, path, trafficClass)) {
      const run = this.#messageCount - 1;
      this.#runs[run] = (this.#runs[run] as number) + 1;
      this.#runBytes += length;
      this.#isRunOpen = length === this.#lengths[this.#starts[run] as number];
      return;
    }
    const message = this.#messageCount++;
    this.#paths[message] = path;
    this.#classes[message] = trafficClass;
    this.#starts[message] = packet;
    this.#runs[message] = 1;
    this.#runBytes = length;
    this.#isRunOpen = this.#joinsRuns && length <= path.segmentLimit;
  }

  /** Sends all of them. Returns how many the kernel refused. */
  flush(): number {
    let refused = 0;
    this.refusedForRoom = 0;
    for (let i = 0; i < this.#messageCount; i++) {
      this.#write(i, this.#starts[i] as number, this.#runs[i] as number);
    }
    for (let at = 0; at < this.#messageCount;) {
      const { socket } = this.#paths[at] as OuterPath;
      let end = at + 1;
      while (end < this.#messageCount && this.#paths[end]?.socket === socket) end++;
      refused += this.#send(this.#sockets[socket] as UdpSocket, at, end);
      at = end;
    }
    this.#count = 0;
    this.#messageCount = 0;
    this.#isRunOpen = false;
    return refused;
  }

  #extends(length: number, path: OuterPath, trafficClass: number): boolean {
    const run = this.#messageCount - 1;
    return this.#paths[run] === path && this.#classes[run] === trafficClass &&
      length <= (this.#lengths[this.#starts[run] as number] as number) &&
      (this.#runs[run] as number) < runLimits.packets &&
      this.#runBytes + length <= runLimits.bytes;
  }

  /** Lays out message `i`, which carries `count` packets from `first` on. */
  #write(i: number, first: number, count: number): void {
    const messages = this.#messages;
    const { view, words } = messages;
    const path = this.#paths[i] as OuterPath;
    const header = messages.headers + i * Size.MMSGHDR;
    const control = messages.controls + i * controlBytes;
    let controlLength = path.control.length * 4;
    copyWords(path.name, words, (messages.names + i * nameStride) >>> 2);
    copyWords(path.control, words, control >>> 2);
    const trafficClass = this.#classes[i] as number;
    if (trafficClass !== 0) {
      writeTrafficClass(view, control + controlLength, path.isIpv6, trafficClass);
      controlLength += trafficClassControlBytes;
    }
    if (count > 1) {
      writeSegmentSize(view, control + controlLength, this.#lengths[first] as number);
      controlLength += segmentSizeControlBytes;
    }
    writePointer(view, header + Mmsghdr.IOV, messages.base + messages.iovecs + first * Size.IOVEC);
    view.setUint32(header + Mmsghdr.IOVLEN, count, true);
    messages.setLengths(i, path.name.length * 4, controlLength);
  }

  /** One socket's part. A message that the kernel refuses stops the call; the others still go. */
  #send(socket: UdpSocket, start: number, end: number): number {
    let refused = 0;
    let at = start;
    while (at < end) {
      const first = this.#messages.pointers[at] as Deno.PointerObject;
      const sent = libc.sendmmsg(socket.fd, first, end - at, this.#flags);
      if (sent > 0) {
        at += sent;
        continue;
      }
      const number = sent === 0 ? 0 : errno();
      if (number === Errno.EINTR) continue;
      refused += (this.#runs[at] as number) > 1
        ? this.#sendSingly(socket, at, number)
        : this.#sendCut(socket, at, this.#starts[at] as number, number);
      at++;
    }
    return refused;
  }

  /** A run that the kernel refused, packet by packet. What it refused is not asked of it again. */
  #sendSingly(socket: UdpSocket, message: number, number: number): number {
    const first = this.#starts[message] as number;
    const count = this.#runs[message] as number;
    if (number === Errno.EMSGSIZE) this.#noteTooLong(message, first);
    else if (isUnsupported(number)) this.#joinsRuns = false;
    const pointer = this.#messages.pointers[message] as Deno.PointerObject;
    let refused = 0;
    for (let packet = first; packet < first + count; packet++) {
      this.#write(message, packet, 1);
      if (libc.sendmmsg(socket.fd, pointer, 1, this.#flags) === 1) continue;
      refused += this.#sendCut(socket, message, packet, errno());
    }
    return refused;
  }

  /**
   * One packet that the kernel refused: if it is too long for the path, it goes in pieces, as whoever added
   * it may want.
   */
  #sendCut(socket: UdpSocket, message: number, packet: number, number: number): number {
    const { fd, cutFd } = socket;
    const { isIpv6 } = this.#paths[message] as OuterPath;
    const length = this.#lengths[packet] as number;
    const mayBeCut = number === Errno.EMSGSIZE && cutFd !== fd && !isIpv6 &&
      length <= longestDatagram;
    if (!mayBeCut) return this.#noteRefused(number);
    this.#noteTooLong(message, packet);
    const pointer = this.#messages.pointers[message] as Deno.PointerObject;
    const sent = libc.sendmmsg(cutFd, pointer, 1, this.#flags);
    return sent === 1 ? 0 : this.#noteRefused(errno());
  }

  /** The path takes less than was thought. */
  #noteTooLong(message: number, packet: number): void {
    const path = this.#paths[message] as OuterPath;
    const length = this.#lengths[packet] as number;
    if (length > path.segmentLimit) return;
    path.segmentLimit = length - 1;
    path.isStale = true;
    this.hasStalePath = true;
  }

  /** Gives the one packet that was refused. */
  #noteRefused(number: number): 1 {
    this.lastError = number;
    if (isWantOfRoom(number)) this.refusedForRoom++;
    return 1;
  }
}

/** Whether an error says that the kernel or the device cannot cut, rather than that this run is bad. */
function isUnsupported(number: number): boolean {
  return number === Errno.EINVAL || number === Errno.EIO || number === Errno.EOPNOTSUPP;
}

function copyWords(from: Uint32Array, to: Uint32Array, at: number): void {
  for (let k = 0; k < from.length; k++) to[at + k] = from[k] as number;
}
