/**
 * What an EAP conversation is to the IKE_AUTH exchange that carries it, on the gateway's side. One
 * (`server.ts`) speaks a method itself, the other (`relay.ts`) leaves that to a server of AAA.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Credential, UserAttributes, Verdict } from "../gateway/question.ts";
import type { SessionPair } from "../gateway/record.ts";

/** What the IKE_AUTH exchange does next. */
export type EapStep =
  /** Send this EAP packet and wait for the answer. */
  | { readonly kind: "request"; readonly packet: OwnedBytes }
  /** Ask AAA, and hand the verdict to `complete` or the lack of one to `abandon`. */
  | {
    readonly kind: "verify";
    readonly userName: string;
    readonly credential: Credential;
    /** The group that the user chose, where there was a choice. */
    readonly group?: string;
  }
  /** Make the session, store its record, and hand the pair to `granted`: the method will show it. */
  | { readonly kind: "grant"; readonly userName: string; readonly attributes: UserAttributes }
  /** Send this EAP-Success; the peer is authenticated once its AUTH payload is good too. */
  | {
    readonly kind: "success";
    readonly packet: OwnedBytes;
    readonly userName: string;
    readonly attributes: UserAttributes;
    readonly msk: OwnedBytes | undefined;
  }
  /** Send this EAP-Failure and give up. `reason` is a kebab-case word for traces. */
  | { readonly kind: "failure"; readonly packet: OwnedBytes; readonly reason: string }
  /** The packet is to be discarded. An IKE request that carried it may be answered by `lastRequest`. */
  | { readonly kind: "ignore" };

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
