/**
 * Traffic selectors made ready for the hot path: does an address, with protocol and port, lie in one
 * of them (RFC 7296 §3.13.1, RFC 4301 §4.4.1.1)?
 */
import type { TrafficSelector } from "../../core/message/payload.ts";
import type { IpAddress } from "../../core/wire/address.ts";
import { noPort } from "./header.ts";

const rangeStride = 8;
const upperStride = 4;

/** The four words of an address as `InnerHeader` has them. */
export function addressWords(address: IpAddress): Uint32Array {
  const words = new Uint32Array(4);
  const octets = address.octets;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (address.family === 4) words[3] = view.getUint32(0);
  else for (let i = 0; i < 4; i++) words[i] = view.getUint32(4 * i);
  return words;
}

/** Leading bits that the first and the last address share: the larger, the narrower the selector. */
export function sharedPrefixBits(selector: TrafficSelector): number {
  const start = selector.startAddress.octets;
  const end = selector.endAddress.octets;
  for (let i = 0; i < start.length; i++) {
    const differing = (start[i] ?? 0) ^ (end[i] ?? 0);
    if (differing !== 0) return 8 * i + Math.clz32(differing) - 24;
  }
  return 8 * start.length;
}

/** The selectors of one side of a Child SA. */
export class SelectorList {
  /** Whether a match depends on protocol and port, so that the caller must find them first. */
  readonly needsUpper: boolean;
  readonly #count: number;
  readonly #ranges: Uint32Array;
  readonly #upper: Int32Array;

  /** Compiles the selectors. */
  constructor(selectors: readonly TrafficSelector[]) {
    this.#count = selectors.length;
    this.#ranges = new Uint32Array(selectors.length * rangeStride);
    this.#upper = new Int32Array(selectors.length * upperStride);
    this.needsUpper = selectors.some((s) =>
      s.protocol !== 0 || s.startPort !== 0 || s.endPort !== 0xffff
    );
    selectors.forEach((selector, i) => {
      this.#ranges.set(addressWords(selector.startAddress), i * rangeStride);
      this.#ranges.set(addressWords(selector.endAddress), i * rangeStride + 4);
      const version = selector.startAddress.family;
      this.#upper.set(
        [version, selector.protocol, selector.startPort, selector.endPort],
        i * upperStride,
      );
    });
  }

  /** Whether one selector covers all of it. `port` may be `noPort`. */
  matches(version: number, words: Uint32Array, protocol: number, port: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      const u = i * upperStride;
      if (this.#upper[u] === version && this.#coversAddress(i * rangeStride, words)) {
        if (!this.needsUpper || this.#coversUpper(u, protocol, port)) return true;
      }
    }
    return false;
  }

  #coversAddress(at: number, words: Uint32Array): boolean {
    return atLeast(words, 0, this.#ranges, at) && atLeast(this.#ranges, at + 4, words, 0);
  }

  #coversUpper(u: number, protocol: number, port: number): boolean {
    const wanted = this.#upper[u + 1] as number;
    if (wanted !== 0 && wanted !== protocol) return false;
    const start = this.#upper[u + 2] as number;
    const end = this.#upper[u + 3] as number;
    if (start === 0 && end === 0xffff) return true;
    if (start === 0xffff && end === 0) return port === noPort; // OPAQUE
    return port >= start && port <= end;
  }
}

/** Whether the address at `a[i]` is not below the one at `b[j]`. */
function atLeast(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  for (let k = 0; k < 4; k++) {
    const x = a[i + k] as number;
    const y = b[j + k] as number;
    if (x !== y) return x > y;
  }
  return true;
}
