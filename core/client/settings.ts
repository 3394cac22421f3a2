/** What a client knows before it connects, and what it hears and says. */
import type { Bytes } from "../bytes.ts";
import type { Signer } from "../crypto/provider.ts";
import type { Lifetimes, Prefix, ReconnectAttributeNumbers } from "../gateway/policy.ts";
import type { DataplaneEvent } from "../gateway/input.ts";
import type { Output } from "../gateway/output.ts";
import type { SessionPair } from "../gateway/session_pair.ts";
import type { Proposal } from "../message/payload.ts";
import type { Moment } from "../moment.ts";
import type { Endpoint, IpAddress } from "../wire/address.ts";

/** An identity: the type and data of an ID payload. */
export interface Identity {
  readonly idType: number;
  readonly data: Bytes;
}

/** How the user logs in. */
export type ClientLogin =
  | { readonly kind: "eap-mschapv2"; readonly userName: string; readonly password: string }
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
  readonly login: ClientLogin;
  /** DER certificates of the CAs that we trust. */
  readonly anchors: readonly Bytes[];
  /** Inner addresses to ask for. */
  readonly wants: { readonly ip4: boolean; readonly ip6: boolean };
  /** Whether to ask for a pair and come back with it. */
  readonly reconnect: boolean;
  /** Under which numbers the pair is asked for. */
  readonly attributeNumbers: ReconnectAttributeNumbers;
  readonly ikeProposals: readonly Proposal[];
  readonly espProposals: readonly Proposal[];
  readonly lifetimes: Lifetimes;
  /** Liveness checks, milliseconds. */
  readonly dpd: { readonly intervalMs: number; readonly retryMs: number };
  /** Largest IP datagram of an IKE message, octets. */
  readonly fragmentMtu: number;
}

/** What the gateway gave us. */
export interface Assignment {
  readonly addresses: readonly IpAddress[];
  readonly dns: readonly IpAddress[];
  /** What goes through the tunnel. */
  readonly routes: readonly Prefix[];
  /** For the next time, where the gateway offers reconnect. */
  readonly pair?: SessionPair;
}

/** What the client tells its user. */
export type ClientEvent =
  | {
    readonly kind: "established";
    readonly how: "login" | "reconnect";
    readonly assignment: Assignment;
    /** From the first packet of this attempt to now, milliseconds. */
    readonly tookMs: number;
  }
  | { readonly kind: "reconnecting"; readonly why: string; readonly how: "login" | "reconnect" }
  /** The pair is of no use any more. */
  | { readonly kind: "pair-refused" }
  /** Over; nothing more will be tried. */
  | { readonly kind: "closed"; readonly why: string };

/** What the client wants done. */
export type ClientOutput = Output | { readonly kind: "client"; readonly event: ClientEvent };

/** What happens to a client. */
export type ClientInput =
  | {
    readonly kind: "datagram";
    readonly at: Moment;
    readonly local: Endpoint;
    readonly remote: Endpoint;
    readonly bytes: Bytes;
  }
  | { readonly kind: "timeout"; readonly at: Moment }
  | { readonly kind: "dataplane"; readonly at: Moment; readonly event: DataplaneEvent }
  /** Begin, with a stored pair where there is one. */
  | { readonly kind: "connect"; readonly at: Moment; readonly pair?: SessionPair }
  /** Addresses changed or the machine slept: come back at once. */
  | { readonly kind: "network-changed"; readonly at: Moment; readonly local: Endpoint }
  /** Log out: DELETE, and no way back. */
  | { readonly kind: "disconnect"; readonly at: Moment }
  /** Start a rekey now. */
  | { readonly kind: "rekey"; readonly at: Moment; readonly what: "ike" | "child" };
