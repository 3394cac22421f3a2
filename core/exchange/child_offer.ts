/** Our half of a CREATE_CHILD_SA exchange that makes a Child SA, where we begin it (RFC 7296 §1.3.1). */
import type { OwnedBytes } from "../bytes.ts";
import type { KeyPair } from "../crypto/provider.ts";
import { ProtocolId } from "../message/constants.ts";
import type { NotifyPayload, Payload, Proposal } from "../message/payload.ts";
import { narrowSelectors } from "../sa/narrowing.ts";
import { confirmChoice, espSuiteOf, offerOf } from "../sa/proposal.ts";
import type { ChildSaPlan } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { AllowedSelectors } from "./ike_sa_seed.ts";
import { groupWanted, offeredGroup } from "./key_exchange_offer.ts";
import { espSpiBytes, espSpiOf, find } from "./payloads.ts";

/** What the peer agreed to; how the pair stands to older ones is for the exchange to say. */
export type AgreedChildSa = Omit<ChildSaPlan, "replaces" | "sends">;

/** One offer. It holds an inbound SPI until `withdraw`, or until a pair takes it over. */
export class ChildOffer {
  /** SPI of packets that we would receive. */
  readonly spi: number;
  /** Ni. */
  readonly nonceI: OwnedBytes;
  readonly #proposals: readonly Proposal[];
  readonly #pair: KeyPair | undefined;
  readonly #selectors: AllowedSelectors;

  /** `group`: what the responder asked for in INVALID_KE_PAYLOAD, else what we like best. */
  constructor(sa: IkeSa, selectors: AllowedSelectors, group: number | undefined) {
    const { crypto, random, settings } = sa.world;
    this.spi = sa.world.newEspSpi(sa);
    this.nonceI = random.bytes(32);
    this.#selectors = selectors;
    this.#proposals = offerOf(settings.espProposals, espSpiBytes(this.spi), true);
    const guess = group ?? offeredGroup(this.#proposals);
    this.#pair = guess === undefined ? undefined : crypto.generateKeyPair(guess, random);
  }

  /** SA, Ni, KEi where there is a group, TSi, TSr. */
  payloads(): readonly Payload[] {
    const pair = this.#pair;
    return [
      { kind: "SA", proposals: this.#proposals },
      { kind: "Nonce", data: this.nonceI },
      ...(pair === undefined
        ? []
        : [{ kind: "KE", group: pair.group, data: pair.publicValue } as const]),
      { kind: "TSi", selectors: this.#selectors.localSelectors },
      { kind: "TSr", selectors: this.#selectors.remoteSelectors },
    ];
  }

  /** The group that a refusal asks for, if we offered it. */
  groupWanted(error: NotifyPayload): number | undefined {
    return groupWanted(error, this.#proposals);
  }

  /** What a response agrees to; `undefined` when it makes no sense. */
  read(sa: IkeSa, response: readonly Payload[]): AgreedChildSa | undefined {
    const answer = find(response, "SA");
    const nonceR = find(response, "Nonce");
    if (answer === undefined || nonceR === undefined) return undefined;
    const chosen = confirmChoice(this.#proposals, answer.proposals, {
      protocol: ProtocolId.ESP,
      withKe: true,
    });
    const outboundSpi = chosen === undefined ? undefined : espSpiOf(chosen.spi);
    if (chosen === undefined || outboundSpi === undefined) return undefined;
    const { suite, group } = espSuiteOf(chosen);
    let sharedSecret: OwnedBytes | undefined;
    if (group !== undefined) {
      const ke = find(response, "KE");
      if (ke?.group !== group || this.#pair?.group !== group) return undefined;
      sharedSecret = sa.world.crypto.deriveSharedSecret(this.#pair, ke.data);
      if (sharedSecret === undefined) return undefined;
    }
    const narrowed = (kind: "TSi" | "TSr", offered: AllowedSelectors["localSelectors"]) =>
      narrowSelectors(find(response, kind)?.selectors ?? [], offered);
    const localSelectors = narrowed("TSi", this.#selectors.localSelectors);
    const remoteSelectors = narrowed("TSr", this.#selectors.remoteSelectors);
    if (localSelectors.length === 0 || remoteSelectors.length === 0) return undefined;
    return {
      inboundSpi: this.spi,
      outboundSpi,
      suite,
      nonceI: this.nonceI,
      nonceR: nonceR.data,
      weInitiate: true,
      localSelectors,
      remoteSelectors,
      ...(sharedSecret === undefined ? {} : { sharedSecret }),
    };
  }

  /** Nothing comes of it. */
  withdraw(sa: IkeSa): void {
    sa.world.freeEspSpi(this.spi);
  }
}
