/** INFORMATIONAL exchanges (RFC 7296 §1.4): DELETE, liveness, and errors told. */
import { ExchangeType, NotifyType, ProtocolId } from "../message/constants.ts";
import { findNotify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import { childByOutboundSpi, removeChildSa } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";
import { takeCrashToken } from "./crash_token.ts";
import { announceNat } from "./nat_announcement.ts";
import { espSpiBytes, espSpiOf } from "./payloads.ts";
import type { Step } from "./step.ts";
import type { Task } from "./task.ts";
import { respondMobike, watchNat } from "./update_addresses.ts";
import type { CloseReason } from "./world.ts";

/**
 * Asks whether the peer is alive (RFC 7296 §2.4), and a mobile one as whom it is seen (RFC 4555 §3.8). It
 * is long enough for a peer that has lost the SA to answer with its token (RFC 6290), which is to be
 * no longer than the question.
 */
export const livenessCheck: Task = {
  name: "liveness-check",
  exchangeType: ExchangeType.INFORMATIONAL,
  isLivenessCheck: true,
  build: ({ where, crashToken, world, spiI, spiR, remote }) =>
    where.mobility === "initiator" || crashToken !== undefined
      ? announceNat(world, spiI, spiR, remote)
      : [],
  handle: watchNat,
};

/** Deletes Child SAs by our inbound SPIs; they go on receiving until the peer has answered. */
export class DeleteChildSas implements Task {
  readonly name = "delete-child-sa";
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly #inboundSpis: readonly number[];

  constructor(inboundSpis: readonly number[]) {
    this.#inboundSpis = inboundSpis;
  }

  build(sa: IkeSa): readonly Payload[] | undefined {
    const spis = this.#inboundSpis.filter((spi) => sa.children.has(spi));
    if (spis.length === 0) return undefined;
    for (const spi of spis) {
      const child = sa.children.get(spi);
      if (child !== undefined) child.state = "deleting";
    }
    return [{ kind: "D", protocol: ProtocolId.ESP, spis: spis.map(espSpiBytes) }];
  }

  handle(sa: IkeSa, step: Step): void {
    for (const spi of this.#inboundSpis) removeChildSa(sa, step, spi);
  }
}

/** Deletes the IKE SA and waits for the answer. */
export class DeleteIkeSa implements Task {
  readonly name = "delete-ike-sa";
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly #reason: CloseReason;

  constructor(reason: CloseReason) {
    this.#reason = reason;
  }

  build(): readonly Payload[] {
    return [{ kind: "D", protocol: ProtocolId.IKE, spis: [] }];
  }

  handle(sa: IkeSa, step: Step): void {
    sa.close(step, this.#reason);
  }
}

/** Answers an INFORMATIONAL request. */
export function respondInformational(sa: IkeSa, step: Step, request: readonly Payload[]): void {
  const deletesIkeSa = request.some((p) => p.kind === "D" && p.protocol === ProtocolId.IKE);
  const refused = findNotify(request, NotifyType.AUTHENTICATION_FAILED) !== undefined;
  if (deletesIkeSa || refused) {
    sa.reply(step, []);
    sa.current?.concede?.(sa, step);
    const isReplaced = ["replaced", "redundant", "disputed"].includes(sa.phase);
    sa.linger(step, isReplaced ? "rekeyed" : refused ? "authentication-failed" : "peer-deleted");
    return;
  }
  takeCrashToken(sa, request);
  const mobike = respondMobike(sa, step, request);
  sa.reply(step, [...mobike.payloads, ...deleteChildSas(sa, step, request)]);
  mobike.then();
}

function deleteChildSas(sa: IkeSa, step: Step, request: readonly Payload[]): readonly Payload[] {
  const ours: number[] = [];
  for (const payload of request) {
    if (payload.kind !== "D" || payload.protocol !== ProtocolId.ESP) continue;
    for (const octets of payload.spis) {
      const spi = espSpiOf(octets);
      const child = spi === undefined ? undefined : childByOutboundSpi(sa, spi);
      if (child === undefined) continue;
      // RFC 7296 §1.4.1: when both delete at once, the answer does not name the half again.
      if (child.state !== "deleting") ours.push(child.inboundSpi);
      removeChildSa(sa, step, child.inboundSpi);
    }
  }
  if (ours.length === 0) return [];
  return [{ kind: "D", protocol: ProtocolId.ESP, spis: ours.map(espSpiBytes) }];
}
