/**
 * DES of one block (FIPS 46-3), encryption only, because MS-CHAPv2 (RFC 2759 §8.6) answers its
 * challenge with it. A 56-bit key protects nothing today: nothing but `ms_chap.ts` imports this,
 * and no crypto provider offers it. Written to be read, bit by bit; three blocks a login are all.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";

// Tables as the standard prints them: bits are counted from 1, the first being the highest.
// deno-fmt-ignore
const IP = [
  58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
  62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
  57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
  61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
] as const;
// deno-fmt-ignore
const EXPANSION = [
  32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17,
  16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
] as const;
// deno-fmt-ignore
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
  2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
] as const;
// deno-fmt-ignore
const PC1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
] as const;
// deno-fmt-ignore
const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
] as const;
const SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1] as const;
// Each S-box as 4 rows of 16, one hexadecimal digit an entry.
const S = [
  "e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d",
  "f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9",
  "a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c",
  "7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e",
  "2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453",
  "c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d",
  "4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c",
  "d2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b",
].map((rows) => Array.from(rows.replaceAll(" ", ""), (digit) => Number.parseInt(digit, 16)));

type Bits = number[];

/** One block under a key of 8 octets, whose parity bits are not looked at. */
export function desEncrypt(key: Bytes, block: Bytes): OwnedBytes {
  if (key.length !== 8 || block.length !== 8) throw new RangeError("DES needs 8 octets of each");
  const start = pick(bitsOf(block), IP);
  let left = start.slice(0, 32);
  let right = start.slice(32);
  for (const roundKey of schedule(key)) {
    [left, right] = [right, xor(left, feistel(right, roundKey))];
  }
  return octetsOf(inverseIp([...right, ...left]));
}

function* schedule(key: Bytes): Generator<Bits> {
  const start = pick(bitsOf(key), PC1);
  let c = start.slice(0, 28);
  let d = start.slice(28);
  for (const shift of SHIFTS) {
    c = [...c.slice(shift), ...c.slice(0, shift)];
    d = [...d.slice(shift), ...d.slice(0, shift)];
    yield pick([...c, ...d], PC2);
  }
}

function feistel(right: Bits, roundKey: Bits): Bits {
  const mixed = xor(pick(right, EXPANSION), roundKey);
  const out: number[] = [];
  S.forEach((box, i) => {
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0] = mixed.slice(6 * i, 6 * i + 6);
    const entry = box[(b0 << 5) | (b5 << 4) | (b1 << 3) | (b2 << 2) | (b3 << 1) | b4] ?? 0;
    for (const bit of [3, 2, 1, 0]) out.push((entry >> bit) & 1);
  });
  return pick(out, P);
}

function pick(bits: Bits, positions: readonly number[]): Bits {
  return positions.map((position) => bits[position - 1] ?? 0);
}

function inverseIp(bits: Bits): Bits {
  const out = new Array<number>(64).fill(0);
  IP.forEach((position, i) => out[position - 1] = bits[i] ?? 0);
  return out;
}

function xor(a: Bits, b: Bits): Bits {
  return a.map((bit, i) => bit ^ (b[i] ?? 0));
}

function bitsOf(octets: Bytes): Bits {
  const bits: number[] = [];
  for (const octet of octets) {
    for (let bit = 7; bit >= 0; bit--) bits.push((octet >> bit) & 1);
  }
  return bits;
}

function octetsOf(bits: Bits): OwnedBytes {
  const octets = new Uint8Array(bits.length / 8);
  bits.forEach((bit, i) => octets[i >> 3] = ((octets[i >> 3] ?? 0) << 1) | bit);
  return octets;
}
