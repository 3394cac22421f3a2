/**
 * Says that packets are dropped, once for each cause: how many, the counters tell. What is wrong on this
 * host is a warning; what a peer or a stranger sends is worth knowing and no fault.
 */
import type { CounterName, DataplaneTrouble } from "../dataplane/mod.ts";
import type { Log } from "./log.ts";

const ownFaults: ReadonlySet<CounterName> = new Set<CounterName>([
  "truncated",
  "tun-error",
  "tun-full",
  "tun-read-error",
  "ike-overload",
  "ike-init-overload",
  "send-error",
  "send-full",
  "sequence-exhausted",
  "hard-limit",
  "bad-install",
]);

/** Writes the line. */
export function tellTrouble(log: Log, { cause, detail }: DataplaneTrouble): void {
  const level = ownFaults.has(cause) ? "warning" : "info";
  log.tell(level, "packets-dropped", { cause, ...(detail === undefined ? {} : { detail }) });
}
