/** The Identity round (RFC 3748 §5.1). */
import { type Bytes, type OwnedBytes, textOf } from "../bytes.ts";
import { buildEapPacket, type EapMethodId, EapType } from "./packet.ts";

/** The type of its packets. */
export const IDENTITY_METHOD: EapMethodId = { type: EapType.IDENTITY };

/** RFC 7542 §2.2 allows 253 octets in a network access identifier. */
const LONGEST_IDENTITY = 253;

/** The question, without a word for the person. */
export function identityRequest(identifier: number): OwnedBytes {
  const data = new Uint8Array(0);
  return buildEapPacket({ kind: "request", identifier, method: IDENTITY_METHOD, data });
}

/** The name in an answer: a peer may put options behind a NUL. `undefined` when it is too long. */
export function identityOf(data: Bytes): string | undefined {
  const end = data.indexOf(0);
  const name = end < 0 ? data : data.subarray(0, end);
  return name.length > LONGEST_IDENTITY ? undefined : textOf(name);
}
