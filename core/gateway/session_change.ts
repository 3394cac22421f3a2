/** How AAA changes a session that goes on (RFC 5176 §2.2): its times, and what its user may send. */
import type { Step } from "../exchange/step.ts";
import { wall } from "../moment.ts";
import type { SessionChange } from "./input.ts";
import type { UserAttributes } from "./question.ts";
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
  const attributes: UserAttributes = {
    ...session.attributes,
    ...(idleTimeoutSeconds === undefined ? {} : { idleTimeoutSeconds }),
    ...(filter === undefined ? {} : { filter }),
  };
  session.attributes = attributes;
  if (filter !== undefined) session.ikeSa?.changeFilter(step, filter);
  const changed = (record: SessionRecord): SessionRecord => {
    const { absoluteEnd: _, ...rest } = record;
    const { absoluteEnd } = session;
    return { ...rest, ...(absoluteEnd === undefined ? {} : { absoluteEnd }), attributes };
  };
  const { record, pendingRecord } = session;
  if (record !== undefined) keepRecord(ground, session, step, changed(record));
  if (pendingRecord !== undefined) {
    // It may be on its way into the store as it was: what comes behind it is what stays.
    session.pendingRecord = changed(pendingRecord);
    ground.host.tell(step, { kind: "store-record", record: session.pendingRecord });
  }
  ground.host.reschedule(session, step);
}
