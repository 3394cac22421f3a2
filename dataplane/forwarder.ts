/**
 * The hot path: ESP packets in, or inner packets out, in place in the arena (RFC 4303 §3.3, §3.4).
 *
 * Ciphers may do many packets at once. So a packet is opened in two halves, `begin` and `finish`, with the
 * ciphers' flush between those of a burst; one that is sealed is whole after that flush. Results stand in
 * fields until the next call, so that nothing is allocated per packet. Waiting, sockets and the TUN device
 * are elsewhere.
 *
 * The inner time to live stays as it is: behind the TUN device the host forwards as it does between any
 * two links, and counts down there (RFC 4301 §5.1.2.1). The outer one is the socket's own.
 *
 * Left out: fragments reassembled before the selector check (later fragments match selectors without
 * ports).
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
import { extendedHigh } from "./esp/sequence.ts";
import { combineEcn, ecnMask, trafficClass } from "./ip/ecn.ts";
import { InnerHeader } from "./ip/header.ts";
import { clampMss, isSyn, tcpHeaders } from "./ip/mss.ts";
import { Upper } from "./ip/segmentation.ts";
import { leastMtu, mayNotBeCut } from "./ip/too_big.ts";
import type { SaTable } from "./sa_table.ts";

/** What is up to the operator. */
export interface ForwardingRules {
  /** Bits of the inner traffic class that the outer header gets: all, or ECN alone (RFC 4301 §5.1.2.1). */
  readonly outerClassMask: number;
  /** Inner MTU to which the segment size in TCP SYNs is lowered; 0 leaves it alone. */
  readonly clampMtu: number;
}

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
  /** Traffic class of the outer header of the packet last sealed. */
  outerClass = 0;
  /** How long the packet that was too big may be; 0 when the last one was dropped for something else. */
  tooBigMtu = 0;
  /** Pairs that should be rekeyed; the packet loop reports and empties the list. */
  readonly softLimited: ChildSa[] = [];
  /** Pairs that carry nothing more; the packet loop reports and empties the list. */
  readonly hardLimited: ChildSa[] = [];

  /** Packets that have begun and not finished. */
  pending = 0;

  readonly #view: DataView;
  readonly #table: SaTable;
  readonly #counters: Float64Array;
  readonly #rules: ForwardingRules;
  /** Of the packet last sealed. */
  readonly #header = new InnerHeader();
  /** Of the packet last opened. */
  readonly #opened = new InnerHeader();
  /** The pair on which it was let through: without a filter, what repeats it may pass too. */
  #admittedOn: ChildSa | undefined = undefined;
  /** Next header of the packet last sealed. */
  #sealedKind = 0;
  /** By number of a pending packet: its pair, offset, upper half of its number, the opener's answer, class. */
  readonly #pendingSas: (ChildSa | undefined)[] = new Array(mostPutOff).fill(undefined);
  readonly #pendingOffsets = new Uint32Array(mostPutOff);
  readonly #pendingHighs = new Uint32Array(mostPutOff);
  readonly #pendingAnswers = new Int32Array(mostPutOff);
  readonly #pendingClasses = new Uint8Array(mostPutOff);

  /** Works in the memory of `view`, the arena that the table's ciphers work in. */
  constructor(view: DataView, table: SaTable, counters: Float64Array, rules: ForwardingRules) {
    this.#view = view;
    this.#table = table;
    this.#counters = counters;
    this.#rules = rules;
  }

  /**
   * Opens the ESP packet at `offset` by itself, see `finish`; it came with the traffic class `outerClass`.
   * Nothing may be pending.
   */
  open(offset: number, length: number, outerClass: number): boolean {
    this.isNewest = false;
    if (!this.begin(offset, length, outerClass)) return false;
    this.#table.ciphers.flush();
    const isInner = this.finish(0);
    this.pending = 0;
    return isInner;
  }

  /**
   * Begins to open the ESP packet at `offset`, which must stay as it is; it came with the traffic class
   * `outerClass`. `true`: it is pending under the next number, and `mostPutOff` may be. `false`: dropped and
   * counted.
   */
  begin(offset: number, length: number, outerClass: number): boolean {
    const view = this.#view;
    this.sa = undefined;
    if (length < ESP_HEADER_LENGTH) return this.#drop(Counter["too-short"]);
    const sa = this.#table.findInbound(view.getUint32(offset));
    if (sa === undefined) return this.#drop(Counter["unknown-spi"]);
    this.sa = sa;
    if (length < sa.opener.layout.overhead + trailerBytes) {
      return this.#dropIn(sa, Counter["too-short"]);
    }
    if (sa.isSpent(SaCounter.PACKETS_IN)) {
      this.#noteHardLimit(sa);
      return this.#dropIn(sa, Counter["hard-limit"]);
    }

    const low = view.getUint32(offset + 4);
    const { window } = sa;
    const high = sa.extended ? extendedHigh(window.topHigh, window.topLow, low, window.size) : 0;
    if (high < 0 || !window.isFresh(high, low)) return this.#dropIn(sa, Counter.replay);
    const answer = sa.opener.open(offset, length, high);
    if (answer === -1) return this.#dropIn(sa, Counter["bad-icv"]);
    const number = this.pending++;
    this.#pendingSas[number] = sa;
    this.#pendingOffsets[number] = offset;
    this.#pendingHighs[number] = high;
    this.#pendingAnswers[number] = answer;
    this.#pendingClasses[number] = outerClass;
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
    const outerClass = this.#pendingClasses[number] as number;
    const low = view.getUint32(offset + 4);
    const { window } = sa;
    this.isNewest = false;
    this.sa = sa;
    const plaintextLength = answer >= 0
      ? answer
      : this.#table.ciphers.outcomes[outcomeSlot(answer)] as number;
    if (plaintextLength < 0) return this.#dropIn(sa, Counter["bad-icv"]);
    // The same number may have come twice in one burst, and the burst may have begun below the limit.
    if (!window.isFresh(high, low)) return this.#dropIn(sa, Counter.replay);
    if (sa.isSpent(SaCounter.PACKETS_IN)) {
      this.#noteHardLimit(sa);
      return this.#dropIn(sa, Counter["hard-limit"]);
    }
    this.isNewest = window.mark(high, low);
    this.#noteAuthentic(sa);

    const at = offset + sa.opener.layout.plaintextAt;
    const innerLength = contentLength(view, at, plaintextLength);
    const nextHeader = plaintextLength > 0 ? nextHeaderOf(view, at, plaintextLength) : -1;
    if (nextHeader === NextHeader.NONE) return this.#dropIn(sa, Counter.dummy);
    if (innerLength < 0) return this.#dropIn(sa, Counter["bad-padding"]);
    return this.#acceptInner(sa, at, innerLength, nextHeader, outerClass);
  }

  /**
   * Seals the inner packet at `offset`, in front of which is headroom and behind which is tailroom.
   * `true`: an ESP packet for `sa.path` stands at `outOffset` once the ciphers are flushed, to be sent with
   * `outerClass`. `false`: dropped and counted; if because it is too big, its sender should hear of
   * `tooBigMtu`.
   */
  seal(offset: number, length: number): boolean {
    const view = this.#view;
    const header = this.#header;
    this.sa = undefined;
    this.tooBigMtu = 0;
    if (!header.parse(view, offset, length)) return this.#drop(Counter["bad-outbound-header"]);
    header.parseUpper(view, offset);
    const sa = this.#table.findOutbound(header);
    if (sa === undefined) return this.#drop(Counter[this.#table.lastMiss]);
    this.sa = sa;
    const { path } = sa;
    const { version, totalLength: innerLength } = header;
    if (innerLength > path.innerLimit && mayNotBeCut(view, offset, header)) {
      this.tooBigMtu = Math.max(path.innerLimit, leastMtu(version));
      return this.#dropOut(sa, Counter["too-big"]);
    }
    this.#clampMss(sa, header, offset + innerLength);
    this.outerClass = trafficClass(view, offset, version) & this.#rules.outerClassMask;
    this.#sealedKind = kindOf(version);
    return this.#sealFor(sa, offset, innerLength);
  }

  /**
   * The same for a packet like the one that was just sealed: a further segment of one super-packet, so not
   * longer and with the same addresses, ports and traffic class.
   */
  sealAlike(offset: number, length: number): boolean {
    this.tooBigMtu = 0;
    return this.#sealFor(this.sa as ChildSa, offset, length);
  }

  /** What is known to be for `sa` and to fit. */
  #sealFor(sa: ChildSa, offset: number, innerLength: number): boolean {
    const view = this.#view;
    const { sequence, sealer } = sa;
    if (sa.isSpent(SaCounter.PACKETS_OUT)) {
      this.#noteHardLimit(sa);
      return this.#dropOut(sa, Counter["hard-limit"]);
    }
    if (!sequence.take()) {
      this.#noteHardLimit(sa);
      return this.#dropOut(sa, Counter["sequence-exhausted"]);
    }
    const { plaintextAt, alignment } = sealer.layout;
    const plaintextLength = addTrailer(view, offset, innerLength, alignment, this.#sealedKind);
    const start = offset - plaintextAt;
    writeEspHeader(view, start, sa.outboundSpi, sequence.low);
    this.outOffset = start;
    this.outLength = sealer.seal(start, plaintextLength, sequence.high);
    this.#countPacket(sa, SaCounter.PACKETS_OUT, Counter["packets-out"], innerLength);
    return true;
  }

  #acceptInner(
    sa: ChildSa,
    at: number,
    innerLength: number,
    nextHeader: number,
    outerClass: number,
  ): boolean {
    const header = this.#opened;
    const isKnown = this.#admittedOn === sa && sa.filter === undefined &&
      kindOf(header.version) === nextHeader && header.repeats(this.#view, at, innerLength);
    if (!isKnown && !this.#admit(sa, at, innerLength, nextHeader)) return false;
    const { version, totalLength } = header;
    if ((outerClass & ecnMask) !== 0 && !combineEcn(this.#view, at, version, outerClass)) {
      return this.#dropIn(sa, Counter["ecn-refused"]);
    }
    this.#clampMss(sa, header, at + totalLength);
    this.outOffset = at;
    this.outLength = totalLength;
    this.#countPacket(sa, SaCounter.PACKETS_IN, Counter["packets-in"], totalLength);
    return true;
  }

  /** Looks at the inner packet of an opened one: is it sound, and may the peer send it? */
  #admit(sa: ChildSa, at: number, innerLength: number, nextHeader: number): boolean {
    const header = this.#opened;
    this.#admittedOn = undefined;
    if (nextHeader !== NextHeader.IPV4 && nextHeader !== NextHeader.IPV6) {
      return this.#dropIn(sa, Counter["bad-next-header"]);
    }
    const isConsistent = header.parse(this.#view, at, innerLength) &&
      kindOf(header.version) === nextHeader;
    if (!isConsistent) return this.#dropIn(sa, Counter["bad-inner-header"]);
    header.parseUpper(this.#view, at);
    const { version, protocol } = header;
    const isAllowed =
      sa.remoteSelectors.matches(version, header.source, protocol, header.sourcePort) &&
      sa.localSelectors.matches(version, header.destination, protocol, header.destinationPort);
    if (!isAllowed) return this.#dropIn(sa, Counter.selector);
    if (sa.filter !== undefined && !sa.filter.permits(this.#view, at, header)) {
      return this.#dropIn(sa, Counter.filtered);
    }
    this.#admittedOn = sa;
    return true;
  }

  /** The segment size of a TCP SYN, in whichever direction, fits what we send to the peer. */
  #clampMss(sa: ChildSa, header: InnerHeader, end: number): void {
    const { protocol, fragmentOffset, upperAt, version } = header;
    const { clampMtu } = this.#rules;
    const isFirst = protocol === Upper.TCP && fragmentOffset === 0 &&
      isSyn(this.#view, upperAt, end);
    if (!isFirst || clampMtu === 0) return;
    const most = Math.min(clampMtu, Math.max(sa.path.innerLimit, leastMtu(version)));
    if (clampMss(this.#view, upperAt, end, most - tcpHeaders(version))) {
      this.#count(Counter["mss-clamped"]);
    }
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

  #noteHardLimit(sa: ChildSa): void {
    if (sa.isHardLimitReported) return;
    sa.isHardLimitReported = true;
    this.hardLimited.push(sa);
  }

  /** In the pair's slot `own` and the total's, and in those behind them the octets. */
  #countPacket(sa: ChildSa, own: number, slot: number, bytes: number): void {
    sa.countPacket(own, bytes);
    this.#counters[slot] = (this.#counters[slot] as number) + 1;
    this.#counters[slot + 1] = (this.#counters[slot + 1] as number) + bytes;
    if (sa.isSoftLimitDue(own)) this.#noteSoftLimit(sa);
  }

  #count(slot: number): void {
    this.#counters[slot] = (this.#counters[slot] as number) + 1;
  }

  #drop(slot: number): false {
    this.#count(slot);
    return false;
  }

  #dropIn(sa: ChildSa, slot: number): false {
    sa.countDrop(SaCounter.DROPS_IN);
    sa.countCause(slot);
    return this.#drop(slot);
  }

  #dropOut(sa: ChildSa, slot: number): false {
    sa.countDrop(SaCounter.DROPS_OUT);
    sa.countCause(slot);
    return this.#drop(slot);
  }
}

function kindOf(version: number): number {
  return version === 4 ? NextHeader.IPV4 : NextHeader.IPV6;
}
