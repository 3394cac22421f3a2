/** What an IKE SA is made from, and the words for its life. */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { TrafficSelector } from "../message/payload.ts";
import type { IkeKeys } from "../sa/keymat.ts";
import type { IkeSuite } from "../sa/suite.ts";
import type { AddressPrefix, Endpoint } from "../wire/address.ts";
import type { NatFacts } from "./nat_announcement.ts";
import type { Step } from "./step.ts";

/** Where an IKE SA is in its life. */
export type Phase =
  /** IKE_SA_INIT is done, IKE_AUTH is not. */
  | "authenticating"
  /** Made by the peer's rekey while ours is under way: one of the two will count (RFC 7296 §2.8.2). */
  | "disputed"
  | "established"
  /** Rekeyed; waits for the DELETE of whoever began the rekey. */
  | "replaced"
  /** One SA too many, of two rekeys that crossed; waits for the DELETE of whoever made it. */
  | "redundant"
  /** Over; only repeats its last response to a peer that did not get it. */
  | "lingering"
  | "closed";

/** What a disputed IKE SA tells the rekey that it is in dispute with. */
export interface Dispute {
  /** The peer uses the SA: it counts. */
  won(step: Step): void;
  /** The SA is gone: it does not. */
  lost(): void;
}

/** How the two sides proved who they are, for `show`. */
export interface AuthenticationFacts {
  /** Ours. */
  readonly sign: "RSA" | "ECDSA" | "PSK";
  /** Theirs. */
  readonly verify: "EAP" | "AnyConnect-EAP" | "RSA" | "ECDSA" | "PSK";
  /** Our identity as text. */
  readonly localId: string;
  /** Theirs. */
  readonly remoteId: string;
}

/** The widest traffic that Child SAs of an IKE SA may carry. */
export interface AllowedSelectors {
  /** Inner addresses on our side. */
  readonly localSelectors: readonly TrafficSelector[];
  /** Inner addresses on the peer's side. */
  readonly remoteSelectors: readonly TrafficSelector[];
  /** Those among them that are networks behind the peer. */
  readonly networks?: readonly AddressPrefix[];
}

/** What an IKE SA is made from. */
export interface IkeSaSeed {
  readonly originalInitiator: boolean;
  readonly spiI: OwnedBytes;
  readonly spiR: OwnedBytes;
  readonly suite: IkeSuite;
  readonly keys: IkeKeys;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Message ID of the first request after this: 1 behind IKE_SA_INIT, 0 behind a rekey. */
  readonly firstMessageId: 0 | 1;
  /** Whether both sides speak RFC 7383. */
  readonly fragmentation: boolean;
  /** Whether the peer takes only Cisco's fragments. */
  readonly ciscoFragments: boolean;
  /** Where a NAT was seen. */
  readonly nat: NatFacts;
  /** As whom the peer has seen us: its NAT_DETECTION_DESTINATION_IP. */
  readonly seenAs?: Bytes | undefined;
}
