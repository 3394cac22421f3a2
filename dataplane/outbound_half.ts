/**
 * The half of a packet loop that sends: inner packets from the TUN device, cut where they are super-packets,
 * sealed and given to the sockets; and keepalives where there is nothing else to send.
 */
import { Counter } from "./counters.ts";
import type { EdgeReports } from "./edge_reports.ts";
import { DataplaneError } from "./error.ts";
import { type ChildSa, SaCounter } from "./esp/child_sa.ts";
import { Errno, isWantOfRoom } from "./ffi/errno.ts";
import { systemError } from "./ffi/libc.ts";
import type { Forwarder } from "./forwarder.ts";
import { type TunQueue, tunSlots } from "./io/tun_queue_linux.ts";
import { SendBatch, sendBatchBytes } from "./io/udp_send_linux.ts";
import { Segmenter } from "./ip/segmentation.ts";
import type { LoopGround } from "./loop_ground.ts";
import { Stage, type StageClock } from "./stage_clock.ts";
import { TooBigTeller, tooBigTellerBytes } from "./too_big_teller.ts";

/** A turn reads no more once so many packets wait; a super-packet still fits behind them. */
const burst = 64;

/** Packets that a turn reads, sent or not. */
const readLimit = 64;

const keepaliveBytes = 64; // a cache line, of which one octet is sent

/** Octets of the arena that this half takes. */
export const outboundHalfBytes: number = sendBatchBytes + tooBigTellerBytes + keepaliveBytes;

/** The sending half. */
export class OutboundHalf {
  /** What it waits for. */
  readonly fds: readonly number[];
  readonly #ground: LoopGround;
  readonly #forwarder: Forwarder;
  readonly #edges: EdgeReports;
  readonly #clock: StageClock;
  readonly #tun: TunQueue;
  readonly #segmenter: Segmenter;
  readonly #outgoing: SendBatch;
  readonly #teller: TooBigTeller;
  readonly #keepaliveAt: number;
  readonly #natKeepaliveMs: number;
  #keepaliveDueAt = Number.POSITIVE_INFINITY;
  #now = 0;

  /** Lays out its buffers in an arena that has `outboundHalfBytes` left. */
  constructor(ground: LoopGround) {
    const { arena, start, writer, counters } = ground;
    this.#ground = ground;
    this.#forwarder = ground.forwarder;
    this.#edges = ground.edges;
    this.#clock = ground.clock;
    this.#tun = ground.tun;
    this.#segmenter = new Segmenter(arena);
    this.#outgoing = new SendBatch(arena, start.sockets, 0, start.features.includes("udp-gso"));
    this.#teller = new TooBigTeller(arena, writer, counters);
    this.#keepaliveAt = arena.reserve(keepaliveBytes);
    arena.bytes[this.#keepaliveAt] = 0xff;
    this.#natKeepaliveMs = start.natKeepaliveMs ?? Number.POSITIVE_INFINITY;
    this.fds = [start.tunFd];
  }

  /** When something is due without a packet. */
  get dueAt(): number {
    return this.#keepaliveDueAt;
  }

  /** A pair is new: nothing is due to its peer for a while. */
  noteInstalled(sa: ChildSa, now: number): void {
    sa.counters[SaCounter.LAST_SENT] = now;
    this.#keepaliveDueAt = Math.min(this.#keepaliveDueAt, now + this.#natKeepaliveMs);
  }

  /** Takes one batch of inner packets and sends them. Throws when the device is gone. */
  transmit(now: number): void {
    this.#now = now;
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
          this.#ground.count(Counter["tun-read-error"]);
          this.#edges.noteError("tun-read-error", -length);
          break;
        }
        throw systemError("read from the TUN device", -length);
      }
      if (this.#tun.isSuper) this.#sealSegments(slot, length);
      else if (this.#tun.finish(slot, length)) this.#seal(this.#tun.offset(slot), length, true);
      else this.#ground.count(Counter["bad-outbound-header"]);
    }
    this.#flush();
  }

  /** The packets that a super-packet stands for, each in a slot of its own. */
  #sealSegments(slot: number, length: number): void {
    const segmenter = this.#segmenter;
    if (!this.#tun.startSegments(segmenter, slot, length)) {
      this.#ground.count(Counter["bad-outbound-header"]);
      return;
    }
    let isSealed = false;
    for (let k = 0; k < segmenter.count; k++) {
      if (this.#outgoing.count === tunSlots) this.#flush();
      const at = this.#tun.offset(this.#outgoing.count);
      const size = segmenter.cut(k, at);
      if (k === 0) isSealed = this.#seal(at, size, true);
      else if (!isSealed) this.#seal(at, size, false);
      else if (this.#forwarder.sealAlike(at, size)) this.#send();
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
    this.#ground.flushCiphers();
    const outgoing = this.#outgoing;
    const stage = this.#clock.enter(Stage.send);
    const refused = outgoing.flush();
    this.#clock.enter(stage);
    if (refused > 0) {
      const { refusedForRoom, lastError } = outgoing;
      this.#ground.count(Counter["send-full"], refusedForRoom);
      this.#ground.count(Counter["send-error"], refused - refusedForRoom);
      this.#edges.noteError(isWantOfRoom(lastError) ? "send-full" : "send-error", lastError);
    }
    if (!outgoing.hasStalePath) return;
    outgoing.hasStalePath = false;
    this.#ground.paths.measureStale(this.#now);
  }

  /** Sends keepalives to peers that have heard nothing for too long (RFC 3948 §4). */
  sendKeepalives(now: number): void {
    if (now < this.#keepaliveDueAt) return;
    this.#now = now;
    this.#keepaliveDueAt = Number.POSITIVE_INFINITY;
    for (const sa of this.#ground.table.all()) {
      if (sa.outbound === "superseded") continue;
      let due = (sa.counters[SaCounter.LAST_SENT] as number) + this.#natKeepaliveMs;
      if (due <= now) {
        if (this.#outgoing.count === tunSlots) this.#flush();
        this.#outgoing.add(this.#keepaliveAt, 1, sa.path, 0);
        this.#ground.count(Counter["keepalive-sent"]);
        sa.counters[SaCounter.LAST_SENT] = now;
        due = now + this.#natKeepaliveMs;
      }
      this.#keepaliveDueAt = Math.min(this.#keepaliveDueAt, due);
    }
    this.#flush();
  }
}
