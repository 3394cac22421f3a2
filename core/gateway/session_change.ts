/** How AAA changes a session that goes on (RFC 5176 §2.2): its times, and what its user may send. */
import type { Step } from "../exchange/step.ts";
import { wall } from "../moment.ts";
import type { SessionChange } from "./input.ts";
import type { SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { SessionGround } from "./session_ground.ts";
import { keepRecord } from "./session_ground.ts";

/** Changes a session and its record; what is installed for it follows at once. */
export function changeSession(
  ground: SessionGround,
  step: Step,
  session: Session,
  change: SessionChange,
): void {
  const { sessionLifetimeSeconds: lifetime, idleTimeoutSeconds, filter } = change;
  if (lifetime !== undefined) {
    session.absoluteEnd = lifetime === 0 ? undefined : wall(step.at.wall + lifetime * 1000);
  }
  session.attributes = {
    ...session.attributes,
    ...(idleTimeoutSeconds === undefined ? {} : { idleTimeoutSeconds }),
    ...(filter === undefined ? {} : { filter }),
  };
  if (filter !== undefined) {
    for (const inboundSpi of session.ikeSa?.children.keys() ?? []) {
      step.outputs.push({ kind: "filter-child-sa", inboundSpi, filter });
    }
  }
  const { record, pendingRecord } = session;
  if (record !== undefined) keepRecord(ground, session, step, changed(record, session));
  if (pendingRecord !== undefined) {
    // What is being stored at this moment says how it was before.
    session.pendingRecord = changed(pendingRecord, session);
    ground.host.tell(step, { kind: "store-record", record: session.pendingRecord });
  }
  ground.host.reschedule(session, step);
}

/** A record that says how its session is now. */
function changed(record: SessionRecord, { absoluteEnd, attributes }: Session): SessionRecord {
  const { absoluteEnd: _, ...rest } = record;
  return { ...rest, ...(absoluteEnd === undefined ? {} : { absoluteEnd }), attributes };
}
