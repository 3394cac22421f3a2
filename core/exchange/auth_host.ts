/** What authentication needs of the gateway: records, addresses, questions, sessions. */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import type { PacketFilter } from "../gateway/packet_filter.ts";
import type { Policy } from "../gateway/policy.ts";
import type { Question, UserAttributes } from "../gateway/question.ts";
import type { LoginMethod, PeerType, SessionPair } from "../gateway/record.ts";
import type { Wall } from "../moment.ts";
import type { Trust } from "../pki/chain.ts";
import type { CertificateId } from "../pki/revocation.ts";
import type { IpAddress } from "../wire/address.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Step } from "./step.ts";

/** A stored session whose pair fits an IDi. */
export interface ReconnectCandidate {
  /** The session's number. */
  readonly session: number;
  /** The shared key. */
  readonly token: OwnedBytes;
  /** What kind of client it is. */
  readonly peerType: PeerType;
}

/** Somebody who proved who they are. */
export type Login =
  | {
    readonly kind: "fresh";
    readonly userName: string;
    readonly identity: { readonly idType: number; readonly data: OwnedBytes };
    readonly method: LoginMethod;
    readonly peerType: PeerType;
    readonly attributes: UserAttributes;
    /** What proved it, as far as that can be taken back; none with other proofs. */
    readonly certificates: readonly CertificateId[];
    /** The peer says that it has no other SA (INITIAL_CONTACT). */
    readonly initialContact: boolean;
  }
  | { readonly kind: "reconnect"; readonly session: number; readonly sessionId: Bytes };

/** What the client asked for in its CFG_REQUEST. */
export interface Wishes {
  readonly ip4: boolean;
  readonly ip6: boolean;
  /** Both halves of the pair. */
  readonly pair: boolean;
}

/** The gateway's decision about a login. */
export type Admission =
  | {
    readonly kind: "admitted";
    readonly session: number;
    readonly addresses: readonly IpAddress[];
    /** What AAA said at the first login, or changed since. */
    readonly attributes: UserAttributes;
    /** When the session ends for good, where it does. */
    readonly absoluteEnd?: Wall;
    /** To be stored before the pair is shown (design rule 2). */
    readonly pair?: SessionPair;
    readonly store?: Question;
  }
  /** No address left. */
  | { readonly kind: "no-address" };

/** The gateway, seen from authentication. */
export interface AuthHost {
  /** The configuration. */
  readonly policy: Policy;
  /** Whose clients may log in by certificate: `Policy.clientCas`, parsed, and what they took back. */
  readonly trust: Trust;
  /** The session whose pair has these octets as session id. */
  findReconnect(sa: IkeSa, step: Step, idData: Bytes): ReconnectCandidate | undefined;
  /** A reconnect was refused: counted, and held against its source. False: do not even answer. */
  reconnectRefused(sa: IkeSa): boolean;
  /** Whether the source has failed to log in too often to be heard. */
  isLoginBlocked(sa: IkeSa): boolean;
  /** A login failed: held against its source. */
  loginRefused(sa: IkeSa): void;
  /** Whether an issuer has taken one of these back, by the lists in force now. */
  isRevoked(step: Step, certificates: readonly CertificateId[]): boolean;
  /** Asks the outside; the answer comes through the SA's authenticator. */
  ask(sa: IkeSa, step: Step, question: Question): number;
  /** The answer is not wanted any more. */
  cancel(step: Step, id: number): void;
  /** Finds or makes the session with its addresses; nothing is visible to others yet. */
  admit(sa: IkeSa, step: Step, login: Login, wishes: Wishes): Admission;
  /** The inbound SPI of the Child SA that a returning session still has. */
  childToReplace(session: number): number | undefined;
  /** What the session's user may send, as it is now: AAA may change it while a record is stored. */
  filterOf(session: number): PacketFilter | undefined;
  /** The session lives on `sa` from now on; `pairStored` says whether the pair may be shown. */
  activate(sa: IkeSa, step: Step, session: number, pairStored: boolean): void;
  /** The login came to nothing after `admit`. */
  giveUp(sa: IkeSa, step: Step, session: number): void;
}
