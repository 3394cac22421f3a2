/**
 * MD4 (RFC 1320), the hash under MS-CHAPv2's password hash. Broken for every other purpose: nothing
 * but `ms_chap.ts` imports it, and no crypto provider offers it.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";

/** Word order and rotations of the three rounds (RFC 1320 §3.4). */
const ROUNDS = [
  {
    add: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    turns: [3, 7, 11, 19],
    mix: (x: number, y: number, z: number): number => (x & y) | (~x & z),
  },
  {
    add: 0x5a827999,
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    turns: [3, 5, 9, 13],
    mix: (x: number, y: number, z: number): number => (x & y) | (x & z) | (y & z),
  },
  {
    add: 0x6ed9eba1,
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    turns: [3, 9, 11, 15],
    mix: (x: number, y: number, z: number): number => x ^ y ^ z,
  },
] as const;

const BLOCK_BYTES = 64;

/** The 16-octet digest of `message`. */
export function md4(message: Bytes): OwnedBytes {
  const padded = pad(message);
  const view = new DataView(padded.buffer);
  let [a, b, c, d] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let block = 0; block < padded.length; block += BLOCK_BYTES) {
    const [a0, b0, c0, d0] = [a, b, c, d];
    for (const { add, order, turns, mix } of ROUNDS) {
      order.forEach((word, step) => {
        const sum = (a + mix(b, c, d) + view.getUint32(block + 4 * word, true) + add) | 0;
        const turn = turns[step % 4] ?? 0;
        [a, b, c, d] = [d, (sum << turn) | (sum >>> (32 - turn)), b, c];
      });
    }
    [a, b, c, d] = [(a + a0) | 0, (b + b0) | 0, (c + c0) | 0, (d + d0) | 0];
  }
  const digest = new Uint8Array(16);
  const out = new DataView(digest.buffer);
  [a, b, c, d].forEach((word, i) => out.setInt32(4 * i, word, true));
  return digest;
}

/** The message, one bit, zeros, and the length in bits (RFC 1320 §3.1, §3.2). */
function pad(message: Bytes): OwnedBytes {
  const length = Math.ceil((message.length + 9) / BLOCK_BYTES) * BLOCK_BYTES;
  const padded = new Uint8Array(length);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(length - 8, message.length << 3, true);
  view.setUint32(length - 4, Math.floor(message.length / 0x20000000), true);
  return padded;
}
