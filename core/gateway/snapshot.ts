/** A picture of the gateway for `show`: plain data, no secrets, taken between two inputs. */
import type { Wall } from "../moment.ts";
import type { TrafficSelector } from "../message/payload.ts";
import type { EspSuite, IkeSuite } from "../sa/suite.ts";
import type { AddressRange, Endpoint, IpAddress } from "../wire/address.ts";
import type { LoginMethod, PeerType } from "./record.ts";

/** One Child SA. */
export interface ChildSaSnapshot {
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly suite: EspSuite;
  readonly localSelectors: readonly TrafficSelector[];
  readonly remoteSelectors: readonly TrafficSelector[];
  /** When it was made. */
  readonly established: Wall;
  /** Lifetime in milliseconds. */
  readonly lifetimeMs: number;
  /** Lifetime in octets, where limited. */
  readonly lifetimeBytes?: number;
}

/** One IKE SA. */
export interface IkeSaSnapshot {
  /** Local SPI, 16 hexadecimal digits. */
  readonly localSpi: string;
  /** Remote SPI, 16 hexadecimal digits. */
  readonly remoteSpi: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Whether we began it. */
  readonly initiator: boolean;
  readonly suite: IkeSuite;
  /** How we proved who we are. */
  readonly authSign: "RSA" | "ECDSA" | "PSK";
  /** How the peer did. */
  readonly authVerify: "EAP" | "AnyConnect-EAP" | "RSA" | "ECDSA" | "PSK";
  readonly established: Wall;
  readonly lifetimeMs: number;
  /** Message IDs: next request of ours, next of the peer's. */
  readonly nextLocalMessageId: number;
  readonly nextRemoteMessageId: number;
  /** Identities as text. */
  readonly localId: string;
  readonly remoteId: string;
  /** NAT seen in front of us or of the peer. */
  readonly nat: "none" | "inside" | "outside" | "both";
  /** Whether RFC 7383 fragments may be used. */
  readonly fragmentation: boolean;
}

/** One session: a user's stay from the first login to the end. */
export interface SessionSnapshot {
  /** Session number, new at every reconnect only if the gateway restarted. */
  readonly id: number;
  readonly userName: string;
  readonly group?: string;
  readonly method: LoginMethod;
  readonly peerType: PeerType;
  readonly state: "active" | "inactive";
  readonly addresses: readonly IpAddress[];
  readonly firstLogin: Wall;
  readonly absoluteEnd?: Wall;
  /** Only with a reconnect record. */
  readonly reconnect?: {
    readonly count: number;
    readonly deadline?: Wall;
  };
  /** Last outer endpoint as text. */
  readonly lastRemote: string;
  /** Only while active. */
  readonly ikeSa?: IkeSaSnapshot;
  readonly childSas: readonly ChildSaSnapshot[];
}

/** One address range and its use. */
export interface PoolSnapshot {
  readonly range: AddressRange;
  /** Addresses that could be given out; capped at 2^53 - 1. */
  readonly size: number;
  readonly inUse: number;
}

/** `show crypto ikev2 stats reconnect`; total = success + failed. */
export interface ReconnectStats {
  readonly success: number;
  readonly failed: number;
  readonly activeCapable: number;
  readonly inactiveCapable: number;
}

/** Everything. */
export interface GatewaySnapshot {
  readonly sessions: readonly SessionSnapshot[];
  readonly negotiating: number;
  readonly pools: readonly PoolSnapshot[];
  readonly reconnect: ReconnectStats;
  /** Named counters: dropped datagrams by cause, exchanges, cookies, AAA questions. */
  readonly counters: Readonly<Record<string, number>>;
}
