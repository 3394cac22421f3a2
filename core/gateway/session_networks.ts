/**
 * Networks behind users. AAA may give one network to several of them: packets to it go to whoever came
 * last, and to the others again when that one is gone. That is seldom meant, so it is told.
 */
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import { formatPrefix, prefixesOverlap } from "../wire/address.ts";
import type { Session } from "./session.ts";
import type { SessionGround } from "./session_ground.ts";

/** Tells which networks of a session that just came others have who are there now. */
export function tellSharedNetworks(
  { table }: SessionGround,
  step: Step,
  session: Session,
): void {
  for (const network of session.attributes.networks ?? []) {
    for (const other of table.all()) {
      if (other === session || other.ikeSa === undefined) continue;
      const shared = other.attributes.networks?.find((one) => prefixesOverlap(one, network));
      if (shared === undefined) continue;
      trace(step, {
        level: "warning",
        event: "network-shared",
        sessionId: session.id,
        facts: { user: session.userName, network: formatPrefix(network), holder: other.userName },
      });
      break; // one is enough to look for the mistake
    }
  }
}
