/**
 * Values with octets in them as JSON: octets stand as `{"hex": "…"}`, all else as JSON has it. For values
 * of our own that cross a socket or lie in a store; no object in them has a member called `hex`.
 */
import { hexOf, parseHex } from "./bytes.ts";

/** The text of a value. */
export function buildOctetsJson(value: unknown): string {
  return JSON.stringify(withoutOctets(value));
}

/** The same value with its octets as JSON has them. */
function withoutOctets(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return { hex: hexOf(value) };
  if (Array.isArray(value)) return value.map(withoutOctets);
  const wholes = value as Record<string, unknown>;
  const parts: Record<string, unknown> = {};
  for (const name in wholes) parts[name] = withoutOctets(wholes[name]);
  return parts;
}

/** The value of a text that `buildOctetsJson` made. Throws `SyntaxError` for what it never makes. */
export function parseOctetsJson(text: string): unknown {
  return withOctets(JSON.parse(text));
}

/** The same for what is parsed already; its objects and lists are used again. */
function withOctets(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("hex" in value) {
    const octets = typeof value.hex === "string" ? parseHex(value.hex) : undefined;
    if (octets === undefined) throw new SyntaxError("Cannot read octets: not hexadecimal");
    return octets;
  }
  const parts = value as Record<string, unknown>;
  for (const name in parts) {
    const part = parts[name];
    if (typeof part === "object") parts[name] = withOctets(part);
  }
  return value;
}
