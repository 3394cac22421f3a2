/**
 * Values with octets in them as JSON: octets stand as `{"hex": "…"}`, all else as JSON has it. For values
 * of our own that cross a socket or lie in a store; no object in them has a member called `hex`.
 */
import { hexOf, parseHex } from "./bytes.ts";

/** The text of a value. */
export function buildOctetsJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part: unknown) => part instanceof Uint8Array ? { hex: hexOf(part) } : part,
  );
}

/** The value of a text that `buildOctetsJson` made. Throws `SyntaxError` for what it never makes. */
export function parseOctetsJson(text: string): unknown {
  return JSON.parse(text, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || !("hex" in part)) return part;
    const octets = typeof part.hex === "string" ? parseHex(part.hex) : undefined;
    if (octets === undefined) throw new SyntaxError("Cannot read octets: not hexadecimal");
    return octets;
  });
}
