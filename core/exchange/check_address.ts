/**
 * Return routability (RFC 4555 §3.7): a cookie that only comes back from whoever receives at an
 * address, so that nobody directs packets at somebody else.
 */
import type { OwnedBytes } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { findNotify, notify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Path } from "./path.ts";
import { equalPaths } from "./path.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** Transmissions that go to the unproven address alone. */
const PURE_TRIES = 3;

/**
 * One check of the way that is unproven when its turn comes.
 *
 * A request must be answered in the end, or the peer is dead; so one that stays unanswered goes to
 * where the IKE SA is as well. What comes back then proves nothing, and the check may begin anew.
 */
export class CheckAddress implements Task {
  readonly name = "check-address";
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  #cookie: OwnedBytes = new Uint8Array(0);
  #path: Path | undefined;
  #transmissions = 0;
  #wentElsewhere = false;

  build({ where, world }: IkeSa): readonly Payload[] | undefined {
    this.#path = where.unproven;
    if (this.#path === undefined) {
      where.isChecking = false;
      return undefined;
    }
    this.#cookie = world.random.bytes(16);
    return [notify(NotifyType.COOKIE2, this.#cookie)];
  }

  route({ where }: IkeSa): Path {
    this.#transmissions++;
    const isWanted = this.#path !== undefined && where.unproven === this.#path;
    const isTurn = this.#transmissions <= PURE_TRIES || this.#transmissions % 2 === 1;
    if (this.#path !== undefined && isWanted && isTurn) return this.#path;
    if (this.#path === undefined || !equalPaths(this.#path, where)) this.#wentElsewhere = true;
    return where;
  }

  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const { where } = sa;
    where.isChecking = false;
    const cookie = findNotify(response, NotifyType.COOKIE2);
    if (cookie === undefined || !equalSecrets(cookie.data, this.#cookie)) {
      trace(step, { level: "warning", event: "cookie2-wrong", remote: sa.remote });
      return sa.closeWithDelete(step, "address-not-proven");
    }
    const { unproven } = where;
    where.unproven = undefined;
    if (unproven === undefined || this.#path === undefined) return;
    if (unproven !== this.#path) return where.prove(step, unproven);
    if (this.#wentElsewhere) {
      sa.world.count("address-not-proven");
      // Where the peer says that it is, it is asked again; where packets came from, others may follow.
      if (equalPaths(unproven, where)) where.prove(step, unproven);
      return;
    }
    sa.world.count("address-proven");
    where.arrive(step, unproven);
  }
}
