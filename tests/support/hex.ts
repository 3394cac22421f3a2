/** Octets in tests: hexadecimal text with blanks wherever they help. */
import { hexOf, type OwnedBytes, parseHex } from "../../core/bytes.ts";

/** Octets of hexadecimal digits; white space counts for nothing. Throws on anything else. */
export function hex(text: string): OwnedBytes {
  const bytes = parseHex(text.replaceAll(/\s+/g, ""));
  if (bytes === undefined) throw new TypeError(`Cannot read hexadecimal text "${text}"`);
  return bytes;
}

/** Lower-case hexadecimal digits, for failure messages and comparisons. */
export const toHex: (bytes: Uint8Array) => string = hexOf;
