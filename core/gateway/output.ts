/**
 * What the core wants done, in order. The driver applies a returned list as it stands: an inbound SA
 * is installed before the reply that lets the peer use it leaves.
 */
import type { Bytes } from "../bytes.ts";
import type { TrafficSelector } from "../message/payload.ts";
import type { EspKeys, EspSuite } from "../sa/suite.ts";
import type { Trace } from "../trace.ts";
import type { AddressPrefix, Endpoint } from "../wire/address.ts";
import type { PacketFilter } from "./packet_filter.ts";
import type { Question } from "./question.ts";

/** A Child SA pair for the packet path. It is known by its inbound SPI. */
export interface ChildSaInstall {
  /** SPI of packets we receive; unique. */
  readonly inboundSpi: number;
  /** SPI of packets we send. */
  readonly outboundSpi: number;
  /** Algorithms of both directions. */
  readonly suite: EspSuite;
  /** Keys for packets we receive. */
  readonly inboundKeys: EspKeys;
  /** Keys for packets we send. */
  readonly outboundKeys: EspKeys;
  /** Inner addresses on our side. */
  readonly localSelectors: readonly TrafficSelector[];
  /** Inner addresses on the peer's side. */
  readonly remoteSelectors: readonly TrafficSelector[];
  /** Our outer endpoint. */
  readonly local: Endpoint;
  /** The peer's outer endpoint. */
  readonly remote: Endpoint;
  /** Whether the packet path may follow the peer to a new authenticated endpoint (RFC 7296 §2.23). */
  readonly followPeer: boolean;
  /** It only reports the new endpoint, and follows by `move-child-sa`. */
  readonly followWaits?: true;
  /**
   * The inbound SPI of the pair this one takes over from. Until the first packet arrives on the new
   * pair, or the old one is removed, outbound traffic stays on the old one when `outboundWaits`.
   */
  readonly replaces?: number;
  /** Whether sending waits as said at `replaces` (we answered the rekey) or starts at once. */
  readonly outboundWaits: boolean;
  /** Nothing is sent on it, ever: another pair carries the traffic, and this one is about to go. */
  readonly inboundOnly?: true;
  /** Octets of one direction after which the packet path reports a soft limit; `undefined` for no limit. */
  readonly softLimitBytes?: number;
  /** The same for packets. */
  readonly softLimitPackets?: number;
  /** Octets of one direction after which it carries nothing more, and reports that (RFC 4301 §4.4.2.1). */
  readonly hardLimitBytes?: number;
  /** The same for packets. */
  readonly hardLimitPackets?: number;
  /** Networks behind the peer: the host's routes to them lead here while the pair stands. */
  readonly networks?: readonly AddressPrefix[];
  /** What the peer may send; everything that fits the selectors, if there is none. */
  readonly filter?: PacketFilter;
}

/** One thing to do. */
export type Output =
  /** Send an IKE message. The driver adds the non-ESP marker when `local.port` is the NAT-T port. */
  | {
    readonly kind: "transmit";
    readonly local: Endpoint;
    readonly remote: Endpoint;
    readonly bytes: Bytes;
  }
  | { readonly kind: "install-child-sa"; readonly sa: ChildSaInstall }
  /** The peer's outer endpoint changed. */
  | {
    readonly kind: "move-child-sa";
    readonly inboundSpi: number;
    readonly local: Endpoint;
    readonly remote: Endpoint;
  }
  | { readonly kind: "remove-child-sa"; readonly inboundSpi: number }
  /** What the peer may send on an installed pair from now on; everything, if there is none. */
  | {
    readonly kind: "filter-child-sa";
    readonly inboundSpi: number;
    readonly filter: PacketFilter | undefined;
  }
  /** A question whose answer comes back as a `completion` input with the same id. */
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  /** The answer to question `id` is no longer wanted. */
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "trace"; readonly trace: Trace };
