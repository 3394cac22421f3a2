/** What happens to the core. Every input carries the moment at which it happened. */
import type { Bytes } from "../bytes.ts";
import type { Moment } from "../moment.ts";
import type { Endpoint, IpAddress } from "../wire/address.ts";
import type { PacketFilter } from "./packet_filter.ts";
import type { Policy } from "./policy.ts";
import type { Answer } from "./question.ts";
import type { StoredRecord } from "./record.ts";

/** What the packet path reports, by inbound SPI. */
export type DataplaneEvent =
  /** Authenticated packets arrived on these SAs since the last report. */
  | {
    readonly kind: "traffic-seen";
    readonly inboundSpis: readonly number[];
    /** Those of them whose peer sent something: neither dummies alone, nor what was dropped. */
    readonly carryingSpis: readonly number[];
  }
  /** Octets, packets or sequence numbers are running out: rekey. */
  | { readonly kind: "soft-limit"; readonly inboundSpi: number }
  /** Octets, packets or sequence numbers have run out: the pair carries nothing more. */
  | { readonly kind: "hard-limit"; readonly inboundSpi: number }
  /** Authenticated packets come from another endpoint now. */
  | { readonly kind: "peer-moved"; readonly inboundSpi: number; readonly remote: Endpoint };

/** Which sessions are meant. All given conditions must hold; none given means all. */
export interface SessionSelector {
  /** Outer address of the peer. */
  readonly remote?: string;
  /** User name. */
  readonly userName?: string;
  /** Session number as `show` prints it. */
  readonly id?: number;
  /** What accounting calls it by. */
  readonly accountingId?: string;
  /** Inner addresses, each of which it holds. */
  readonly addresses?: readonly IpAddress[];
}

/** What changes in a session that goes on; what is left out stays. */
export interface SessionChange {
  /** Seconds from now until the session ends; 0 for no limit. */
  readonly sessionLifetimeSeconds?: number;
  /** Seconds without a packet from the user until the session is over; 0 for no limit. */
  readonly idleTimeoutSeconds?: number;
  /** What the user may send from now on. */
  readonly filter?: PacketFilter;
}

/** What the operator or the appliance orders. */
export type Command =
  /** At start, before any datagram: the stored records. Active ones become inactive. */
  | { readonly kind: "restore"; readonly records: readonly StoredRecord[] }
  /** End sessions, active and inactive ones, for good. */
  | { readonly kind: "clear-sessions"; readonly selector: SessionSelector }
  /** AAA wants this session ended, active or inactive, for good (RFC 5176 §2.1). */
  | { readonly kind: "disconnect-session"; readonly id: number }
  /** AAA wants this session, active or inactive, to go on differently (RFC 5176 §2.2). */
  | { readonly kind: "change-session"; readonly id: number; readonly change: SessionChange }
  /** Set the counters to zero. */
  | { readonly kind: "clear-stats" }
  /** Start a rekey now, for tests and operators. */
  | { readonly kind: "rekey"; readonly id: number; readonly what: "ike" | "child" }
  /** Tell every message as a trace `ikev2-packet`, or stop telling. */
  | { readonly kind: "debug"; readonly packets: boolean }
  /**
   * Decide by this from now on. Sessions go on, and logins that have begun end as they began; pools and
   * the gateway's name stay as they were.
   */
  | { readonly kind: "reconfigure"; readonly policy: Policy }
  /** Going down: DELETE to peers that cannot reconnect, the others stay parked. */
  | { readonly kind: "shutdown" };

/** One input. */
export type Input =
  /** An IKE message, without the non-ESP marker. */
  | {
    readonly kind: "datagram";
    readonly at: Moment;
    readonly local: Endpoint;
    readonly remote: Endpoint;
    readonly bytes: Bytes;
  }
  /** `nextTimeout()` has come. A spurious one is harmless. */
  | { readonly kind: "timeout"; readonly at: Moment }
  | {
    readonly kind: "completion";
    readonly at: Moment;
    readonly id: number;
    readonly answer: Answer;
  }
  | { readonly kind: "dataplane"; readonly at: Moment; readonly event: DataplaneEvent }
  | { readonly kind: "command"; readonly at: Moment; readonly command: Command };
