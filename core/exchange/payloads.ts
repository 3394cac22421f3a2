/** Finding payloads, and ESP SPIs as numbers. */
import type { Bytes } from "../bytes.ts";
import type { Payload } from "../message/payload.ts";

/** The payload type that has kind `K`, also where one type has two kinds. */
type PayloadOf<P, K> = P extends { readonly kind: infer Kinds } ? K extends Kinds ? P : never
  : never;

/** The first payload of a kind. */
export function find<K extends Payload["kind"]>(
  payloads: readonly Payload[],
  kind: K,
): PayloadOf<Payload, K> | undefined {
  for (const payload of payloads) {
    if (payload.kind === kind) return payload as PayloadOf<Payload, K>;
  }
  return undefined;
}

/** A 32-bit SPI as octets. */
export function espSpiBytes(spi: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, spi);
  return bytes;
}

/** Octets as a 32-bit SPI; `undefined` unless there are four. */
export function espSpiOf(bytes: Bytes): number | undefined {
  if (bytes.length !== 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
