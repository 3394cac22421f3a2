/** What accounting says about sessions and about the gateway, whoever it is said to. */
import type { IpAddress, OwnedBytes, SessionEnd, Wall } from "../../core/mod.ts";

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
  /** Which of our addresses it reached, without the port; `undefined` when nothing is known of that. */
  readonly local?: string;
  readonly firstLogin: Wall;
  /** Who proved the login, where that is known. */
  readonly authentic?: Authentic;
  /** The address that the gateway is known by; the same in all records of a session. */
  readonly nasAddress?: IpAddress;
}

/** Who proved a login: a RADIUS server, or the gateway itself. */
export type Authentic = "radius" | "local";

/** What was carried so far. Octets are those of inner packets. */
export interface Usage {
  /** From the user. */
  readonly octetsIn: number;
  /** To the user. */
  readonly octetsOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
}

/** Nothing yet. */
export const noUsage: Usage = { octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 };

/** Both together. */
export function plusUsage(a: Usage, b: Usage): Usage {
  return {
    octetsIn: a.octetsIn + b.octetsIn,
    octetsOut: a.octetsOut + b.octetsOut,
    packetsIn: a.packetsIn + b.packetsIn,
    packetsOut: a.packetsOut + b.packetsOut,
  };
}

/** Whether they are the same. */
export function equalUsage(a: Usage, b: Usage): boolean {
  return a.octetsIn === b.octetsIn && a.octetsOut === b.octetsOut &&
    a.packetsIn === b.packetsIn && a.packetsOut === b.packetsOut;
}

/** Why a report comes when it does; one without it came by the clock. */
export type AccountTurn =
  /** The user came back on a new IKE SA. */
  | "reconnect"
  /** The peer's outer address changed under a living IKE SA. */
  | "roam"
  /** The gateway was started again and still has the session. */
  | "restored";

/** Why a session ended. */
export type AccountEnd =
  | SessionEnd
  /** Nothing came from its user for too long. */
  | "idle-timeout"
  /** The gateway died with it. */
  | "gateway-died";

/** What is said of a session; `why` is a word of `AccountEnd`, as the trace of the end has it. */
export type AccountNews =
  | { readonly kind: "start" }
  | { readonly kind: "interim"; readonly usage: Usage; readonly turn?: AccountTurn }
  | { readonly kind: "stop"; readonly usage: Usage; readonly why: string };

/** What is said of the gateway: that it begins without any session, or ends without one. */
export type GatewayNews =
  & ({ readonly kind: "on" } | { readonly kind: "off" })
  & { readonly nasAddress?: IpAddress };

/** One thing to be told to a server. */
export type AccountRecord =
  & {
    /** No other record of this gateway ever has it. */
    readonly id: string;
    /** When it happened. */
    readonly at: Wall;
    /** Since when it waits to be told. */
    readonly since: Wall;
  }
  & ((AccountNews & Pick<Account, "remote" | "local">) | GatewayNews);
