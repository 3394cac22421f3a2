/**
 * The packet loop: waits in `poll` for commands, datagrams and inner packets, and moves them in batches.
 *
 * One turn serves every descriptor that is ready with one batch, so none starves another; `poll` is
 * level-triggered and returns at once while more is there. Commands come first. Nothing is allocated
 * per packet; IKE datagrams and reports are few and may.
 */
import { assertNever } from "../core/result.ts";
import type { Endpoint } from "../core/wire/address.ts";
import type { Arena } from "./buffers.ts";
import {
  commandBytes,
  ikeInFlightLimit,
  type LoopCommand,
  type LoopReport,
  type LoopStart,
  parseCommand,
} from "./command.ts";
import { Counter, namedCounters, newCounters } from "./counters.ts";
import type { ChildSaCounters, DataplaneCounters } from "./dataplane.ts";
import { DatagramKind, datagramKind, nonEspMarkerBytes } from "./datagram.ts";
import { DataplaneError } from "./error.ts";
import { type ChildSa, type OuterPath, SaCounter } from "./esp/child_sa.ts";
import type { EspCiphers } from "./esp/cipher.ts";
import { Errno } from "./ffi/errno.ts";
import { systemError } from "./ffi/libc.ts";
import { Forwarder } from "./forwarder.ts";
import { receiveRecord } from "./io/command_channel_linux.ts";
import { Poller } from "./io/poll_linux.ts";
import { TunQueue, tunSlots } from "./io/tun_queue_linux.ts";
import { pathBetween, ReceiveBatch } from "./io/udp_linux.ts";
import { SendBatch } from "./io/udp_send_linux.ts";
import { TunWriter } from "./tun_writer.ts";
import { Segmenter } from "./ip/segmentation.ts";
import { SaTable } from "./sa_table.ts";

/** Traffic is reported at most this often. */
const seenIntervalMs = 1000;

/** A peer that is elsewhere, and is not followed until it has proven that, is reported this often. */
const movedIntervalMs = 500;

/** A turn reads no more once so many packets wait; a super-packet still fits behind them. */
const burst = 64;

/** Packets that a turn reads, sent or not. */
const readLimit = 64;

/** Gives a report to the control plane; `transfer` lists memory that goes with it. */
export type Reporter = (report: LoopReport, transfer?: ArrayBuffer[]) => void;

/** The loop of one worker. */
export class PacketLoop {
  readonly #start: LoopStart;
  readonly #view: DataView;
  readonly #report: Reporter;
  readonly #counters = newCounters();
  readonly #table: SaTable;
  readonly #forwarder: Forwarder;
  readonly #received: ReceiveBatch;
  readonly #outgoing: SendBatch;
  readonly #tun: TunQueue;
  readonly #segmenter: Segmenter;
  readonly #writer: TunWriter;
  readonly #poller: Poller;
  readonly #commandBuffer = new Uint8Array(commandBytes);
  readonly #ikeInFlight: Int32Array;
  readonly #moved = new Map<ChildSa, Endpoint>();
  readonly #keepaliveAt: number;
  #isStopped = false;
  #hasDrained = false;
  #now = 0;
  #seenReportedAt = Number.NEGATIVE_INFINITY;
  #keepaliveDueAt = Number.POSITIVE_INFINITY;

  /** Lays out its buffers in `arena`, in which `ciphers` work too. */
  constructor(start: LoopStart, arena: Arena, ciphers: EspCiphers, report: Reporter) {
    this.#start = start;
    this.#view = arena.view;
    this.#report = report;
    this.#table = new SaTable(ciphers);
    this.#forwarder = new Forwarder(arena.view, this.#table, this.#counters);
    this.#received = new ReceiveBatch(arena);
    const { features } = start;
    const socketFds = start.sockets.map((socket) => socket.fd);
    this.#outgoing = new SendBatch(arena, socketFds, 0, features.includes("udp-gso"));
    this.#tun = new TunQueue(arena, start.tunFd, start.mtu, features.includes("tun-tso"));
    this.#segmenter = new Segmenter(arena);
    this.#writer = new TunWriter(arena, this.#tun, this.#counters, features);
    const fds = [start.commandFd, start.tunFd, ...socketFds];
    this.#poller = new Poller(arena, fds);
    this.#ikeInFlight = new Int32Array(start.ikeInFlight);
    this.#keepaliveAt = arena.reserve(1);
    arena.bytes[this.#keepaliveAt] = 0xff;
  }

  /** Moves packets until a stop command or the end of the command socket. Throws when a device is gone. */
  run(): void {
    const sockets = this.#start.sockets.length;
    while (!this.#isStopped) {
      this.#poller.wait(this.#patience());
      this.#now = performance.now();
      if (this.#poller.isReady(0)) this.#drainCommands();
      for (let socket = 0; socket < sockets; socket++) {
        if (this.#poller.isReady(2 + socket)) this.#receive(socket);
      }
      if (this.#poller.isReady(1)) this.#transmit();
      this.#reportEdges();
      if (this.#now >= this.#keepaliveDueAt) this.#sendKeepalives();
    }
    for (const sa of [...this.#table.all()]) this.#table.remove(sa.inboundSpi);
  }

  /** Milliseconds until something must be done without a packet; -1 for never. */
  #patience(): number {
    let due = this.#keepaliveDueAt;
    if (this.#forwarder.seen.length > 0) {
      due = Math.min(due, this.#seenReportedAt + seenIntervalMs);
    }
    return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(due - performance.now()));
  }

  #receive(socket: number): void {
    const count = this.#received.receive((this.#start.sockets[socket] as { fd: number }).fd);
    if (count < 0) {
      if (-count === Errno.EBADF) throw systemError("receive datagrams", -count);
      return;
    }
    this.#hasDrained = false;
    for (let i = 0; i < count; i++) {
      if (this.#received.isTruncated(i)) {
        this.#count(Counter.truncated);
        continue;
      }
      const offset = this.#received.offset(i);
      const length = this.#received.length(i);
      const size = this.#received.segmentSize(i);
      let at = 0;
      do {
        this.#receiveDatagram(socket, i, offset + at, Math.min(size, length - at));
        at += size;
      } while (at < length);
    }
    this.#writer.flush(); // before the slots are used again
    this.#received.recycle(count);
  }

  #receiveDatagram(socket: number, i: number, offset: number, length: number): void {
    switch (this.#kindOf(socket, offset, length)) {
      case DatagramKind.ESP:
        // The record that installs an SA is there before the peer's first packet, but may be unread.
        if (
          !this.#hasDrained && this.#table.findInbound(this.#view.getUint32(offset)) === undefined
        ) {
          this.#drainCommands();
          this.#hasDrained = true;
        }
        this.#receiveEsp(socket, i, offset, length);
        break;
      case DatagramKind.IKE:
        this.#receiveIke(socket, i, offset, length);
        break;
      case DatagramKind.KEEPALIVE:
        this.#count(Counter.keepalive);
        break;
      default:
        this.#count(Counter["too-short"]);
    }
  }

  #kindOf(socket: number, offset: number, length: number): DatagramKind {
    const isNatt = (this.#start.sockets[socket] as { isNatt: boolean }).isNatt;
    return isNatt ? datagramKind(this.#view, offset, length) : DatagramKind.IKE;
  }

  #receiveEsp(socket: number, i: number, offset: number, length: number): void {
    const forwarder = this.#forwarder;
    if (forwarder.open(offset, length)) {
      this.#writer.add(forwarder.outOffset, forwarder.outLength);
    }
    if (!forwarder.isNewest) return;
    const sa = forwarder.sa as ChildSa;
    if (sa.followPeer && !this.#received.isFrom(i, sa.path)) this.#follow(sa, socket, i);
  }

  #follow(sa: ChildSa, socket: number, i: number): void {
    const remote = this.#received.remote(i);
    if (sa.followWaits) {
      if (remote === undefined || this.#now < sa.movedReportedAt + movedIntervalMs) return;
      sa.movedReportedAt = this.#now;
      this.#moved.set(sa, remote);
      return;
    }
    const path = remote === undefined ? undefined : this.#path(this.#localOf(socket, i), remote);
    if (remote === undefined || path === undefined) return;
    sa.path = path;
    this.#moved.set(sa, remote);
  }

  #receiveIke(socket: number, i: number, offset: number, length: number): void {
    const remote = this.#received.remote(i);
    if (remote === undefined) return;
    if (Atomics.load(this.#ikeInFlight, 0) >= ikeInFlightLimit) {
      this.#count(Counter["ike-overload"]);
      return;
    }
    Atomics.add(this.#ikeInFlight, 0, 1);
    this.#count(Counter["ike-in"]);
    const isNatt = this.#start.sockets[socket]?.isNatt === true;
    const start = offset + (isNatt ? nonEspMarkerBytes : 0);
    const bytes = new Uint8Array(this.#view.buffer, start, offset + length - start).slice();
    const local = this.#localOf(socket, i);
    this.#report({ kind: "ike", datagram: { local, remote, bytes } }, [bytes.buffer]);
  }

  #localOf(socket: number, i: number): Endpoint {
    const bound = (this.#start.sockets[socket] as { local: Endpoint }).local;
    return { address: this.#received.localAddress(i) ?? bound.address, port: bound.port };
  }

  #transmit(): void {
    const outgoing = this.#outgoing;
    for (let reads = 0; reads < readLimit && outgoing.count < burst; reads++) {
      const slot = outgoing.count;
      const length = this.#tun.read(slot);
      if (length < 0) {
        if (-length === Errno.EAGAIN) break;
        if (-length === Errno.EINTR) continue;
        if (-length === Errno.EBADFD) {
          throw new DataplaneError("system", "the TUN device was removed");
        }
        throw systemError("read from the TUN device", -length);
      }
      if (this.#tun.isSuper) this.#sealSegments(slot, length);
      else if (this.#tun.finish(slot, length)) this.#seal(this.#tun.offset(slot), length);
      else this.#count(Counter["bad-outbound-header"]);
    }
    this.#flush();
  }

  /** The packets that a super-packet stands for, each in a slot of its own. */
  #sealSegments(slot: number, length: number): void {
    const segmenter = this.#segmenter;
    if (!this.#tun.startSegments(segmenter, slot, length)) {
      this.#count(Counter["bad-outbound-header"]);
      return;
    }
    for (let k = 0; k < segmenter.count; k++) {
      if (this.#outgoing.count === tunSlots) this.#flush();
      const at = this.#tun.offset(this.#outgoing.count);
      this.#seal(at, segmenter.cut(k, at));
    }
  }

  #seal(at: number, length: number): void {
    const forwarder = this.#forwarder;
    if (!forwarder.seal(at, length)) return;
    const sa = forwarder.sa as ChildSa;
    this.#outgoing.add(forwarder.outOffset, forwarder.outLength, sa.path);
    sa.counters[SaCounter.LAST_SENT] = this.#now;
  }

  #flush(): void {
    const refused = this.#outgoing.flush();
    if (refused > 0) {
      this.#counters[Counter["send-error"]] = (this.#counters[Counter["send-error"]] as number) +
        refused;
    }
  }

  #reportEdges(): void {
    const { seen, softLimited } = this.#forwarder;
    if (seen.length > 0 && this.#now >= this.#seenReportedAt + seenIntervalMs) {
      this.#seenReportedAt = this.#now;
      const inboundSpis = seen.filter((sa) => !sa.isRemoved).map((sa) => sa.inboundSpi);
      for (const sa of seen) sa.isSeen = false;
      seen.length = 0;
      if (inboundSpis.length > 0) {
        this.#report({ kind: "event", event: { kind: "traffic-seen", inboundSpis } });
      }
    }
    if (softLimited.length > 0) {
      for (const { inboundSpi, isRemoved } of softLimited) {
        if (!isRemoved) this.#report({ kind: "event", event: { kind: "soft-limit", inboundSpi } });
      }
      softLimited.length = 0;
    }
    if (this.#moved.size > 0) {
      for (const [{ inboundSpi, isRemoved }, remote] of this.#moved) {
        if (isRemoved) continue;
        this.#report({ kind: "event", event: { kind: "peer-moved", inboundSpi, remote } });
      }
      this.#moved.clear();
    }
  }

  #sendKeepalives(): void {
    const { natKeepaliveMs = Number.POSITIVE_INFINITY } = this.#start;
    this.#keepaliveDueAt = Number.POSITIVE_INFINITY;
    for (const sa of this.#table.all()) {
      if (sa.outbound === "superseded") continue;
      let due = (sa.counters[SaCounter.LAST_SENT] as number) + natKeepaliveMs;
      if (due <= this.#now) {
        if (this.#outgoing.count === tunSlots) this.#flush();
        this.#outgoing.add(this.#keepaliveAt, 1, sa.path);
        this.#count(Counter["keepalive-sent"]);
        sa.counters[SaCounter.LAST_SENT] = this.#now;
        due = this.#now + natKeepaliveMs;
      }
      this.#keepaliveDueAt = Math.min(this.#keepaliveDueAt, due);
    }
    this.#flush();
  }

  #drainCommands(): void {
    while (!this.#isStopped) {
      const record = receiveRecord(this.#start.commandFd, this.#commandBuffer);
      if (record === undefined) return;
      if (record.length === 0) this.#isStopped = true;
      else this.#obey(parseCommand(record));
      record.fill(0); // it may have held keys
    }
  }

  #obey(command: LoopCommand): void {
    switch (command.kind) {
      case "install":
        this.#install(command);
        return;
      case "move": {
        const sa = this.#table.findInbound(command.inboundSpi);
        const path = this.#path(command.local, command.remote);
        if (sa !== undefined && path !== undefined) sa.path = path;
        return;
      }
      case "remove":
        this.#table.remove(command.inboundSpi);
        return;
      case "filter":
        this.#table.findInbound(command.inboundSpi)?.setFilter(command.filter);
        return;
      case "counters":
        this.#report({ kind: "counters", id: command.id, counters: this.#readCounters() });
        return;
      case "stop":
        this.#isStopped = true;
        return;
      default:
        assertNever(command);
    }
  }

  #install({ sa: install }: LoopCommand & { readonly kind: "install" }): void {
    const path = this.#path(install.local, install.remote);
    try {
      if (path === undefined) throw new RangeError("Cannot find a socket for the pair");
      const sa = this.#table.install(install, path);
      sa.counters[SaCounter.LAST_SENT] = this.#now;
    } catch (error) {
      // Checked by the control plane already: our mistake, and no reason to stop other peers' packets.
      if (!(error instanceof RangeError)) throw error;
      this.#count(Counter["bad-install"]);
      return;
    }
    const { natKeepaliveMs } = this.#start;
    if (natKeepaliveMs !== undefined) {
      this.#keepaliveDueAt = Math.min(this.#keepaliveDueAt, this.#now + natKeepaliveMs);
    }
  }

  #path(local: Endpoint, remote: Endpoint): OuterPath | undefined {
    return pathBetween(this.#start.sockets, local, remote);
  }

  #readCounters(): DataplaneCounters {
    const perSa: ChildSaCounters[] = [];
    for (const { inboundSpi, counters } of this.#table.all()) {
      perSa.push({
        inboundSpi,
        packetsIn: counters[SaCounter.PACKETS_IN] ?? 0,
        bytesIn: counters[SaCounter.BYTES_IN] ?? 0,
        packetsOut: counters[SaCounter.PACKETS_OUT] ?? 0,
        bytesOut: counters[SaCounter.BYTES_OUT] ?? 0,
        dropsIn: counters[SaCounter.DROPS_IN] ?? 0,
        dropsOut: counters[SaCounter.DROPS_OUT] ?? 0,
      });
    }
    return { totals: namedCounters(this.#counters), perSa };
  }

  #count(slot: number): void {
    this.#counters[slot] = (this.#counters[slot] as number) + 1;
  }
}
