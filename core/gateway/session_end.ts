/** How a session ends for good (design rule 5), and the words for why. */
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { CloseReason } from "../exchange/world.ts";
import type { Session } from "./session.ts";
import type { SessionGround } from "./session_ground.ts";

/** What takes a session's IKE SA away and leaves the session to whoever can come back. */
export type SessionLoss = Extract<
  CloseReason,
  | "peer-silent"
  | "peer-restarted"
  | "lifetime-over"
  | "rekey-failed"
  | "idle-timeout"
  | "address-not-proven"
  | "authentication-failed"
  | "half-open-timeout"
  | "shutdown"
  | "internal-error"
>;

/** Why a session ended, for logs and accounting. */
export type SessionEnd =
  /** The client logged out. */
  | "user-request"
  /** Cleared by an operator. */
  | "operator"
  /** AAA wanted it ended. */
  | "disconnected"
  /** The CA took the certificate back that had proved it. */
  | "certificate-revoked"
  /** Its absolute end came. */
  | "session-lifetime"
  /** Nobody came back in time. */
  | "reconnect-timeout"
  /** A full pool took its address. */
  | "evicted"
  /** A further session of a user who had as many as one may have took its place. */
  | "user-limit"
  /** The same user began anew. */
  | "superseded"
  /** It lost its IKE SA and cannot be come back to. */
  | SessionLoss;

/** Ends a session for good: nobody comes back to it. */
export function endSession(
  ground: SessionGround,
  session: Session,
  step: Step,
  why: SessionEnd,
): void {
  const { host, table, tally } = ground;
  if (!table.has(session)) return;
  const { ikeSa, pending } = session;
  // A record that is being stored is withdrawn with its session.
  const record = session.record ?? session.pendingRecord;
  if (pending !== undefined && session.record !== undefined) tally.failed++;
  forgetSession(ground, session);
  session.ikeSa = undefined;
  session.pending = undefined;
  pending?.close(step, "session-over");
  ikeSa?.closeWithDelete(step, "session-over");
  if (record !== undefined) host.tell(step, { kind: "delete-record", key: record.key });
  host.reschedule(session, step);
  trace(step, {
    level: "info",
    event: "session-ended",
    sessionId: session.id,
    facts: { user: session.userName, why },
  });
}

/** Takes a session out of the table and gives its addresses back. */
export function forgetSession({ table, pool }: SessionGround, session: Session): void {
  table.remove(session);
  for (const address of session.addresses) pool.release(address, session.id);
}
