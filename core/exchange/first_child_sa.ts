/** The Child SA that IKE_AUTH makes, as responder (RFC 7296 §1.2, §2.9, §2.17). */
import { NotifyType, ProtocolId } from "../message/constants.ts";
import { notify } from "../message/notify.ts";
import type { NotifyPayload, Payload, Proposal, TrafficSelector } from "../message/payload.ts";
import { narrowSelectors } from "../sa/narrowing.ts";
import { chooseProposal, espSuiteOf } from "../sa/proposal.ts";
import type { EspSuite } from "../sa/suite.ts";
import { installChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { AllowedSelectors } from "./ike_sa_seed.ts";
import type { InitMemory } from "./ike_sa_init.ts";
import { espSpiBytes, espSpiOf, find } from "./payloads.ts";
import type { Step } from "./step.ts";

/** What both sides agree on, before anything is installed. */
export type FirstChildSa =
  | {
    readonly kind: "agreed";
    readonly proposal: Proposal;
    readonly suite: EspSuite;
    readonly outboundSpi: number;
    readonly localSelectors: readonly TrafficSelector[];
    readonly remoteSelectors: readonly TrafficSelector[];
  }
  | { readonly kind: "refused"; readonly notify: NotifyPayload };

/** Negotiates on the first IKE_AUTH request of the peer. */
export function negotiateFirstChildSa(
  sa: IkeSa,
  request: readonly Payload[],
  allowed: AllowedSelectors,
): FirstChildSa {
  const offer = find(request, "SA");
  const choice = chooseProposal(sa.world.settings.espProposals, offer?.proposals ?? [], {
    protocol: ProtocolId.ESP,
    withKe: false,
  });
  const outboundSpi = choice === undefined ? undefined : espSpiOf(choice.proposal.spi);
  if (choice === undefined || outboundSpi === undefined) {
    return { kind: "refused", notify: notify(NotifyType.NO_PROPOSAL_CHOSEN) };
  }
  const narrowed = (kind: "TSi" | "TSr", permitted: readonly TrafficSelector[]) =>
    narrowSelectors(find(request, kind)?.selectors ?? [], permitted);
  const localSelectors = narrowed("TSr", allowed.localSelectors);
  const remoteSelectors = narrowed("TSi", allowed.remoteSelectors);
  if (localSelectors.length === 0 || remoteSelectors.length === 0) {
    return { kind: "refused", notify: notify(NotifyType.TS_UNACCEPTABLE) };
  }
  const { suite } = espSuiteOf(choice.proposal);
  const { proposal } = choice;
  return { kind: "agreed", proposal, suite, outboundSpi, localSelectors, remoteSelectors };
}

/** Installs what was agreed and says so in payloads; `replaces` is the pair of an SA taken over. */
export function installFirstChildSa(
  sa: IkeSa,
  step: Step,
  agreed: FirstChildSa & { readonly kind: "agreed" },
  memory: InitMemory,
  replaces: number | undefined,
): readonly Payload[] {
  const inboundSpi = sa.world.newEspSpi(sa);
  const { proposal, suite, outboundSpi, localSelectors, remoteSelectors } = agreed;
  installChildSa(sa, step, {
    inboundSpi,
    outboundSpi,
    suite,
    nonceI: memory.nonceI,
    nonceR: memory.nonceR,
    weInitiate: false,
    localSelectors,
    remoteSelectors,
    replaces,
    // The peer has no use for its old keys: whoever comes back has lost them.
    sends: "at-once",
  });
  return [
    { kind: "SA", proposals: [{ ...proposal, spi: espSpiBytes(inboundSpi) }] },
    { kind: "TSi", selectors: remoteSelectors },
    { kind: "TSr", selectors: localSelectors },
  ];
}
