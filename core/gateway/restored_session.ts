/**
 * A session of the store: of many that wait few come back in the next minutes, so each is little more
 * than its record, which stays where it is and is read when somebody asks.
 */
import type { OwnedBytes } from "../bytes.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Moment, Monotonic, Wall } from "../moment.ts";
import type { CertificateId } from "../pki/revocation.ts";
import type { IpAddress } from "../wire/address.ts";
import type { UserAttributes } from "./question.ts";
import type { LoginMethod, PeerType, SessionRecord, StoredRecord } from "./record.ts";
import type { Session } from "./session.ts";
import { storedRecord } from "./stored_record.ts";

/** Nothing carries it at first. */
export class RestoredSession implements Session {
  readonly id: number;
  attributes: UserAttributes;
  absoluteEnd: Wall | undefined;
  deadline: Wall;
  ikeSa: IkeSa | undefined = undefined;
  pending: IkeSa | undefined = undefined;
  pendingRecord: SessionRecord | undefined = undefined;
  lastUsed: Monotonic;
  refreshedAt: Wall;
  #stored: StoredRecord;
  #lastRemote: string | undefined = undefined;

  /** What a record says of its session. */
  constructor(id: number, stored: StoredRecord, at: Moment) {
    this.id = id;
    this.attributes = stored.attributes;
    this.absoluteEnd = stored.absoluteEnd;
    this.deadline = stored.deadline;
    this.lastUsed = at.monotonic;
    this.refreshedAt = at.wall;
    this.#stored = stored;
  }

  get userName(): string {
    return this.#stored.userName;
  }

  get accountingId(): string {
    return this.#stored.accountingId;
  }

  get peerType(): PeerType {
    return this.#stored.peerType;
  }

  get addresses(): readonly IpAddress[] {
    return this.#stored.read().addresses;
  }

  get identity(): { readonly idType: number; readonly data: OwnedBytes } {
    return this.#stored.read().identity;
  }

  get method(): LoginMethod {
    return this.#stored.read().method;
  }

  get firstLogin(): Wall {
    return this.#stored.read().firstLogin;
  }

  get lastRemote(): string {
    return this.#lastRemote ?? this.#stored.read().lastRemote;
  }

  set lastRemote(remote: string) {
    this.#lastRemote = remote;
  }

  get certificates(): readonly CertificateId[] {
    return this.#stored.certificates;
  }

  /** Whether it lost an IKE SA by the end of the gateway. */
  get hadIkeSa(): boolean {
    return this.#stored.hasIkeSa;
  }

  get record(): SessionRecord {
    return this.#stored.read();
  }

  /** Another one in its place, which is in memory; what the store had is let go of. */
  set record(record: SessionRecord) {
    this.#stored = storedRecord(record);
  }
}
