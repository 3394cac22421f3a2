/**
 * The inner loops of the Internet checksum (RFC 1071) in WebAssembly: summing octets where they lie, and
 * summing while copying, which costs little more than copying alone.
 *
 * The module is short enough to be put together here instruction by instruction. It works in the memory of
 * the arena, which therefore is a WebAssembly memory; a small arena is none and has the portable twin.
 *
 * Sums are of 16-bit words in little-endian order, at any place, an odd last octet followed by a zero; up
 * to 64 KB they stay below 2^31.
 */

/** The loops, for one memory. */
export interface ChecksumKernel {
  /** The sum of the octets from `at` up to `end`. */
  sum(at: number, end: number): number;
  /** The same, and copies them to `to`, which must not overlap. */
  copy(at: number, end: number, to: number): number;
}

// --- words of WebAssembly ---------------------------------------------------------------------------

/** Parameters and local variables by number. */
const [at, end, to, sum, word, low, high, vector] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
/** `i32.const`, below 64. */
const number = (value: number): number[] => [0x41, value];
const ffff = [0x41, 0xff, 0xff, 0x03];
const add = [0x6a];
const subtract = [0x6b];
const and = [0x71];
const shiftRight = [0x76];
const isZero = [0x45];
const isGreater = [0x4b];
const block = [0x02, 0x40];
const loop = [0x03, 0x40];
const close = [0x0b];
const again = [0x0c, 0x00];
const leaveIf = (depth: number): number[] => [0x0d, depth];
/** Loads and stores, which take the alignment (none here) and an offset. */
const load = (kind: readonly number[], offset = 0): number[] => [...kind, 0, offset];
const i32 = { load: [0x28], store: [0x36] };
const u16 = { load: [0x2f], store: [0x3b] };
const u8 = { load: [0x2d], store: [0x3a] };
const v128 = { load: [0xfd, 0x00], store: [0xfd, 0x0b] };
/** `i32x4.extadd_pairwise_i16x8_u`, `i32x4.add`, `i32x4.extract_lane`. */
const addPairs = [0xfd, 0x7f];
const addLanes = [0xfd, 0xae, 0x01];
const lane = (number: number): number[] => [0xfd, 0x1b, number];

const advance = (local: number, by: number): number[] => [
  ...[...get(local), ...number(by), ...add, ...set(local)],
];

// --- the loops --------------------------------------------------------------------------------------

/** Loads into `local` from `at`, and stores to `to` if `copies`. */
function move(
  copies: boolean,
  kind: { readonly load: readonly number[]; readonly store: readonly number[] },
  local: number,
  offset = 0,
): number[] {
  const loaded = [...get(at), ...load(kind.load, offset)];
  return copies
    ? [...get(to), ...loaded, ...tee(local), ...load(kind.store, offset)]
    : [...loaded, ...set(local)];
}

/** Sixteen octets into the four sums of `lanes`. */
function addVector(copies: boolean, lanes: number, offset: number): number[] {
  return [
    ...move(copies, v128, vector, offset),
    ...[...get(vector), ...addPairs, ...get(lanes), ...addLanes, ...set(lanes)],
  ];
}

/** What is done while so many octets are left. */
function whileLeft(copies: boolean, octets: number, body: readonly number[]): number[] {
  return [
    ...[...block, ...loop],
    ...[...get(at), ...number(octets), ...add, ...get(end), ...isGreater, ...leaveIf(1)],
    ...body,
    ...advance(at, octets),
    ...(copies ? advance(to, octets) : []),
    ...[...again, ...close, ...close],
  ];
}

const addWord = [...get(word), ...get(sum), ...add, ...set(sum)];

function body(copies: boolean): number[] {
  return [
    ...whileLeft(copies, 32, [...addVector(copies, low, 0), ...addVector(copies, high, 16)]),
    ...whileLeft(copies, 4, [
      ...move(copies, i32, word),
      ...[...get(word), ...ffff, ...and],
      ...[...get(word), ...number(16), ...shiftRight, ...add, ...get(sum), ...add, ...set(sum)],
    ]),
    ...whileLeft(copies, 2, [...move(copies, u16, word), ...addWord]),
    ...[...block, ...get(end), ...get(at), ...subtract, ...isZero, ...leaveIf(0)],
    ...[...move(copies, u8, word), ...addWord, ...close],
    ...[...get(low), ...get(high), ...addLanes, ...set(low)],
    ...[...get(low), ...lane(0), ...get(low), ...lane(1), ...add],
    ...[...get(low), ...lane(2), ...add, ...get(low), ...lane(3), ...add],
    ...[...get(sum), ...add],
  ];
}

/** A length or number before what it counts. */
function counted(count: number, octets: readonly number[]): number[] {
  return count < 0x80 ? [count, ...octets] : [(count & 0x7f) | 0x80, count >> 7, ...octets];
}

const sized = (octets: readonly number[]): number[] => counted(octets.length, octets);

/** Two local variables of type i32, three of type v128. */
const locals = [2, 2, 0x7f, 3, 0x7b];
const functions = [body(false), body(true)].map((code) => sized([...locals, ...code, ...close]));

const module = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, ...sized([1, 0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f])], // type 0: (i32, i32, i32) -> i32
  ...[0x02, ...sized([1, 1, 0x6d, 1, 0x6d, 2, 0, 1])], // import memory "m" "m"
  ...[0x03, ...sized([2, 0, 0])], // two functions of type 0
  ...[0x07, ...sized([2, 1, 0x73, 0, 0, 1, 0x63, 0, 1])], // export them as "s" and "c"
  ...[0x0a, ...sized(counted(functions.length, functions.flat()))],
]);

/** The loops for one memory; `undefined` where the engine or the processor does not have what they need. */
export function createChecksumKernel(memory: WebAssembly.Memory): ChecksumKernel | undefined {
  try {
    const compiled = new WebAssembly.Module(module);
    const { exports } = new WebAssembly.Instance(compiled, { m: { m: memory } });
    return {
      sum: exports.s as ChecksumKernel["sum"],
      copy: exports.c as ChecksumKernel["copy"],
    };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return undefined;
    throw error;
  }
}

/** The twin in TypeScript, some times slower. */
export function portableChecksumKernel(bytes: Uint8Array): ChecksumKernel {
  const sum: ChecksumKernel["sum"] = (from, to) => {
    let [low, high] = [0, 0];
    let i = from;
    for (; i + 1 < to; i += 2) {
      low += bytes[i] as number;
      high += bytes[i + 1] as number;
    }
    if (i < to) low += bytes[i] as number;
    return low + high * 0x100;
  };
  return {
    sum,
    copy: (from, to, target) => {
      bytes.copyWithin(target, from, to);
      return sum(from, to);
    },
  };
}
