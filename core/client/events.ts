/** What happens to a client and what it wants done. */
import type { Bytes } from "../bytes.ts";
import type { Assignment } from "../exchange/initiator_settings.ts";
import type { DataplaneEvent } from "../gateway/input.ts";
import type { Output } from "../gateway/output.ts";
import type { SessionPair } from "../gateway/record.ts";
import type { Moment } from "../moment.ts";
import type { Endpoint } from "../wire/address.ts";

/** What the client tells its user. */
export type ClientEvent =
  | {
    readonly kind: "established";
    readonly how: "login" | "reconnect";
    readonly assignment: Assignment;
    /** From the first packet of this attempt to now, milliseconds. */
    readonly tookMs: number;
  }
  /** The gateway has answered that we are elsewhere: the tunnel goes on as it was. */
  | { readonly kind: "moved"; readonly tookMs: number }
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
  /** Addresses changed or the machine slept: tell the gateway, or come back at once. */
  | { readonly kind: "network-changed"; readonly at: Moment; readonly local: Endpoint }
  /** Log out: DELETE, and no way back. */
  | { readonly kind: "disconnect"; readonly at: Moment }
  /** Start a rekey now. */
  | { readonly kind: "rekey"; readonly at: Moment; readonly what: "ike" | "child" };
