/**
 * Quick crash detection on a living IKE SA (RFC 6290): who may lose it gives its peer a token, and by
 * that token, in clear, the peer believes that the SA is lost.
 */
import { copyBytes } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { buildCrashToken, crashTokensIn } from "../message/crash_token.ts";
import { findNotify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** Our token of an IKE SA as a payload, where we make tokens. */
export function crashTokenOf({ world, spiI, spiR }: IkeSa): readonly Payload[] {
  const token = world.makeCrashToken?.(spiI, spiR);
  return token === undefined ? [] : [buildCrashToken(token)];
}

/** Keeps the peer's token, where we take them (§4.2, §4.3). */
export function takeCrashToken(sa: IkeSa, payloads: readonly Payload[]): void {
  if (!sa.world.settings.takesCrashTokens) return;
  const [token] = crashTokensIn(payloads);
  if (token !== undefined) sa.crashToken = copyBytes(token);
}

/** Tells our token of an IKE SA that a rekey of ours made (§4.3). */
export const tellCrashToken: Task = {
  name: "tell-crash-token",
  exchangeType: ExchangeType.INFORMATIONAL,
  build: crashTokenOf,
  handle: () => {},
};

/**
 * A message in clear for an IKE SA of ours. With the peer's token it is the truth, and the SA is closed
 * without a word (§4.5); an INVALID_IKE_SPI alone may be anybody's, and makes us ask (RFC 7296 §2.4).
 */
export function hearUnprotected(sa: IkeSa, step: Step, payloads: readonly Payload[]): void {
  const { crashToken } = sa;
  // Every token is compared, and each in the same time.
  const matches = crashTokensIn(payloads).filter((token) =>
    crashToken !== undefined && equalSecrets(token, crashToken)
  );
  if (matches.length > 0) {
    trace(step, { level: "info", event: "peer-restarted", remote: sa.remote });
    return sa.close(step, "peer-restarted");
  }
  if (findNotify(payloads, NotifyType.INVALID_IKE_SPI) !== undefined) sa.doubt(step);
}
