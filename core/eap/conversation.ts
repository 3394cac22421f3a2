/**
 * What an EAP conversation is to the IKE_AUTH exchange that carries it, on the gateway's side. One
 * (`server.ts`) speaks a method itself, the other (`relay.ts`) leaves that to a server of AAA.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Verdict } from "../gateway/question.ts";
import type { SessionPair } from "../gateway/record.ts";
import type { EapMethodStep } from "./method.ts";

/** A step of a method whose end has a packet for the peer: EAP-Success, EAP-Failure. */
type WithPacket<K extends EapMethodStep["kind"]> =
  & Extract<EapMethodStep, { kind: K }>
  & { readonly packet: OwnedBytes };

/**
 * What the IKE_AUTH exchange does next: the steps of a method, but in whole packets. After `success` the
 * peer is authenticated once its AUTH payload is good too. After `ignore` an IKE request that carried the
 * packet may be answered by `lastRequest`.
 */
export type EapStep =
  /** Send this EAP packet and wait for the answer. */
  | { readonly kind: "request"; readonly packet: OwnedBytes }
  | Extract<EapMethodStep, { kind: "verify" | "grant" | "ignore" }>
  | WithPacket<"success" | "failure">;

/** One conversation with one peer. Calls that come out of turn change nothing. */
export interface EapConversation {
  /** The last request, as it was sent. */
  readonly lastRequest: OwnedBytes | undefined;
  /** The first request; once. */
  start(): EapStep;
  /** An EAP packet of the peer, a short-lived view. */
  handle(bytes: Bytes): EapStep;
  /** The verdict of AAA on the last `verify` step. */
  complete(verdict: Verdict): EapStep;
  /** The stored pair of the session that the last `grant` step asked for, or that there is none. */
  granted(pair: SessionPair | undefined): EapStep;
  /** Ends the conversation from our side, for instance because AAA could not be asked. */
  abandon(reason: string): EapStep;
}
