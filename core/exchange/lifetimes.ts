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
/** How long the peer may take to delete a pair that it has rekeyed before that is none of our concern. */
const PEER_DELETE_MS = 30_000;

/** The next deadline of a pair. */
export function childDeadline({ state, rekeyAt, expireAt }: ChildSa): Monotonic {
  if (state !== "installed" || rekeyAt === undefined) return expireAt;
  return rekeyAt < expireAt ? rekeyAt : expireAt;
}

/** Whether the peer is in the middle of rekeying a pair: then it would refuse a rekey of the IKE SA. */
export function isPeerRekeying({ children }: IkeSa, now: Monotonic): boolean {
  return [...children.values()].some(({ follows, established }) =>
    follows !== undefined && children.has(follows) &&
    now < after(established.monotonic, PEER_DELETE_MS)
  );
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

/**
 * A pair that nobody rekeyed, or that the peer should have deleted: deleted with a word to the peer,
 * which gets a while for its answer.
 */
function endChildSa(sa: IkeSa, step: Step, child: ChildSa): void {
  if (child.isEnding) return removeChildSa(sa, step, child.inboundSpi);
  if (child.state !== "replaced") {
    trace(step, { level: "warning", event: "child-sa-lifetime-over", remote: sa.remote });
    const others = [...sa.children.values()].filter((other) => other !== child);
    if (others.length === 0) return sa.giveUp(step, "lifetime-over");
  }
  child.isEnding = true;
  child.expireAt = after(step.at.monotonic, DELETE_GRACE_MS);
  sa.request(step, sa.world.exchanges.deleteChildSa(child.inboundSpi));
}
