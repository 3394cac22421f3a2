/** What accounting says about a session, whoever it is said to. */
import type { IpAddress, OwnedBytes, Wall } from "../../core/mod.ts";

/** A session as accounting knows it; its id stays the same however often its user comes back. */
export interface Account {
  readonly id: string;
  readonly userName: string;
  /** Inner addresses. */
  readonly addresses: readonly IpAddress[];
  /** Of the login, given back as they are. */
  readonly class: readonly OwnedBytes[];
  /** Where the peer is now, without its port. */
  readonly remote: string;
  readonly firstLogin: Wall;
}

/** What was carried so far. */
export interface Usage {
  /** Inner octets from the user. */
  readonly octetsIn: number;
  /** Inner octets to the user. */
  readonly octetsOut: number;
}

/** One thing to be told, at a time. */
export type AccountEvent =
  & { readonly account: Account; readonly at: Wall }
  & (
    | { readonly kind: "start" }
    | { readonly kind: "interim"; readonly usage: Usage }
    /** `why` as in the trace of the end. */
    | { readonly kind: "stop"; readonly usage: Usage; readonly why: string }
  );
