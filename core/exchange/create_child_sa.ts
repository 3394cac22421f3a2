/** CREATE_CHILD_SA as responder (RFC 7296 §1.3): new Child SA, rekeyed Child SA, rekeyed IKE SA. */
import type { Bytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import { NotifyType, ProtocolId } from "../message/constants.ts";
import { findNotify, notify, notifyChildSa } from "../message/notify.ts";
import type { Payload, Proposal, SaPayload } from "../message/payload.ts";
import { narrowSelectors } from "../sa/narrowing.ts";
import { lowerNonce } from "../sa/nonces.ts";
import { chooseProposal, espSuiteOf } from "../sa/proposal.ts";
import type { ChildSa } from "./child_sa.ts";
import { childByOutboundSpi, installChildSa, retireChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import { answerKeyExchange } from "./key_exchange_answer.ts";
import { espSpiBytes, espSpiOf, find } from "./payloads.ts";
import { RekeyChildSa } from "./rekey_child.ts";
import { respondRekeyIkeSa } from "./rekey_ike.ts";
import type { Step } from "./step.ts";

/** Longer than a peer may take to get our answer: until then it has only the pair that it rekeys. */
const PEER_DELETE_MS = 180_000;

/** Answers a CREATE_CHILD_SA request. */
export function respondCreateChildSa(sa: IkeSa, step: Step, request: readonly Payload[]): void {
  const offer = find(request, "SA");
  const nonce = find(request, "Nonce");
  if (offer === undefined || nonce === undefined) {
    return sa.reply(step, [notify(NotifyType.INVALID_SYNTAX)]);
  }
  const rekeysIkeSa = offer.proposals.some(({ protocol }) => protocol === ProtocolId.IKE);
  // RFC 7296 §2.25.2: an IKE SA that is being replaced or deleted makes nothing new.
  const isLeaving = ["rekey-ike-sa", "delete-ike-sa"].includes(sa.current?.name ?? "");
  const isUseless = sa.allowedSelectors === undefined;
  if (sa.phase !== "established" || isUseless || (isLeaving && !rekeysIkeSa)) {
    return sa.reply(step, [notify(NotifyType.TEMPORARY_FAILURE)]);
  }
  if (rekeysIkeSa) return respondRekeyIkeSa(sa, step, request, offer, nonce.data);
  sa.reply(step, makeChildSa(sa, step, request, offer, nonce.data));
}

function makeChildSa(
  sa: IkeSa,
  step: Step,
  request: readonly Payload[],
  offer: SaPayload,
  nonceI: Bytes,
): readonly Payload[] {
  const old = rekeyedChild(sa, request);
  if (old.kind === "refused") return [old.notify];
  if (sa.children.size >= limits.childSasPerIkeSa) return [notify(NotifyType.NO_ADDITIONAL_SAS)];

  const choice = chooseProposal(sa.world.settings.espProposals, offer.proposals, {
    protocol: ProtocolId.ESP,
    withKe: true,
  });
  const outboundSpi = choice === undefined ? undefined : espSpiOf(choice.proposal.spi);
  if (choice === undefined || outboundSpi === undefined) {
    return [notify(NotifyType.NO_PROPOSAL_CHOSEN)];
  }
  const { suite, group } = espSuiteOf(choice.proposal);

  const allowed = old.child ?? sa.allowedSelectors;
  const localSelectors = narrowSelectors(
    find(request, "TSr")?.selectors ?? [],
    allowed?.localSelectors ?? [],
  );
  const remoteSelectors = narrowSelectors(
    find(request, "TSi")?.selectors ?? [],
    allowed?.remoteSelectors ?? [],
  );
  if (localSelectors.length === 0 || remoteSelectors.length === 0) {
    return [notify(NotifyType.TS_UNACCEPTABLE)];
  }

  const exchange = answerKeyExchange(sa, request, group);
  if (exchange.kind === "refused") return [exchange.notify];

  const nonceR = sa.world.random.bytes(32);
  const inboundSpi = sa.world.newEspSpi(sa);
  installChildSa(sa, step, {
    inboundSpi,
    outboundSpi,
    suite,
    nonceI,
    nonceR,
    weInitiate: false,
    localSelectors,
    remoteSelectors,
    ...(exchange.sharedSecret === undefined ? {} : { sharedSecret: exchange.sharedSecret }),
    replaces: old.child?.inboundSpi,
    // The initiator is ready for the new pair only when it has our answer (§2.8).
    sends: old.child === undefined ? "at-once" : "waits",
  });
  if (old.contest !== undefined) {
    old.contest.meet({ inboundSpi, nonce: lowerNonce(nonceI, nonceR) });
  } else if (old.child !== undefined) {
    retireChildSa(old.child, step, PEER_DELETE_MS);
  }
  const chosen: Proposal = { ...choice.proposal, spi: espSpiBytes(inboundSpi) };
  return [
    { kind: "SA", proposals: [chosen] },
    { kind: "Nonce", data: nonceR },
    ...exchange.payloads,
    { kind: "TSi", selectors: remoteSelectors },
    { kind: "TSr", selectors: localSelectors },
  ];
}

type RekeyTarget =
  | {
    readonly kind: "found";
    readonly child?: ChildSa;
    /** Our own rekey of the same pair, if one is under way: which of the two counts is open (§2.8.1). */
    readonly contest?: RekeyChildSa;
  }
  | { readonly kind: "refused"; readonly notify: Payload };

/** The Child SA that REKEY_SA names, none when the request is for a new one (RFC 7296 §1.3.3). */
function rekeyedChild(sa: IkeSa, request: readonly Payload[]): RekeyTarget {
  const rekey = findNotify(request, NotifyType.REKEY_SA);
  if (rekey === undefined) return { kind: "found" };
  const spi = espSpiOf(rekey.spi);
  const child = spi === undefined ? undefined : childByOutboundSpi(sa, spi);
  if (child === undefined) {
    const notFound = notifyChildSa(NotifyType.CHILD_SA_NOT_FOUND, rekey.protocol, rekey.spi);
    return { kind: "refused", notify: notFound };
  }
  const { state } = child;
  const { current } = sa;
  const own = current instanceof RekeyChildSa && current.oldSpi === child.inboundSpi
    ? current
    : undefined;
  // RFC 7296 §2.25.1: not while we close it. Our own rekey that only waits for its turn is dropped.
  const isFree = state === "installed" || (state === "rekeying" && own?.hasRival !== true);
  if (!isFree) return { kind: "refused", notify: notify(NotifyType.TEMPORARY_FAILURE) };
  return { kind: "found", child, ...(own === undefined ? {} : { contest: own }) };
}
