/**
 * IKE SAs whose peers have not proved who they are, found by their first message (RFC 7296 §2.1). One whose
 * authentication failed is among them until it is forgotten, or failing would cost a source nothing.
 */
import type { Bytes } from "../bytes.ts";
import { hexOf } from "../bytes.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { InitMemory } from "../exchange/ike_sa_init.ts";
import { limits } from "../limits.ts";
import type { Monotonic } from "../moment.ts";
import type { Endpoint, IpAddress } from "../wire/address.ts";
import { formatEndpoint } from "../wire/address.ts";
import { sourceOf } from "./source_limiter.ts";

interface Entry {
  readonly key: string;
  readonly source: string;
  readonly network: string;
  readonly since: Monotonic;
  /** Whether its authentication came to nothing. */
  isOver: boolean;
}

/** All of them. BOUNDED by `Policy.maxNegotiating`, which the gateway checks before it adds one. */
export class HalfOpenTable {
  /** Of those that are still authenticating. */
  readonly #byInitiator = new Map<string, InitMemory>();
  readonly #entries = new Map<IkeSa, Entry>();
  readonly #bySource = new Map<string, number>();
  /** Those of each network, the oldest first. */
  readonly #byNetwork = new Map<string, Set<IkeSa>>();

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many of them are still authenticating. */
  get underWay(): number {
    return this.#byInitiator.size;
  }

  /** What was answered to the IKE_SA_INIT of the initiator of this key, if it is under way. */
  memoryOf(key: string): InitMemory | undefined {
    return this.#byInitiator.get(key);
  }

  /** Enters one, under the endpoint that it began from. */
  add(sa: IkeSa, memory: InitMemory, now: Monotonic): void {
    const key = initiatorKey(sa.spiI, sa.remote);
    const source = sourceOf(sa.remote.address);
    this.#byInitiator.set(key, memory);
    const network = networkOf(sa.remote.address);
    this.#entries.set(sa, { key, source, network, since: now, isOver: false });
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1);
    const ofNetwork = this.#byNetwork.get(network);
    if (ofNetwork === undefined) this.#byNetwork.set(network, new Set([sa]));
    else ofNetwork.add(sa);
  }

  /** How many began from this source (IPv6: from its /64). */
  countOf(address: IpAddress): number {
    return this.#bySource.get(sourceOf(address)) ?? 0;
  }

  /**
   * Whose place a newcomer from there may have: that of the oldest of the network that has the most, unless
   * the newcomer's own would then have as many. Who came a moment ago keeps it, or a crowd that is honest
   * would push itself out.
   */
  oldestOfCrowd(address: IpAddress, now: Monotonic): IkeSa | undefined {
    let crowd: ReadonlySet<IkeSa> = new Set();
    for (const one of this.#byNetwork.values()) if (one.size > crowd.size) crowd = one;
    const own = this.#byNetwork.get(networkOf(address))?.size ?? 0;
    const [oldest] = crowd;
    if (oldest === undefined || crowd.size <= own + 1) return undefined;
    const { since = now } = this.#entries.get(oldest) ?? {};
    return now - since >= limits.halfOpenKeptMs ? oldest : undefined;
  }

  /** Its authentication came to nothing; its initiator may begin another one. */
  end(sa: IkeSa): void {
    const entry = this.#entries.get(sa);
    if (entry === undefined || entry.isOver) return;
    entry.isOver = true;
    this.#byInitiator.delete(entry.key);
  }

  /** It is authenticated, or forgotten; the key of its initiator, unless it was removed before. */
  remove(sa: IkeSa): string | undefined {
    const entry = this.#entries.get(sa);
    if (entry === undefined) return undefined;
    this.end(sa);
    const { key, source, network } = entry;
    this.#entries.delete(sa);
    const left = (this.#bySource.get(source) ?? 1) - 1;
    if (left === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, left);
    const ofNetwork = this.#byNetwork.get(network);
    ofNetwork?.delete(sa);
    if (ofNetwork?.size === 0) this.#byNetwork.delete(network);
    return key;
  }
}

/** Whom one attacker may be all of: an IPv4 address, or the /48 of an IPv6 one, which holds 65 536 sources. */
function networkOf(address: IpAddress): string {
  return hexOf(address.family === 6 ? address.octets.subarray(0, 6) : address.octets);
}

/** What an initiator is known by before there is an IKE SA: its SPI, and where it is. */
export function initiatorKey(spiI: Bytes, remote: Endpoint): string {
  return `${hexOf(spiI)} ${formatEndpoint(remote)}`;
}
