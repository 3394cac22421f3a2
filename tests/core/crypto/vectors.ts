/** Reads vector files in place; `undefined` and a printed reason when they are not there. */
import { parseHex } from "../../../core/bytes.ts";

const root = Deno.env.get("REJOIN_VECTORS") ??
  new URL("../../../../shared/vectors", import.meta.url).pathname;

/** The text of a vector file. */
export function readVectors(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${root}/${path}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) {
      throw error;
    }
    console.log(`skipped: ${path} is not in ${root}`);
    return undefined;
  }
}

/** A vector file in JSON. The caller knows its shape. */
export function readJsonVectors<T>(path: string): T | undefined {
  const text = readVectors(path);
  return text === undefined ? undefined : JSON.parse(text) as T;
}

/** Octets of hexadecimal digits. */
export function hex(text: string | null | undefined): Uint8Array {
  const bytes = parseHex((text ?? "").replaceAll(/\s/g, ""));
  if (bytes === undefined) throw new Error(`bad hex in a vector: ${text}`);
  return bytes;
}
