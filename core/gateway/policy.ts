/** Who may connect and what they get: the configuration as the core understands it. No defaults. */
import type { Bytes } from "../bytes.ts";
import type { Signer } from "../crypto/provider.ts";
import type { CiscoAttributeNumbers } from "../message/cisco_attributes.ts";
import type { Proposal } from "../message/payload.ts";
import type { StaleLists } from "../pki/revocation.ts";
import type { RevocationList } from "../pki/revocation_list.ts";
import type { AddressPrefix, AddressRange, IpAddress } from "../wire/address.ts";
import type { LoginMethod } from "./record.ts";

/** Inner addresses to give out; ranges of one name are one pool. */
export interface PoolRange extends AddressRange {
  /** Kept for those whom AAA gives this name; without one it is for everybody else. */
  readonly name?: string;
}

/** What a client is told besides its address. */
export interface ClientAttributes {
  /** DNS servers, IPv4 and IPv6. */
  readonly dns: readonly IpAddress[];
  /** NBNS (WINS) servers, IPv4. */
  readonly nbns: readonly IpAddress[];
  /** Default domain. */
  readonly domain?: string;
  /** Networks reached through the tunnel; empty for all. */
  readonly splitInclude: readonly AddressPrefix[];
  /** Domains asked through the tunnel. */
  readonly splitDns: readonly string[];
  /** Text shown at login. */
  readonly banner?: string;
  /** Text for APPLICATION_VERSION. */
  readonly applicationVersion: string;
  /** Largest inner packet, octets. */
  readonly mtu: number;
  /** Seconds of a session; `undefined` for no limit. */
  readonly sessionTimeoutSeconds?: number;
  /** Seconds without a packet from the client until its session is over; 0 for no limit. */
  readonly idleTimeoutSeconds: number;
  /** Seconds that a lost session waits for its user; 0 when it does not. */
  readonly disconnectedTimeoutSeconds: number;
  /** Seconds between liveness checks of the client. */
  readonly dpdSeconds: number;
  /** Seconds between keepalives of the client. */
  readonly keepaliveSeconds: number;
  /** Whether a removed smart card ends the session on the client. */
  readonly smartcardRemovalDisconnect: boolean;
}

/** How AnyConnect-EAP asks its users. */
export interface AnyConnectPolicy {
  /** What a client has to show. */
  readonly mode: "password" | "certificate" | "certificate+password";
  /** Groups to choose from; the first is the default, and a choice is offered from two on. */
  readonly groups: readonly { readonly name: string; readonly alias?: string }[];
  /** Wrong passwords before EAP-Failure. */
  readonly tries: number;
  /**
   * What an RSA signature is over where the client announces no hashes: the hash of the PRF, or SHA-1,
   * as an ASA may be told, which is then taken from clients too.
   */
  readonly rsaHash: "prf" | "sha1";
}

/** Times of SAs, in milliseconds; a rekey starts at a random point in the last tenth. */
export interface Lifetimes {
  /** IKE SA. */
  readonly ikeMs: number;
  /** Child SA. */
  readonly espMs: number;
  /** Octets of a Child SA, in one direction; `undefined` for no limit. */
  readonly espBytes?: number;
  /** Packets of a Child SA, in one direction; `undefined` for no limit. */
  readonly espPackets?: number;
}

/**
 * What becomes of addresses that a peer changes by MOBIKE (RFC 4555): its packets go to the new one when
 * it has answered from there, or at once, or MOBIKE is not spoken.
 */
export type MobikeMode = "check-first" | "move-first" | "off";

/** Reconnect, design.md section 3. */
export interface ReconnectPolicy {
  /** How long an inactive record waits, in milliseconds; 0 switches reconnect off. */
  readonly timeoutMs: number;
}

/** How long an authentication holds, and who has to authenticate anew then (RFC 4478). */
export interface ReauthenticationPolicy {
  /** Milliseconds. */
  readonly ms: number;
  /** The client by its session token, which nobody is asked for; or the user, whose session ends with it. */
  readonly by: "token" | "user";
}

/** Client puzzles (RFC 8019). */
export interface PuzzlePolicy {
  /** Half-open IKE SAs from which on they are asked. */
  readonly threshold: number;
  /** Zero bits that a solution has to have, 1 to 255; each more is twice the work. */
  readonly bits: number;
}

/** A certificate of this gateway, and what goes with it. */
export interface OwnCertificate {
  /** DER certificates: ours, then intermediates. */
  readonly certificates: readonly Bytes[];
  /** Signs with the key of the first of them. */
  readonly signer: Signer;
  /** SubjectPublicKeyInfo of the authorities above it, as far as they are known: what a CERTREQ may name. */
  readonly authorities: readonly Bytes[];
}

/** What CAs have taken back, and what that means once it is old. */
export interface RevocationPolicy {
  /** Of any CAs, several of one also. */
  readonly lists: readonly RevocationList[];
  /** Where all lists of a CA are out of date. */
  readonly stale: StaleLists;
}

/** Everything the gateway decides by. Its own certificate is the one for peers that ask for none in particular. */
export interface Policy extends OwnCertificate {
  /** Name of this gateway, for records. */
  readonly gatewayName: string;
  /** IDr. */
  readonly identity: { readonly idType: number; readonly data: Bytes };
  /** Further certificates for the same identity, for peers that ask for their authorities. */
  readonly alternates: readonly OwnCertificate[];
  /** How users may log in, in order of preference. */
  readonly loginMethods: readonly LoginMethod[];
  /** DER certificates of the CAs whose clients may log in by certificate. */
  readonly clientCas: readonly Bytes[];
  /** What they took back; without it a certificate is good until it expires. */
  readonly revocation?: RevocationPolicy;
  /** Milliseconds by which the clocks of those who make certificates may be off. */
  readonly clockSkewMs: number;
  /** Inner addresses, IPv4 and IPv6; no two ranges overlap. */
  readonly pools: readonly PoolRange[];
  /** What clients are told. */
  readonly attributes: ClientAttributes;
  /** Under which numbers Cisco's attributes go. */
  readonly attributeNumbers: CiscoAttributeNumbers;
  /** AnyConnect-EAP; used when it is among the login methods. */
  readonly anyConnect: AnyConnectPolicy;
  /** Whether a signature over SHA-1 may be made for, and taken from, peers that know no better. */
  readonly allowSha1: boolean;
  /** Reconnect. */
  readonly reconnect: ReconnectPolicy;
  /** Milliseconds from the first login until a session ends; `undefined` for no limit. */
  readonly sessionLifetimeMs?: number;
  /** Reauthentication, where there is any besides the end of the session. */
  readonly reauthentication?: ReauthenticationPolicy;
  /** What becomes of a session whose user sends nothing for too long: gone, or to be come back to. */
  readonly idleAction: "end" | "park";
  /** IKE proposals in order of preference. */
  readonly ikeProposals: readonly Proposal[];
  /** ESP proposals in order of preference. */
  readonly espProposals: readonly Proposal[];
  /** SA lifetimes. */
  readonly lifetimes: Lifetimes;
  /**
   * DPD as IOS counts it: silence before the first question, time between repetitions. After
   * `limits.dpdTransmissions` unanswered ones the peer is dead.
   */
  readonly dpd: { readonly intervalMs: number; readonly retryMs: number };
  /** Largest IP datagram of an IKE message, octets; longer messages are cut (RFC 7383). */
  readonly fragmentMtu: number;
  /** MOBIKE. */
  readonly mobike: MobikeMode;
  /** Outer addresses of this gateway, which peers with MOBIKE are told; none where they are not known. */
  readonly outerAddresses: readonly IpAddress[];
  /** Half-open IKE SAs from which on cookies are asked. */
  readonly cookieThreshold: number;
  /** Client puzzles, where they are asked at all. */
  readonly puzzles?: PuzzlePolicy;
  /** IKE SAs at most. */
  readonly maxSa: number;
  /** Half-open IKE SAs at most. */
  readonly maxNegotiating: number;
}
