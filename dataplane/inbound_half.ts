/**
 * The half of a packet loop that receives: datagrams from the sockets; ESP is opened and goes to the TUN
 * device, IKE to the control plane.
 */
import type { Endpoint } from "../core/wire/address.ts";
import { Counter } from "./counters.ts";
import { DatagramKind, datagramKind, IkeLine, ikeLine, nonEspMarkerBytes } from "./datagram.ts";
import type { EdgeReports } from "./edge_reports.ts";
import type { ChildSa } from "./esp/child_sa.ts";
import { mostPutOff } from "./esp/cipher.ts";
import { Errno } from "./ffi/errno.ts";
import { systemError } from "./ffi/libc.ts";
import type { Forwarder } from "./forwarder.ts";
import { IkeLines } from "./ike_lines.ts";
import { pathBetween, ReceiveBatch, receiveBatchBytes } from "./io/udp_linux.ts";
import type { UdpSocket } from "./io/udp_socket_linux.ts";
import type { LoopGround } from "./loop_ground.ts";
import type { SaTable } from "./sa_table.ts";
import { Stage, type StageClock } from "./stage_clock.ts";
import type { TunWriter } from "./tun_writer.ts";

/** A peer that is elsewhere, and is not followed until it has proven that, is reported this often. */
const movedIntervalMs = 500;

/** Octets of the arena that this half takes. */
export const inboundHalfBytes: number = receiveBatchBytes;

/** The receiving half. */
export class InboundHalf {
  /** What it waits for, the sockets in their order. */
  readonly fds: readonly number[];
  readonly #ground: LoopGround;
  readonly #view: DataView;
  readonly #sockets: readonly UdpSocket[];
  readonly #table: SaTable;
  readonly #forwarder: Forwarder;
  readonly #writer: TunWriter;
  readonly #edges: EdgeReports;
  readonly #clock: StageClock;
  readonly #received: ReceiveBatch;
  readonly #drainCommands: () => void;
  readonly #ikeLines: IkeLines;
  /** In which message a pending packet came. */
  readonly #messageOf = new Uint32Array(mostPutOff);
  #hasDrained = false;
  #now = 0;

  /**
   * Lays out its buffers in an arena that has `inboundHalfBytes` left. `drainCommands` has the loop obey
   * what it was told meanwhile.
   */
  constructor(ground: LoopGround, drainCommands: () => void) {
    this.#ground = ground;
    this.#view = ground.arena.view;
    this.#sockets = ground.start.sockets;
    this.#table = ground.table;
    this.#forwarder = ground.forwarder;
    this.#writer = ground.writer;
    this.#edges = ground.edges;
    this.#clock = ground.clock;
    this.#received = new ReceiveBatch(ground.arena);
    this.#drainCommands = drainCommands;
    this.#ikeLines = new IkeLines(ground.start.ikeLines);
    this.fds = this.#sockets.map(({ fd }) => fd);
  }

  /** Takes one batch of datagrams from a socket, by number, and does with them what is to be done. */
  receive(socket: number, now: number): void {
    this.#now = now;
    this.#clock.enter(Stage.receive);
    const count = this.#received.receive((this.#sockets[socket] as UdpSocket).fd);
    this.#clock.enter(Stage.open);
    if (count < 0) {
      if (-count === Errno.EBADF) throw systemError("receive datagrams", -count);
      return;
    }
    this.#hasDrained = false;
    for (let i = 0; i < count; i++) {
      if (this.#received.isTruncated(i)) {
        this.#ground.count(Counter.truncated);
        continue;
      }
      const offset = this.#received.offset(i);
      const length = this.#received.length(i);
      const { segmentSize, trafficClass } = this.#received.facts(i);
      const size = segmentSize > 0 ? segmentSize : length;
      let at = 0;
      do {
        this.#receiveDatagram(socket, i, offset + at, Math.min(size, length - at), trafficClass);
        at += size;
      } while (at < length);
    }
    this.#finishEsp(socket);
    this.#writer.flush(); // before the slots are used again
    this.#received.recycle(count);
  }

  #receiveDatagram(
    socket: number,
    i: number,
    offset: number,
    length: number,
    trafficClass: number,
  ): void {
    switch (this.#kindOf(socket, offset, length)) {
      case DatagramKind.ESP:
        // The record that installs an SA is there before the peer's first packet, but may be unread.
        if (
          !this.#hasDrained && this.#table.findInbound(this.#view.getUint32(offset)) === undefined
        ) {
          this.#finishEsp(socket); // what is pending needs its pairs
          this.#drainCommands();
          this.#hasDrained = true;
        }
        this.#receiveEsp(socket, i, offset, length, trafficClass);
        break;
      case DatagramKind.IKE:
        this.#receiveIke(socket, i, offset, length);
        break;
      case DatagramKind.KEEPALIVE:
        this.#ground.count(Counter.keepalive);
        break;
      default:
        this.#ground.count(Counter["too-short"]);
    }
  }

  #kindOf(socket: number, offset: number, length: number): DatagramKind {
    const { isNatt } = this.#sockets[socket] as UdpSocket;
    return isNatt ? datagramKind(this.#view, offset, length) : DatagramKind.IKE;
  }

  #receiveEsp(
    socket: number,
    i: number,
    offset: number,
    length: number,
    trafficClass: number,
  ): void {
    const forwarder = this.#forwarder;
    if (!forwarder.begin(offset, length, trafficClass)) return;
    this.#messageOf[forwarder.pending - 1] = i;
    if (forwarder.pending === mostPutOff) this.#finishEsp(socket);
  }

  /** The second half of what `#receiveEsp` began. */
  #finishEsp(socket: number): void {
    const forwarder = this.#forwarder;
    if (forwarder.pending === 0) return;
    this.#ground.flushCiphers();
    for (let number = 0; number < forwarder.pending; number++) {
      if (forwarder.finish(number)) {
        this.#writer.add(forwarder.outOffset, forwarder.outLength);
      }
      if (!forwarder.isNewest) continue;
      const sa = forwarder.sa as ChildSa;
      const i = this.#messageOf[number] as number;
      if (sa.followPeer && !this.#received.isFrom(i, sa.path)) this.#follow(sa, socket, i);
    }
    forwarder.pending = 0;
  }

  #follow(sa: ChildSa, socket: number, i: number): void {
    const remote = this.#received.remote(i);
    if (remote === undefined) return;
    if (sa.followWaits) {
      if (this.#now < sa.movedReportedAt + movedIntervalMs) return;
      sa.movedReportedAt = this.#now;
      this.#edges.noteMoved(sa, remote);
      return;
    }
    const local = this.#localOf(socket, i);
    const path = pathBetween(this.#sockets, local, remote);
    if (path === undefined) return;
    this.#ground.paths.change(sa, path, this.#now);
    this.#edges.noteMoved(sa, remote, local);
  }

  #receiveIke(socket: number, i: number, offset: number, length: number): void {
    const remote = this.#received.remote(i);
    if (remote === undefined) return;
    const { isNatt } = this.#sockets[socket] as UdpSocket;
    const start = offset + (isNatt ? nonEspMarkerBytes : 0);
    const end = offset + length;
    const line = ikeLine(this.#view, start, end - start);
    if (!this.#ikeLines.enter(line)) {
      this.#ground.count(Counter[line === IkeLine.INITIAL ? "ike-init-overload" : "ike-overload"]);
      return;
    }
    this.#ground.count(Counter["ike-in"]);
    // So short that to copy it once more costs less than to hand memory over.
    const bytes = new Uint8Array(this.#view.buffer, start, end - start).slice();
    const local = this.#localOf(socket, i);
    this.#ground.report({ kind: "ike", datagram: { local, remote, bytes }, line });
  }

  #localOf(socket: number, i: number): Endpoint {
    const bound = (this.#sockets[socket] as UdpSocket).local;
    return { address: this.#received.localAddress(i) ?? bound.address, port: bound.port };
  }
}
