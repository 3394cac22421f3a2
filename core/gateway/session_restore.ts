/**
 * What the store held at the start becomes inactive sessions (design rule 11).
 *
 * Records of sessions that were active stay as they are, here and in the store: their deadline counts from
 * the last sign of life already, so that the next start makes the same of them.
 */
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { SessionRecord, StoredRecord } from "./record.ts";
import { RestoredSession } from "./restored_session.ts";
import { isOver, type Session } from "./session.ts";
import { forgetSession } from "./session_end.ts";
import type { SessionGround } from "./session_ground.ts";

/**
 * Active records become inactive; expired ones, and all of them when reconnect is off, are deleted.
 * The sessions that an IKE SA carried when the gateway ended come back.
 *
 * Records are taken in the order in which they were read, whose octets lie side by side.
 */
export function restoreSessions(
  ground: SessionGround,
  step: Step,
  records: readonly StoredRecord[],
): readonly Session[] {
  const { host, table, pool } = ground;
  const { wall: now } = step.at;
  const isOff = host.policy.reconnect.timeoutMs === 0;
  const restored: RestoredSession[] = [];
  for (const stored of records) {
    if (isOff || isOver(stored, now)) {
      refuse(ground, step, stored.read(), "record-expired");
      continue;
    }
    const session = new RestoredSession(table.newId(), stored, step.at);
    const isFree = stored.addressKeys().every((key) => pool.reserveKey(key, session.id));
    if (!isFree && !takeAddresses(ground, step, session)) {
      refuse(ground, step, stored.read(), "record-with-taken-address");
      continue;
    }
    table.addStored(session, stored);
    restored.push(session);
  }
  const waiting = restored.filter((session) => table.has(session));
  // The longest parked first, so that eviction takes the right one.
  for (const session of waiting.sort((a, b) => a.deadline - b.deadline)) {
    table.park(session);
    host.reschedule(session, step);
  }
  return waiting.filter(({ hadIkeSa }) => hadIkeSa);
}

/** Of two records with one address the later one is right: the other was not deleted in time. */
function takeAddresses(ground: SessionGround, step: Step, session: RestoredSession): boolean {
  const { pool, table } = ground;
  const { addresses, id, deadline } = session;
  const rivals = addresses
    .map((address) => table.byId(pool.holderOf(address) ?? id))
    .filter((rival) => rival !== undefined);
  if (rivals.some((rival) => rival.deadline === undefined || rival.deadline >= deadline)) {
    for (const address of addresses) pool.release(address, id);
    return false;
  }
  for (const rival of rivals) {
    forgetSession(ground, rival);
    if (rival.record !== undefined) refuse(ground, step, rival.record, "record-with-taken-address");
  }
  return addresses.every((address) => pool.reserve(address, id));
}

/** Nobody comes back by this record. */
function refuse(
  { host }: SessionGround,
  step: Step,
  { key, userName }: SessionRecord,
  event: "record-expired" | "record-with-taken-address",
): void {
  host.tell(step, { kind: "delete-record", key });
  const level = event === "record-expired" ? "debug" : "warning";
  trace(step, { level, event, facts: { user: userName } });
}
