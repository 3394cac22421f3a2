/**
 * Slow or durable work, as questions and answers. AAA (local users, or servers) and the store answer
 * asynchronously; a person may take minutes; any question may be cancelled.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { AddressPrefix, Endpoint, IpAddress } from "../wire/address.ts";
import type { PacketFilter } from "./packet_filter.ts";
import type { ClientAttributes } from "./policy.ts";
import type { SessionRecord } from "./record.ts";

/** What a user presents. */
export type Credential =
  /** RFC 2759; verified by whoever knows the NT hash. */
  | {
    readonly kind: "mschapv2";
    readonly authenticatorChallenge: Bytes;
    readonly peerChallenge: Bytes;
    readonly ntResponse: Bytes;
  }
  /** A password in the clear, from a form. */
  | { readonly kind: "password"; readonly password: string }
  /** What a person answered to a `challenge` verdict, with the state of that verdict. */
  | {
    readonly kind: "challenge-answer";
    readonly answer: string;
    readonly state: Bytes | undefined;
  }
  /** An EAP packet of the peer, for a server that speaks the method; `state` is that of its last one. */
  | { readonly kind: "eap"; readonly packet: Bytes; readonly state: Bytes | undefined }
  /** A certificate that the core has already verified: authorization only. */
  | { readonly kind: "certificate" };

/** What a user is told, over what the policy tells everybody. */
export type UserConfiguration = Partial<
  Pick<
    ClientAttributes,
    | "dns"
    | "nbns"
    | "domain"
    | "splitInclude"
    | "splitDns"
    | "banner"
    | "smartcardRemovalDisconnect"
  >
>;

/** Attributes that AAA may give a user, over those of the policy. */
export interface UserAttributes {
  /** A group name. */
  readonly group?: string;
  /** Fixed inner addresses. */
  readonly addresses?: readonly IpAddress[];
  /** What INTERNAL_IP4_NETMASK says, where it is not that of a single host. */
  readonly netmask?: IpAddress;
  /**
   * Names of the pools that addresses come from, in the order they are tried. A family that none of them
   * has comes from the pools without a name, as everything does where no pool is named.
   */
  readonly pools?: readonly string[];
  /** The same for IPv6 addresses alone, where `pools` is not to decide. */
  readonly ip6Pools?: readonly string[];
  /** Networks behind the user: routed into the tunnel, and allowed as inner sources. */
  readonly networks?: readonly AddressPrefix[];
  /** What the user is told. */
  readonly told?: UserConfiguration;
  /** What the user may send; everything, if there is none. */
  readonly filter?: PacketFilter;
  /** Seconds from the first login until the session ends. */
  readonly sessionLifetimeSeconds?: number;
  /** Seconds without a packet from the user until the session is over; 0 for no limit. */
  readonly idleTimeoutSeconds?: number;
  /** Seconds between two reports to accounting. */
  readonly interimSeconds?: number;
  /** Octets that accounting gives back as they are. */
  readonly class?: readonly OwnedBytes[];
}

/** The answer of AAA. */
export type Verdict =
  | {
    readonly kind: "accept";
    readonly attributes: UserAttributes;
    /** The name that AAA knows the user by, where it is not the one presented ("OFFICE\\alice"). */
    readonly userName?: string;
    /** With an `mschapv2` credential: "S=…" of RFC 2759 §8.7, and the 64-octet MSK. */
    readonly mschapv2?: { readonly authenticatorResponse: string; readonly msk: Bytes };
    /** With an `eap` credential: the EAP-Success, and the 64-octet MSK where the method makes one. */
    readonly eap?: { readonly packet: Bytes; readonly msk?: Bytes };
  }
  | {
    readonly kind: "reject";
    /** One line for the log, and for the person where the method can show it. */
    readonly message?: string;
    /** With an `eap` credential: the EAP-Failure, where the server gave one. */
    readonly eapPacket?: Bytes;
  }
  /** With an `eap` credential: the server's next packet. */
  | { readonly kind: "eap-request"; readonly packet: Bytes; readonly state?: Bytes }
  /** One more answer is needed: a code, the next password. Only forms can ask for it. */
  | {
    readonly kind: "challenge";
    /** For the person. */
    readonly message: string;
    /** Comes back with the answer, untouched. */
    readonly state?: Bytes;
    /** Stands before the field. */
    readonly inputLabel?: string;
  };

/** A question to the outside. */
export type Question =
  /** May this user in? Counted as an AAA question. */
  | {
    readonly kind: "verify";
    readonly userName: string;
    readonly credential: Credential;
    readonly remote: Endpoint;
    /** The group that the user chose; AAA may say another. */
    readonly group?: string;
  }
  /** Commit this record durably, whole, over an older version with the same `key`. */
  | { readonly kind: "store-record"; readonly record: SessionRecord }
  /** Forget this record. */
  | { readonly kind: "delete-record"; readonly key: string };

/** Its answer. `failed` stands for work that could not be done (dead server, full disk). */
export type Answer =
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string };
