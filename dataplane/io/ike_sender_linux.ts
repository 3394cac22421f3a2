/**
 * Sends IKE messages from the main thread, without waiting.
 *
 * They go without DF, as long ones may have to be cut, from descriptors by which packet loops send next to
 * nothing: ESP that fills up its own does not keep IKE waiting.
 */
import type { Bytes } from "../../core/bytes.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import { Arena } from "../buffers.ts";
import { nonEspMarkerBytes } from "../datagram.ts";
import { Linux } from "../ffi/layout.ts";
import { pathBetween } from "./udp_linux.ts";
import { SendBatch, sendBatchBytes } from "./udp_send_linux.ts";
import type { UdpSocket } from "./udp_socket_linux.ts";

const messageBytes = 65_536;

/** The sender, with memory of its own: the packet loop's arena belongs to another thread. */
export class IkeSender {
  readonly #sockets: readonly UdpSocket[];
  readonly #arena = new Arena(sendBatchBytes + messageBytes + 64);
  readonly #batch: SendBatch;
  readonly #message: number;
  #sent = 0;
  #refused = 0;

  /** Sends from these sockets. */
  constructor(sockets: readonly UdpSocket[]) {
    this.#sockets = sockets;
    const cutting = sockets.map((socket) => ({ ...socket, fd: socket.cutFd }));
    this.#batch = new SendBatch(this.#arena, cutting, Linux.MSG_DONTWAIT);
    this.#message = this.#arena.reserve(messageBytes);
  }

  /** Messages given to the kernel. */
  get sent(): number {
    return this.#sent;
  }

  /** Messages that could not be sent. */
  get refused(): number {
    return this.#refused;
  }

  /** Sends one message; with a non-ESP marker from a NAT traversal port. Failures are counted. */
  send(local: Endpoint, remote: Endpoint, bytes: Bytes): void {
    const path = pathBetween(this.#sockets, local, remote);
    const socket = path === undefined ? undefined : this.#sockets[path.socket];
    const marker = socket?.isNatt === true ? nonEspMarkerBytes : 0;
    const length = marker + bytes.length;
    if (path === undefined || length > messageBytes) {
      this.#refused++;
      return;
    }
    this.#arena.bytes.fill(0, this.#message, this.#message + marker);
    this.#arena.bytes.set(bytes, this.#message + marker);
    this.#batch.add(this.#message, length, path, 0);
    if (this.#batch.flush() > 0) this.#refused++;
    else this.#sent++;
  }
}
