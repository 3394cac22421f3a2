/**
 * Joins consecutive packets of one TCP or UDP flow into a super-packet, the reverse of `segmentation.ts`:
 * the host then does once per 64 KB what it would do per packet.
 *
 * Nothing is copied: an aggregate is its first packet, with changed headers, and the places of the further
 * payloads. So it must be written before those octets are reused: call `flush` at the end of a burst.
 *
 * Only packets that cutting would give back as they were are joined (IPv4 identification with DF set
 * aside, which means nothing there, RFC 6864 §4.1), and only after their checksum was found right, since the
 * aggregate vouches for it. The order of a flow's packets is kept; whatever is not understood here comes
 * after everything before it.
 *
 * Left out: IP options, IPv6 extension headers, fragments, ECN marks of TCP (CWR, ECE).
 */
import type { Arena } from "../buffers.ts";
import {
  foldSum,
  sumNumber,
  sumOctets,
  sumPseudoHeader,
  sumWord,
  writeIpv4Checksum,
} from "./checksum.ts";
import { Upper } from "./segmentation.ts";

/** Packets in one aggregate, and octets of it. */
export const aggregateLimits = { parts: 64, bytes: 65_000 } as const;

/** Flows that may be open at a time. */
const flowLimit = 8;

const ack = 0x10;
const push = 0x08;

/** Packets of one flow that are about to be written as one. */
export class Aggregate {
  /** Where the first packet stands. */
  at = 0;
  /** Its length, or after `finish` of its headers and payload as before. */
  length = 0;
  /** 4 or 6. */
  version = 0;
  /** `Upper.TCP` or `Upper.UDP`. */
  protocol = 0;
  /** Octets before the upper header. */
  transport = 0;
  /** Octets of all headers. */
  headers = 0;
  /** Payload of each packet but the last. */
  size = 0;
  /** Packets. */
  parts = 0;
  /** Octets in all: headers once and all payloads. */
  total = 0;
  /** The next TCP sequence number, as a signed number. */
  next = 0;
  /** Whether the first packet's checksum was found right. */
  isChecked = false;
  /** Where the payload of packet i stands, from 1. */
  readonly offsets: Int32Array = new Int32Array(aggregateLimits.parts);
  /** Its length. */
  readonly lengths: Int32Array = new Int32Array(aggregateLimits.parts);
}

/** Where packets go. */
export interface InnerSink {
  /** Takes one packet as it is. */
  writePacket(at: number, length: number): void;
  /** Takes an aggregate of two packets or more, of which the upper checksum is left to be completed. */
  writeAggregate(aggregate: Aggregate): void;
}

/** The coalescer. */
export class Coalescer {
  readonly #arena: Arena;
  readonly #sink: InnerSink;
  readonly #joinsUdp: boolean;
  /** The first `#count` are open. */
  readonly #flows: Aggregate[] = [];
  #count = 0;
  // What `#parse` found.
  #version = 0;
  #protocol = 0;
  #transport = 0;
  #headers = 0;

  /** Joins packets that lie in `arena`: those of TCP, and those of UDP if `joinsUdp`. */
  constructor(arena: Arena, sink: InnerSink, joinsUdp: boolean) {
    this.#arena = arena;
    this.#sink = sink;
    this.#joinsUdp = joinsUdp;
    for (let i = 0; i < flowLimit; i++) this.#flows.push(new Aggregate());
  }

  /** Takes the packet at `at`; it is written now or at the latest by `flush`. */
  add(at: number, length: number): void {
    if (!this.#parse(at, length)) {
      this.flush();
      this.#sink.writePacket(at, length);
      return;
    }
    const i = this.#find(at);
    if (i >= 0) {
      const flow = this.#flows[i] as Aggregate;
      if (this.#continues(flow, at, length) && this.#isGood(flow, at, length)) {
        if (this.#append(flow, at, length)) this.#close(i);
        return;
      }
      this.#close(i);
    }
    if (this.#mayStart(at, length)) this.#open(at, length);
    else this.#sink.writePacket(at, length);
  }

  /** Writes all that is open. */
  flush(): void {
    for (let i = 0; i < this.#count; i++) this.#write(this.#flows[i] as Aggregate);
    this.#count = 0;
  }

  /** Whether it is a whole TCP or UDP packet with nothing unusual before the upper header. */
  #parse(at: number, length: number): boolean {
    const { view } = this.#arena;
    if ((at & 3) !== 0 || length < 28) return false;
    const first = view.getUint8(at);
    if (first === 0x45) {
      if ((view.getUint16(at + 6) & 0x3fff) !== 0 || view.getUint16(at + 2) !== length) {
        return false;
      }
      this.#version = 4;
      this.#protocol = view.getUint8(at + 9);
      this.#transport = 20;
    } else if (first >>> 4 === 6 && length >= 48) {
      if (view.getUint16(at + 4) + 40 !== length) return false;
      this.#version = 6;
      this.#protocol = view.getUint8(at + 6);
      this.#transport = 40;
    } else {
      return false;
    }
    const upper = at + this.#transport;
    if (this.#protocol === Upper.UDP) {
      this.#headers = this.#transport + 8;
      return this.#joinsUdp && view.getUint16(upper + 4) === length - this.#transport;
    }
    if (this.#protocol !== Upper.TCP || this.#transport + 20 > length) return false;
    const size = (view.getUint8(upper + 12) >>> 4) * 4;
    this.#headers = this.#transport + size;
    return size >= 20 && this.#headers <= length;
  }

  /** The open flow of the packet, by addresses and ports; -1 for none. */
  #find(at: number): number {
    const { words } = this.#arena;
    const transport = this.#transport;
    const addresses = this.#version === 4 ? 12 : 8;
    for (let i = 0; i < this.#count; i++) {
      const flow = this.#flows[i] as Aggregate;
      if (flow.version !== this.#version || flow.protocol !== this.#protocol) continue;
      if (isSame(words, flow.at + addresses, at + addresses, transport + 4 - addresses)) return i;
    }
    return -1;
  }

  /** Whether the packet is what cutting the flow's aggregate would give next. */
  #continues(flow: Aggregate, at: number, length: number): boolean {
    const { view, words } = this.#arena;
    const { at: first, transport, headers } = flow;
    const payload = length - this.#headers;
    if (this.#headers !== headers || payload <= 0 || payload > flow.size) return false;
    if (flow.parts === aggregateLimits.parts || flow.total + payload > aggregateLimits.bytes) {
      return false;
    }
    if (flow.version === 4) {
      const fragment = view.getUint16(at + 6);
      if (view.getUint8(first + 1) !== view.getUint8(at + 1)) return false;
      if (view.getUint8(first + 8) !== view.getUint8(at + 8)) return false;
      if (view.getUint16(first + 6) !== fragment) return false;
      const id = (view.getUint16(first + 4) + flow.parts) & 0xffff;
      if (fragment === 0 && view.getUint16(at + 4) !== id) return false;
    } else if (
      words[first >>> 2] !== words[at >>> 2] ||
      view.getUint16(first + 6) !== view.getUint16(at + 6)
    ) {
      return false;
    }
    if (flow.protocol === Upper.UDP) return view.getUint16(at + transport + 6) !== 0;
    const before = first + transport;
    const upper = at + transport;
    return (view.getUint32(upper + 4) | 0) === flow.next &&
      view.getUint32(before + 8) === view.getUint32(upper + 8) &&
      view.getUint8(before + 12) === view.getUint8(upper + 12) &&
      (view.getUint8(upper + 13) & ~push) === ack &&
      view.getUint16(before + 14) === view.getUint16(upper + 14) &&
      view.getUint16(before + 18) === view.getUint16(upper + 18) &&
      isSame(words, before + 20, upper + 20, headers - transport - 20);
  }

  /** Whether the checksums of the packet, and of the flow's first, are right. */
  #isGood(flow: Aggregate, at: number, length: number): boolean {
    if (!flow.isChecked && !this.#isChecksumRight(flow.at, flow.length)) return false;
    flow.isChecked = true;
    return this.#isChecksumRight(at, length);
  }

  /** Of the upper header and what it carries, and of an IPv4 header. */
  #isChecksumRight(at: number, length: number): boolean {
    const transport = this.#transport;
    const upper = length - transport;
    let sum = sumOctets(this.#arena, at + transport, upper) + sumNumber(upper) +
      sumNumber(this.#protocol);
    if (this.#version === 6) return foldSum(sum + sumOctets(this.#arena, at + 8, 32)) === 0xffff;
    // Twenty octets are summed sooner than asked for. The last eight are the addresses.
    const { words } = this.#arena;
    const first = at >>> 2;
    const addresses = sumWord(words[first + 3] as number) + sumWord(words[first + 4] as number);
    const header = sumWord(words[first] as number) + sumWord(words[first + 1] as number) +
      sumWord(words[first + 2] as number) + addresses;
    sum += addresses;
    return foldSum(header) === 0xffff && foldSum(sum) === 0xffff;
  }

  /** Whether more may be joined to the packet. */
  #mayStart(at: number, length: number): boolean {
    if (length <= this.#headers) return false;
    const upper = at + this.#transport;
    return this.#protocol === Upper.TCP
      ? this.#arena.view.getUint8(upper + 13) === ack
      : this.#arena.view.getUint16(upper + 6) !== 0;
  }

  #open(at: number, length: number): void {
    if (this.#count === flowLimit) this.#close(0);
    const flow = this.#flows[this.#count++] as Aggregate;
    flow.at = at;
    flow.length = length;
    flow.version = this.#version;
    flow.protocol = this.#protocol;
    flow.transport = this.#transport;
    flow.headers = this.#headers;
    flow.size = length - this.#headers;
    flow.parts = 1;
    flow.total = length;
    flow.isChecked = false;
    flow.next = this.#protocol === Upper.TCP
      ? (this.#arena.view.getUint32(at + this.#transport + 4) + flow.size) | 0
      : 0;
  }

  /** Adds the packet; `true` if nothing may follow it. */
  #append(flow: Aggregate, at: number, length: number): boolean {
    const payload = length - flow.headers;
    flow.offsets[flow.parts] = at + flow.headers;
    flow.lengths[flow.parts] = payload;
    flow.parts++;
    flow.total += payload;
    flow.next = (flow.next + payload) | 0;
    let isLast = payload < flow.size;
    if (flow.protocol === Upper.TCP) {
      const { view } = this.#arena;
      const flags = view.getUint8(at + flow.transport + 13);
      view.setUint8(flow.at + flow.transport + 13, flags);
      isLast ||= (flags & push) !== 0;
    }
    return isLast;
  }

  /** Writes the flow at `i`, and lets the last one have its place. */
  #close(i: number): void {
    const flow = this.#flows[i] as Aggregate;
    this.#write(flow);
    const last = --this.#count;
    this.#flows[i] = this.#flows[last] as Aggregate;
    this.#flows[last] = flow;
  }

  #write(flow: Aggregate): void {
    if (flow.parts === 1) {
      this.#sink.writePacket(flow.at, flow.length);
      return;
    }
    const { view } = this.#arena;
    const { at, total, transport } = flow;
    if (flow.version === 4) {
      view.setUint16(at + 2, total);
      writeIpv4Checksum(this.#arena, at, 20);
    } else {
      view.setUint16(at + 4, total - 40);
    }
    const upper = total - transport;
    if (flow.protocol === Upper.UDP) view.setUint16(at + transport + 4, upper);
    const sum = sumPseudoHeader(this.#arena, at, flow.version, flow.protocol) + sumNumber(upper);
    const field = at + transport + (flow.protocol === Upper.UDP ? 6 : 16);
    view.setUint16(field, foldSum(sum), true);
    this.#sink.writeAggregate(flow);
  }
}

/** Whether `length` octets, a multiple of 4, are the same at two multiples of 4. */
function isSame(words: Uint32Array, a: number, b: number, length: number): boolean {
  const end = (a + length) >>> 2;
  for (let i = a >>> 2, k = b >>> 2; i < end; i++, k++) if (words[i] !== words[k]) return false;
  return true;
}
