/** QCD_TOKEN: by which a peer is believed that it has lost an IKE SA (RFC 6290 §4.1). */
import type { Bytes } from "../bytes.ts";
import { NotifyType, ProtocolId } from "./constants.ts";
import type { NotifyPayload, Payload } from "./payload.ts";

/** Tokens of one message that are looked at: makers send one for each secret of theirs (§4.5). */
const MOST_TOKENS = 4;

/** A notify about the IKE SA, with the token. */
export function buildCrashToken(token: Bytes): NotifyPayload {
  return {
    kind: "N",
    protocol: ProtocolId.IKE,
    spi: new Uint8Array(0),
    notifyType: NotifyType.QCD_TOKEN,
    data: token,
  };
}

/** The tokens among some payloads; those that do not have 16 to 128 octets are left out. */
export function crashTokensIn(payloads: readonly Payload[]): readonly Bytes[] {
  return payloads
    .flatMap((it) => it.kind === "N" && it.notifyType === NotifyType.QCD_TOKEN ? [it.data] : [])
    .filter(({ length }) => length >= 16 && length <= 128)
    .slice(0, MOST_TOKENS);
}
