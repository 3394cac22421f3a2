/**
 * Byte strings and the few operations that everybody needs on them.
 *
 * `Bytes` may be a view into a buffer that somebody else will reuse as soon as the current call
 * returns. Whoever keeps octets longer copies them and says `OwnedBytes`.
 */

/** Octets, possibly a short-lived view. */
export type Bytes = Uint8Array;

/** Octets that no one else will overwrite. */
export type OwnedBytes = Uint8Array;

/** A copy that outlives the buffer it came from. */
export function copyBytes(bytes: Bytes): OwnedBytes {
  return Uint8Array.from(bytes);
}

/** The parts in order, in one new buffer. */
export function concatBytes(...parts: readonly Bytes[]): OwnedBytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether two public values are the same. Not for secrets: see `crypto/constant_time.ts`. */
export function equalBytes(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false });

/** UTF-8 octets of a text. */
export function utf8(text: string): OwnedBytes {
  return encoder.encode(text);
}

/** Text of UTF-8 octets; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Bytes): string {
  return decoder.decode(bytes);
}

const digitsOf = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));
/** Values of the hexadecimal digits by their character, 255 for all others. */
const valueOf = new Uint8Array(128).fill(255);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  for (const form of [digit, digit.toUpperCase()]) valueOf[form.charCodeAt(0)] = value;
}

/** Lower-case hexadecimal digits, two an octet. */
export function hexOf(bytes: Bytes): string {
  let text = "";
  for (const octet of bytes) text += digitsOf[octet];
  return text;
}

/** Octets of hexadecimal digits; `undefined` when the text is not an even run of them. */
export function parseHex(text: string): OwnedBytes | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = valueOf[text.charCodeAt(2 * i)] ?? 255;
    const low = valueOf[text.charCodeAt(2 * i + 1)] ?? 255;
    if (high > 15 || low > 15) return undefined;
    bytes[i] = high << 4 | low;
  }
  return bytes;
}
