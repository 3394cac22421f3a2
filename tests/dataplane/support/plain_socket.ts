/** A UDP socket as the packet path uses it, in the hands of a test: with the traffic class of each datagram. */
import { type Endpoint, parseIpAddress } from "../../../core/wire/address.ts";
import { Arena } from "../../../dataplane/buffers.ts";
import { Linux } from "../../../dataplane/ffi/layout.ts";
import { libc } from "../../../dataplane/ffi/libc.ts";
import { pathBetween, ReceiveBatch, receiveBatchBytes } from "../../../dataplane/io/udp_linux.ts";
import { SendBatch, sendBatchBytes } from "../../../dataplane/io/udp_send_linux.ts";
import { openUdpSocket, type UdpSocket } from "../../../dataplane/io/udp_socket_linux.ts";

/** What came in. */
export interface PlainDatagram {
  readonly remote: Endpoint;
  readonly trafficClass: number;
  readonly bytes: Uint8Array;
}

/** The socket. */
export class PlainSocket {
  readonly #socket: UdpSocket;
  readonly #arena = new Arena(receiveBatchBytes + sendBatchBytes + 70_000);
  readonly #received = new ReceiveBatch(this.#arena);
  readonly #outgoing: SendBatch;
  readonly #room = this.#arena.reserve(65_536);

  /** Binds it; port 0 for any. */
  constructor(host: string, port: number) {
    this.#socket = openUdpSocket({ address: parseIpAddress(host)!, port }, true);
    this.#outgoing = new SendBatch(this.#arena, [this.#socket], 0);
  }

  /** Sends datagrams one by one; how many the kernel refused. */
  send(
    host: string,
    port: number,
    datagrams: readonly Uint8Array[],
    trafficClass = 0,
  ): number {
    const remote = { address: parseIpAddress(host)!, port };
    const path = pathBetween([this.#socket], this.#socket.local, remote)!;
    let refused = 0;
    for (const datagram of datagrams) {
      this.#arena.bytes.set(datagram, this.#room);
      this.#outgoing.add(this.#room, datagram.length, path, trafficClass);
      refused += this.#outgoing.flush();
    }
    return refused;
  }

  /**
   * Sends datagrams of 1400 octets without waiting for room: how many were refused, how many of these for
   * want of room, and the last error number.
   */
  flood(host: string, port: number, count: number): readonly [number, number, number] {
    const outgoing = new SendBatch(
      new Arena(sendBatchBytes),
      [this.#socket],
      Linux.MSG_DONTWAIT,
    );
    const remote = { address: parseIpAddress(host)!, port };
    const path = pathBetween([this.#socket], this.#socket.local, remote)!;
    let [refused, forRoom] = [0, 0];
    for (let i = 0; i < count; i++) {
      outgoing.add(0, 1400, path, 0);
      refused += outgoing.flush();
      forRoom += outgoing.refusedForRoom;
    }
    return [refused, forRoom, outgoing.lastError];
  }

  /** What is there already. */
  take(): readonly PlainDatagram[] {
    const messages = Math.max(0, this.#received.receive(this.#socket.fd));
    const taken = Array.from({ length: messages }, (_, m) => {
      const at = this.#received.offset(m);
      return {
        remote: this.#received.remote(m)!,
        trafficClass: this.#received.facts(m).trafficClass,
        bytes: this.#arena.bytes.slice(at, at + this.#received.length(m)),
      };
    });
    this.#received.recycle(messages);
    return taken;
  }

  /** Waits, three seconds at most, until so many datagrams are there, and gives them. */
  async receive(count: number): Promise<readonly PlainDatagram[]> {
    const taken: PlainDatagram[] = [];
    for (let tries = 0; tries < 300 && taken.length < count; tries++) {
      const now = this.take();
      taken.push(...now);
      if (now.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return taken;
  }

  /** Closes it. */
  close(): void {
    libc.close(this.#socket.fd);
  }
}
