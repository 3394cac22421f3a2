/** A seeded source of octets for crypto tests: SHA-256 in counter mode, read as one stream. */
import type { OwnedBytes } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { Random } from "../../../core/random.ts";

/** The same seed gives the same stream, however it is cut. */
export class SeededRandom implements Random {
  #seed: number;
  #counter = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(seed: number) {
    this.#seed = seed;
  }

  bytes(length: number): OwnedBytes {
    const octets = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (this.#rest.length === 0) {
        const block = Uint32Array.of(this.#seed, this.#counter++);
        this.#rest = nobleProvider.digest("sha256", new Uint8Array(block.buffer));
      }
      const taken = this.#rest.subarray(0, length - at);
      octets.set(taken, at);
      at += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return octets;
  }

  /** A number from 0 up to below `limit`. */
  below(limit: number): number {
    return new DataView(this.bytes(4).buffer).getUint32(0) % limit;
  }
}
