/**
 * What an IKE SA knows of the rest: its settings, the numbers it must not choose alone, and whom it
 * tells when its life changes. The gateway and the client each are such a world.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { Lifetimes, MobikeMode } from "../gateway/policy.ts";
import type { MessageHeader } from "../message/header.ts";
import type { Payload, Proposal } from "../message/payload.ts";
import type { Random } from "../random.ts";
import type { IpAddress } from "../wire/address.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Path } from "./path.ts";
import type { Step } from "./step.ts";
import type { Task } from "./task.ts";

/** Why an IKE SA is gone. */
export type CloseReason =
  /** The peer sent DELETE. */
  | "peer-deleted"
  /** The peer does not answer any more. */
  | "peer-silent"
  /** The peer has shown by its token that it lost the SA (RFC 6290). */
  | "peer-restarted"
  /** Its lifetime ran out before it was rekeyed. */
  | "lifetime-over"
  /** A rekey ended in a state that the two sides cannot share. */
  | "rekey-failed"
  /** Rekeyed: another SA carries the session. */
  | "rekeyed"
  /** The client came back on another SA. */
  | "taken-over"
  /** An operator or AAA ended the session. */
  | "cleared"
  /** The session's own time is over. */
  | "session-over"
  /** Its user sent nothing for too long. */
  | "idle-timeout"
  /** The peer did not show that it receives where it says that it is (RFC 4555 §3.7). */
  | "address-not-proven"
  /** Authentication failed, on either side. */
  | "authentication-failed"
  /** Authentication was not finished in time. */
  | "half-open-timeout"
  /** We are going down. */
  | "shutdown"
  /** A broken invariant of ours. */
  | "internal-error";

/** How an IKE SA behaves. */
export interface SaSettings {
  /** IKE proposals in order of preference. */
  readonly ikeProposals: readonly Proposal[];
  /** ESP proposals in order of preference. */
  readonly espProposals: readonly Proposal[];
  /** When to rekey and to end. */
  readonly lifetimes: Lifetimes;
  /** Liveness checks, milliseconds. */
  readonly dpd: { readonly intervalMs: number; readonly retryMs: number };
  /** Largest IP datagram of an IKE message, octets. */
  readonly fragmentMtu: number;
  /** Whether the peer may appear at another endpoint (RFC 7296 §2.23). */
  readonly followPeer: boolean;
  /** How the peer may change its addresses by MOBIKE. */
  readonly mobike: MobikeMode;
  /** Our outer addresses, as far as they are known, for a peer with MOBIKE. */
  readonly outerAddresses: readonly IpAddress[];
  /** Whether the peer's token is believed in clear (RFC 6290). */
  readonly takesCrashTokens: boolean;
}

/** The exchanges of an established IKE SA; `exchanges.ts` has them. */
export interface Exchanges {
  /** Answers a request. */
  respond(sa: IkeSa, step: Step, exchangeType: number, request: readonly Payload[]): void;
  /** Asks whether the peer is alive. */
  livenessCheck(): Task;
  /** Replaces the IKE SA. */
  rekeyIkeSa(): Task;
  /** Replaces the Child SA with this inbound SPI. */
  rekeyChildSa(inboundSpi: number): Task;
  /** Deletes the Child SA with this inbound SPI. */
  deleteChildSa(inboundSpi: number): Task;
}

/** Which way a message goes. */
export type Direction = "received" | "sent";

/** The surroundings of an IKE SA. */
export interface SaWorld {
  /** Algorithms. */
  readonly crypto: CryptoProvider;
  /** Randomness. */
  readonly random: Random;
  /** Behaviour. */
  readonly settings: SaSettings;
  /** What an established SA can do. */
  readonly exchanges: Exchanges;
  /** Adds one to a named counter. */
  count(name: string): void;
  /** A fresh IKE SPI, not in use here. */
  newIkeSpi(): OwnedBytes;
  /** A fresh inbound ESP SPI that belongs to `sa` from now on. */
  newEspSpi(sa: IkeSa): number;
  /** Gives an inbound ESP SPI back. */
  freeEspSpi(spi: number): void;
  /** `sa` wants to be woken at another time, maybe while another SA has its turn. */
  onRescheduled(sa: IkeSa): void;
  /** `sa` exists besides the one that it was to replace: two rekeys crossed (RFC 7296 §2.8.2). */
  onMade(sa: IkeSa, step: Step): void;
  /** `next` replaces `old` after a rekey and already holds its Child SAs. */
  onRekeyed(old: IkeSa, next: IkeSa, step: Step): void;
  /** `sa` is over; its Child SAs are removed already. It may still repeat its last response. */
  onClosed(sa: IkeSa, reason: CloseReason, step: Step): void;
  /** No message for `sa`'s SPIs means anything any more. */
  onGone(sa: IkeSa, step: Step): void;
  /** Whether what `sa` carries can go on without it: then its end is no DELETE (design rule 4). */
  outlives(sa: IkeSa): boolean;
  /** The first authenticated message after the last IKE_AUTH arrived. */
  onConfirmed(sa: IkeSa, step: Step): void;
  /** `sa` lives at a new outer endpoint. */
  onMoved(sa: IkeSa, step: Step): void;
  /** Whether the peer may be reached this way (RFC 4555 §3.5). */
  acceptsPath(sa: IkeSa, path: Path): boolean;
  /** The peer has answered that we are elsewhere, with an error or without one. */
  onUpdateAnswered(sa: IkeSa, error: number | undefined, step: Step): void;
  /** Our token of the IKE SA with these SPIs (RFC 6290), where we make tokens. */
  makeCrashToken?(spiI: Bytes, spiR: Bytes): OwnedBytes;
  /** A message in clear: opened and authentic, or about to be sealed. Not for repetitions. */
  onMessage?(direction: Direction, header: MessageHeader, payloads: readonly Payload[]): void;
}
