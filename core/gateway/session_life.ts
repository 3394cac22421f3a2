/**
 * How sessions stay, wait and run out (design rules 4, 5, 9, 11): signs of life, the loss of their
 * IKE SA, their deadlines, and the end of the gateway.
 */
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { CloseReason } from "../exchange/world.ts";
import type { Monotonic, Wall } from "../moment.ts";
import { earlier, wall } from "../moment.ts";
import { formatEndpoint } from "../wire/address.ts";
import type { SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import { isOver } from "./session.ts";
import type { SessionLoss } from "./session_end.ts";
import { endSession } from "./session_end.ts";
import type { SessionGround } from "./session_ground.ts";
import { aliveFacts, keepRecord } from "./session_ground.ts";
import { idleDeadline, leaveIdle } from "./session_idle.ts";

/** How often `lastSeen` of a live session is stored, at the most (a crash loses at most this much). */
const REFRESH_MS = { min: 60_000, max: 300_000 } as const;
/** How often a session that moves is stored, at the most. */
const MOVED_MS = 5_000;

/**
 * The peer was heard, maybe elsewhere: stored now and then, so that a crash knows how old a session
 * is (rule 4).
 */
export function refreshSession(
  ground: SessionGround,
  sa: IkeSa,
  step: Step,
  session: Session,
): void {
  const remote = formatEndpoint(sa.remote);
  if (session.lastRemote !== remote) {
    session.lastRemote = remote;
    const facts = { user: session.userName };
    trace(step, {
      level: "debug",
      event: "session-moved",
      sessionId: session.id,
      remote: sa.remote,
      facts,
    });
  }
  if (session.record === undefined) return;
  const { timeoutMs } = ground.host.policy.reconnect;
  const everyMs = session.record.lastRemote === session.lastRemote
    ? Math.min(REFRESH_MS.max, Math.max(REFRESH_MS.min, timeoutMs / 30))
    : MOVED_MS;
  const { wall: now } = step.at;
  if (now - session.refreshedAt < everyMs && now >= session.refreshedAt) return;
  session.refreshedAt = now;
  keepRecord(ground, session, step, { ...session.record, ...aliveFacts(ground, step, sa) });
}

/** Another IKE SA carries it: after a crash that is what its peer is told by. */
export function handOnSession(
  ground: SessionGround,
  step: Step,
  session: Session,
  next: IkeSa,
): void {
  ground.table.carry(session, next);
  if (session.record === undefined) return;
  session.refreshedAt = step.at.wall;
  keepRecord(ground, session, step, { ...session.record, ...aliveFacts(ground, step, next) });
}

/** The first authenticated message on the new SA: the old pair is void (rule 9). */
export function confirmSession(ground: SessionGround, step: Step, session: Session): void {
  if (session.record?.previous === undefined) return;
  const { previous: _, ...record } = session.record;
  keepRecord(ground, session, step, record);
}

/** Its SA is over: what that means (rules 4 and 5). */
export function loseSa(
  ground: SessionGround,
  step: Step,
  session: Session,
  reason: CloseReason,
): void {
  session.ikeSa = undefined;
  switch (reason) {
    case "rekeyed":
    case "taken-over":
      return;
    case "peer-deleted":
      return endSession(ground, session, step, "user-request");
    case "cleared":
      return endSession(ground, session, step, "operator");
    case "session-over":
      return endSession(ground, session, step, "session-lifetime");
    case "address-not-proven":
      // It was told with a DELETE that it is over (RFC 4555 §3.7).
    case "authentication-failed":
      // The client does not believe us: it has nothing to come back to (RFC 7296 §2.21.2).
      return endSession(ground, session, step, reason);
    default:
      return parkSession(ground, step, session, reason);
  }
}

/** Its own time has come, or not yet. */
export function expireSession(ground: SessionGround, session: Session, step: Step): void {
  const { wall: now } = step.at;
  if (session.absoluteEnd !== undefined && now >= session.absoluteEnd) {
    return endSession(ground, session, step, "session-lifetime");
  }
  if (ground.table.isParked(session) && isOver(session, now)) {
    return endSession(ground, session, step, "reconnect-timeout");
  }
  const idleEnd = idleDeadline(ground, session);
  if (idleEnd !== undefined && step.at.monotonic >= idleEnd) {
    return leaveIdle(ground, step, session);
  }
  ground.host.reschedule(session, step);
}

/** When a session wants to be looked at, by each of the clocks. */
export interface SessionDeadlines {
  readonly wall: Wall | undefined;
  readonly monotonic: Monotonic | undefined;
}

/** When `expireSession` has something to do. */
export function deadlinesOf(ground: SessionGround, session: Session): SessionDeadlines {
  if (!ground.table.has(session)) return { wall: undefined, monotonic: undefined };
  return { wall: wallDeadline(ground, session), monotonic: idleDeadline(ground, session) };
}

function wallDeadline({ table }: SessionGround, session: Session): Wall | undefined {
  const { absoluteEnd, deadline } = session;
  return earlier(absoluteEnd, table.isParked(session) ? deadline : undefined);
}

/** Going down: says DELETE to who cannot reconnect and parks the others. */
export function shutDownSessions(ground: SessionGround, step: Step): void {
  for (const session of [...ground.table.all()]) {
    if (session.record === undefined) endSession(ground, session, step, "shutdown");
    else session.ikeSa?.close(step, "shutdown");
  }
}

function parkSession(
  ground: SessionGround,
  step: Step,
  session: Session,
  reason: SessionLoss,
): void {
  const { host, table } = ground;
  const { record } = session;
  const { timeoutMs } = host.policy.reconnect;
  if (record === undefined || timeoutMs === 0) return endSession(ground, session, step, reason);
  const deadline = wall(step.at.wall + timeoutMs);
  // Who is gone need not be told; who goes down with us is told by the next gateway.
  const { ikeSa, ...rest } = record;
  const kept = reason === "shutdown" && ikeSa !== undefined ? { ...rest, ikeSa } : rest;
  const parked: SessionRecord = { ...kept, state: "inactive", deadline };
  keepRecord(ground, session, step, parked);
  table.park(session);
  trace(step, {
    level: "info",
    event: "session-parked",
    sessionId: session.id,
    facts: { user: session.userName, reason, seconds: timeoutMs / 1000 },
  });
  host.reschedule(session, step);
}
