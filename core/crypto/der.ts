/**
 * DER (X.690 §10, §11): a strict cursor over octets, and builders for the few types that keys,
 * signatures and certificates need.
 *
 * Only definite lengths in their shortest form are read, and only tag numbers below 31. The reader
 * keeps its first fault and gives empty values from then on, so that a parser reads straight on and
 * asks `fault` once at the end. Readers made from one another share that fault.
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import type { WireFault } from "../wire/fault.ts";

/** Identifier octets. */
export const DerTag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  TELETEX_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  UNIVERSAL_STRING: 0x1c,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** The identifier octet of context tag `[number]`; constructed unless `primitive`. */
export function contextTag(number: number, form: "constructed" | "primitive"): number {
  return (form === "constructed" ? 0xa0 : 0x80) | number;
}

/** One tag, length and value. */
export interface DerElement {
  /** The identifier octet; 0 after a fault. */
  readonly tag: number;
  /** Where the identifier octet stands, counted from the start of the outermost octets. */
  readonly offset: number;
  /** The value's octets. */
  readonly content: Bytes;
  /** Identifier, length and value. */
  readonly whole: Bytes;
}

/** A BIT STRING. */
export interface DerBits {
  /** Bits of the last octet that do not count, 0 to 7; DER has them zero. */
  readonly unused: number;
  /** The octets that hold the bits, first bit in the top of the first. */
  readonly octets: Bytes;
}

const EMPTY = new Uint8Array(0);
const NOTHING: DerElement = { tag: 0, offset: 0, content: EMPTY, whole: EMPTY };
const LONGEST_OID = 64;
/** Octets that a length is said in, behind the first: there are revocation lists of more than 16 megabytes. */
const MOST_LENGTH_OCTETS = 4;

/** Where readers of the same octets keep their first fault. */
interface FaultScope {
  fault: WireFault | undefined;
}

/** A cursor over the elements of one DER value. */
export class DerReader {
  readonly #bytes: Bytes;
  readonly #path: string;
  readonly #base: number;
  readonly #scope: FaultScope;
  #at = 0;

  /** A cursor at the start of `bytes`, which stand at octet `base` of what faults count from. */
  constructor(bytes: Bytes, path: string, base = 0, scope: FaultScope = { fault: undefined }) {
    this.#bytes = bytes;
    this.#path = path;
    this.#base = base;
    this.#scope = scope;
  }

  /** The first thing that was wrong, here or in a reader that shares these octets. */
  get fault(): WireFault | undefined {
    return this.#scope.fault;
  }

  /** Whether nothing is left; also after a fault, so that loops end. */
  get atEnd(): boolean {
    return this.#scope.fault !== undefined || this.#at >= this.#bytes.length;
  }

  /** The next identifier octet; `undefined` at the end or after a fault. */
  peekTag(): number | undefined {
    return this.atEnd ? undefined : this.#bytes[this.#at];
  }

  /** Records a fault of the caller's finding, unless there is one already. */
  reject(kind: WireFault["kind"], field: string, had?: number, offset = this.#at): void {
    this.#scope.fault ??= {
      kind,
      offset: this.#base + offset,
      path: `${this.#path}.${field}`,
      ...(had === undefined ? {} : { had }),
    };
  }

  /** The next element, whatever its tag. */
  any(field: string): DerElement {
    if (this.#scope.fault !== undefined) return NOTHING;
    const start = this.#at;
    const tag = this.#bytes[start];
    if (tag === undefined) {
      this.reject("missing", field);
      return NOTHING;
    }
    if ((tag & 0x1f) === 0x1f) {
      this.reject("unexpected", field, tag);
      return NOTHING;
    }
    const length = this.#lengthAt(start + 1, field);
    if (length === undefined) return NOTHING;
    const end = length.next + length.value;
    if (end > this.#bytes.length) {
      this.reject("short", field, length.value);
      return NOTHING;
    }
    this.#at = end;
    return {
      tag,
      offset: this.#base + start,
      content: this.#bytes.subarray(length.next, end),
      whole: this.#bytes.subarray(start, end),
    };
  }

  /** The next element, which must have `tag`. */
  element(tag: number, field: string): DerElement {
    const had = this.peekTag();
    if (had !== undefined && had !== tag) this.reject("unexpected", field, had);
    return this.any(field);
  }

  /** The next element when it has `tag`; otherwise nothing is consumed. */
  optional(tag: number, field: string): DerElement | undefined {
    return this.peekTag() === tag ? this.any(field) : undefined;
  }

  /** A reader of the content of the next element, which must have `tag`. */
  enter(tag: number, field: string): DerReader {
    return this.inside(this.element(tag, field), field);
  }

  /** As `enter`, when the next element has `tag`. */
  enterOptional(tag: number, field: string): DerReader | undefined {
    return this.peekTag() === tag ? this.enter(tag, field) : undefined;
  }

  /** A reader of a SEQUENCE. */
  sequence(field: string): DerReader {
    return this.enter(DerTag.SEQUENCE, field);
  }

  /** A reader of a SET. */
  set(field: string): DerReader {
    return this.enter(DerTag.SET, field);
  }

  /** The two's complement octets of an INTEGER, in the shortest form as DER wants them. */
  integer(field: string): Bytes {
    const { content } = this.element(DerTag.INTEGER, field);
    const [first = 0, second = 0] = content;
    const padded = content.length > 1 &&
      ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (padded || content.length === 0) this.reject("bad-value", field);
    return this.#scope.fault === undefined ? content : EMPTY;
  }

  /** The octets of a non-negative INTEGER, without leading zeros (zero is no octets). */
  unsigned(field: string): Bytes {
    const content = this.integer(field);
    const first = content[0] ?? 0;
    if (first >= 0x80) this.reject("bad-value", field, first);
    if (this.#scope.fault !== undefined) return EMPTY;
    return first === 0 ? content.subarray(1) : content;
  }

  /** A non-negative INTEGER below 2^31. */
  smallInteger(field: string): number {
    const octets = this.unsigned(field);
    let value = 0;
    for (const octet of octets) value = value * 256 + octet;
    if (octets.length > 4 || value > 0x7fffffff) this.reject("bad-value", field);
    return this.#scope.fault === undefined ? value : 0;
  }

  /** A BOOLEAN, whose true is 0xff in DER. */
  boolean(field: string): boolean {
    const { content } = this.element(DerTag.BOOLEAN, field);
    const [value = 0] = content;
    if (content.length !== 1 || (value !== 0 && value !== 0xff)) {
      this.reject("bad-value", field, value);
    }
    return this.#scope.fault === undefined && value === 0xff;
  }

  /** A NULL. */
  null(field: string): void {
    const { content } = this.element(DerTag.NULL, field);
    if (content.length !== 0) this.reject("bad-length", field, content.length);
  }

  /** An OBJECT IDENTIFIER in dotted decimal; empty after a fault. */
  oid(field: string): string {
    const { content } = this.element(DerTag.OID, field);
    const text = content.length <= LONGEST_OID ? dottedOf(content) : undefined;
    if (text === undefined) this.reject("bad-value", field, content.length);
    return this.#scope.fault === undefined ? text ?? "" : "";
  }

  /** An OCTET STRING. */
  octetString(field: string): Bytes {
    return this.element(DerTag.OCTET_STRING, field).content;
  }

  /** A BIT STRING. */
  bits(field: string): DerBits {
    const { content } = this.element(DerTag.BIT_STRING, field);
    const [unused = 8] = content;
    const last = content[content.length - 1] ?? 0;
    const isEmpty = content.length === 1;
    if (unused > 7 || (isEmpty && unused !== 0) || (!isEmpty && (last & ((1 << unused) - 1)))) {
      this.reject("bad-value", field, unused);
    }
    return this.#scope.fault === undefined
      ? { unused, octets: content.subarray(1) }
      : { unused: 0, octets: EMPTY };
  }

  /** A BIT STRING of whole octets, as keys and signatures are. */
  bitString(field: string): Bytes {
    const { unused, octets } = this.bits(field);
    if (unused !== 0) this.reject("bad-value", field, unused);
    return unused === 0 ? octets : EMPTY;
  }

  /** Demands that nothing is left; gives the fault, if there is one by now. */
  end(): WireFault | undefined {
    if (!this.atEnd) this.reject("trailing-octets", "end", this.#bytes.length - this.#at);
    return this.#scope.fault;
  }

  /** A reader of the content of an element that this reader gave. */
  inside(element: DerElement, field: string): DerReader {
    const base = element.offset + element.whole.length - element.content.length;
    return new DerReader(element.content, `${this.#path}.${field}`, base, this.#scope);
  }

  /** X.690 §8.1.3 with the shortest form of §10.1; at most three octets of length. */
  #lengthAt(at: number, field: string): { value: number; next: number } | undefined {
    const first = this.#bytes[at];
    if (first === undefined) {
      this.reject("short", field);
      return undefined;
    }
    if (first < 0x80) return { value: first, next: at + 1 };
    const count = first & 0x7f;
    if (count === 0 || count > MOST_LENGTH_OCTETS) {
      this.reject("bad-length", field, first);
      return undefined;
    }
    if (at + count >= this.#bytes.length) {
      this.reject("short", field, first);
      return undefined;
    }
    let value = 0;
    for (let i = 1; i <= count; i++) value = value * 256 + (this.#bytes[at + i] ?? 0);
    if (value < 0x80 || value < 2 ** (8 * (count - 1))) {
      this.reject("bad-length", field, value);
      return undefined;
    }
    return { value, next: at + 1 + count };
  }
}

/** X.690 §8.19; `undefined` when an arc is padded or cut off. */
function dottedOf(content: Bytes): string | undefined {
  const arcs: bigint[] = [];
  let arc = 0n;
  let isFresh = true;
  for (const octet of content) {
    if (isFresh && octet === 0x80) return undefined;
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    isFresh = octet < 0x80;
    if (isFresh) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [joint, ...rest] = arcs;
  if (joint === undefined || !isFresh) return undefined;
  const top = joint < 40n ? 0n : joint < 80n ? 1n : 2n;
  return [top, joint - 40n * top, ...rest].join(".");
}

/** An element: `tag`, the length, and the parts as its content. */
export function derElement(tag: number, ...parts: readonly Bytes[]): OwnedBytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = [tag];
  if (length < 0x80) {
    header.push(length);
  } else {
    const octets: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
    header.push(0x80 | octets.length, ...octets);
  }
  return concatBytes(Uint8Array.from(header), ...parts);
}

/** A SEQUENCE of elements. */
export function derSequence(...elements: readonly Bytes[]): OwnedBytes {
  return derElement(DerTag.SEQUENCE, ...elements);
}

/** A SET of elements, in the order that DER wants (X.690 §11.6). */
export function derSet(...elements: readonly Bytes[]): OwnedBytes {
  return derElement(DerTag.SET, ...[...elements].sort(compareOctets));
}

function compareOctets(a: Bytes, b: Bytes): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** A non-negative INTEGER from big-endian octets, or from a number. */
export function derInteger(value: Bytes | number): OwnedBytes {
  const octets = typeof value === "number" ? octetsOfNumber(value) : value;
  let start = 0;
  while (start < octets.length && octets[start] === 0) start++;
  const significant = octets.subarray(start);
  const needsZero = (significant[0] ?? 0x80) >= 0x80; // also for the value zero
  return derElement(DerTag.INTEGER, needsZero ? Uint8Array.of(0) : EMPTY, significant);
}

function octetsOfNumber(value: number): OwnedBytes {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("Cannot build INTEGER");
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.from(octets);
}

/** An OBJECT IDENTIFIER from dotted decimal. */
export function derOid(dotted: string): OwnedBytes {
  const [top = 0n, second = 0n, ...rest] = dotted.split(".").map(BigInt);
  const octets: number[] = [];
  for (const arc of [top * 40n + second, ...rest]) {
    const groups = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 0x7fn) | 0x80);
    octets.push(...groups);
  }
  return derElement(DerTag.OID, Uint8Array.from(octets));
}

/** A BIT STRING of whole octets, or with the last `unused` bits not counting. */
export function derBitString(octets: Bytes, unused = 0): OwnedBytes {
  return derElement(DerTag.BIT_STRING, Uint8Array.of(unused), octets);
}

/** An OCTET STRING. */
export function derOctetString(octets: Bytes): OwnedBytes {
  return derElement(DerTag.OCTET_STRING, octets);
}

/** A BOOLEAN. */
export function derBoolean(value: boolean): OwnedBytes {
  return derElement(DerTag.BOOLEAN, Uint8Array.of(value ? 0xff : 0));
}

/** A NULL. */
export function derNull(): OwnedBytes {
  return derElement(DerTag.NULL);
}
