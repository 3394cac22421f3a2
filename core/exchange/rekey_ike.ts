/** Rekeying the IKE SA, both halves (RFC 7296 §1.3.2, §2.8.2, §2.18, §2.25.2). */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { copyBytes } from "../bytes.ts";
import type { KeyPair } from "../crypto/provider.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../message/constants.ts";
import { buildInvalidKe, findErrorNotify, notify } from "../message/notify.ts";
import type { NotifyPayload, Payload, Proposal, SaPayload } from "../message/payload.ts";
import { deriveRekeyedIkeKeys } from "../sa/keymat.ts";
import { compareNonces, lowerNonce } from "../sa/nonces.ts";
import { chooseProposal, confirmChoice, ikeSuiteOf, offerOf } from "../sa/proposal.ts";
import { crashTokenOf, takeCrashToken, tellCrashToken } from "./crash_token.ts";
import { IkeSa } from "./ike_sa.ts";
import { DeleteIkeSa } from "./informational.ts";
import { answerKeyExchange } from "./key_exchange_answer.ts";
import { groupWanted, offeredGroup } from "./key_exchange_offer.ts";
import { find } from "./payloads.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** Exchanges of ours during which the IKE SA must stay (RFC 7296 §2.25.2, and what MOBIKE is about). */
const OBSTACLES: ReadonlySet<string> = new Set([
  "delete-ike-sa",
  "rekey-child-sa",
  "new-child-sa",
  "delete-child-sa",
  "check-address",
  "update-addresses",
]);

const CHOICE = { protocol: ProtocolId.IKE, withKe: true } as const;

/** The IKE SA that the peer's rekey made while ours was under way. */
interface Rival {
  readonly sa: IkeSa;
  /** The lower nonce of the exchange that made it. */
  readonly nonce: OwnedBytes;
}

/** One attempt of ours to replace the IKE SA. */
export class RekeyIkeSa implements Task {
  readonly name = "rekey-ike-sa";
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  readonly #group: number | undefined;
  #offer: readonly Proposal[] = [];
  #spi: OwnedBytes = new Uint8Array(0);
  #nonce: OwnedBytes = new Uint8Array(0);
  #pair: KeyPair | undefined;
  #rival: Rival | undefined;
  /** Whether the other side's IKE SA has taken over while we waited. */
  #hasConceded = false;

  /** `group`: what the responder asked for in INVALID_KE_PAYLOAD. */
  constructor(group?: number) {
    this.#group = group;
  }

  /** Whether the peer's rekey was answered meanwhile. */
  get hasRival(): boolean {
    return this.#rival !== undefined || this.#hasConceded;
  }

  build(sa: IkeSa, step: Step): readonly Payload[] | undefined {
    if (sa.phase !== "established") return undefined;
    if (sa.rekeys.isPeerRekeying(step.at.monotonic)) {
      sa.rekeys.postpone(step, NotifyType.TEMPORARY_FAILURE);
      return undefined;
    }
    const { crypto, random, settings } = sa.world;
    this.#spi = sa.world.newIkeSpi();
    this.#offer = offerOf(settings.ikeProposals, this.#spi, true);
    this.#nonce = random.bytes(32);
    // The group in use is one that the peer is known to like.
    const group = this.#group ?? groupWanted(buildInvalidKe(sa.suite.group), this.#offer) ??
      offeredGroup(this.#offer);
    if (group === undefined) return undefined;
    this.#pair = crypto.generateKeyPair(group, random);
    return [
      { kind: "SA", proposals: this.#offer },
      { kind: "Nonce", data: this.#nonce },
      { kind: "KE", group, data: this.#pair.publicValue },
    ];
  }

  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    const error = findErrorNotify(response);
    if (error !== undefined) return this.#refused(sa, step, error);
    const nonceR = find(response, "Nonce");
    const next = nonceR === undefined
      ? undefined
      : this.#successor(sa, step, response, nonceR.data);
    if (nonceR === undefined || next === undefined) {
      trace(step, { level: "warning", event: "rekey-answer-unusable", remote: sa.remote });
      return sa.giveUp(step, "rekey-failed");
    }
    const rival = this.#rival;
    this.#rival = undefined;
    const isLower = rival !== undefined &&
      compareNonces(lowerNonce(this.#nonce, nonceR.data), rival.nonce) < 0;
    if (this.#hasConceded || isLower) {
      // §2.8.2: who made the IKE SA with the lowest nonce deletes it; the other inherits everything.
      if (rival !== undefined) sa.becomeReplaced(step, rival.sa);
      next.becomeRedundant(step);
      return next.request(step, new DeleteIkeSa("rekeyed"));
    }
    rival?.sa.becomeRedundant(step);
    takeCrashToken(next, response);
    sa.becomeReplaced(step, next);
    sa.request(step, new DeleteIkeSa("rekeyed"));
    // Who answers a rekey tells its token at once, who began it afterwards (RFC 6290 §4.3).
    if (sa.hasToldCrashToken) next.request(step, tellCrashToken);
  }

  /** The peer's rekey crossed this one and was answered: the nonces will tell which one counts. */
  meet(sa: IkeSa, step: Step, rival: Rival): void {
    this.#rival = rival;
    rival.sa.dispute(step, {
      won: (step) => this.concede(sa, step),
      lost: () => {
        this.#rival = undefined;
      },
    });
  }

  /** The peer acts on its own rekey: so it counts, whatever comes of ours. */
  concede(sa: IkeSa, step: Step): void {
    const rival = this.#rival;
    if (rival === undefined) return;
    this.#rival = undefined;
    this.#hasConceded = true;
    sa.becomeReplaced(step, rival.sa);
  }

  abandon(_sa: IkeSa, step: Step): void {
    this.#rival?.sa.close(step, "rekeyed");
  }

  #refused(sa: IkeSa, step: Step, error: NotifyPayload): void {
    // A peer whose own rekey went through has no use for ours.
    if (this.#rival !== undefined) return this.concede(sa, step);
    if (this.#hasConceded) return;
    const wanted = groupWanted(error, this.#offer);
    if (wanted !== undefined && this.#group === undefined) {
      return sa.request(step, new RekeyIkeSa(wanted));
    }
    trace(step, {
      level: "info",
      event: "rekey-refused",
      remote: sa.remote,
      facts: { what: "ike", notify: error.notifyType },
    });
    sa.rekeys.postpone(step, error.notifyType);
  }

  #successor(
    sa: IkeSa,
    step: Step,
    response: readonly Payload[],
    nonceR: Bytes,
  ): IkeSa | undefined {
    const answer = find(response, "SA");
    const ke = find(response, "KE");
    if (answer === undefined || ke === undefined) return undefined;
    const chosen = confirmChoice(this.#offer, answer.proposals, CHOICE);
    if (chosen === undefined || chosen.spi.length !== 8 || this.#pair === undefined) {
      return undefined;
    }
    if (ke.group !== this.#pair.group || ikeSuiteOf(chosen).group !== ke.group) return undefined;
    const sharedSecret = sa.world.crypto.deriveSharedSecret(this.#pair, ke.data);
    if (sharedSecret === undefined) return undefined;
    return succeed(sa, step, {
      weInitiate: true,
      chosen,
      sharedSecret,
      spiI: this.#spi,
      spiR: copyBytes(chosen.spi),
      nonceI: this.#nonce,
      nonceR,
    });
  }
}

/** Answers the peer's rekey of the IKE SA. */
export function respondRekeyIkeSa(
  sa: IkeSa,
  step: Step,
  request: readonly Payload[],
  offer: SaPayload,
  nonceI: Bytes,
): void {
  const { current } = sa;
  const own = current instanceof RekeyIkeSa ? current : undefined;
  const isBusy = current !== undefined && OBSTACLES.has(current.name);
  if (isBusy || own?.hasRival === true) {
    return sa.reply(step, [notify(NotifyType.TEMPORARY_FAILURE)]);
  }
  const choice = chooseProposal(sa.world.settings.ikeProposals, offer.proposals, CHOICE);
  if (choice === undefined || choice.proposal.spi.length !== 8) {
    return sa.reply(step, [notify(NotifyType.NO_PROPOSAL_CHOSEN)]);
  }
  const exchange = answerKeyExchange(sa, request, ikeSuiteOf(choice.proposal).group);
  if (exchange.kind === "refused") return sa.reply(step, [exchange.notify]);
  const { sharedSecret } = exchange;
  if (sharedSecret === undefined) return sa.reply(step, [notify(NotifyType.INVALID_SYNTAX)]);
  const spiR = sa.world.newIkeSpi();
  const nonceR = sa.world.random.bytes(32);
  const next = succeed(sa, step, {
    weInitiate: false,
    chosen: choice.proposal,
    sharedSecret,
    spiI: copyBytes(choice.proposal.spi),
    spiR,
    nonceI,
    nonceR,
  });
  sa.reply(step, [
    { kind: "SA", proposals: [{ ...choice.proposal, spi: spiR }] },
    { kind: "Nonce", data: nonceR },
    ...exchange.payloads,
    ...(sa.hasToldCrashToken ? crashTokenOf(next) : []),
  ]);
  if (own === undefined) return sa.becomeReplaced(step, next);
  own.meet(sa, step, { sa: next, nonce: lowerNonce(nonceI, nonceR) });
}

interface Succession {
  readonly weInitiate: boolean;
  readonly chosen: Proposal;
  readonly sharedSecret: Bytes;
  readonly spiI: OwnedBytes;
  readonly spiR: OwnedBytes;
  readonly nonceI: Bytes;
  readonly nonceR: Bytes;
}

/** The IKE SA that takes over: whoever began the rekey is its original initiator (§2.18). */
function succeed(sa: IkeSa, step: Step, made: Succession): IkeSa {
  const suite = ikeSuiteOf(made.chosen);
  const keys = deriveRekeyedIkeKeys(
    sa.world.crypto,
    sa.suite.prf,
    sa.keys.d,
    suite,
    made.sharedSecret,
    made.nonceI,
    made.nonceR,
    made.spiI,
    made.spiR,
  );
  sa.world.count("ike-sa-rekeyed");
  const { local, remote, fragmentation, ciscoFragments, nat } = sa;
  const { spiI, spiR } = made;
  return new IkeSa(sa.world, {
    originalInitiator: made.weInitiate,
    spiI,
    spiR,
    suite,
    keys,
    local,
    remote,
    firstMessageId: 0,
    fragmentation,
    ciscoFragments,
    nat,
  }, step.at);
}
