/**
 * Which pairs may carry a packet from inside, by its destination: those whose selectors share a prefix with
 * it, the longest prefix first, and among those of one prefix the order in which they were put.
 *
 * Looking up takes a step for each length of prefix that is in use, however many pairs there are: peers with
 * networks behind them may be many, with many networks each.
 */
import type { TrafficSelector } from "../core/message/payload.ts";
import type { ChildSa } from "./esp/child_sa.ts";
import { addressWords, sharedPrefixBits } from "./ip/selector.ts";

/** Pairs whose selectors have prefixes of one length. */
export class PrefixLength {
  /** Leading bits that all addresses of a selector share. */
  readonly bits: number;
  readonly #mask: Uint32Array;
  /** By the hash of the prefix. */
  readonly #pairs = new Map<number, ChildSa[]>();

  /** Of so many bits of an address of this family. */
  constructor(family: 4 | 6, bits: number) {
    this.bits = bits;
    this.#mask = maskOf(family, bits);
  }

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#pairs.size === 0;
  }

  /** Pairs whose prefix an address, as `InnerHeader` has it, most likely has; the first goes before the others. */
  at(address: Uint32Array): readonly ChildSa[] | undefined {
    return this.#pairs.get(this.#hash(address));
  }

  /** Puts a pair in front of the first that is to come behind it. */
  add(address: Uint32Array, sa: ChildSa, isBehind: (other: ChildSa) => boolean): void {
    const hash = this.#hash(address);
    const pairs = this.#pairs.get(hash);
    if (pairs === undefined) return void this.#pairs.set(hash, [sa]);
    if (pairs.includes(sa)) return;
    const at = pairs.findIndex(isBehind);
    pairs.splice(at < 0 ? pairs.length : at, 0, sa);
  }

  /** Takes a pair out; one that is not there is none. */
  remove(address: Uint32Array, sa: ChildSa): void {
    const hash = this.#hash(address);
    const pairs = this.#pairs.get(hash) ?? [];
    const at = pairs.indexOf(sa);
    if (at >= 0) pairs.splice(at, 1);
    if (pairs.length === 0) this.#pairs.delete(hash);
  }

  /** A signed 32-bit hash, which an engine needs no room for; of a whole IPv4 address it is the address. */
  #hash(words: Uint32Array): number {
    const mask = this.#mask;
    const upper = Math.imul((words[0] as number) & (mask[0] as number), 0x9e3779b1) ^
      Math.imul((words[1] as number) & (mask[1] as number), 0x85ebca77) ^
      Math.imul((words[2] as number) & (mask[2] as number), 0xc2b2ae3d);
    return upper ^ ((words[3] as number) & (mask[3] as number));
  }
}

/** The index. */
export class OutboundIndex {
  /** The longest first. BOUNDED by the bits of an address. */
  readonly #lengths: Readonly<Record<4 | 6, PrefixLength[]>> = { 4: [], 6: [] };

  /** The lengths of prefixes in use, the longest first; not to be kept. */
  lengths(version: number): readonly PrefixLength[] {
    return version === 4 ? this.#lengths[4] : this.#lengths[6];
  }

  /** Puts a pair by one of its remote selectors, in front of the first of that prefix that is to come behind it. */
  add(selector: TrafficSelector, sa: ChildSa, isBehind: (other: ChildSa) => boolean): void {
    const { family } = selector.startAddress;
    const bits = sharedPrefixBits(selector);
    const lengths = this.#lengths[family];
    let length = lengths.find((known) => known.bits === bits);
    if (length === undefined) {
      length = new PrefixLength(family, bits);
      lengths.push(length);
      lengths.sort((a, b) => b.bits - a.bits);
    }
    length.add(addressWords(selector.startAddress), sa, isBehind);
  }

  /** Takes a pair out that was put by this selector. */
  remove(selector: TrafficSelector, sa: ChildSa): void {
    const lengths = this.#lengths[selector.startAddress.family];
    const bits = sharedPrefixBits(selector);
    const at = lengths.findIndex((known) => known.bits === bits);
    lengths[at]?.remove(addressWords(selector.startAddress), sa);
    if (lengths[at]?.isEmpty === true) lengths.splice(at, 1);
  }
}

/** Ones over the leading bits of an address in four words; those of IPv4 are all in the last. */
function maskOf(family: 4 | 6, bits: number): Uint32Array {
  const leading = family === 4 ? bits + 96 : bits;
  return Uint32Array.from({ length: 4 }, (_, i) => {
    const ones = Math.min(32, Math.max(0, leading - 32 * i));
    return ones === 0 ? 0 : 0xffff_ffff << (32 - ones);
  });
}
