/**
 * The hot path: ESP packets in, or inner packets out, in place in the arena (RFC 4303 §3.3, §3.4).
 *
 * Ciphers may do many packets at once. So a packet is opened in two halves, `begin` and `finish`, with the
 * ciphers' flush between those of a burst; one that is sealed is whole after that flush. Results stand in
 * fields until the next call, so that nothing is allocated per packet. Waiting, sockets and the TUN device
 * are elsewhere.
 *
 * Left out: ECN and DSCP between inner and outer header (RFC 6040), ICMP "too big" towards the inside,
 * and fragments reassembled before the selector check (later fragments match selectors without ports).
 */
import { Counter } from "./counters.ts";
import { type ChildSa, SaCounter } from "./esp/child_sa.ts";
import { ESP_HEADER_LENGTH, mostPutOff, outcomeSlot } from "./esp/cipher.ts";
import {
  addTrailer,
  contentLength,
  NextHeader,
  nextHeaderOf,
  trailerBytes,
  writeEspHeader,
} from "./esp/packet.ts";
import { windowPackets } from "./esp/replay_window.ts";
import { extendedHigh } from "./esp/sequence.ts";
import { InnerHeader } from "./ip/header.ts";
import type { SaTable } from "./sa_table.ts";

/** Seals and opens packets; counts what becomes of them. */
export class Forwarder {
  /** Where the packet of the last successful call starts. */
  outOffset = 0;
  /** Its length. */
  outLength = 0;
  /** The pair of the last call, if one was found. */
  sa: ChildSa | undefined = undefined;
  /** Whether the last opened packet has the highest sequence number of its pair. */
  isNewest = false;
  /** Pairs that were silent until now; the packet loop reports and empties the list. */
  readonly seen: ChildSa[] = [];
  /** Pairs that should be rekeyed; the packet loop reports and empties the list. */
  readonly softLimited: ChildSa[] = [];

  /** Packets that have begun and not finished. */
  pending = 0;

  readonly #view: DataView;
  readonly #table: SaTable;
  readonly #counters: Float64Array;
  readonly #header = new InnerHeader();
  /** By number of a pending packet: its pair, offset, upper half of its number, and the opener's answer. */
  readonly #pendingSas: (ChildSa | undefined)[] = new Array(mostPutOff).fill(undefined);
  readonly #pendingOffsets = new Uint32Array(mostPutOff);
  readonly #pendingHighs = new Uint32Array(mostPutOff);
  readonly #pendingAnswers = new Int32Array(mostPutOff);

  /** Works in the memory of `view`, the arena that the table's ciphers work in. */
  constructor(view: DataView, table: SaTable, counters: Float64Array) {
    this.#view = view;
    this.#table = table;
    this.#counters = counters;
  }

  /** Opens the ESP packet at `offset` by itself, see `finish`. Nothing may be pending. */
  open(offset: number, length: number): boolean {
    this.isNewest = false;
    if (!this.begin(offset, length)) return false;
    this.#table.ciphers.flush();
    const isInner = this.finish(0);
    this.pending = 0;
    return isInner;
  }

  /**
   * Begins to open the ESP packet at `offset`, which must stay as it is. `true`: it is pending under the
   * next number, and `mostPutOff` may be. `false`: dropped and counted.
   */
  begin(offset: number, length: number): boolean {
    const view = this.#view;
    this.sa = undefined;
    if (length < ESP_HEADER_LENGTH) return this.#drop(Counter["too-short"]);
    const sa = this.#table.findInbound(view.getUint32(offset));
    if (sa === undefined) return this.#drop(Counter["unknown-spi"]);
    this.sa = sa;
    if (length < sa.opener.layout.overhead + trailerBytes) {
      return this.#dropIn(sa, Counter["too-short"]);
    }

    const low = view.getUint32(offset + 4);
    const { window } = sa;
    const high = sa.extended ? extendedHigh(window.topHigh, window.topLow, low, windowPackets) : 0;
    if (high < 0 || !window.isFresh(high, low)) return this.#dropIn(sa, Counter.replay);
    const answer = sa.opener.open(offset, length, high);
    if (answer === -1) return this.#dropIn(sa, Counter["bad-icv"]);
    const number = this.pending++;
    this.#pendingSas[number] = sa;
    this.#pendingOffsets[number] = offset;
    this.#pendingHighs[number] = high;
    this.#pendingAnswers[number] = answer;
    return true;
  }

  /**
   * Finishes pending packet `number`, once the ciphers are flushed. `true`: an inner packet for the TUN
   * device stands at `outOffset`. `false`: dropped and counted. In both cases `sa` and `isNewest` say
   * whether it was authentic and the newest one. After the last of a burst, set `pending` to 0.
   */
  finish(number: number): boolean {
    const view = this.#view;
    const sa = this.#pendingSas[number] as ChildSa;
    const offset = this.#pendingOffsets[number] as number;
    const high = this.#pendingHighs[number] as number;
    const answer = this.#pendingAnswers[number] as number;
    const low = view.getUint32(offset + 4);
    const { window } = sa;
    this.isNewest = false;
    this.sa = sa;
    const plaintextLength = answer >= 0
      ? answer
      : this.#table.ciphers.outcomes[outcomeSlot(answer)] as number;
    if (plaintextLength < 0) return this.#dropIn(sa, Counter["bad-icv"]);
    // The same number may have come twice in one burst.
    if (!window.isFresh(high, low)) return this.#dropIn(sa, Counter.replay);
    this.isNewest = window.mark(high, low);
    this.#noteAuthentic(sa);

    const at = offset + sa.opener.layout.plaintextAt;
    const innerLength = contentLength(view, at, plaintextLength);
    const nextHeader = plaintextLength > 0 ? nextHeaderOf(view, at, plaintextLength) : -1;
    if (nextHeader === NextHeader.NONE) return this.#dropIn(sa, Counter.dummy);
    if (innerLength < 0) return this.#dropIn(sa, Counter["bad-padding"]);
    return this.#acceptInner(sa, at, innerLength, nextHeader);
  }

  /**
   * Seals the inner packet at `offset`, in front of which is headroom and behind which is tailroom.
   * `true`: an ESP packet for `sa.path` stands at `outOffset` once the ciphers are flushed. `false`: dropped
   * and counted.
   */
  seal(offset: number, length: number): boolean {
    const view = this.#view;
    const header = this.#header;
    this.sa = undefined;
    if (!header.parse(view, offset, length)) return this.#drop(Counter["bad-outbound-header"]);
    header.parseUpper(view, offset);
    const sa = this.#table.findOutbound(header);
    if (sa === undefined) return this.#drop(Counter[this.#table.lastMiss]);
    this.sa = sa;
    const { sequence, sealer } = sa;
    if (!sequence.take()) return this.#dropOut(sa, Counter["sequence-exhausted"]);

    const { plaintextAt, alignment } = sealer.layout;
    const innerLength = header.totalLength;
    const nextHeader = header.version === 4 ? NextHeader.IPV4 : NextHeader.IPV6;
    const plaintextLength = addTrailer(view, offset, innerLength, alignment, nextHeader);
    const start = offset - plaintextAt;
    writeEspHeader(view, start, sa.outboundSpi, sequence.low);
    this.outOffset = start;
    this.outLength = sealer.seal(start, plaintextLength, sequence.high);
    sa.countPacket(SaCounter.PACKETS_OUT, innerLength);
    this.#countPacket(Counter["packets-out"], innerLength);
    if (sa.isSoftLimitDue) this.#noteSoftLimit(sa);
    return true;
  }

  #acceptInner(sa: ChildSa, at: number, innerLength: number, nextHeader: number): boolean {
    const header = this.#header;
    if (nextHeader !== NextHeader.IPV4 && nextHeader !== NextHeader.IPV6) {
      return this.#dropIn(sa, Counter["bad-next-header"]);
    }
    const isConsistent = header.parse(this.#view, at, innerLength) &&
      (header.version === 4) === (nextHeader === NextHeader.IPV4);
    if (!isConsistent) return this.#dropIn(sa, Counter["bad-inner-header"]);
    header.parseUpper(this.#view, at);
    const { version, protocol } = header;
    const isAllowed =
      sa.remoteSelectors.matches(version, header.source, protocol, header.sourcePort) &&
      sa.localSelectors.matches(version, header.destination, protocol, header.destinationPort);
    if (!isAllowed) return this.#dropIn(sa, Counter.selector);
    if (sa.filter !== undefined && !sa.filter.permits(this.#view, at, header)) {
      sa.countDrop(SaCounter.FILTERED);
      return this.#dropIn(sa, Counter.filtered);
    }
    this.outOffset = at;
    this.outLength = header.totalLength;
    sa.countPacket(SaCounter.PACKETS_IN, header.totalLength);
    this.#countPacket(Counter["packets-in"], header.totalLength);
    if (sa.isSoftLimitDue) this.#noteSoftLimit(sa);
    return true;
  }

  #noteAuthentic(sa: ChildSa): void {
    if (sa.outbound === "waiting") this.#table.confirm(sa);
    if (sa.isSeen) return;
    sa.isSeen = true;
    this.seen.push(sa);
  }

  #noteSoftLimit(sa: ChildSa): void {
    sa.isSoftLimitReported = true;
    this.softLimited.push(sa);
  }

  /** `slot` counts packets, the slot behind it octets. */
  #countPacket(slot: number, bytes: number): void {
    this.#counters[slot] = (this.#counters[slot] as number) + 1;
    this.#counters[slot + 1] = (this.#counters[slot + 1] as number) + bytes;
  }

  #drop(slot: number): false {
    this.#counters[slot] = (this.#counters[slot] as number) + 1;
    return false;
  }

  #dropIn(sa: ChildSa, slot: number): false {
    sa.countDrop(SaCounter.DROPS_IN);
    return this.#drop(slot);
  }

  #dropOut(sa: ChildSa, slot: number): false {
    sa.countDrop(SaCounter.DROPS_OUT);
    return this.#drop(slot);
  }
}
