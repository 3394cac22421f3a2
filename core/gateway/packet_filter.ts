/** What a user may send through the tunnel: an access list as data (IOS extended access lists). */
import type { AddressPrefix } from "../wire/address.ts";

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  /** The lowest. */
  readonly first: number;
  /** The highest. */
  readonly last: number;
}

/** One line of an access list. What is left out is any. */
export interface FilterRule {
  /** What becomes of a packet that fits. */
  readonly action: "permit" | "deny";
  /** Packets of the other family are not meant. */
  readonly family: 4 | 6;
  /** Protocol number of the inner packet. */
  readonly protocol?: number;
  /** Inner source. */
  readonly source?: AddressPrefix;
  /** Inner destination. */
  readonly destination?: AddressPrefix;
  /** Source ports, one of which must fit. */
  readonly sourcePorts?: readonly PortRange[];
  /** Destination ports, one of which must fit. */
  readonly destinationPorts?: readonly PortRange[];
  /** TCP with ACK or RST. */
  readonly established?: true;
  /** Type of ICMP or ICMPv6. */
  readonly icmpType?: number;
  /** Its code. */
  readonly icmpCode?: number;
}

/**
 * The packets that a user may send: the first rule that fits decides, and what none fits is dropped.
 * It stays with the session over every return.
 */
export interface PacketFilter {
  /** For people: the name of a local list, or where the rules came from. */
  readonly name: string;
  /** In order. */
  readonly rules: readonly FilterRule[];
}
