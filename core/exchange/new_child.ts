/** A Child SA from scratch, where the peer does not have the one that was to be rekeyed (RFC 7296 §2.25). */
import { ExchangeType } from "../message/constants.ts";
import { findErrorNotify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import { ChildOffer } from "./child_offer.ts";
import { installChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { AllowedSelectors } from "./ike_sa_seed.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** One attempt; an IKE SA for which it fails is of no use. */
export class NewChildSa implements Task {
  readonly name = "new-child-sa";
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  readonly #selectors: AllowedSelectors;
  readonly #group: number | undefined;
  #offer: ChildOffer | undefined;

  /** `group`: what the responder asked for in INVALID_KE_PAYLOAD. */
  constructor(selectors: AllowedSelectors, group?: number) {
    this.#selectors = selectors;
    this.#group = group;
  }

  build(sa: IkeSa): readonly Payload[] {
    this.#offer = new ChildOffer(sa, this.#selectors, this.#group);
    return this.#offer.payloads();
  }

  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const error = findErrorNotify(response);
    const agreed = error === undefined ? this.#offer?.read(sa, response) : undefined;
    if (agreed !== undefined) {
      installChildSa(sa, step, { ...agreed, sends: "at-once" });
      return;
    }
    this.#offer?.withdraw(sa);
    const wanted = error === undefined ? undefined : this.#offer?.groupWanted(error);
    if (wanted !== undefined && this.#group === undefined) {
      return sa.request(step, new NewChildSa(this.#selectors, wanted));
    }
    trace(step, {
      level: "warning",
      event: "child-sa-refused",
      remote: sa.remote,
      facts: { notify: error?.notifyType },
    });
    sa.giveUp(step, "rekey-failed");
  }

  abandon(sa: IkeSa): void {
    this.#offer?.withdraw(sa);
  }
}
