/**
 * Mutators: from one good message, every near miss. Exhaustive instead of random, so a failure is
 * named by its strategy and place and comes back in every run.
 */

/** One changed copy of a seed. */
export interface Mutant {
  /** Strategy and place, for the failure message. */
  readonly name: string;
  /** The changed octets. */
  readonly bytes: Uint8Array;
}

/** Where the payloads of an unencrypted chain lie. */
export interface Span {
  /** Payload type. */
  readonly type: number;
  /** First octet of its generic header. */
  readonly start: number;
  /** One past its last octet. */
  readonly end: number;
}

/** Every single bit turned over. */
export function* bitFlips(seed: Uint8Array): Generator<Mutant> {
  for (let bit = 0; bit < 8 * seed.length; bit++) {
    const bytes = seed.slice();
    bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
    yield { name: `bit ${bit & 7} of octet ${bit >> 3}`, bytes };
  }
}

/** Every value in every one of the octets named. */
export function* byteValues(seed: Uint8Array, offsets: Iterable<number>): Generator<Mutant> {
  for (const offset of offsets) {
    for (let value = 0; value < 256; value++) {
      const bytes = seed.slice();
      bytes[offset] = value;
      yield { name: `octet ${offset} = ${value}`, bytes };
    }
  }
}

/** Every truncation, from the end and from the start. */
export function* truncations(seed: Uint8Array): Generator<Mutant> {
  for (let length = 0; length < seed.length; length++) {
    yield { name: `first ${length} octets`, bytes: seed.slice(0, length) };
    yield { name: `last ${length} octets`, bytes: seed.slice(seed.length - length) };
  }
}

/** Every pair of neighbouring octets set to values that lengths like to go wrong at. */
export function* wordValues(seed: Uint8Array, offsets: Iterable<number>): Generator<Mutant> {
  const rest = seed.length;
  for (const offset of offsets) {
    if (offset + 2 > seed.length) continue;
    for (const value of [0, 1, 3, 4, 5, 7, 8, rest - 1, rest, rest + 1, 0x7fff, 0x8000, 0xffff]) {
      const bytes = seed.slice();
      new DataView(bytes.buffer).setUint16(offset, value & 0xffff);
      yield { name: `octets ${offset} and ${offset + 1} = ${value}`, bytes };
    }
  }
}

/** The payloads of a chain that starts at `start` with a payload of `firstType`. */
export function spansOf(seed: Uint8Array, firstType: number, start: number): Span[] {
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
  const spans: Span[] = [];
  let type = firstType;
  let at = start;
  while (type !== 0 && at + 4 <= seed.length) {
    const length = view.getUint16(at + 2);
    if (length < 4 || at + length > seed.length) break;
    spans.push({ type, start: at, end: at + length });
    // What follows an SK or SKF is inside it.
    if (type === 46 || type === 53) break;
    type = seed[at]!;
    at += length;
  }
  return spans;
}

/** Each payload left out, doubled, swapped with the next, and made to name itself as the next. */
export function* chainChanges(
  seed: Uint8Array,
  firstType: number,
  start: number,
): Generator<Mutant & { readonly firstType: number }> {
  const spans = spansOf(seed, firstType, start);
  const head = seed.slice(0, start);
  const join = (order: readonly Span[]): { bytes: Uint8Array; firstType: number } => {
    const parts = order.map((span, i) => {
      const part = seed.slice(span.start, span.end);
      part[0] = order[i + 1]?.type ?? 0;
      return part;
    });
    const bytes = new Uint8Array(head.length + parts.reduce((sum, part) => sum + part.length, 0));
    bytes.set(head);
    let at = head.length;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { bytes, firstType: order[0]?.type ?? 0 };
  };
  for (const [i, span] of spans.entries()) {
    yield { name: `payload ${i} left out`, ...join(spans.toSpliced(i, 1)) };
    yield { name: `payload ${i} doubled`, ...join(spans.toSpliced(i, 0, span)) };
    yield { name: `payload ${i} 200 times`, ...join(new Array<Span>(200).fill(span)) };
    const next = spans[i + 1];
    if (next !== undefined) {
      yield { name: `payload ${i} swapped`, ...join(spans.toSpliced(i, 2, next, span)) };
    }
    const selfNaming = seed.slice();
    selfNaming[span.start] = span.type;
    yield { name: `payload ${i} names itself as next`, bytes: selfNaming, firstType };
    const empty = seed.slice();
    new DataView(empty.buffer).setUint16(span.start + 2, 0);
    yield { name: `payload ${i} of length 0`, bytes: empty, firstType };
  }
}

/** An IKE message with the header's first payload and length made right, so that a parser goes on. */
export function repairHeader(bytes: Uint8Array, firstType?: number): Uint8Array {
  if (bytes.length < 28) return bytes;
  const repaired = bytes.slice();
  new DataView(repaired.buffer).setUint32(24, repaired.length);
  if (firstType !== undefined) repaired[16] = firstType;
  return repaired;
}
