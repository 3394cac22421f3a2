/**
 * An account with what is still to be told of it, as one value: what is stored under one key changes
 * as a whole, so after a crash usage and records are those of one moment.
 */
import type { Wall } from "../../core/mod.ts";
import type { Account, AccountRecord, Usage } from "./account.ts";
import { noUsage } from "./account.ts";

/** One sheet. Plain data, stored as it stands. */
export interface AccountSheet {
  /** Whose it is; `undefined` for that of the gateway itself. */
  readonly account?: Account;
  /** What was carried until `seen`. */
  readonly usage: Usage;
  /** When it was last known to be so. */
  readonly seen: Wall;
  /** Why no IKE SA carries the session now, as the trace has it; absent while one does. */
  readonly parked?: string;
  /** Whether the session goes on. */
  readonly isOpen: boolean;
  /** What no server has acknowledged yet, in order. */
  readonly pending: readonly AccountRecord[];
}

/** The name of the gateway's own sheet; names of accounts are 22 letters and digits. */
export const gatewaySheetName = "gateway";

/** An empty sheet. */
export function newSheet(account: Account | undefined, seen: Wall): AccountSheet {
  return {
    ...(account === undefined ? {} : { account }),
    usage: noUsage,
    seen,
    isOpen: true,
    pending: [],
  };
}

/** Whether there is nothing left to keep it for. */
export function isSpent({ isOpen, pending }: AccountSheet): boolean {
  return !isOpen && pending.length === 0;
}

/** Whether a later record of the session says all that this one does. */
export function isSupersedable(record: AccountRecord): boolean {
  return record.kind === "interim" && record.turn === undefined;
}

/** How much it hurts to lose a record: the lowest goes first. */
export function worthOf(record: AccountRecord): number {
  if (record.kind !== "interim") return record.kind === "start" ? 2 : 3;
  return record.turn === undefined ? 0 : 1;
}

/** How many values `worthOf` has. */
export const worths = 4;
