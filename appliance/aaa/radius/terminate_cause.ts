/** Acct-Terminate-Cause (RFC 2866 §5.10): the number that is true of each word for an end. */
import type { AccountEnd } from "../account.ts";

/** The causes that occur here, by the RFC's names. */
export const TerminateCause = {
  USER_REQUEST: 1,
  LOST_CARRIER: 2,
  IDLE_TIMEOUT: 4,
  SESSION_TIMEOUT: 5,
  ADMIN_RESET: 6,
  ADMIN_REBOOT: 7,
  PORT_ERROR: 8,
  NAS_ERROR: 9,
  NAS_REBOOT: 11,
  PORT_PREEMPTED: 13,
  USER_ERROR: 17,
} as const;

/** The table; the RFC's port is what carries one user, here the IKE SA with its Child SAs. */
export const terminateCauses = {
  // The user, or the user's program.
  "user-request": TerminateCause.USER_REQUEST,
  "authentication-failed": TerminateCause.USER_ERROR, // the client does not believe us
  // Nobody there any more.
  "peer-silent": TerminateCause.LOST_CARRIER,
  "peer-restarted": TerminateCause.LOST_CARRIER,
  "address-not-proven": TerminateCause.LOST_CARRIER,
  "reconnect-timeout": TerminateCause.LOST_CARRIER,
  "half-open-timeout": TerminateCause.LOST_CARRIER,
  "idle-timeout": TerminateCause.IDLE_TIMEOUT,
  // Time is over.
  "session-lifetime": TerminateCause.SESSION_TIMEOUT,
  "lifetime-over": TerminateCause.SESSION_TIMEOUT,
  // An administrator, here or at the AAA server.
  "operator": TerminateCause.ADMIN_RESET,
  "disconnected": TerminateCause.ADMIN_RESET,
  "certificate-revoked": TerminateCause.ADMIN_RESET,
  "shutdown": TerminateCause.ADMIN_REBOOT,
  // Somebody else needed the place.
  "evicted": TerminateCause.PORT_PREEMPTED,
  "user-limit": TerminateCause.PORT_PREEMPTED,
  "superseded": TerminateCause.PORT_PREEMPTED,
  // Something is broken: this one SA, us, or us altogether.
  "rekey-failed": TerminateCause.PORT_ERROR,
  "internal-error": TerminateCause.NAS_ERROR,
  "gateway-died": TerminateCause.NAS_REBOOT,
} as const satisfies Readonly<Record<AccountEnd, number>>;

/** The cause of a word; one that the table does not have is an error of ours. */
export function terminateCauseOf(why: string): number {
  return Object.hasOwn(terminateCauses, why)
    ? terminateCauses[why as AccountEnd]
    : TerminateCause.NAS_ERROR;
}
