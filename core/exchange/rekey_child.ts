/** Rekeying a Child SA as initiator of the exchange (RFC 7296 §1.3.3, §2.8, §2.8.1, §2.25.1). */
import type { OwnedBytes } from "../bytes.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../message/constants.ts";
import { buildRekeySa, findErrorNotify } from "../message/notify.ts";
import type { NotifyPayload, Payload } from "../message/payload.ts";
import { compareNonces, lowerNonce } from "../sa/nonces.ts";
import type { AgreedChildSa } from "./child_offer.ts";
import { ChildOffer } from "./child_offer.ts";
import type { ChildSa } from "./child_sa.ts";
import { installChildSa, removeChildSa, retireChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import { DeleteChildSas } from "./informational.ts";
import { NewChildSa } from "./new_child.ts";
import { espSpiBytes } from "./payloads.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** How long a peer may take to delete its redundant pair: it may not have heard yet that there is one. */
const REDUNDANT_MS = 10_000;

/** The pair that the peer made of the same Child SA meanwhile. */
export interface RivalChildSa {
  /** Its inbound SPI. */
  readonly inboundSpi: number;
  /** The lower nonce of the exchange that made it. */
  readonly nonce: OwnedBytes;
}

/** One attempt to replace a Child SA. */
export class RekeyChildSa implements Task {
  readonly name = "rekey-child-sa";
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  /** The inbound SPI of the pair to be replaced. */
  readonly oldSpi: number;
  readonly #group: number | undefined;
  #offer: ChildOffer | undefined;
  #rival: RivalChildSa | undefined;

  /** `group`: what the responder asked for in INVALID_KE_PAYLOAD. */
  constructor(oldSpi: number, group?: number) {
    this.oldSpi = oldSpi;
    this.#group = group;
  }

  /** Whether the peer's rekey of the same pair was answered meanwhile. */
  get hasRival(): boolean {
    return this.#rival !== undefined;
  }

  /** The peer's rekey crossed this one and was answered with a pair. */
  meet(rival: RivalChildSa): void {
    this.#rival = rival;
  }

  build(sa: IkeSa): readonly Payload[] | undefined {
    const old = sa.children.get(this.oldSpi);
    if (old === undefined || old.state !== "rekeying") return undefined;
    this.#offer = new ChildOffer(sa, old, this.#group);
    return [
      buildRekeySa(ProtocolId.ESP, espSpiBytes(old.inboundSpi)),
      ...this.#offer.payloads(),
    ];
  }

  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const old = sa.children.get(this.oldSpi);
    const error = findErrorNotify(response);
    if (error !== undefined) {
      this.#offer?.withdraw(sa);
      if (old !== undefined) this.#refused(sa, step, old, error);
      return;
    }
    const agreed = this.#offer?.read(sa, response);
    if (agreed === undefined) {
      // Both ends disagree about what exists now: only a new IKE SA is safe.
      this.#offer?.withdraw(sa);
      trace(step, { level: "warning", event: "rekey-answer-unusable", remote: sa.remote });
      return sa.giveUp(step, "rekey-failed");
    }
    sa.world.count("child-sa-rekeyed");
    if (old !== undefined) old.state = "replaced";
    this.#settle(sa, step, agreed);
  }

  abandon(sa: IkeSa): void {
    this.#offer?.withdraw(sa);
  }

  /**
   * The pair is there. Alone it takes over, and the old one goes. Of two, that with the lowest nonce
   * goes unused, deleted by who made it; who made the other deletes the old one (§2.8.1). The old
   * pair may be gone already where the peer was quicker. The DELETE comes before all else that waits,
   * so that a rekey of the IKE SA does not fall into one of a Child SA.
   */
  #settle(sa: IkeSa, step: Step, agreed: AgreedChildSa): void {
    const rival = this.#rival;
    const nonce = lowerNonce(agreed.nonceI, agreed.nonceR);
    const hasOther = [...sa.children.keys()].some((spi) => spi !== this.oldSpi);
    if (rival !== undefined && hasOther && compareNonces(nonce, rival.nonce) < 0) {
      sa.world.count("child-sa-redundant");
      // Some packets may come on it until it is deleted; none is sent.
      installChildSa(sa, step, { ...agreed, sends: "never" }).state = "replaced";
      return sa.requestNext(step, new DeleteChildSas([agreed.inboundSpi]));
    }
    const loser = rival === undefined ? undefined : sa.children.get(rival.inboundSpi);
    if (loser !== undefined) retireChildSa(loser, step, REDUNDANT_MS);
    installChildSa(sa, step, { ...agreed, replaces: this.oldSpi, sends: "at-once" });
    sa.requestNext(step, new DeleteChildSas([this.oldSpi]));
  }

  #refused(sa: IkeSa, step: Step, old: ChildSa, error: NotifyPayload): void {
    // The peer's own rekey of the pair went through: it will delete the pair.
    if (this.#rival !== undefined) {
      old.state = "replaced";
      return;
    }
    const wanted = this.#offer?.groupWanted(error);
    if (wanted !== undefined && this.#group === undefined) {
      return sa.request(step, new RekeyChildSa(this.oldSpi, wanted));
    }
    if (error.notifyType === NotifyType.CHILD_SA_NOT_FOUND) {
      removeChildSa(sa, step, old.inboundSpi);
      if (sa.children.size === 0) sa.request(step, new NewChildSa(old));
      return;
    }
    trace(step, {
      level: "info",
      event: "rekey-refused",
      remote: sa.remote,
      facts: { what: "child", notify: error.notifyType },
    });
    sa.rekeys.postpone(step, error.notifyType, old);
  }
}
