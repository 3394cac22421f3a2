/**
 * All sessions: their addresses, their reconnect records, and the rules by which they come, stay and
 * end (design.md section 3, rules 1 to 14).
 *
 * Invariants: an address has one holder; a record is carried by at most one live IKE SA; both pairs
 * of a record under rotation lead to the same session.
 */
import type { Bytes } from "../bytes.ts";
import { textOf, utf8 } from "../bytes.ts";
import type { Admission, Login, ReconnectCandidate, Wishes } from "../exchange/auth_host.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { CloseReason } from "../exchange/world.ts";
import type { Wall } from "../moment.ts";
import { wall } from "../moment.ts";
import type { Random } from "../random.ts";
import { invariant } from "../result.ts";
import type { IpAddress } from "../wire/address.ts";
import { formatEndpoint } from "../wire/address.ts";
import { AddressPool } from "./address_pool.ts";
import type { SessionSelector } from "./input.ts";
import type { Policy } from "./policy.ts";
import type { Question } from "./question.ts";
import type { SessionPair, SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import { makePair, makeRecordKey } from "./session_pair.ts";
import type { PoolSnapshot, ReconnectStats } from "./snapshot.ts";

/** What the sessions need of the gateway. */
export interface SessionsHost {
  readonly policy: Policy;
  readonly random: Random;
  /** Asks without waiting for the answer. */
  tell(step: Step, question: Question): void;
  /** A session's deadline may have changed. */
  reschedule(session: Session, step: Step): void;
}

/** Why a session ended, for logs and accounting. */
export type SessionEnd =
  | "user-request"
  | "operator"
  | "session-lifetime"
  | "reconnect-timeout"
  | "evicted"
  | "peer-silent"
  | "superseded";

/** How often `lastSeen` of a live session is stored, at the most (a crash loses at most this much). */
const REFRESH_MS = { min: 60_000, max: 300_000 } as const;

/** The sessions of a gateway. */
export class Sessions {
  readonly #host: SessionsHost;
  readonly #pool: AddressPool;
  /** BOUNDED by `Policy.maxSa` and the address pool. */
  readonly #byId = new Map<number, Session>();
  /** Both pairs of a rotation. BOUNDED by twice the sessions. */
  readonly #byPair = new Map<string, Session>();
  /** Inactive ones, the longest parked first. */
  readonly #parked = new Set<Session>();
  /** Which session an IKE SA carries. */
  readonly #carried = new WeakMap<IkeSa, number>();
  #nextId = 1;
  #success = 0;
  #failed = 0;

  constructor(host: SessionsHost) {
    this.#host = host;
    this.#pool = new AddressPool(host.policy.pools);
  }

  /** All of them, oldest first. */
  all(): Iterable<Session> {
    return this.#byId.values();
  }

  /** How many sessions an IKE SA carries now. */
  get activeCount(): number {
    return this.#byId.size - this.#parked.size;
  }

  /** One by its number. */
  byId(id: number): Session | undefined {
    return this.#byId.get(id);
  }

  /** `show ip local pool`. */
  pools(): readonly PoolSnapshot[] {
    return this.#pool.snapshot();
  }

  /** `show crypto ikev2 stats reconnect`. */
  stats(): ReconnectStats {
    let activeCapable = 0;
    for (const { record, ikeSa } of this.#byId.values()) {
      if (record !== undefined && ikeSa !== undefined) activeCapable++;
    }
    return {
      success: this.#success,
      failed: this.#failed,
      activeCapable,
      inactiveCapable: this.#parked.size,
    };
  }

  /** `clear crypto ikev2 stats`. */
  clearStats(): void {
    this.#success = 0;
    this.#failed = 0;
  }

  /** A reconnect was refused. */
  countRefusal(): void {
    this.#failed++;
  }

  // --- coming -------------------------------------------------------------------------------

  /** The session whose pair has this id, active or not (rules 6 and 8). */
  find(sa: IkeSa, step: Step, idData: Bytes): ReconnectCandidate | undefined {
    const session = this.#byPair.get(textOf(idData));
    const pair = session === undefined ? undefined : pairOf(session, textOf(idData));
    if (session === undefined || pair === undefined) return undefined;
    if (isOver(session, step.at.wall)) return undefined;
    // An attempt that was under way for long does not take over from one that began after it.
    const rival = session.pending ?? session.ikeSa;
    if (rival !== undefined && rival.begun > sa.begun) return undefined;
    return { session: session.id, token: utf8(pair.token), peerType: session.peerType };
  }

  /** Finds or makes the session of somebody who proved who they are. */
  admit(sa: IkeSa, step: Step, login: Login, wishes: Wishes): Admission {
    return login.kind === "reconnect"
      ? this.#resume(sa, step, login, wishes)
      : this.#begin(sa, step, login, wishes);
  }

  #begin(
    sa: IkeSa,
    step: Step,
    login: Login & { readonly kind: "fresh" },
    wishes: Wishes,
  ): Admission {
    if (login.initialContact && login.peerType !== "AnyConnect") this.#supersede(sa, step, login);
    const id = this.#nextId++;
    const addresses = this.#lease(step, id, login.attributes.addresses ?? [], wishes);
    if (addresses.length === 0) return { kind: "no-address" };
    const { policy, random } = this.#host;
    const { wall: now } = step.at;
    const lifetimeMs = login.attributes.sessionLifetimeSeconds === undefined
      ? policy.sessionLifetimeMs
      : login.attributes.sessionLifetimeSeconds * 1000;
    const { userName, identity, method, peerType, attributes } = login;
    const session: Session = {
      id,
      userName,
      identity,
      method,
      peerType,
      attributes,
      addresses,
      firstLogin: now,
      absoluteEnd: lifetimeMs === undefined ? undefined : wall(now + lifetimeMs),
      ikeSa: undefined,
      pending: sa,
      record: undefined,
      pendingRecord: undefined,
      lastRemote: formatEndpoint(sa.remote),
      refreshedAt: now,
    };
    this.#byId.set(id, session);
    if (!wishes.pair || policy.reconnect.timeoutMs === 0) {
      return { kind: "admitted", session: id, addresses };
    }
    const pair = makePair(random);
    const key = makeRecordKey(random);
    const record: SessionRecord = {
      version: 1,
      key,
      ...pair,
      userName,
      identity,
      method,
      peerType,
      addresses,
      attributes,
      accounting: { sessionId: key, class: [] },
      firstLogin: now,
      ...(session.absoluteEnd === undefined ? {} : { absoluteEnd: session.absoluteEnd }),
      ...this.#alive(step, sa),
      reconnectCount: 0,
      gatewayName: policy.gatewayName,
    };
    return this.#admitWithPair(session, record, pair);
  }

  /** Rules 6, 7 and 9: same session, same addresses; a new pair when asked again. */
  #resume(
    sa: IkeSa,
    step: Step,
    login: Login & { readonly kind: "reconnect" },
    wishes: Wishes,
  ): Admission {
    const session = this.#byId.get(login.session);
    const used = session === undefined ? undefined : pairOf(session, textOf(login.sessionId));
    invariant(
      session?.record !== undefined && used !== undefined,
      "a reconnect was verified against a record",
    );
    // Rule 14: of two that come back at the same time, the later one stays.
    const rival = session.pending;
    session.pending = sa;
    if (rival !== undefined && rival !== sa) rival.close(step, "taken-over");
    const { key, previous: _, ...rest } = session.record;
    const asked = wishes.pair && this.#host.policy.reconnect.timeoutMs > 0;
    const fresh = asked ? makePair(this.#host.random) : undefined;
    const { sessionId, token } = used;
    const record: SessionRecord = {
      ...rest,
      key,
      ...(fresh ?? { sessionId, token }),
      ...(fresh === undefined ? {} : { previous: { sessionId, token } }),
      ...this.#alive(step, sa),
      reconnectCount: rest.reconnectCount + 1,
    };
    if (fresh !== undefined) return this.#admitWithPair(session, record, fresh);
    session.pendingRecord = record;
    return { kind: "admitted", session: session.id, addresses: session.addresses };
  }

  #admitWithPair(session: Session, record: SessionRecord, pair: SessionPair): Admission {
    session.pendingRecord = record;
    return {
      kind: "admitted",
      session: session.id,
      addresses: session.addresses,
      pair,
      store: { kind: "store-record", record },
    };
  }

  /** The session lives on `sa` from now on. */
  activate(sa: IkeSa, step: Step, id: number, pairStored: boolean): void {
    const session = this.#byId.get(id);
    invariant(session !== undefined && session.pending === sa, "only an admitted SA takes over");
    const old = session.ikeSa;
    const isReturn = session.record !== undefined;
    const next = session.pendingRecord;
    session.ikeSa = sa;
    session.pending = undefined;
    session.pendingRecord = undefined;
    this.#carried.set(sa, id);
    session.lastRemote = formatEndpoint(sa.remote);
    session.refreshedAt = step.at.wall;
    this.#parked.delete(session);
    if (next !== undefined && pairStored) {
      this.#setRecord(session, next);
    } else if (next !== undefined && isReturn) {
      // The pair stays as it was: it was not asked again, or the new one could not be stored.
      const record = next.previous === undefined ? next : withPair(next, next.previous);
      this.#setRecord(session, record);
      this.#host.tell(step, { kind: "store-record", record });
    }
    if (isReturn) {
      this.#success++;
      if (old !== undefined) old.closeWithDelete(step, "taken-over");
    }
    trace(step, {
      level: "info",
      event: isReturn ? "session-reconnected" : "session-started",
      sessionId: id,
      remote: sa.remote,
      facts: {
        user: session.userName,
        method: session.method,
        reconnectCapable: session.record !== undefined,
        takeover: old !== undefined,
      },
    });
    this.#host.reschedule(session, step);
  }

  /** A login came to nothing between `admit` and `activate`. */
  giveUp(sa: IkeSa, step: Step, id: number): void {
    const session = this.#byId.get(id);
    if (session === undefined || session.pending !== sa) return;
    session.pending = undefined;
    const planned = session.pendingRecord;
    session.pendingRecord = undefined;
    if (session.record !== undefined) {
      // The store may hold the rotated pair by now: put back what is true.
      this.#host.tell(step, { kind: "store-record", record: session.record });
    } else if (session.ikeSa === undefined) {
      this.#forget(session);
      if (planned !== undefined) {
        this.#host.tell(step, { kind: "delete-record", key: planned.key });
      }
    }
  }

  /** The first authenticated message on the new SA: the old pair is void (rule 9). */
  confirm(sa: IkeSa, step: Step): void {
    const session = this.sessionOf(sa);
    if (session?.record?.previous === undefined) return;
    const { previous: _, ...record } = session.record;
    this.#keepRecord(session, step, record);
  }

  // --- staying ------------------------------------------------------------------------------

  /** The session that an established SA carries. */
  sessionOf(sa: IkeSa): Session | undefined {
    const id = this.#carried.get(sa);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** A rekeyed IKE SA goes on with the session of the old one. */
  rekeyed(old: IkeSa, next: IkeSa): void {
    const session = this.sessionOf(old);
    if (session === undefined) return;
    this.#carried.set(next, session.id);
    if (session.ikeSa === old) session.ikeSa = next;
  }

  /** The peer was heard: stored now and then, so that a crash knows how old a session is (rule 4). */
  refresh(sa: IkeSa, step: Step): void {
    const session = this.sessionOf(sa);
    if (session?.record === undefined || session.ikeSa !== sa) return;
    session.lastRemote = formatEndpoint(sa.remote);
    const { timeoutMs } = this.#host.policy.reconnect;
    const everyMs = Math.min(REFRESH_MS.max, Math.max(REFRESH_MS.min, timeoutMs / 30));
    const { wall: now } = step.at;
    if (now - session.refreshedAt < everyMs && now >= session.refreshedAt) return;
    session.refreshedAt = now;
    this.#keepRecord(session, step, { ...session.record, ...this.#alive(step, sa) });
  }

  // --- going --------------------------------------------------------------------------------

  /** An SA is over: what that means for its session (rules 4 and 5). */
  lost(sa: IkeSa, step: Step, reason: CloseReason): void {
    const session = this.sessionOf(sa);
    if (session === undefined || session.ikeSa !== sa) return;
    session.ikeSa = undefined;
    switch (reason) {
      case "rekeyed":
      case "taken-over":
        return;
      case "peer-deleted":
        return this.end(session, step, "user-request");
      case "cleared":
        return this.end(session, step, "operator");
      case "session-over":
        return this.end(session, step, "session-lifetime");
      case "peer-silent":
      case "lifetime-over":
      case "authentication-failed":
      case "half-open-timeout":
      case "shutdown":
      case "internal-error":
        return this.#park(session, step, reason);
    }
  }

  /** Ends a session for good: nobody comes back to it (rule 5). */
  end(session: Session, step: Step, why: SessionEnd): void {
    if (!this.#byId.has(session.id)) return;
    const { ikeSa, pending, id } = session;
    // A record that is being stored is withdrawn with its session.
    const record = session.record ?? session.pendingRecord;
    this.#forget(session);
    session.ikeSa = undefined;
    session.pending = undefined;
    pending?.close(step, "session-over");
    ikeSa?.closeWithDelete(step, "session-over");
    if (record !== undefined) {
      this.#host.tell(step, { kind: "delete-record", key: record.key });
    }
    this.#host.reschedule(session, step);
    trace(step, {
      level: "info",
      event: "session-ended",
      sessionId: id,
      facts: { user: session.userName, why },
    });
  }

  /** Ends what the operator names; how many there were. */
  clear(step: Step, selector: SessionSelector): number {
    const chosen = [...this.#byId.values()].filter((session) => matches(session, selector));
    for (const session of chosen) this.end(session, step, "operator");
    return chosen.length;
  }

  /** A session's own time has come, or not yet. */
  expire(session: Session, step: Step): void {
    const { wall: now } = step.at;
    if (session.absoluteEnd !== undefined && now >= session.absoluteEnd) {
      return this.end(session, step, "session-lifetime");
    }
    if (this.#parked.has(session) && isOver(session, now)) {
      return this.end(session, step, "reconnect-timeout");
    }
    this.#host.reschedule(session, step);
  }

  /** When `expire` has something to do. */
  deadlineOf(session: Session): Wall | undefined {
    if (!this.#byId.has(session.id)) return undefined;
    const { absoluteEnd, record } = session;
    const parkedEnd = this.#parked.has(session) ? record?.deadline : undefined;
    if (absoluteEnd === undefined || parkedEnd === undefined) return absoluteEnd ?? parkedEnd;
    return absoluteEnd < parkedEnd ? absoluteEnd : parkedEnd;
  }

  /** Going down: says DELETE to who cannot reconnect and parks the others. */
  shutdown(step: Step): void {
    for (const session of [...this.#byId.values()]) {
      if (session.record === undefined) this.end(session, step, "operator");
      else session.ikeSa?.close(step, "shutdown");
    }
  }

  /** At start: what the store held. Active records become inactive (rule 11). */
  restore(step: Step, records: readonly SessionRecord[]): void {
    const { wall: now } = step.at;
    const kept: { readonly session: Session; readonly stored: SessionRecord }[] = [];
    // Of two records with one address the later one is right: the other was not deleted in time.
    for (const stored of [...records].sort((a, b) => b.deadline - a.deadline)) {
      const session = restoredSession(this.#nextId++, stored, now);
      const isTaken = stored.addresses.some((address) => !this.#pool.reserve(address, session.id));
      const isExpired = stored.deadline <= now ||
        (stored.absoluteEnd !== undefined && stored.absoluteEnd <= now);
      if (!isTaken && !isExpired) {
        kept.push({ session, stored });
        continue;
      }
      for (const address of stored.addresses) this.#pool.release(address, session.id);
      this.#host.tell(step, { kind: "delete-record", key: stored.key });
      trace(step, {
        level: isExpired ? "debug" : "warning",
        event: isExpired ? "record-expired" : "record-with-taken-address",
        facts: { user: stored.userName },
      });
    }
    // The longest parked first, so that eviction takes the right one.
    for (const { session, stored } of kept.reverse()) {
      const record: SessionRecord = { ...stored, state: "inactive" };
      this.#byId.set(session.id, session);
      this.#setRecord(session, record);
      this.#parked.add(session);
      if (stored.state !== "inactive") this.#host.tell(step, { kind: "store-record", record });
      this.#host.reschedule(session, step);
    }
  }

  #park(session: Session, step: Step, reason: CloseReason): void {
    const { record } = session;
    if (record === undefined || this.#host.policy.reconnect.timeoutMs === 0) {
      return this.end(session, step, "peer-silent");
    }
    const { wall: now } = step.at;
    const parked: SessionRecord = {
      ...record,
      state: "inactive",
      deadline: wall(now + this.#host.policy.reconnect.timeoutMs),
    };
    this.#keepRecord(session, step, parked);
    this.#parked.add(session);
    trace(step, {
      level: "info",
      event: "session-parked",
      sessionId: session.id,
      facts: {
        user: session.userName,
        reason,
        seconds: this.#host.policy.reconnect.timeoutMs / 1000,
      },
    });
    this.#host.reschedule(session, step);
  }

  // --- pieces -------------------------------------------------------------------------------

  /** One address of each family that is wished and served; none at all when one is missing. */
  #lease(
    step: Step,
    id: number,
    fixed: readonly IpAddress[],
    wishes: Wishes,
  ): readonly IpAddress[] {
    const leased: IpAddress[] = [];
    for (const family of [4, 6] as const) {
      if (!(family === 4 ? wishes.ip4 : wishes.ip6)) continue;
      const given = fixed.find((address) => address.family === family);
      if (given === undefined && !this.#pool.serves(family)) continue;
      const address = given === undefined
        ? this.#leaseOrEvict(step, family, id)
        : this.#pool.reserve(given, id)
        ? given
        : undefined;
      if (address === undefined) {
        for (const taken of leased) this.#pool.release(taken, id);
        trace(step, { level: "warning", event: "no-address-left", facts: { family } });
        return [];
      }
      leased.push(address);
    }
    return leased;
  }

  /** Rule 10: a full pool gives up the oldest inactive record first, never an active one. */
  #leaseOrEvict(step: Step, family: 4 | 6, id: number): IpAddress | undefined {
    const free = this.#pool.lease(family, id);
    if (free !== undefined) return free;
    for (const parked of this.#parked) {
      if (parked.pending !== undefined) continue;
      if (!parked.addresses.some((address) => address.family === family)) continue;
      trace(step, {
        level: "warning",
        event: "pool-full",
        sessionId: parked.id,
        facts: { user: parked.userName },
      });
      this.end(parked, step, "evicted");
      return this.#pool.lease(family, id);
    }
    return undefined;
  }

  /** INITIAL_CONTACT: the user's older sessions under the same IDi are gone (RFC 7296 §2.4). */
  #supersede(sa: IkeSa, step: Step, login: Login & { readonly kind: "fresh" }): void {
    for (const session of [...this.#byId.values()]) {
      const { idType, data } = session.identity;
      const isSame = session.userName === login.userName && idType === login.identity.idType &&
        textOf(data) === textOf(login.identity.data);
      if (!isSame || session.pending === sa) continue;
      const old = session.ikeSa;
      session.ikeSa = undefined;
      old?.close(step, "taken-over");
      this.end(session, step, "superseded");
    }
  }

  #alive(
    step: Step,
    sa: IkeSa,
  ): Pick<SessionRecord, "state" | "lastSeen" | "deadline" | "lastRemote"> {
    const { wall: now } = step.at;
    return {
      state: "active",
      lastSeen: now,
      deadline: wall(now + this.#host.policy.reconnect.timeoutMs),
      lastRemote: formatEndpoint(sa.remote),
    };
  }

  #setRecord(session: Session, record: SessionRecord): void {
    this.#dropPairs(session);
    session.record = record;
    this.#byPair.set(record.sessionId, session);
    if (record.previous !== undefined) this.#byPair.set(record.previous.sessionId, session);
  }

  /** Sets a record and stores it, unless a newer one with a fresh pair is on its way (rule 2). */
  #keepRecord(session: Session, step: Step, record: SessionRecord): void {
    this.#setRecord(session, record);
    if (session.pendingRecord !== undefined) return;
    this.#host.tell(step, { kind: "store-record", record });
  }

  #dropPairs({ record }: Session): void {
    if (record === undefined) return;
    this.#byPair.delete(record.sessionId);
    if (record.previous !== undefined) this.#byPair.delete(record.previous.sessionId);
  }

  #forget(session: Session): void {
    this.#dropPairs(session);
    this.#parked.delete(session);
    this.#byId.delete(session.id);
    for (const address of session.addresses) this.#pool.release(address, session.id);
  }
}

/** What a record says of its session; nothing carries it yet. */
function restoredSession(id: number, record: SessionRecord, now: Wall): Session {
  return {
    id,
    userName: record.userName,
    identity: record.identity,
    method: record.method,
    peerType: record.peerType,
    attributes: record.attributes,
    addresses: record.addresses,
    firstLogin: record.firstLogin,
    absoluteEnd: record.absoluteEnd,
    ikeSa: undefined,
    pending: undefined,
    record: undefined,
    pendingRecord: undefined,
    lastRemote: record.lastRemote,
    refreshedAt: now,
  };
}

function pairOf(session: Session, sessionId: string): SessionPair | undefined {
  const { record } = session;
  if (record === undefined) return undefined;
  if (record.sessionId === sessionId) return record;
  return record.previous?.sessionId === sessionId ? record.previous : undefined;
}

function withPair(record: SessionRecord, { sessionId, token }: SessionPair): SessionRecord {
  const { previous: _, ...rest } = record;
  return { ...rest, sessionId, token };
}

function isOver({ record, absoluteEnd, ikeSa }: Session, now: Wall): boolean {
  if (absoluteEnd !== undefined && now >= absoluteEnd) return true;
  return ikeSa === undefined && record !== undefined && now >= record.deadline;
}

function matches(session: Session, { remote, userName, id }: SessionSelector): boolean {
  return (id === undefined || session.id === id) &&
    (userName === undefined || session.userName === userName) &&
    (remote === undefined || hostOf(session.lastRemote) === remote);
}

/** The address in "192.0.2.1:4500" or "[2001:db8::1]:4500". */
function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
