/**
 * Cuts a super-packet, of which the kernel left the segmentation to us, into the packets that it stands
 * for: TCP (over IPv4 and IPv6) and UDP.
 *
 * The packet's headers are a template: lengths, IPv4 identification (RFC 6864: one for each packet), TCP
 * sequence number and the flags that belong to the first (CWR, RFC 3168 §6.1.2) or the last packet (FIN,
 * PSH) are set in each copy, then both checksums.
 */
import type { Arena } from "../buffers.ts";
import { foldSum, storeChecksum, sumNumber, sumOctets, sumPseudoHeader } from "./checksum.ts";

/** Upper protocols that are cut and joined. */
export const Upper = { TCP: 6, UDP: 17 } as const;

const finAndPush = 0x09;
const cwr = 0x80;

/** The super-packet at hand. One object serves all, so that nothing is allocated. */
export class Segmenter {
  /** Packets that it stands for. */
  count = 0;
  readonly #arena: Arena;
  #at = 0;
  #length = 0;
  #version = 0;
  #protocol = 0;
  #transport = 0;
  #headers = 0;
  #size = 0;
  #identification = 0;
  #sequence = 0;
  /** The word with TCP's header length and flags. */
  #flags = 0;
  /** Of the IPv4 header, without what differs from packet to packet. */
  #ipSum = 0;
  /** Of upper header and pseudo header, the same way. */
  #upperSum = 0;

  /** Cuts packets that lie in `arena`. */
  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * Takes the super-packet at `at`, a multiple of 4: its upper header starts `transport` octets behind,
   * and each packet carries `size` octets of payload, the last one the rest. `false` when its headers
   * are not what they must be or a packet would be longer than `limit`.
   */
  start(
    at: number,
    length: number,
    protocol: number,
    transport: number,
    size: number,
    limit: number,
  ): boolean {
    const { view } = this.#arena;
    this.count = 0;
    if ((at & 3) !== 0 || (transport & 3) !== 0 || transport + 8 > length || size === 0) {
      return false;
    }
    const version = view.getUint8(at) >>> 4;
    const least = version === 4 ? (view.getUint8(at) & 15) * 4 : 40;
    if ((version !== 4 && version !== 6) || least < 20 || transport < least) return false;
    if (version === 4 && view.getUint8(at + 9) !== protocol) return false;
    let headers = transport + 8;
    if (protocol === Upper.TCP) {
      if (transport + 20 > length) return false;
      headers = transport + (view.getUint8(at + transport + 12) >>> 4) * 4;
      if (headers < transport + 20) return false;
    }
    if (headers >= length || headers + size > limit) return false;
    this.#at = at;
    this.#length = length;
    this.#version = version;
    this.#protocol = protocol;
    this.#transport = transport;
    this.#headers = headers;
    this.#size = size;
    this.#identification = version === 4 ? view.getUint16(at + 4) : 0;
    this.#sequence = protocol === Upper.TCP ? view.getUint32(at + transport + 4) : 0;
    this.#flags = protocol === Upper.TCP ? view.getUint16(at + transport + 12) : 0;
    this.#prepareSums();
    this.count = Math.ceil((length - headers) / size);
    return true;
  }

  /** Writes packet `k`, counted from 0, to `to`, a multiple of 4; its length. */
  cut(k: number, to: number): number {
    const { words, view, checksums } = this.#arena;
    const headers = this.#headers;
    const from = headers + k * this.#size;
    const payload = Math.min(this.#size, this.#length - from);
    const length = headers + payload;
    const source = this.#at >>> 2;
    const target = to >>> 2;
    for (let i = 0; i < headers >>> 2; i++) words[target + i] = words[source + i] as number;
    const sum = checksums.copy(this.#at + from, this.#at + from + payload, to + headers);
    if (this.#version === 4) this.#finishIpv4(to, k, length);
    else view.setUint16(to + 4, length - 40);
    const upper = to + this.#transport;
    if (this.#protocol === Upper.TCP) this.#finishTcp(upper, k, length - this.#transport, sum);
    else this.#finishUdp(upper, length - this.#transport, sum);
    return length;
  }

  /** Sums what is the same in the headers of all packets, so that each adds only what is its own. */
  #prepareSums(): void {
    const { view } = this.#arena;
    const at = this.#at;
    const upper = at + this.#transport;
    if (this.#version === 4) {
      view.setUint16(at + 2, 0);
      view.setUint16(at + 4, 0);
      view.setUint16(at + 10, 0);
      this.#ipSum = sumOctets(this.#arena, at, this.#transport);
    }
    if (this.#protocol === Upper.TCP) {
      view.setUint32(upper + 4, 0);
      view.setUint16(upper + 12, 0);
      view.setUint16(upper + 16, 0);
    } else {
      view.setUint16(upper + 4, 0);
      view.setUint16(upper + 6, 0);
    }
    this.#upperSum = sumOctets(this.#arena, upper, this.#headers - this.#transport) +
      sumPseudoHeader(this.#arena, at, this.#version, this.#protocol);
  }

  #finishIpv4(at: number, k: number, length: number): void {
    const { view } = this.#arena;
    const identification = (this.#identification + k) & 0xffff;
    view.setUint16(at + 2, length);
    view.setUint16(at + 4, identification);
    const sum = this.#ipSum + sumNumber(length) + sumNumber(identification);
    view.setUint16(at + 10, ~foldSum(sum) & 0xffff, true);
  }

  #finishTcp(at: number, k: number, length: number, payloadSum: number): void {
    const { view } = this.#arena;
    let flags = this.#flags;
    if (k > 0) flags &= ~cwr;
    if (k + 1 < this.count) flags &= ~finAndPush;
    const sequence = (this.#sequence + k * this.#size) >>> 0;
    view.setUint32(at + 4, sequence);
    view.setUint16(at + 12, flags);
    const sum = this.#upperSum + payloadSum + sumNumber(length) + sumNumber(flags) +
      sumNumber(sequence >>> 16) + sumNumber(sequence & 0xffff);
    storeChecksum(this.#arena, at + 16, sum);
  }

  #finishUdp(at: number, length: number, payloadSum: number): void {
    this.#arena.view.setUint16(at + 4, length);
    const sum = this.#upperSum + payloadSum + 2 * sumNumber(length);
    storeChecksum(this.#arena, at + 6, sum);
  }
}

/**
 * Finishes a checksum that the kernel left at the sum of the pseudo header: the upper header starts at
 * `transport` and has the checksum `field` octets behind. `false` when that is not in the packet.
 */
export function completeChecksum(
  arena: Arena,
  at: number,
  length: number,
  transport: number,
  field: number,
): boolean {
  if (transport + field + 2 > length) return false;
  const start = at + transport;
  storeChecksum(arena, start + field, sumOctets(arena, start, length - transport));
  return true;
}
