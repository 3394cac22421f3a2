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
import { commandBytes, type LoopCommand, type LoopStart, parseCommand } from "./command.ts";
import { Counter, namedCounters, namedNonZero, newCounters } from "./counters.ts";
import type { ChildSaCounters, DataplaneCounters } from "./dataplane.ts";
import { DatagramKind, datagramKind, IkeLine, ikeLine, nonEspMarkerBytes } from "./datagram.ts";
import { EdgeReports, type Reporter } from "./edge_reports.ts";
import { DataplaneError } from "./error.ts";
import { type ChildSa, SaCounter } from "./esp/child_sa.ts";
import { type EspCiphers, mostPutOff } from "./esp/cipher.ts";
import type { OuterPath } from "./esp/outer_path.ts";
import { Errno, isWantOfRoom } from "./ffi/errno.ts";
import { systemError } from "./ffi/libc.ts";
import { Forwarder } from "./forwarder.ts";
import { IkeLines } from "./ike_lines.ts";
import { receiveRecord } from "./io/command_channel_linux.ts";
import { PathProbe } from "./io/path_probe_linux.ts";
import { Poller } from "./io/poll_linux.ts";
import { TunQueue, tunSlots } from "./io/tun_queue_linux.ts";
import { pathBetween, ReceiveBatch } from "./io/udp_linux.ts";
import { SendBatch } from "./io/udp_send_linux.ts";
import { ecnMask } from "./ip/ecn.ts";
import { Segmenter } from "./ip/segmentation.ts";
import { PathWatch } from "./path_watch.ts";
import { SaTable } from "./sa_table.ts";
import { Stage, StageClock } from "./stage_clock.ts";
import { TooBigTeller } from "./too_big_teller.ts";
import { TunWriter } from "./tun_writer.ts";

/** A peer that is elsewhere, and is not followed until it has proven that, is reported this often. */
const movedIntervalMs = 500;

/** A turn reads no more once so many packets wait; a super-packet still fits behind them. */
const burst = 64;

/** Packets that a turn reads, sent or not. */
const readLimit = 64;

/** All bits of a traffic class. */
const wholeClass = 0xff;

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
  readonly #probe = new PathProbe();
  readonly #paths: PathWatch;
  readonly #teller: TooBigTeller;
  readonly #edges: EdgeReports;
  readonly #poller: Poller;
  readonly #clock: StageClock;
  /** In which message a pending packet came. */
  readonly #messageOf = new Uint32Array(mostPutOff);
  readonly #commandBuffer = new Uint8Array(commandBytes);
  readonly #ikeLines: IkeLines;
  readonly #keepaliveAt: number;
  #isStopped = false;
  #hasDrained = false;
  #now = 0;
  #keepaliveDueAt = Number.POSITIVE_INFINITY;

  /** Lays out its buffers in `arena`, in which `ciphers` work too. */
  constructor(start: LoopStart, arena: Arena, ciphers: EspCiphers, report: Reporter) {
    this.#start = start;
    this.#view = arena.view;
    this.#report = report;
    this.#table = new SaTable(ciphers, start.replayWindow);
    const { features } = start;
    const rules = {
      outerClassMask: start.copiesDscp ? wholeClass : ecnMask,
      clampMtu: start.clampsMss ? start.mtu : 0,
    };
    this.#clock = new StageClock(start.profiles);
    this.#forwarder = new Forwarder(arena.view, this.#table, this.#counters, rules);
    this.#edges = new EdgeReports(report, this.#forwarder, this.#counters);
    this.#paths = new PathWatch(this.#table, this.#probe, start.fragments === "discover");
    this.#received = new ReceiveBatch(arena);
    this.#outgoing = new SendBatch(arena, start.sockets, 0, features.includes("udp-gso"));
    this.#tun = new TunQueue(arena, start.tunFd, start.mtu, features.includes("tun-tso"));
    this.#segmenter = new Segmenter(arena);
    this.#writer = new TunWriter(
      arena,
      this.#tun,
      this.#counters,
      features,
      this.#edges,
      this.#clock,
    );
    this.#teller = new TooBigTeller(arena, this.#writer, this.#counters);
    const fds = [start.commandFd, start.tunFd, ...start.sockets.map((socket) => socket.fd)];
    this.#poller = new Poller(arena, fds);
    this.#ikeLines = new IkeLines(start.ikeLines);
    this.#keepaliveAt = arena.reserve(1);
    arena.bytes[this.#keepaliveAt] = 0xff;
  }

  /** Moves packets until a stop command or the end of the command socket. Throws when a device is gone. */
  run(): void {
    const sockets = this.#start.sockets.length;
    while (!this.#isStopped) {
      this.#clock.enter(Stage.wait);
      this.#poller.wait(this.#patience());
      this.#clock.enter(Stage.rest);
      this.#now = performance.now();
      if (this.#poller.isReady(0)) this.#drainCommands();
      for (let socket = 0; socket < sockets; socket++) {
        if (this.#poller.isReady(2 + socket)) this.#receive(socket);
      }
      if (this.#poller.isReady(1)) this.#transmit();
      this.#clock.enter(Stage.rest);
      this.#paths.tend(this.#now);
      this.#edges.tell(this.#now);
      if (this.#now >= this.#keepaliveDueAt) this.#sendKeepalives();
    }
    for (const sa of [...this.#table.all()]) this.#table.remove(sa.inboundSpi);
    this.#probe.close();
  }

  /** Milliseconds until something must be done without a packet; -1 for never. */
  #patience(): number {
    const due = Math.min(this.#keepaliveDueAt, this.#edges.dueAt);
    return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(due - performance.now()));
  }

  #receive(socket: number): void {
    this.#clock.enter(Stage.receive);
    const count = this.#received.receive((this.#start.sockets[socket] as { fd: number }).fd);
    this.#clock.enter(Stage.open);
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
    this.#flushCiphers();
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
    if (sa.followWaits) {
      if (remote === undefined || this.#now < sa.movedReportedAt + movedIntervalMs) return;
      sa.movedReportedAt = this.#now;
      this.#edges.noteMoved(sa, remote);
      return;
    }
    const path = remote === undefined ? undefined : this.#path(this.#localOf(socket, i), remote);
    if (remote === undefined || path === undefined) return;
    this.#usePath(sa, path);
    this.#edges.noteMoved(sa, remote);
  }

  #receiveIke(socket: number, i: number, offset: number, length: number): void {
    const remote = this.#received.remote(i);
    if (remote === undefined) return;
    const isNatt = this.#start.sockets[socket]?.isNatt === true;
    const start = offset + (isNatt ? nonEspMarkerBytes : 0);
    const end = offset + length;
    const line = ikeLine(this.#view, start, end - start);
    if (!this.#ikeLines.enter(line)) {
      this.#count(Counter[line === IkeLine.INITIAL ? "ike-init-overload" : "ike-overload"]);
      return;
    }
    this.#count(Counter["ike-in"]);
    const bytes = new Uint8Array(this.#view.buffer, start, end - start).slice();
    const local = this.#localOf(socket, i);
    this.#report({ kind: "ike", datagram: { local, remote, bytes }, line }, [bytes.buffer]);
  }

  #localOf(socket: number, i: number): Endpoint {
    const bound = (this.#start.sockets[socket] as { local: Endpoint }).local;
    return { address: this.#received.localAddress(i) ?? bound.address, port: bound.port };
  }

  #transmit(): void {
    const outgoing = this.#outgoing;
    for (let reads = 0; reads < readLimit && outgoing.count < burst; reads++) {
      const slot = outgoing.count;
      this.#clock.enter(Stage["tun-read"]);
      const length = this.#tun.read(slot);
      this.#clock.enter(Stage.seal);
      if (length < 0) {
        if (-length === Errno.EAGAIN) break;
        if (-length === Errno.EINTR) continue;
        if (-length === Errno.EBADFD) {
          throw new DataplaneError("system", "the TUN device was removed");
        }
        if (isWantOfRoom(-length)) {
          this.#count(Counter["tun-read-error"]);
          this.#edges.noteError("tun-read-error", -length);
          break;
        }
        throw systemError("read from the TUN device", -length);
      }
      if (this.#tun.isSuper) this.#sealSegments(slot, length);
      else if (this.#tun.finish(slot, length)) this.#seal(this.#tun.offset(slot), length, true);
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
    let isSealed = false;
    for (let k = 0; k < segmenter.count; k++) {
      if (this.#outgoing.count === tunSlots) this.#flush();
      const at = this.#tun.offset(this.#outgoing.count);
      const length = segmenter.cut(k, at);
      if (k === 0) isSealed = this.#seal(at, length, true);
      else if (!isSealed) this.#seal(at, length, false);
      else if (this.#forwarder.sealAlike(at, length)) this.#send();
    }
  }

  /** Whether it is on its way. `answers`: the sender hears when the packet is too big. */
  #seal(at: number, length: number, answers: boolean): boolean {
    const forwarder = this.#forwarder;
    if (forwarder.seal(at, length)) {
      this.#send();
      return true;
    }
    const { tooBigMtu } = forwarder;
    if (answers && tooBigMtu > 0) this.#teller.tell(at, length, tooBigMtu, this.#now);
    return false;
  }

  /** Lets the packet that was just sealed wait for `#flush`. */
  #send(): void {
    const { sa, outOffset, outLength, outerClass } = this.#forwarder;
    const { path, counters } = sa as ChildSa;
    this.#outgoing.add(outOffset, outLength, path, outerClass);
    counters[SaCounter.LAST_SENT] = this.#now;
  }

  #flush(): void {
    this.#flushCiphers();
    const outgoing = this.#outgoing;
    const stage = this.#clock.enter(Stage.send);
    const refused = outgoing.flush();
    this.#clock.enter(stage);
    if (refused > 0) {
      const { refusedForRoom, lastError } = outgoing;
      this.#countMany(Counter["send-full"], refusedForRoom);
      this.#countMany(Counter["send-error"], refused - refusedForRoom);
      this.#edges.noteError(isWantOfRoom(lastError) ? "send-full" : "send-error", lastError);
    }
    if (!outgoing.hasStalePath) return;
    outgoing.hasStalePath = false;
    this.#paths.measureStale(this.#now);
  }

  #flushCiphers(): void {
    const stage = this.#clock.enter(Stage.cipher);
    this.#table.ciphers.flush();
    this.#clock.enter(stage);
  }

  #sendKeepalives(): void {
    const { natKeepaliveMs = Number.POSITIVE_INFINITY } = this.#start;
    this.#keepaliveDueAt = Number.POSITIVE_INFINITY;
    for (const sa of this.#table.all()) {
      if (sa.outbound === "superseded") continue;
      let due = (sa.counters[SaCounter.LAST_SENT] as number) + natKeepaliveMs;
      if (due <= this.#now) {
        if (this.#outgoing.count === tunSlots) this.#flush();
        this.#outgoing.add(this.#keepaliveAt, 1, sa.path, 0);
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
        if (sa !== undefined && path !== undefined) this.#usePath(sa, path);
        return;
      }
      case "remove": {
        const sa = this.#table.findInbound(command.inboundSpi);
        if (sa !== undefined) this.#report({ kind: "removed", counters: carriedBy(sa) });
        this.#table.remove(command.inboundSpi);
        return;
      }
      case "filter":
        this.#table.setFilter(command.inboundSpi, command.filter);
        return;
      case "counters":
        this.#report({
          kind: "counters",
          id: command.id,
          counters: this.#readCounters(command.only),
        });
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
      this.#paths.measure(sa, this.#now);
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

  #usePath(sa: ChildSa, path: OuterPath): void {
    sa.path = path;
    this.#paths.measure(sa, this.#now);
  }

  #path(local: Endpoint, remote: Endpoint): OuterPath | undefined {
    return pathBetween(this.#start.sockets, local, remote);
  }

  #readCounters(only: readonly number[] | undefined): DataplaneCounters {
    const named = only?.map((spi) => this.#table.findInbound(spi)) ?? [...this.#table.all()];
    const perSa = named.filter((sa) => sa !== undefined).map(carriedBy);
    const stages = this.#clock.read();
    return {
      totals: namedCounters(this.#counters),
      perSa,
      ...(stages === undefined ? {} : { stages }),
    };
  }

  #count(slot: number): void {
    this.#countMany(slot, 1);
  }

  #countMany(slot: number, count: number): void {
    this.#counters[slot] = (this.#counters[slot] as number) + count;
  }
}

function carriedBy({ inboundSpi, counters, drops }: ChildSa): ChildSaCounters {
  return {
    inboundSpi,
    packetsIn: counters[SaCounter.PACKETS_IN] ?? 0,
    bytesIn: counters[SaCounter.BYTES_IN] ?? 0,
    packetsOut: counters[SaCounter.PACKETS_OUT] ?? 0,
    bytesOut: counters[SaCounter.BYTES_OUT] ?? 0,
    dropsIn: counters[SaCounter.DROPS_IN] ?? 0,
    dropsOut: counters[SaCounter.DROPS_OUT] ?? 0,
    drops: namedNonZero(drops),
  };
}
