/**
 * A record as it lies in its page. A gateway that starts with a hundred thousand of them reads of each what
 * its session is found by; the rest stays octets until somebody comes back or an operator asks.
 */
import type {
  AddressKey,
  CertificateId,
  PeerType,
  SessionRecord,
  StoredRecord,
  UserAttributes,
  Wall,
} from "../core/mod.ts";
import type { CommonParts } from "./common_parts.ts";
import { type OtherParts, readAddressKeys, readFront, readRow } from "./record_row.ts";
import { RowReader, type Rows } from "./row_cursor.ts";

const none: readonly CertificateId[] = [];

/** The record that was read last: somebody who looks at one asks for one thing after the other. */
export interface LastRead {
  row?: StoredRow;
  record?: SessionRecord;
}

/** One record. Its octets must not change. */
export class StoredRow implements StoredRecord {
  readonly sessionId: string;
  readonly userName: string;
  readonly peerType: PeerType;
  readonly accountingId: string;
  readonly absoluteEnd: Wall | undefined;
  readonly deadline: Wall;
  readonly hasIkeSa: boolean;
  readonly #others: OtherParts;
  readonly #rows: Rows;
  readonly #start: number;
  readonly #end: number;
  readonly #last: LastRead;

  /** Reads the front of a row; throws when the row cannot be read. */
  constructor(rows: Rows, start: number, end: number, common: CommonParts, last: LastRead) {
    const front = readFront(new RowReader(rows, start, end));
    this.sessionId = front.sessionId;
    this.userName = front.userName;
    this.peerType = front.peerType;
    this.accountingId = front.accountingId;
    this.absoluteEnd = front.absoluteEnd;
    this.deadline = front.deadline;
    this.hasIkeSa = front.hasIkeSa;
    this.#others = common.othersOf(front.others);
    this.#rows = rows;
    this.#start = start;
    this.#end = end;
    this.#last = last;
  }

  get attributes(): UserAttributes {
    return this.#others.attributes;
  }

  get certificates(): readonly CertificateId[] {
    return this.#others.certificates ?? none;
  }

  get previousId(): string | undefined {
    return this.#others.previous?.sessionId;
  }

  addressKeys(): readonly AddressKey[] {
    return readAddressKeys(this.#reader());
  }

  read(): SessionRecord {
    const { row, record } = this.#last;
    if (row === this && record !== undefined) return record;
    const made = readRow(this.#reader(), this.#others);
    this.#last.row = this;
    this.#last.record = made;
    return made;
  }

  #reader(): RowReader {
    return new RowReader(this.#rows, this.#start, this.#end);
  }
}
