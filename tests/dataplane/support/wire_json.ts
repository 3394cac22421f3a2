/** JSON with octets in it, as `{"hex": "…"}`: what the tests and the ends that they command exchange. */
import { hexOf, parseHex } from "../../../core/bytes.ts";

/** One line of text. */
export function toLine(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part: unknown) => part instanceof Uint8Array ? { hex: hexOf(part) } : part,
  );
}

/** The value of a line. */
export function fromLine(line: string): unknown {
  return JSON.parse(line, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || !("hex" in part)) return part;
    return typeof part.hex === "string" ? parseHex(part.hex) : part;
  });
}
