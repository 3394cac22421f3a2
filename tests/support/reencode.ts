/** A parsed message put together again, octet for octet, with its encrypted part as it was. */
import type { OwnedBytes } from "../../core/bytes.ts";
import { layoutEncrypted } from "../../core/message/encrypted.ts";
import { buildMessage, type ParsedMessage } from "../../core/message/message.ts";

/** Octets of the message; payloads in clear before an SK are not supported. */
export function reencode(message: ParsedMessage): OwnedBytes {
  const { header, payloads, encrypted } = message;
  if (encrypted === undefined) return buildMessage(header, payloads);
  const { fragmentNumber, totalFragments } = encrypted;
  const layout = layoutEncrypted({
    header,
    firstInnerPayload: encrypted.firstInnerPayload,
    ivLength: 0,
    ciphertextLength: encrypted.body.length,
    icvLength: 0,
    ...(fragmentNumber === undefined || totalFragments === undefined
      ? {}
      : { fragment: { number: fragmentNumber, total: totalFragments } }),
    ...(encrypted.critical === undefined ? {} : { critical: encrypted.critical }),
  });
  layout.bytes.set(encrypted.body, layout.ciphertextOffset);
  return layout.bytes;
}
