/** The ends of Child SAs: rekeyed in time, or deleted when their lifetime is over (RFC 7296 §2.8). */
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import type { ChildSa } from "./child_sa.ts";
import { removeChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";

/** How long a Child SA whose lifetime is over goes on receiving while its DELETE is under way. */
const DELETE_GRACE_MS = 30_000;

/** The next deadline of a pair. */
export function childDeadline({ state, rekeyAt, expireAt }: ChildSa): Monotonic {
  if (state !== "installed" || rekeyAt === undefined) return expireAt;
  return rekeyAt < expireAt ? rekeyAt : expireAt;
}

/** A pair carries nothing more: it ends soon, unless its rekey comes first. */
export function endSoon(child: ChildSa, step: Step): void {
  const end = after(step.at.monotonic, DELETE_GRACE_MS);
  if (end < child.expireAt) child.expireAt = end;
}

/** Rekeys the pairs whose time has come, and ends those that nobody rekeyed. */
export function tendChildSas(sa: IkeSa, step: Step): void {
  const now = step.at.monotonic;
  for (const child of [...sa.children.values()]) {
    if (now >= child.expireAt) {
      endChildSa(sa, step, child);
    } else if (child.state === "installed" && child.rekeyAt !== undefined && now >= child.rekeyAt) {
      sa.rekeyChildSa(step, child);
    }
  }
}

/** A pair that nobody rekeyed: deleted with a word to the peer, which gets a while for its answer. */
function endChildSa(sa: IkeSa, step: Step, child: ChildSa): void {
  if (child.isEnding) return removeChildSa(sa, step, child.inboundSpi);
  trace(step, { level: "warning", event: "child-sa-lifetime-over", remote: sa.remote });
  const others = [...sa.children.values()].filter((other) => other !== child);
  if (others.length === 0) return sa.giveUp(step, "lifetime-over");
  child.isEnding = true;
  child.expireAt = after(step.at.monotonic, DELETE_GRACE_MS);
  sa.request(step, sa.world.exchanges.deleteChildSa(child.inboundSpi));
}
