/** The responder's half of a key exchange inside CREATE_CHILD_SA. */
import type { OwnedBytes } from "../bytes.ts";
import { NotifyType } from "../message/constants.ts";
import { buildInvalidKe, notify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import type { IkeSa } from "./ike_sa.ts";
import { find } from "./payloads.ts";

/** What came of it. */
export type KeyExchangeAnswer =
  | {
    readonly kind: "done";
    /** Our KE payload, none where the exchange has no group. */
    readonly payloads: readonly Payload[];
    readonly sharedSecret: OwnedBytes | undefined;
  }
  | { readonly kind: "refused"; readonly notify: Payload };

/** Makes our KE payload for `group`, or says what is wrong with the peer's (RFC 7296 §1.3). */
export function answerKeyExchange(
  sa: IkeSa,
  request: readonly Payload[],
  group: number | undefined,
): KeyExchangeAnswer {
  if (group === undefined) return { kind: "done", payloads: [], sharedSecret: undefined };
  const { crypto, random } = sa.world;
  const ke = find(request, "KE");
  if (ke?.group !== group) {
    return { kind: "refused", notify: buildInvalidKe(group) };
  }
  const pair = crypto.generateKeyPair(group, random);
  const sharedSecret = crypto.deriveSharedSecret(pair, ke.data);
  if (sharedSecret === undefined) {
    return { kind: "refused", notify: notify(NotifyType.INVALID_SYNTAX) };
  }
  const answer: Payload = { kind: "KE", group, data: pair.publicValue };
  return { kind: "done", payloads: [answer], sharedSecret };
}
