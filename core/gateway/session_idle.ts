/**
 * Sessions whose user sends nothing (Idle-Timeout, RFC 2865 §5.28): how long that may last, and what
 * then becomes of them. Time is monotonic here: silence is not measured by a clock that may jump, and
 * does not outlive the SA in which it was heard.
 *
 * A packet does not move the timer. When that comes it looks at the last packet and is set anew, so a
 * session costs one wake-up an idle period, however busy it is.
 */
import type { Step } from "../exchange/step.ts";
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import type { Session } from "./session.ts";
import { endSession } from "./session_end.ts";
import type { SessionGround } from "./session_ground.ts";

/** Seconds that its user may send nothing; 0 for no limit. */
export function idleLimitSeconds({ host }: SessionGround, { attributes }: Session): number {
  return attributes.idleTimeoutSeconds ?? host.policy.attributes.idleTimeoutSeconds;
}

/** When it is over unless a packet comes; a session that waits for its user is not idle. */
export function idleDeadline(ground: SessionGround, session: Session): Monotonic | undefined {
  const seconds = idleLimitSeconds(ground, session);
  if (session.ikeSa === undefined || seconds === 0) return undefined;
  return after(session.lastUsed, seconds * 1000);
}

/** Its user has sent nothing for too long: it ends, or waits for its user to come back. */
export function leaveIdle(ground: SessionGround, step: Step, session: Session): void {
  const { host } = ground;
  if (session.pending !== undefined) {
    // Its user is on the way back at this moment.
    session.lastUsed = step.at.monotonic;
    return host.reschedule(session, step);
  }
  if (host.policy.idleAction === "park") return session.ikeSa?.giveUp(step, "idle-timeout");
  endSession(ground, session, step, "idle-timeout");
}
