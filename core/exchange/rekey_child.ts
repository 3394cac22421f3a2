/** Rekeying a Child SA as initiator of the exchange (RFC 7296 §1.3.3, §2.8). */
import type { KeyPair } from "../crypto/provider.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../message/constants.ts";
import { buildRekeySa, findErrorNotify } from "../message/notify.ts";
import type { NotifyPayload, Payload, Proposal } from "../message/payload.ts";
import { narrowSelectors } from "../sa/narrowing.ts";
import { confirmChoice, espSuiteOf, offerOf } from "../sa/proposal.ts";
import type { ChildSa } from "./child_sa.ts";
import { installChildSa, removeChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import { DeleteChildSas } from "./informational.ts";
import { groupWanted, offeredGroup } from "./key_exchange_offer.ts";
import { espSpiBytes, espSpiOf, find } from "./payloads.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** One attempt to replace a Child SA. */
export class RekeyChildSa implements Task {
  readonly name = "rekey-child-sa";
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  readonly #oldSpi: number;
  readonly #group: number | undefined;
  #offer: readonly Proposal[] = [];
  #spi = 0;
  #nonceI: Uint8Array = new Uint8Array(0);
  #pair: KeyPair | undefined;

  /** `group`: what the responder asked for in INVALID_KE_PAYLOAD. */
  constructor(oldSpi: number, group?: number) {
    this.#oldSpi = oldSpi;
    this.#group = group;
  }

  build(sa: IkeSa): readonly Payload[] | undefined {
    const old = sa.children.get(this.#oldSpi);
    if (old === undefined || old.state !== "rekeying") return undefined;
    const { crypto, random, settings } = sa.world;
    this.#spi = sa.world.newEspSpi(sa);
    this.#offer = offerOf(settings.espProposals, espSpiBytes(this.#spi), true);
    this.#nonceI = random.bytes(32);
    const group = this.#group ?? offeredGroup(this.#offer);
    if (group !== undefined) this.#pair = crypto.generateKeyPair(group, random);
    return [
      buildRekeySa(ProtocolId.ESP, espSpiBytes(old.inboundSpi)),
      { kind: "SA", proposals: this.#offer },
      { kind: "Nonce", data: this.#nonceI },
      ...(this.#pair === undefined
        ? []
        : [{ kind: "KE", group: this.#pair.group, data: this.#pair.publicValue } as const]),
      { kind: "TSi", selectors: old.localSelectors },
      { kind: "TSr", selectors: old.remoteSelectors },
    ];
  }

  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const old = sa.children.get(this.#oldSpi);
    const error = findErrorNotify(response);
    if (error !== undefined || old === undefined) {
      sa.world.freeEspSpi(this.#spi);
      if (error !== undefined && old !== undefined) this.#refused(sa, step, old, error);
      return;
    }
    if (!this.#install(sa, step, old, response)) {
      // Both ends disagree about what exists now: only a new IKE SA is safe.
      sa.world.freeEspSpi(this.#spi);
      trace(step, { level: "warning", event: "rekey-answer-unusable", remote: sa.remote });
      sa.giveUp(step, "rekey-failed");
    }
  }

  abandon(sa: IkeSa): void {
    sa.world.freeEspSpi(this.#spi);
  }

  #refused(
    sa: IkeSa,
    step: Step,
    old: ChildSa,
    error: NotifyPayload,
  ): void {
    const wanted = groupWanted(error, this.#offer);
    if (wanted !== undefined && this.#group === undefined) {
      return sa.request(step, new RekeyChildSa(this.#oldSpi, wanted));
    }
    if (error.notifyType === NotifyType.CHILD_SA_NOT_FOUND) {
      return removeChildSa(sa, step, old.inboundSpi);
    }
    trace(step, {
      level: "info",
      event: "rekey-refused",
      remote: sa.remote,
      facts: { what: "child", notify: error.notifyType },
    });
    sa.postponeRekey(step, old);
  }

  #install(sa: IkeSa, step: Step, old: ChildSa, response: readonly Payload[]): boolean {
    const answer = find(response, "SA");
    const nonceR = find(response, "Nonce");
    if (answer === undefined || nonceR === undefined) return false;
    const chosen = confirmChoice(this.#offer, answer.proposals, {
      protocol: ProtocolId.ESP,
      withKe: true,
    });
    const outboundSpi = chosen === undefined ? undefined : espSpiOf(chosen.spi);
    if (chosen === undefined || outboundSpi === undefined) return false;
    const { suite, group } = espSuiteOf(chosen);
    let sharedSecret: Uint8Array | undefined;
    if (group !== undefined) {
      const ke = find(response, "KE");
      if (ke?.group !== group || this.#pair?.group !== group) return false;
      sharedSecret = sa.world.crypto.deriveSharedSecret(this.#pair, ke.data);
      if (sharedSecret === undefined) return false;
    }
    const localSelectors = narrowSelectors(
      find(response, "TSi")?.selectors ?? [],
      old.localSelectors,
    );
    const remoteSelectors = narrowSelectors(
      find(response, "TSr")?.selectors ?? [],
      old.remoteSelectors,
    );
    if (localSelectors.length === 0 || remoteSelectors.length === 0) return false;
    installChildSa(sa, step, {
      inboundSpi: this.#spi,
      outboundSpi,
      suite,
      nonceI: this.#nonceI,
      nonceR: nonceR.data,
      weInitiate: true,
      localSelectors,
      remoteSelectors,
      replaces: old.inboundSpi,
      outboundWaits: false,
      ...(sharedSecret === undefined ? {} : { sharedSecret }),
    });
    sa.world.count("child-sa-rekeyed");
    sa.request(step, new DeleteChildSas([old.inboundSpi]));
    return true;
  }
}
