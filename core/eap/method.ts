/**
 * What an EAP method is to the conversation that carries it, on the gateway's side.
 *
 * A method sees only its own type's responses, with the right identifier, one at a time, and never
 * frames a packet: it hands over data, `EapServer` (server.ts) does the rest. Checking a credential
 * is a `verify` step whose verdict comes back through `complete`, at once or minutes later. The
 * client's side of the same idea is in `client.ts`.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { Credential, UserAttributes, Verdict } from "../gateway/question.ts";
import type { SessionPair } from "../gateway/record.ts";
import type { CertificateId } from "../pki/revocation.ts";
import type { EapMethodId } from "./packet.ts";

/** What a method wants next. */
export type EapMethodStep =
  /** Send this to the peer. */
  | { readonly kind: "request"; readonly data: Bytes }
  /** Ask AAA; the verdict comes back through `complete`. `group` is the one that the user chose. */
  | {
    readonly kind: "verify";
    readonly userName: string;
    readonly credential: Credential;
    readonly group?: string;
  }
  /**
   * The user is let in, and the next request is to show the reconnect pair, which must be stored
   * before: the answer comes through `granted`. `certificates` are what the client has shown.
   */
  | {
    readonly kind: "grant";
    readonly userName: string;
    readonly attributes: UserAttributes;
    readonly certificates: readonly CertificateId[];
  }
  /** The peer is who it says. `msk` is `undefined` with methods that make no key. */
  | {
    readonly kind: "success";
    readonly userName: string;
    readonly attributes: UserAttributes;
    readonly msk: OwnedBytes | undefined;
  }
  /** It is not, or it does not speak the method. `reason` is a kebab-case word for traces. */
  | { readonly kind: "failure"; readonly reason: string }
  /** The response makes no sense here; nothing changed. */
  | { readonly kind: "ignore" };

/** The gateway's side of one conversation of one method. */
export interface EapServerMethod {
  /** The type of its packets. */
  readonly id: EapMethodId;
  /**
   * The first step. `identifier` is that of the request which this step may make, here and below;
   * `identity` is what the peer said in the Identity round, where there was one.
   */
  start(identifier: number, identity: string | undefined): EapMethodStep;
  /** A response of the peer; `data` is a short-lived view. */
  handle(data: Bytes, identifier: number): EapMethodStep;
  /** The verdict on the last `verify`. */
  complete(verdict: Verdict, identifier: number): EapMethodStep;
  /**
   * The stored pair of the last `grant`; `undefined` when reconnect is off or nothing could be
   * stored. Methods that never grant leave it out.
   */
  granted?(pair: SessionPair | undefined, identifier: number): EapMethodStep;
}
