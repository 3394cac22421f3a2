/**
 * All Child SA pairs: inbound by SPI, outbound by inner destination (RFC 4301 §4.4, RFC 7296 §2.8).
 *
 * Outbound the narrowest remote selector wins, and among equals the newest pair; one that takes over from
 * another counts as old as that one, so that a rekey turns no traffic aside. Only pairs whose outbound half is
 * active are in the index.
 *
 * BOUNDED by the control plane, which installs at most `limits.childSasPerIkeSa` pairs per IKE SA.
 */
import type { ChildSaInstall } from "../core/gateway/output.ts";
import type { PacketFilter } from "../core/gateway/packet_filter.ts";
import { ChildSa } from "./esp/child_sa.ts";
import type { EspCiphers } from "./esp/cipher.ts";
import type { OuterPath } from "./esp/outer_path.ts";
import { SharedFilters } from "./ip/shared_filters.ts";
import type { InnerHeader } from "./ip/header.ts";
import { OutboundIndex, type PrefixLength } from "./outbound_index.ts";

/** What is kept of a pair besides itself. */
interface Indexed {
  /** What it was indexed by, so that it can be taken out again. */
  readonly selectors: ChildSaInstall["remoteSelectors"];
  /** The higher, the newer; inherited by who takes over. */
  readonly rank: number;
}

/** Why `findOutbound` found nothing. */
export type OutboundMiss = "no-sa" | "selector-outbound";

/** The table. */
export class SaTable {
  /** What its pairs seal and open with. */
  readonly ciphers: EspCiphers;
  readonly #windowPackets: number;
  readonly #inbound = new Map<number, ChildSa>();
  readonly #outbound = new OutboundIndex();
  readonly #indexed = new Map<ChildSa, Indexed>();
  /** Pairs by the pair they take over from, so that removing one does not search them all. */
  readonly #heirs = new Map<number, ChildSa[]>();
  readonly #filters = new SharedFilters();
  /** What `findInbound` found last. */
  #found: ChildSa | undefined = undefined;
  #serial = 0;
  /** Why the last `findOutbound` found nothing. */
  lastMiss: OutboundMiss = "no-sa";
  #nextRank = 0;

  /** An empty table whose pairs use `ciphers` and replay windows of so many packets. */
  constructor(ciphers: EspCiphers, windowPackets: number) {
    this.ciphers = ciphers;
    this.#windowPackets = windowPackets;
  }

  /** The pair that receives on `spi`. */
  findInbound(spi: number): ChildSa | undefined {
    // Packets come in runs.
    if (this.#found?.inboundSpi === spi) return this.#found;
    // Signed keys are small integers to the engine and need no allocation.
    const sa = this.#inbound.get(spi | 0);
    if (sa !== undefined) this.#found = sa;
    return sa;
  }

  /** The pair that a packet from inside goes out on; see `lastMiss` if there is none. */
  findOutbound(header: InnerHeader): ChildSa | undefined {
    this.lastMiss = "no-sa";
    const lengths = this.#outbound.lengths(header.version);
    for (let i = 0; i < lengths.length; i++) {
      const pairs = (lengths[i] as PrefixLength).at(header.destination);
      if (pairs === undefined) continue;
      for (let j = 0; j < pairs.length; j++) {
        if (this.#covers(pairs[j] as ChildSa, header)) return pairs[j];
      }
    }
    return undefined;
  }

  /** All pairs, oldest first. */
  all(): IterableIterator<ChildSa> {
    return this.#inbound.values();
  }

  /** Adds a pair; throws `RangeError` if its suite or keys do not fit. */
  install(install: ChildSaInstall, path: OuterPath): ChildSa {
    this.remove(install.inboundSpi);
    const sa = new ChildSa(install, this.ciphers, path, this.#windowPackets);
    sa.filter = this.#filters.take(install.filter);
    sa.serial = ++this.#serial;
    this.#inbound.set(sa.inboundSpi | 0, sa);
    const replaced = this.#replacedBy(sa);
    const rank = (replaced && this.#indexed.get(replaced)?.rank) ?? this.#nextRank++;
    this.#indexed.set(sa, { selectors: install.remoteSelectors, rank });
    this.#addHeir(sa);
    if (sa.outbound === "waiting" && replaced === undefined) sa.outbound = "active";
    if (sa.outbound === "active") this.#activate(sa);
    return sa;
  }

  /** Changes what the peer of a pair may send; unknown SPIs are ignored. */
  setFilter(inboundSpi: number, filter: PacketFilter | undefined): void {
    const sa = this.findInbound(inboundSpi);
    if (sa === undefined) return;
    const before = sa.filter;
    sa.filter = this.#filters.take(filter);
    this.#filters.release(before);
  }

  /** The first packet has arrived on a pair: the peer uses it, so may we (RFC 7296 §2.8). */
  confirm(sa: ChildSa): void {
    if (sa.outbound !== "waiting") return;
    sa.outbound = "active";
    this.#activate(sa);
  }

  /** Removes a pair; a pair that waited for this takes over, one that it had displaced comes back. */
  remove(inboundSpi: number): void {
    const sa = this.findInbound(inboundSpi);
    if (sa === undefined) return;
    this.#inbound.delete(sa.inboundSpi | 0);
    this.#found = undefined;
    this.#unindex(sa);
    this.#indexed.delete(sa);
    this.#filters.release(sa.filter);
    sa.close();
    this.#removeHeir(sa);
    const heirs = this.#heirs.get(sa.inboundSpi) ?? [];
    this.#heirs.delete(sa.inboundSpi);
    // Of several that came of one pair (RFC 7296 §2.8.1) one takes over: whichever does so already, or
    // else the newest. Those that wait go on waiting, for that one.
    const first = heirs.find(({ outbound }) => outbound !== "waiting") ??
      heirs.reduce<ChildSa | undefined>((a, b) => a && a.serial > b.serial ? a : b, undefined);
    for (const heir of heirs) {
      const isBehind = heir !== first && heir.outbound === "waiting";
      heir.replaces = isBehind ? first?.inboundSpi : sa.replaces;
      this.#addHeir(heir);
    }
    if (first !== undefined) this.confirm(first);
    const replaced = this.#replacedBy(sa);
    if (replaced?.outbound === "superseded" && !this.#hasActiveSuccessor(replaced)) {
      replaced.outbound = "active";
      this.#index(replaced);
    }
  }

  #covers(sa: ChildSa, header: InnerHeader): boolean {
    const { version, protocol } = header;
    const remotePort = header.destinationPort;
    if (!sa.remoteSelectors.matches(version, header.destination, protocol, remotePort)) {
      return false;
    }
    if (sa.localSelectors.matches(version, header.source, protocol, header.sourcePort)) return true;
    this.lastMiss = "selector-outbound";
    return false;
  }

  #activate(sa: ChildSa): void {
    this.#index(sa);
    const replaced = this.#replacedBy(sa);
    if (replaced === undefined) return;
    this.#unindex(replaced);
    replaced.outbound = "superseded";
  }

  #replacedBy(sa: ChildSa): ChildSa | undefined {
    return sa.replaces === undefined ? undefined : this.findInbound(sa.replaces);
  }

  #hasActiveSuccessor(sa: ChildSa): boolean {
    return this.#heirs.get(sa.inboundSpi)?.some((heir) => heir.outbound !== "waiting") ?? false;
  }

  #addHeir(sa: ChildSa): void {
    if (sa.replaces === undefined) return;
    const heirs = this.#heirs.get(sa.replaces);
    if (heirs === undefined) this.#heirs.set(sa.replaces, [sa]);
    else heirs.push(sa);
  }

  #removeHeir(sa: ChildSa): void {
    if (sa.replaces === undefined) return;
    const rest = this.#heirs.get(sa.replaces)?.filter((heir) => heir !== sa) ?? [];
    if (rest.length === 0) this.#heirs.delete(sa.replaces);
    else this.#heirs.set(sa.replaces, rest);
  }

  #index(sa: ChildSa): void {
    const { selectors, rank } = this.#indexed.get(sa) ?? { selectors: [], rank: 0 };
    const isOlder = (other: ChildSa): boolean => (this.#indexed.get(other)?.rank ?? 0) <= rank;
    for (const selector of selectors) this.#outbound.add(selector, sa, isOlder);
  }

  #unindex(sa: ChildSa): void {
    for (const selector of this.#indexed.get(sa)?.selectors ?? []) {
      this.#outbound.remove(selector, sa);
    }
  }
}
