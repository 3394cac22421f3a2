/** What the parts of the sessions share: what they know, whom they tell, and how a record is kept. */
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import { wall } from "../moment.ts";
import type { Random } from "../random.ts";
import { formatEndpoint } from "../wire/address.ts";
import type { AddressPool } from "./address_pool.ts";
import type { Policy } from "./policy.ts";
import type { Question } from "./question.ts";
import type { SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { SessionTable } from "./session_table.ts";

/** What the sessions need of the gateway. */
export interface SessionsHost {
  readonly policy: Policy;
  readonly random: Random;
  /** Asks without waiting for the answer. */
  tell(step: Step, question: Question): void;
  /** A session's deadline may have changed. */
  reschedule(session: Session, step: Step): void;
}

/** Common ground. */
export interface SessionGround {
  readonly host: SessionsHost;
  readonly table: SessionTable;
  readonly pool: AddressPool;
  /** Reconnects so far (rule 13). */
  readonly tally: { success: number; failed: number };
}

/** What a record says of a session that lives on `sa`. */
export function aliveFacts(
  { host }: SessionGround,
  step: Step,
  sa: IkeSa,
): Pick<SessionRecord, "state" | "lastSeen" | "deadline" | "lastRemote" | "ikeSa"> {
  const { wall: now } = step.at;
  const { spiI, spiR, originalInitiator, local, remote } = sa;
  return {
    state: "active",
    lastSeen: now,
    deadline: wall(now + host.policy.reconnect.timeoutMs),
    lastRemote: formatEndpoint(remote),
    ikeSa: { spiI, spiR, originalInitiator, local, remote },
  };
}

/** Sets a record and stores it, unless a newer one with a fresh pair is on its way (rule 2). */
export function keepRecord(
  { host, table }: SessionGround,
  session: Session,
  step: Step,
  record: SessionRecord,
): void {
  table.setRecord(session, record);
  if (session.pendingRecord !== undefined) return;
  host.tell(step, { kind: "store-record", record });
}
