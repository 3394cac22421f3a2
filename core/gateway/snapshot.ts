/** A picture of the gateway for `show`: plain data, no secrets, taken between two inputs. */
import type { OwnedBytes } from "../bytes.ts";
import type { Monotonic, Wall } from "../moment.ts";
import type { TrafficSelector } from "../message/payload.ts";
import type { EspSuite, IkeSuite } from "../sa/suite.ts";
import type { Endpoint, IpAddress } from "../wire/address.ts";
import type { PoolRange } from "./policy.ts";
import type { UserAttributes } from "./question.ts";
import type { LoginMethod, PeerType } from "./record.ts";

/** One Child SA. */
export interface ChildSaSnapshot {
  /** SPI of packets we receive. */
  readonly inboundSpi: number;
  /** SPI of packets we send. */
  readonly outboundSpi: number;
  /** Algorithms of both directions. */
  readonly suite: EspSuite;
  /** Inner addresses on our side. */
  readonly localSelectors: readonly TrafficSelector[];
  /** Inner addresses on the peer's side. */
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
  /** Our outer endpoint. */
  readonly local: Endpoint;
  /** The peer's outer endpoint. */
  readonly remote: Endpoint;
  /** Whether we began it. */
  readonly initiator: boolean;
  /** Algorithms. */
  readonly suite: IkeSuite;
  /** How we proved who we are. */
  readonly authSign: "RSA" | "ECDSA" | "PSK";
  /** How the peer did. */
  readonly authVerify: "EAP" | "AnyConnect-EAP" | "RSA" | "ECDSA" | "PSK";
  /** When it was made. */
  readonly established: Wall;
  /** Lifetime in milliseconds. */
  readonly lifetimeMs: number;
  /** Message IDs: next request of ours, next of the peer's. */
  readonly nextLocalMessageId: number;
  /** Message ID of the peer's next request. */
  readonly nextRemoteMessageId: number;
  /** Identities as text. */
  readonly localId: string;
  /** The peer's identity as text. */
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
  /** The authenticated user. */
  readonly userName: string;
  /** Group that AAA gave. */
  readonly group?: string;
  /** How the first login was authenticated. */
  readonly method: LoginMethod;
  /** What the client is. */
  readonly peerType: PeerType;
  /** Whether an IKE SA carries it. */
  readonly state: "active" | "inactive";
  /** Inner addresses. */
  readonly addresses: readonly IpAddress[];
  /** What AAA says of the user. */
  readonly attributes: UserAttributes;
  /** First login. */
  readonly firstLogin: Wall;
  /** The session ends here whatever happens. */
  readonly absoluteEnd?: Wall;
  /** What accounting calls it by, and what it gives back. */
  readonly accounting: {
    readonly id: string;
    readonly class: readonly OwnedBytes[];
  };
  /** Only with a reconnect record. */
  readonly reconnect?: {
    /** How many times it came back. */
    readonly count: number;
    /** When it dies if it is inactive. */
    readonly deadline?: Wall;
  };
  /** Only while active: since when its user has sent nothing, and how long that may last; 0 for ever. */
  readonly idle?: { readonly since: Monotonic; readonly limitSeconds: number };
  /** Last outer endpoint as text. */
  readonly lastRemote: string;
  /** Only while active. */
  readonly ikeSa?: IkeSaSnapshot;
  /** Its Child SAs; none while inactive. */
  readonly childSas: readonly ChildSaSnapshot[];
}

/** One address range and its use. */
export interface PoolSnapshot {
  /** The addresses, and the name of the pool where it has one. */
  readonly range: PoolRange;
  /** Addresses that could be given out; capped at 2^53 - 1. */
  readonly size: number;
  /** How many are held. */
  readonly inUse: number;
}

/** `show crypto ikev2 stats reconnect`; total = success + failed. */
export interface ReconnectStats {
  /** Sessions that came back. */
  readonly success: number;
  /** Refused attempts. */
  readonly failed: number;
  /** Active sessions that could come back. */
  readonly activeCapable: number;
  /** Lost sessions that are waited for. */
  readonly inactiveCapable: number;
}

/** Everything. */
export interface GatewaySnapshot {
  /** Active and inactive ones. */
  readonly sessions: readonly SessionSnapshot[];
  /** IKE SAs that are not established yet. */
  readonly negotiating: number;
  /** In the order of the configuration. */
  readonly pools: readonly PoolSnapshot[];
  /** Reconnect counters. */
  readonly reconnect: ReconnectStats;
  /** Named counters: dropped datagrams by cause, exchanges, cookies, AAA questions. */
  readonly counters: Readonly<Record<string, number>>;
}

/** How many things a gateway holds in memory. */
export interface GatewayLoad {
  /** IKE SAs, half-open and ending ones included. */
  readonly ikeSas: number;
  /** Inbound ESP SPIs that are given out. */
  readonly espSpis: number;
  /** Half-open IKE SAs. */
  readonly negotiating: number;
  /** IKE SAs and sessions that want to be woken. */
  readonly timers: number;
  /** Questions that an IKE SA waits for. */
  readonly questions: number;
}
