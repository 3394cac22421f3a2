/**
 * Which sessions there are, and every way to find one: by number, by user, by session id, by IKE SA.
 *
 * Both pairs of a record under rotation lead to the same session. The table holds and finds; what
 * happens to a session is decided elsewhere.
 */
import type { IkeSa } from "../exchange/ike_sa.ts";
import { invariant } from "../result.ts";
import type { SessionRecord, StoredRecord } from "./record.ts";
import type { Session } from "./session.ts";

/** The sessions of a gateway. */
export class SessionTable {
  /** BOUNDED by `Policy.maxSa` and the address pool. */
  readonly #byId = new Map<number, Session>();
  /** BOUNDED like `#byId`; a user without sessions has no entry. */
  readonly #byUser = new Map<string, readonly Session[]>();
  /** Both pairs of a rotation. BOUNDED by twice the sessions. */
  readonly #byPair = new Map<string, Session>();
  /** Inactive ones, the longest parked first. */
  readonly #parked = new Set<Session>();
  /** Which session an IKE SA carries, carried or is about to carry. */
  readonly #ofSa = new WeakMap<IkeSa, Session>();
  #nextId = 1;

  /** A number that no session had before. */
  newId(): number {
    return this.#nextId++;
  }

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** All of them, oldest first. */
  all(): Iterable<Session> {
    return this.#byId.values();
  }

  /** One by its number. */
  byId(id: number): Session | undefined {
    return this.#byId.get(id);
  }

  /** Those of one user, oldest first. */
  ofUser(userName: string): readonly Session[] {
    return this.#byUser.get(userName) ?? [];
  }

  /** The one whose record has a pair with this id. */
  byPair(sessionId: string): Session | undefined {
    return this.#byPair.get(sessionId);
  }

  /** The one that an SA carries, carried or is about to carry. */
  ofSa(sa: IkeSa): Session | undefined {
    const session = this.#ofSa.get(sa);
    return session !== undefined && this.has(session) ? session : undefined;
  }

  /** Whether it is still there. */
  has({ id }: Session): boolean {
    return this.#byId.has(id);
  }

  /** Inactive ones, the longest parked first. One that is given up meanwhile does no harm. */
  parked(): Iterable<Session> {
    return this.#parked;
  }

  /** How many are inactive. */
  get parkedCount(): number {
    return this.#parked.size;
  }

  /** Whether it is inactive. */
  isParked(session: Session): boolean {
    return this.#parked.has(session);
  }

  /** A new one. */
  add(session: Session): void {
    invariant(!this.has(session), "a session's number is its own");
    this.#byId.set(session.id, session);
    const others = this.#byUser.get(session.userName);
    this.#byUser.set(session.userName, others === undefined ? [session] : [...others, session]);
  }

  /** One of the store: it is found by the pairs of its record, which need not be read for that. */
  addStored(session: Session, { sessionId, previousId }: StoredRecord): void {
    this.add(session);
    this.#addPairs(session, sessionId, previousId);
  }

  /** It is over. */
  remove(session: Session): void {
    this.#dropPairs(session);
    this.#parked.delete(session);
    this.#byId.delete(session.id);
    const others = this.ofUser(session.userName).filter((other) => other !== session);
    if (others.length === 0) this.#byUser.delete(session.userName);
    else this.#byUser.set(session.userName, others);
  }

  /** Its record, by whose pairs it is found from now on. */
  setRecord(session: Session, record: SessionRecord): void {
    this.#dropPairs(session);
    session.record = record;
    session.deadline = record.deadline;
    this.#addPairs(session, record.sessionId, record.previous?.sessionId);
  }

  /** It waits for its user from now on. */
  park(session: Session): void {
    this.#parked.add(session);
  }

  /** `sa` is about to carry it. */
  expect(session: Session, sa: IkeSa): void {
    session.pending = sa;
    this.#ofSa.set(sa, session);
  }

  /** `sa` carries it. */
  carry(session: Session, sa: IkeSa): void {
    session.ikeSa = sa;
    this.#ofSa.set(sa, session);
    this.#parked.delete(session);
  }

  #addPairs(session: Session, sessionId: string, previousId: string | undefined): void {
    this.#byPair.set(sessionId, session);
    if (previousId !== undefined) this.#byPair.set(previousId, session);
  }

  #dropPairs({ record }: Session): void {
    if (record === undefined) return;
    this.#byPair.delete(record.sessionId);
    if (record.previous !== undefined) this.#byPair.delete(record.previous.sessionId);
  }
}
