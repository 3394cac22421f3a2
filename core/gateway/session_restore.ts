/**
 * What the store held at the start becomes inactive sessions (design rule 11).
 *
 * Records of sessions that were active stay as they are, here and in the store: their deadline counts from
 * the last sign of life already, so that the next start makes the same of them.
 */
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { IpAddress } from "../wire/address.ts";
import type { SessionRecord, StoredRecord } from "./record.ts";
import { RestoredSession } from "./restored_session.ts";
import type { Session } from "./session.ts";
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
    const { absoluteEnd, deadline } = stored;
    if (isOff || deadline <= now || (absoluteEnd !== undefined && absoluteEnd <= now)) {
      refuse(ground, step, stored.read(), "record-expired");
      continue;
    }
    const session = new RestoredSession(table.newId(), stored, step.at);
    const addresses = stored.addresses();
    if (!addresses.every((address) => takeAddress(ground, step, session, address))) {
      for (const address of addresses) pool.release(address, session.id);
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
function takeAddress(
  ground: SessionGround,
  step: Step,
  session: RestoredSession,
  address: IpAddress,
): boolean {
  const { pool, table } = ground;
  if (pool.reserve(address, session.id)) return true;
  const holder = table.byId(pool.holderOf(address) ?? session.id);
  if (holder?.record === undefined || holder.record.deadline >= session.deadline) return false;
  forgetSession(ground, holder);
  refuse(ground, step, holder.record, "record-with-taken-address");
  return pool.reserve(address, session.id);
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
