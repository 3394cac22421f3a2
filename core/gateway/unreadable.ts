/** What is said to a datagram that cannot be read: mostly nothing (RFC 7296 §2.5, §2.21). */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { parseHeader } from "../message/header.ts";
import { buildMessage } from "../message/message.ts";
import { buildUnsupportedCritical, notify } from "../message/notify.ts";
import type { WireFault } from "../wire/fault.ts";

/**
 * The answer to an initiator whose major version is above ours, or whose first message has a critical
 * payload that we do not know; `undefined` for all else, and where it would be longer than the message.
 */
export function answerUnreadable(bytes: Bytes, fault: WireFault): OwnedBytes | undefined {
  const header = parseHeader(bytes);
  if (!header.ok || header.value.flags.response || !header.value.flags.initiator) return undefined;
  const { initiatorSpi, responderSpi, exchangeType, messageId, majorVersion } = header.value;
  const isInit = exchangeType === ExchangeType.IKE_SA_INIT;
  const answer = majorVersion > 2
    ? notify(NotifyType.INVALID_MAJOR_VERSION)
    : isInit && fault.kind === "unsupported-critical" && fault.had !== undefined
    ? buildUnsupportedCritical(fault.had)
    : undefined;
  if (answer === undefined) return undefined;
  const flags = { initiator: false, response: true };
  const said = buildMessage({ initiatorSpi, responderSpi, exchangeType, flags, messageId }, [
    answer,
  ]);
  return said.length > bytes.length ? undefined : said;
}
