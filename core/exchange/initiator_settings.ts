/** What an initiator knows before it begins, and what a gateway gives it. */
import type { Bytes } from "../bytes.ts";
import type { Signer } from "../crypto/provider.ts";
import type { ClientChallenge } from "../eap/anyconnect/client.ts";
import type { ClientHeader } from "../eap/anyconnect/client_documents.ts";
import type { Lifetimes } from "../gateway/policy.ts";
import type { CiscoAttributeNumbers } from "../message/cisco_attributes.ts";
import type { SessionPair } from "../gateway/record.ts";
import type { Proposal } from "../message/payload.ts";
import type { AddressPrefix, Endpoint, IpAddress } from "../wire/address.ts";

/** An identity: the type and data of an ID payload. */
export interface Identity {
  /** `IdType`. */
  readonly idType: number;
  /** Identification Data. */
  readonly data: Bytes;
}

/** How the user logs in. */
export type ClientLogin =
  | { readonly kind: "eap-mschapv2"; readonly userName: string; readonly password: string }
  | {
    readonly kind: "anyconnect-eap";
    /** For forms; `undefined` when only a certificate is there. */
    readonly user: { readonly name: string; readonly password: string } | undefined;
    /** For gateways that ask for one. */
    readonly certificate:
      | { readonly certificates: readonly Bytes[]; readonly signer: Signer }
      | undefined;
    /** The group to choose; `undefined` leaves it to the gateway. */
    readonly group: string | undefined;
    /** What the client says of itself. */
    readonly header: ClientHeader;
    /** Answers a second factor; `undefined` gives up. */
    readonly answer: (challenge: ClientChallenge) => string | undefined;
  }
  | {
    readonly kind: "certificate";
    /** DER: ours, then intermediates. */
    readonly certificates: readonly Bytes[];
    readonly signer: Signer;
  }
  /** Only a stored pair is at hand. */
  | { readonly kind: "none" };

/** The configuration of a client. No defaults. */
export interface ClientSettings {
  /** The gateway's NAT-T endpoint. */
  readonly gateway: Endpoint;
  /** Our own endpoint as far as it is known. */
  readonly local: Endpoint;
  /** IDi of a login. */
  readonly identity: Identity;
  /** What the gateway must call itself, and its certificate must say. */
  readonly gatewayIdentity: Identity;
  /** How to log in. */
  readonly login: ClientLogin;
  /** DER certificates of the CAs that we trust. */
  readonly anchors: readonly Bytes[];
  /** Inner addresses to ask for. */
  readonly wants: { readonly ip4: boolean; readonly ip6: boolean };
  /** Whether to ask for a pair and come back with it. */
  readonly reconnect: boolean;
  /** Under which numbers the pair is asked for. */
  readonly attributeNumbers: CiscoAttributeNumbers;
  /** IKE proposals in order of preference. */
  readonly ikeProposals: readonly Proposal[];
  /** ESP proposals in order of preference. */
  readonly espProposals: readonly Proposal[];
  /** SA lifetimes. */
  readonly lifetimes: Lifetimes;
  /** Liveness checks, milliseconds. */
  readonly dpd: { readonly intervalMs: number; readonly retryMs: number };
  /** Largest IP datagram of an IKE message, octets. */
  readonly fragmentMtu: number;
  /** Whether to change addresses by MOBIKE where the gateway speaks it. */
  readonly mobike: boolean;
  /** Zero bits that our solution of a gateway's puzzle may have at most (RFC 8019); 0 solves none. */
  readonly puzzleBits: number;
}

/** What the gateway gave us. */
export interface Assignment {
  /** Inner addresses. */
  readonly addresses: readonly IpAddress[];
  /** Netmask of the IPv4 address. */
  readonly netmask?: IpAddress;
  /** DNS servers. */
  readonly dns: readonly IpAddress[];
  /** NBNS (WINS) servers. */
  readonly nbns: readonly IpAddress[];
  /** Default domain. */
  readonly domain?: string;
  /** Domains asked through the tunnel. */
  readonly splitDns: readonly string[];
  /** What goes through the tunnel. */
  readonly routes: readonly AddressPrefix[];
  /** Text of the operator for the user. */
  readonly banner?: string;
  /** Seconds until we have to authenticate anew, where the gateway limits that (RFC 4478). */
  readonly authLifetimeSeconds?: number;
  /** For the next time, where the gateway offers reconnect. */
  readonly pair?: SessionPair;
}
