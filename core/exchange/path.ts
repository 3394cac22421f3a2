/** The two ends of the way between us and a peer. */
import type { OwnedBytes } from "../bytes.ts";
import type { Endpoint } from "../wire/address.ts";
import { equalEndpoints } from "../wire/address.ts";
import type { Step } from "./step.ts";

/** A way, as it looks from here. */
export interface Path {
  /** Our endpoint. */
  readonly local: Endpoint;
  /** The peer's. */
  readonly remote: Endpoint;
}

/** Whether two ways are the same one. */
export function equalPaths(a: Path, b: Path): boolean {
  return equalEndpoints(a.local, b.local) && equalEndpoints(a.remote, b.remote);
}

/** Sends the datagrams of a message. */
export function transmit(
  step: Step,
  { local, remote }: Path,
  datagrams: readonly OwnedBytes[],
): void {
  for (const bytes of datagrams) step.outputs.push({ kind: "transmit", local, remote, bytes });
}
