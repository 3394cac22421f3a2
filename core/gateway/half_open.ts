/** IKE SAs whose peers have not proved who they are, found by their first message (RFC 7296 §2.1). */
import type { Bytes } from "../bytes.ts";
import { hexOf } from "../bytes.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { InitMemory } from "../exchange/ike_sa_init.ts";
import type { Endpoint } from "../wire/address.ts";
import { formatEndpoint } from "../wire/address.ts";

/** All of them. BOUNDED by `Policy.maxNegotiating`, which the gateway checks before it adds one. */
export class HalfOpenTable {
  readonly #byInitiator = new Map<string, InitMemory>();
  readonly #keys = new Map<IkeSa, string>();

  /** How many there are. */
  get size(): number {
    return this.#keys.size;
  }

  /** What was answered to this initiator's IKE_SA_INIT, if it is under way. */
  memoryOf(spiI: Bytes, remote: Endpoint): InitMemory | undefined {
    return this.#byInitiator.get(keyOf(spiI, remote));
  }

  /** Enters one, under the endpoint that it began from. */
  add(sa: IkeSa, memory: InitMemory): void {
    const key = keyOf(sa.spiI, sa.remote);
    this.#byInitiator.set(key, memory);
    this.#keys.set(sa, key);
  }

  /** It is authenticated, or gone. */
  remove(sa: IkeSa): void {
    const key = this.#keys.get(sa);
    if (key === undefined) return;
    this.#keys.delete(sa);
    this.#byInitiator.delete(key);
  }
}

function keyOf(spiI: Bytes, remote: Endpoint): string {
  return `${hexOf(spiI)} ${formatEndpoint(remote)}`;
}
