/** Which group an initiator guesses for its KE payload, and what a refusal of that guess says. */
import { Group, NotifyType, TransformType } from "../message/constants.ts";
import { parseInvalidKe } from "../message/notify.ts";
import type { NotifyPayload, Proposal } from "../message/payload.ts";

/** The first group that the proposals offer, or `undefined` when they offer none. */
export function offeredGroup(proposals: readonly Proposal[]): number | undefined {
  for (const { transforms } of proposals) {
    for (const { type, id } of transforms) {
      if (type === TransformType.KE && id !== Group.NONE) return id;
    }
  }
  return undefined;
}

/**
 * The group that an INVALID_KE_PAYLOAD asks for, if it is one that we offered (RFC 7296 §1.2: an
 * attacker must not talk us into another).
 */
export function groupWanted(
  error: NotifyPayload,
  offered: readonly Proposal[],
): number | undefined {
  if (error.notifyType !== NotifyType.INVALID_KE_PAYLOAD) return undefined;
  const group = parseInvalidKe(error);
  const isOffered = offered.some(({ transforms }) =>
    transforms.some(({ type, id }) => type === TransformType.KE && id === group)
  );
  return isOffered && group !== Group.NONE ? group : undefined;
}
