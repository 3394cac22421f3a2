/**
 * All sessions: their addresses, their reconnect records, and the rules by which they come, stay and
 * end (design.md section 3, rules 1 to 14). This is the front that the gateway uses; `session_*.ts`
 * have one part of the rules each.
 *
 * Invariants: an address has one holder; a record is carried by at most one live IKE SA; both pairs
 * of a record under rotation lead to the same session; an SA that closes takes along whatever was
 * admitted on it.
 */
import type { Bytes } from "../bytes.ts";
import { textOf, utf8 } from "../bytes.ts";
import type { Admission, Login, ReconnectCandidate, Wishes } from "../exchange/auth_host.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import type { CloseReason } from "../exchange/world.ts";
import type { CertificateId } from "../pki/revocation.ts";
import { equalAddresses, hostOfEndpoint } from "../wire/address.ts";
import { AddressPool } from "./address_pool.ts";
import type { SessionChange, SessionSelector } from "./input.ts";
import type { StoredRecord } from "./record.ts";
import type { Session } from "./session.ts";
import { isAheadOf, isOver } from "./session.ts";
import {
  activateSession,
  beginSession,
  giveUpSession,
  resumeSession,
} from "./session_admission.ts";
import { changeSession } from "./session_change.ts";
import { endSession } from "./session_end.ts";
import type { SessionGround, SessionsHost } from "./session_ground.ts";
import { idleLimitSeconds } from "./session_idle.ts";
import type { SessionDeadlines } from "./session_life.ts";
import {
  confirmSession,
  deadlinesOf,
  expireSession,
  handOnSession,
  loseSa,
  refreshSession,
  shutDownSessions,
} from "./session_life.ts";
import { pairOf } from "./session_pair.ts";
import { restoreSessions } from "./session_restore.ts";
import { SessionTable } from "./session_table.ts";
import type { PoolSnapshot, ReconnectStats } from "./snapshot.ts";

/** The sessions of a gateway. */
export class Sessions {
  readonly #ground: SessionGround;
  readonly #table = new SessionTable();

  /** No session at first; `restore` brings those of the store. */
  constructor(host: SessionsHost) {
    const pool = new AddressPool(host.policy.pools);
    this.#ground = { host, table: this.#table, pool, tally: { success: 0, failed: 0 } };
  }

  /** All of them, oldest first. */
  all(): Iterable<Session> {
    return this.#table.all();
  }

  /** How many sessions an IKE SA carries now, or is about to. */
  get activeCount(): number {
    return this.#table.size - this.#table.parkedCount;
  }

  /** Whether it waits for a user who may not know that. */
  isLost(session: Session): boolean {
    return this.#table.isParked(session) && this.#table.has(session) &&
      session.pending === undefined;
  }

  /** One by its number. */
  byId(id: number): Session | undefined {
    return this.#table.byId(id);
  }

  /** Those that a selector means, oldest first. */
  matching(selector: SessionSelector): readonly Session[] {
    return [...this.#table.all()].filter((session) => matches(session, selector));
  }

  /** The session that an established SA carries. */
  sessionOf(sa: IkeSa): Session | undefined {
    const session = this.#table.ofSa(sa);
    return session?.ikeSa === sa ? session : undefined;
  }

  // --- pictures -----------------------------------------------------------------------------

  /** `show ip local pool`. */
  pools(): readonly PoolSnapshot[] {
    return this.#ground.pool.snapshot();
  }

  /** `show crypto ikev2 stats reconnect`. */
  stats(): ReconnectStats {
    let activeCapable = 0;
    for (const session of this.#table.all()) {
      if (session.ikeSa !== undefined && session.record !== undefined) activeCapable++;
    }
    const { success, failed } = this.#ground.tally;
    return { success, failed, activeCapable, inactiveCapable: this.#table.parkedCount };
  }

  /** `clear crypto ikev2 stats`. */
  clearStats(): void {
    Object.assign(this.#ground.tally, { success: 0, failed: 0 });
  }

  /** A reconnect was refused. */
  countRefusal(): void {
    this.#ground.tally.failed++;
  }

  // --- coming -------------------------------------------------------------------------------

  /** The session whose pair has this id, active or not (rules 6 and 8). */
  find(sa: IkeSa, step: Step, idData: Bytes): ReconnectCandidate | undefined {
    const sessionId = textOf(idData);
    const session = this.#table.byPair(sessionId);
    const pair = pairOf(session?.record, sessionId);
    if (session === undefined || pair === undefined) return undefined;
    if (isOver(session, step.at.wall)) return undefined;
    // An attempt that was under way for long does not take over from one that began after it.
    if (isAheadOf(session, sa)) return undefined;
    return { session: session.id, token: utf8(pair.token), peerType: session.peerType };
  }

  /** Finds or makes the session of somebody who proved who they are. */
  admit(sa: IkeSa, step: Step, login: Login, wishes: Wishes): Admission {
    return login.kind === "reconnect"
      ? resumeSession(this.#ground, sa, step, login, wishes)
      : beginSession(this.#ground, sa, step, login, wishes);
  }

  /** The session lives on `sa` from now on. */
  activate(sa: IkeSa, step: Step, id: number, pairStored: boolean): void {
    activateSession(this.#ground, sa, step, this.#table.byId(id), pairStored);
  }

  /** A login came to nothing between `admit` and `activate`. */
  giveUp(sa: IkeSa, step: Step, id: number): void {
    giveUpSession(this.#ground, sa, step, this.#table.byId(id));
  }

  /** At start: what the store held; whom that cost an IKE SA. Active records become inactive (rule 11). */
  restore(step: Step, records: readonly StoredRecord[]): readonly Session[] {
    return restoreSessions(this.#ground, step, records);
  }

  // --- staying ------------------------------------------------------------------------------

  /** The first authenticated message on the new SA: the old pair is void (rule 9). */
  confirm(sa: IkeSa, step: Step): void {
    const session = this.sessionOf(sa);
    if (session !== undefined) confirmSession(this.#ground, step, session);
  }

  /** A rekeyed IKE SA goes on with the session of the old one. */
  rekeyed(old: IkeSa, next: IkeSa, step: Step): void {
    const session = this.sessionOf(old);
    if (session !== undefined) handOnSession(this.#ground, step, session, next);
  }

  /** The peer was heard, or has moved. */
  refresh(sa: IkeSa, step: Step): void {
    const session = this.sessionOf(sa);
    if (session !== undefined) refreshSession(this.#ground, sa, step, session);
  }

  /** Its user sent a packet. */
  used(sa: IkeSa, step: Step): void {
    const session = this.sessionOf(sa);
    if (session !== undefined) session.lastUsed = step.at.monotonic;
  }

  /** Seconds that the user of a session may send nothing; 0 for no limit. */
  idleLimitSeconds(session: Session): number {
    return idleLimitSeconds(this.#ground, session);
  }

  // --- going --------------------------------------------------------------------------------

  /** An SA is over, and with it whatever was admitted on it or lived on it. */
  lost(sa: IkeSa, step: Step, reason: CloseReason): void {
    const session = this.#table.ofSa(sa);
    giveUpSession(this.#ground, sa, step, session);
    if (session?.ikeSa === sa) loseSa(this.#ground, step, session, reason);
  }

  /** Ends what the operator names; how many there were. */
  clear(step: Step, selector: SessionSelector): number {
    const chosen = this.matching(selector);
    for (const session of chosen) endSession(this.#ground, session, step, "operator");
    return chosen.length;
  }

  /** Ends those whose certificates have been taken back, so that nobody comes back to them either. */
  endRevoked(step: Step, isRevoked: (certificate: CertificateId) => boolean): void {
    const revoked = [...this.#table.all()].filter(({ certificates }) =>
      certificates.some(isRevoked)
    );
    for (const session of revoked) {
      endSession(this.#ground, session, step, "certificate-revoked");
    }
  }

  /** AAA ends a session. */
  disconnect(step: Step, id: number): void {
    const session = this.#table.byId(id);
    if (session !== undefined) endSession(this.#ground, session, step, "disconnected");
  }

  /** AAA changes a session that goes on. */
  change(step: Step, id: number, change: SessionChange): void {
    const session = this.#table.byId(id);
    if (session !== undefined) changeSession(this.#ground, step, session, change);
  }

  /** A session's own time has come, or not yet. */
  expire(session: Session, step: Step): void {
    expireSession(this.#ground, session, step);
  }

  /** When `expire` has something to do. */
  deadlinesOf(session: Session): SessionDeadlines {
    return deadlinesOf(this.#ground, session);
  }

  /** Going down: says DELETE to who cannot reconnect and parks the others. */
  shutdown(step: Step): void {
    shutDownSessions(this.#ground, step);
  }
}

function matches(session: Session, selector: SessionSelector): boolean {
  const { remote, userName, id, accountingId, addresses = [] } = selector;
  return (id === undefined || session.id === id) &&
    (userName === undefined || session.userName === userName) &&
    (remote === undefined || hostOfEndpoint(session.lastRemote) === remote) &&
    (accountingId === undefined || session.accountingId === accountingId) &&
    addresses.every((wanted) => session.addresses.some((held) => equalAddresses(held, wanted)));
}
