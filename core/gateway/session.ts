/** A session: a user's stay from the first login to the end, over any number of IKE SAs. */
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { OwnedBytes } from "../bytes.ts";
import type { Monotonic, Wall } from "../moment.ts";
import type { CertificateId } from "../pki/revocation.ts";
import type { IpAddress } from "../wire/address.ts";
import type { UserAttributes } from "./question.ts";
import type { LoginMethod, PeerType, SessionRecord } from "./record.ts";

/** One session. */
export interface Session {
  /** Its number: lease holder, and what `show` and `clear` call it. */
  readonly id: number;
  readonly userName: string;
  readonly identity: { readonly idType: number; readonly data: OwnedBytes };
  readonly method: LoginMethod;
  /** What proved the first login, as far as it can be taken back. */
  readonly certificates: readonly CertificateId[];
  readonly peerType: PeerType;
  /** What AAA gave at the first login, or changed since. */
  attributes: UserAttributes;
  /** What accounting calls it by, from the first login to the end. */
  readonly accountingId: string;
  readonly addresses: readonly IpAddress[];
  readonly firstLogin: Wall;
  absoluteEnd: Wall | undefined;
  /** When it is over unless an SA carries it: the deadline of its record. */
  deadline: Wall | undefined;
  /** The SA that carries it; none while it is inactive. */
  ikeSa: IkeSa | undefined;
  /** The SA that is about to carry it, while its record is being stored. */
  pending: IkeSa | undefined;
  /** Present when it is reconnect capable. */
  record: SessionRecord | undefined;
  /** The record as it will be once `pending` takes over. */
  pendingRecord: SessionRecord | undefined;
  /** When its user last sent a packet, or came. */
  lastUsed: Monotonic;
  /** Outer endpoint, as text, of the last SA. */
  lastRemote: string;
  /** When the record's `lastSeen` was last stored. */
  refreshedAt: Wall;
}

/** Whether nobody may come back to it any more (rule 5). */
export function isOver(
  { deadline, absoluteEnd, ikeSa }:
    & Pick<Session, "deadline" | "absoluteEnd">
    & Partial<Pick<Session, "ikeSa">>,
  now: Wall,
): boolean {
  if (absoluteEnd !== undefined && now >= absoluteEnd) return true;
  return ikeSa === undefined && deadline !== undefined && now >= deadline;
}

/** Whether the SA that carries it, or is about to, began after `sa`: the later one has precedence. */
export function isAheadOf({ pending, ikeSa }: Session, sa: IkeSa): boolean {
  const rival = pending ?? ikeSa;
  return rival !== undefined && rival.begun > sa.begun;
}
