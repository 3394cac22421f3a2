/** How a session ended that was there when the gateway went down, and is not there any more. */
import { type SessionRecord, type Wall, wall } from "../../core/mod.ts";
import type { AccountEnd } from "./account.ts";
import type { AccountSheet } from "./account_sheet.ts";

/** The end of a session. */
export interface SessionsEnd {
  readonly why: AccountEnd;
  /** When, as far as that is known. */
  readonly at: Wall;
}

/** What is known of the time between. */
export interface Meanwhile {
  /** What the session store had of it, before expired records were taken out. */
  readonly record: SessionRecord | undefined;
  /** When the gateway was last known to live. */
  readonly lastAlive: Wall | undefined;
  readonly now: Wall;
  /** Whether sessions can be come back to at all, now. */
  readonly canReconnect: boolean;
}

/** What became of the session of an open sheet. */
export function endOfLost(
  { parked, seen }: AccountSheet,
  { record, lastAlive, now, canReconnect }: Meanwhile,
): SessionsEnd {
  if (record === undefined) {
    // It lived on one IKE SA, which died with the process.
    return { why: "gateway-died", at: wall(Math.max(seen, lastAlive ?? seen)) };
  }
  const { absoluteEnd, deadline } = record;
  if (absoluteEnd !== undefined && absoluteEnd <= Math.min(now, deadline)) {
    return { why: "session-lifetime", at: absoluteEnd };
  }
  if (deadline <= now) {
    // Who was parked by the gateway's own end had no gateway to come back to.
    const isOurs = parked === undefined || parked === "gateway-died" || parked === "shutdown";
    const why = isOurs ? parked ?? "gateway-died" : "reconnect-timeout";
    return { why, at: deadline };
  }
  // It could have lived on: reconnect was switched off, or another session has its address.
  return { why: canReconnect ? "evicted" : "shutdown", at: now };
}
