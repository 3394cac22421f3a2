/**
 * What the store held at the start becomes inactive sessions (design rule 11).
 *
 * Records of sessions that were active stay as they are, here and in the store: their deadline counts from
 * the last sign of life already, so that the next start makes the same of them.
 */
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { Moment } from "../moment.ts";
import type { SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { SessionGround } from "./session_ground.ts";

/** Active records become inactive; expired ones, and all of them when reconnect is off, are deleted. */
export function restoreSessions(
  ground: SessionGround,
  step: Step,
  records: readonly SessionRecord[],
): void {
  const { host, table, pool } = ground;
  const { wall: now } = step.at;
  const isOff = host.policy.reconnect.timeoutMs === 0;
  const kept: { readonly session: Session; readonly stored: SessionRecord }[] = [];
  // Of two records with one address the later one is right: the other was not deleted in time.
  for (const stored of [...records].sort((a, b) => b.deadline - a.deadline)) {
    const session = restoredSession(table.newId(), stored, step.at);
    const isTaken = stored.addresses.some((address) => !pool.reserve(address, session.id));
    const isExpired = isOff || stored.deadline <= now ||
      (stored.absoluteEnd !== undefined && stored.absoluteEnd <= now);
    if (!isTaken && !isExpired) {
      kept.push({ session, stored });
      continue;
    }
    for (const address of stored.addresses) pool.release(address, session.id);
    host.tell(step, { kind: "delete-record", key: stored.key });
    trace(step, {
      level: isExpired ? "debug" : "warning",
      event: isExpired ? "record-expired" : "record-with-taken-address",
      facts: { user: stored.userName },
    });
  }
  // The longest parked first, so that eviction takes the right one.
  for (const { session, stored } of kept.reverse()) {
    table.add(session);
    table.setRecord(session, stored);
    table.park(session);
    host.reschedule(session, step);
  }
}

/** What a record says of its session; nothing carries it yet. */
function restoredSession(id: number, record: SessionRecord, at: Moment): Session {
  return {
    id,
    userName: record.userName,
    identity: record.identity,
    method: record.method,
    certificates: record.certificates ?? [],
    peerType: record.peerType,
    attributes: record.attributes,
    accountingId: record.accounting.sessionId,
    addresses: record.addresses,
    firstLogin: record.firstLogin,
    absoluteEnd: record.absoluteEnd,
    ikeSa: undefined,
    pending: undefined,
    record: undefined,
    pendingRecord: undefined,
    lastUsed: at.monotonic,
    lastRemote: record.lastRemote,
    refreshedAt: at.wall,
  };
}
