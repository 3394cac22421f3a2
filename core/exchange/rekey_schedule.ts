/**
 * When an IKE SA and its Child SAs are rekeyed, and what becomes of those that are not (RFC 7296 §2.8).
 */
import { NotifyType } from "../message/constants.ts";
import type { Monotonic } from "../moment.ts";
import { after, earlier } from "../moment.ts";
import type { ChildSa } from "./child_sa.ts";
import { endWithin, removeChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import { rekeyMoment, retryMoment } from "./rekey_time.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";

/** How long a Child SA whose lifetime is over goes on receiving while its DELETE is under way. */
const DELETE_GRACE_MS = 30_000;
/** How long the peer may take to delete a pair that it has rekeyed before that is none of our concern. */
const PEER_DELETE_MS = 30_000;

/** The schedule of one IKE SA. */
export class RekeySchedule {
  readonly #sa: IkeSa;
  /** When we begin to rekey the IKE SA; never, if the peer does not rekey at all. */
  #rekeyAt: Monotonic | undefined;

  /** Nothing is planned at first. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** When `tend` has something to do. */
  get deadline(): Monotonic | undefined {
    let next = this.#rekeyAt;
    for (const child of this.#sa.children.values()) next = earlier(next, childDeadline(child));
    return next;
  }

  /** The lifetime of the IKE SA begins. */
  start(step: Step): void {
    const { world } = this.#sa;
    this.#rekeyAt = rekeyMoment(world, step.at.monotonic, world.settings.lifetimes.ikeMs);
  }

  /** The IKE SA is not rekeyed any more. */
  stop(): void {
    this.#rekeyAt = undefined;
  }

  /** Rekeys what is due, and ends the pairs that nobody rekeyed. */
  tend(step: Step): void {
    const now = step.at.monotonic;
    if (this.#rekeyAt !== undefined && now >= this.#rekeyAt) this.#rekeyIkeSa(step);
    for (const child of [...this.#sa.children.values()]) {
      const { state, rekeyAt, expireAt } = child;
      if (now >= expireAt) this.#endChildSa(step, child);
      else if (state === "installed" && rekeyAt !== undefined && now >= rekeyAt) {
        this.#rekeyChildSa(step, child);
      }
    }
  }

  /** Rekeys one or the other, as somebody orders. */
  rekeyNow(step: Step, what: "ike" | "child"): void {
    if (what === "ike") return this.#rekeyIkeSa(step);
    for (const child of this.#sa.children.values()) this.#rekeyChildSa(step, child);
  }

  /** A Child SA is near its limit in octets, packets or sequence numbers. */
  softLimit(step: Step, inboundSpi: number): void {
    const child = this.#sa.children.get(inboundSpi);
    if (child !== undefined && this.#sa.phase === "established") this.#rekeyChildSa(step, child);
  }

  /** A Child SA is at its limit and carries nothing more: a last chance for its rekey, then it ends. */
  hardLimit(step: Step, inboundSpi: number): void {
    const child = this.#sa.children.get(inboundSpi);
    if (child === undefined) return;
    endWithin(child, step, DELETE_GRACE_MS);
    this.softLimit(step, inboundSpi);
  }

  /** A rekey was refused: try again later, unless the peer never rekeys (RFC 7296 §2.25, §4). */
  postpone(step: Step, notifyType: number, child?: ChildSa): void {
    const again = notifyType === NotifyType.NO_ADDITIONAL_SAS
      ? undefined
      : retryMoment(this.#sa.world, step.at.monotonic);
    if (child === undefined) {
      this.#rekeyAt = again;
      return;
    }
    child.state = "installed";
    child.rekeyAt = again;
  }

  /** Whether the peer is in the middle of rekeying a pair: then it would refuse a rekey of the IKE SA. */
  isPeerRekeying(now: Monotonic): boolean {
    const { children } = this.#sa;
    return [...children.values()].some(({ follows, established }) =>
      follows !== undefined && children.has(follows) &&
      now < after(established.monotonic, PEER_DELETE_MS)
    );
  }

  #rekeyIkeSa(step: Step): void {
    if (this.#sa.phase !== "established") return;
    this.#rekeyAt = undefined;
    this.#sa.request(step, this.#sa.world.exchanges.rekeyIkeSa());
  }

  #rekeyChildSa(step: Step, child: ChildSa): void {
    if (child.state !== "installed") return;
    if (child.follows !== undefined && this.#sa.children.has(child.follows)) {
      child.rekeyAt = retryMoment(this.#sa.world, step.at.monotonic);
      return;
    }
    child.state = "rekeying";
    this.#sa.request(step, this.#sa.world.exchanges.rekeyChildSa(child.inboundSpi));
  }

  /**
   * A pair that nobody rekeyed, or that the peer should have deleted: deleted with a word to the peer,
   * which gets a while for its answer.
   */
  #endChildSa(step: Step, child: ChildSa): void {
    const sa = this.#sa;
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
}

function childDeadline({ state, rekeyAt, expireAt }: ChildSa): Monotonic {
  if (state !== "installed" || rekeyAt === undefined) return expireAt;
  return rekeyAt < expireAt ? rekeyAt : expireAt;
}
