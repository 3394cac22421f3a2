/**
 * The packet path as the appliance sees it: what it is given, what it reports, what can be asked of it.
 *
 * Values only. The implementation is in `open.ts` (main thread) and `worker.ts` (packet loop).
 */
import type { Bytes } from "../core/bytes.ts";
import type { DataplaneEvent } from "../core/gateway/input.ts";
import type { ChildSaInstall } from "../core/gateway/output.ts";
import type { PacketFilter } from "../core/gateway/packet_filter.ts";
import type { AddressPrefix, Endpoint, IpAddress } from "../core/wire/address.ts";
import type { CounterName } from "./counters.ts";
import type { IkeLine } from "./datagram.ts";
import type { EspCryptoName } from "./esp/cipher.ts";
import type { DataplaneFeature } from "./features.ts";
import type { LoopDirection } from "./loop_direction.ts";
import type { StageTimes } from "./stage_clock.ts";

/**
 * What becomes of a packet that the path to its peer does not take whole (RFC 4301 §8.1). `discover`: outer
 * packets have DF, the path MTU is found out, and inner packets that may not be cut and do not fit are
 * answered by ICMP. `clear`: the outer packet is cut, here or by any router of IPv4.
 */
export type FragmentMode = "discover" | "clear";

/** How to start the packet path. */
export interface DataplaneOptions {
  /** Name of the TUN device, at most 15 octets. */
  readonly tunName: string;
  /** MTU of the TUN device: the largest inner packet. */
  readonly mtu: number;
  /** Addresses to listen on; `0.0.0.0` and `::` mean all, and each family is separate. */
  readonly listen: readonly IpAddress[];
  /** The IKE port, 500; 0 for any free one; `undefined` for none. */
  readonly ikePort?: number;
  /** The NAT traversal port, 4500, which carries IKE and ESP; 0 for any free one. */
  readonly nattPort: number;
  /** Packet loops: 1 for both directions, or 2, one for each. */
  readonly workers: number;
  /** Which crypto provider; `undefined` for the fastest that loads. */
  readonly crypto?: EspCryptoName;
  /**
   * Send a NAT keepalive (RFC 3948 §4) to a peer after so much silence, in milliseconds: 20 000 for a
   * client; `undefined` for none, as a gateway wants it.
   */
  readonly natKeepaliveMs?: number;
  /** Packets that replay windows reach back, 64 to 4096 (RFC 4303 §3.4.3). */
  readonly replayWindow: number;
  /** What becomes of packets that the path does not take whole. */
  readonly fragments: FragmentMode;
  /** Lower the segment size in TCP SYNs of both directions to what fits. */
  readonly clampsMss: boolean;
  /** Let the outer header show the inner DSCP (RFC 4301 §5.1.2.1); ECN is always copied. */
  readonly copiesDscp: boolean;
  /** Features to do without even where the kernel has them. */
  readonly without?: readonly DataplaneFeature[];
  /** Take the time of every stage of the packet loops. */
  readonly profiles?: boolean;
}

/** An IKE message as it arrived; the non-ESP marker is gone and `bytes` belong to the receiver. */
export interface IkeDatagram {
  /** Where it was received. */
  readonly local: Endpoint;
  /** Who sent it. */
  readonly remote: Endpoint;
  /** The message. */
  readonly bytes: Bytes;
}

/** The place that an IKE message has in its line, until it is dealt with. */
export interface IkePlace {
  /** Which line. */
  readonly line: IkeLine;
  /** Gives the place to the next one; to be called once. */
  leave(): void;
}

/** Packets are dropped for a cause that was not seen before. */
export interface DataplaneTrouble {
  /** The counter that tells how many. */
  readonly cause: CounterName;
  /** The kernel's error by name, where it gave one. */
  readonly detail?: string;
}

/** Called on the main thread, one at a time. */
export interface DataplaneHandlers {
  /** An IKE message came in. It may be put off, but not for ever: what finds no place is dropped. */
  ike(datagram: IkeDatagram, place: IkePlace): void;
  /** Something about a Child SA that the control plane should know; limits may be told by each loop. */
  event(event: DataplaneEvent): void;
  /** What a pair had carried when it was removed; nothing comes for one that was never installed. */
  removed?(counters: ChildSaCounters): void;
  /** Packets are dropped; called once for each cause. */
  trouble(trouble: DataplaneTrouble): void;
  /** A packet loop is dead, and so no packet moves any more. Called once. Call `close()`. */
  fatal(error: Error): void;
}

/** What one Child SA pair has carried. Octets are those of inner packets. */
export interface ChildSaCounters {
  /** The pair's name. */
  readonly inboundSpi: number;
  /** Packets received on it and given to the inside. */
  readonly packetsIn: number;
  /** Their octets. */
  readonly bytesIn: number;
  /** Packets sealed for it. */
  readonly packetsOut: number;
  /** Their octets. */
  readonly bytesOut: number;
  /** Packets received on this SPI and dropped, for whatever reason. */
  readonly dropsIn: number;
  /** Packets meant for this pair and not sent. */
  readonly dropsOut: number;
  /** Both by cause; causes that did not happen are left out. */
  readonly drops: Readonly<Partial<Record<CounterName, number>>>;
}

/** A reading of all counters. */
export interface DataplaneCounters {
  /** By name of `counters.ts`, since the start. */
  readonly totals: Readonly<Record<CounterName, number>>;
  /** Pairs that are installed now. */
  readonly perSa: readonly ChildSaCounters[];
  /** Where the time of each packet loop went since the start, if they are profiled. */
  readonly stages?: Readonly<Partial<Record<LoopDirection, StageTimes>>>;
}

/** Inner addresses and routes of the TUN device. */
export interface TunConfig {
  /** Addresses of the device itself. */
  readonly addresses: readonly AddressPrefix[];
  /**
   * Destinations routed into it. A prefix of length 0 becomes its two halves, which win over the
   * default route of the host without replacing it.
   */
  readonly routes: readonly AddressPrefix[];
}

/** A running packet path. Calls are synchronous and take effect in order. */
export interface Dataplane {
  /** The endpoints actually bound, IKE ports before NAT traversal ports. */
  readonly sockets: readonly Endpoint[];
  /** Name of the TUN device, as the kernel gave it. */
  readonly tunName: string;
  /** Which crypto provider protects ESP. */
  readonly cryptoName: EspCryptoName;
  /** The packet loops that run, by the way that packets go in them. */
  readonly loops: readonly LoopDirection[];
  /** What the kernel does for the packet path; the rest goes the slow way. */
  readonly features: readonly DataplaneFeature[];
  /** Whether `port` is a NAT traversal port of ours: IKE messages there carry the non-ESP marker. */
  isNattPort(port: number): boolean;
  /**
   * Sends an IKE message, with the non-ESP marker in front (RFC 3948 §2.2) from a NAT traversal port.
   * Where `local.address` is specific it is the source address. A send that fails is counted and
   * otherwise silent: IKE retransmits.
   */
  transmit(local: Endpoint, remote: Endpoint, bytes: Bytes): void;
  /** Installs a Child SA pair. */
  installChildSa(sa: ChildSaInstall): void;
  /** Changes the outer endpoints of a pair; unknown SPIs are ignored. */
  moveChildSa(inboundSpi: number, local: Endpoint, remote: Endpoint): void;
  /** Removes a pair; unknown SPIs are ignored. */
  removeChildSa(inboundSpi: number): void;
  /** Changes what the peer may send on a pair; unknown SPIs are ignored. */
  filterChildSa(inboundSpi: number, filter: PacketFilter | undefined): void;
  /** Brings the TUN device up with these addresses and routes in place of the former ones. */
  configureTun(config: TunConfig): void;
  /**
   * One more route into the TUN device, which `configureTun` leaves alone. Throws `DataplaneError` when
   * the host has a route to that very destination already: it stays as it is.
   */
  addRoute(destination: AddressPrefix): void;
  /** Takes such a route back; one that is not there is no matter. */
  removeRoute(destination: AddressPrefix): void;
  /**
   * Keeps the path to `remote` outside the tunnel: a host route by way of the gateway that the host
   * uses for it now. Said again, it looks the way up afresh. Undone by `close()`.
   */
  routeOutside(remote: IpAddress): void;
  /** The local address that the host would send from towards `remote`; `undefined` without a route. */
  sourceFor(remote: IpAddress): IpAddress | undefined;
  /**
   * Reads all counters; of Child SA pairs only those named, if any are. Pairs that were removed before
   * have been reported to `removed` when the answer comes.
   */
  counters(only?: readonly number[]): Promise<DataplaneCounters>;
  /** Stops the packet loops, takes back routes, closes everything. Idempotent. */
  close(): Promise<void>;
}
