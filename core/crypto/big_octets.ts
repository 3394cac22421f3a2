/** Big-endian octets and big integers, both ways. Not constant time, as nothing with `bigint` is. */
import { type Bytes, hexOf, type OwnedBytes } from "../bytes.ts";

/** The non-negative integer that big-endian octets stand for. */
export function integerOf(octets: Bytes): bigint {
  return octets.length === 0 ? 0n : BigInt("0x" + hexOf(octets));
}

/** Big-endian octets of a non-negative integer, zeros in front. Throws `RangeError` if it is too large. */
export function octetsOf(value: bigint, length: number): OwnedBytes {
  const digits = value.toString(16);
  if (digits.length > 2 * length) throw new RangeError(`Cannot fit integer in ${length} octets`);
  const padded = digits.padStart(2 * length, "0");
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = Number.parseInt(padded.slice(2 * i, 2 * i + 2), 16);
  return octets;
}

/** The number of bits of a non-negative integer. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const digits = value.toString(16);
  return 4 * (digits.length - 1) + 32 - Math.clz32(Number.parseInt(digits.slice(0, 1), 16));
}

/** `base` to the power of `exponent`, modulo `modulus`, four bits at a time. */
export function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const powers = [1n];
  for (let i = 1; i < 16; i++) powers.push(((powers[i - 1] ?? 1n) * base) % modulus);
  let result = 1n % modulus;
  for (const digit of exponent.toString(16)) {
    result = (result * result) % modulus;
    result = (result * result) % modulus;
    result = (result * result) % modulus;
    result = (result * result) % modulus;
    const factor = powers[Number.parseInt(digit, 16)] ?? 1n;
    if (factor !== 1n) result = (result * factor) % modulus;
  }
  return result;
}

/** As few big-endian octets as hold a non-negative integer. */
export function minimalOctets(value: bigint): OwnedBytes {
  return octetsOf(value, Math.ceil(bitLength(value) / 8));
}
