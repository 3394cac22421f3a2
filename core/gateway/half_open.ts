/** IKE SAs whose peers have not proved who they are, found by their first message (RFC 7296 §2.1). */
import type { Bytes } from "../bytes.ts";
import { hexOf } from "../bytes.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { InitMemory } from "../exchange/ike_sa_init.ts";
import type { Endpoint, IpAddress } from "../wire/address.ts";
import { formatEndpoint } from "../wire/address.ts";
import { sourceOf } from "./source_limiter.ts";

/** All of them. BOUNDED by `Policy.maxNegotiating`, which the gateway checks before it adds one. */
export class HalfOpenTable {
  readonly #byInitiator = new Map<string, InitMemory>();
  readonly #entries = new Map<IkeSa, { readonly key: string; readonly source: string }>();
  readonly #bySource = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** What was answered to the IKE_SA_INIT of the initiator of this key, if it is under way. */
  memoryOf(key: string): InitMemory | undefined {
    return this.#byInitiator.get(key);
  }

  /** Enters one, under the endpoint that it began from. */
  add(sa: IkeSa, memory: InitMemory): void {
    const key = initiatorKey(sa.spiI, sa.remote);
    const source = sourceOf(sa.remote.address);
    this.#byInitiator.set(key, memory);
    this.#entries.set(sa, { key, source });
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1);
  }

  /** How many began from this source (IPv6: from its /64). */
  countOf(address: IpAddress): number {
    return this.#bySource.get(sourceOf(address)) ?? 0;
  }

  /** It is authenticated, or gone; the key of its initiator, unless it was removed before. */
  remove(sa: IkeSa): string | undefined {
    const entry = this.#entries.get(sa);
    if (entry === undefined) return undefined;
    const { key, source } = entry;
    this.#entries.delete(sa);
    this.#byInitiator.delete(key);
    const left = (this.#bySource.get(source) ?? 1) - 1;
    if (left === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, left);
    return key;
  }
}

/** What an initiator is known by before there is an IKE SA: its SPI, and where it is. */
export function initiatorKey(spiI: Bytes, remote: Endpoint): string {
  return `${hexOf(spiI)} ${formatEndpoint(remote)}`;
}
