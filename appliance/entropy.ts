/** The only reader of the system's random source. */
import type { Random } from "../core/mod.ts";

/** Web Crypto gives at most this many octets a call. */
const chunkBytes = 65_536;

/** The operating system's cryptographic random source. */
export const systemRandom: Random = {
  bytes: (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += chunkBytes) {
      crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + chunkBytes)));
    }
    return bytes;
  },
};
