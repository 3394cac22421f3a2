/**
 * The two forms of an ECDSA signature: ECDSA-Sig-Value (RFC 3279 §2.2.3, DER only) and r | s, each as
 * long as the curve's order (RFC 4754 §7).
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import { derInteger, DerReader, derSequence } from "./der.ts";

/** r | s of an ECDSA-Sig-Value; `undefined` when it is not DER or a number is too long. */
export function parseEcdsaSignature(der: Bytes, length: number): OwnedBytes | undefined {
  const outer = new DerReader(der, "signature");
  const value = outer.sequence("value");
  const r = value.unsigned("r");
  const s = value.unsigned("s");
  if (value.end() ?? outer.end()) return undefined;
  if (r.length > length || s.length > length) return undefined;
  return concatBytes(new Uint8Array(length - r.length), r, new Uint8Array(length - s.length), s);
}

/** The ECDSA-Sig-Value of r | s. */
export function buildEcdsaSignature(raw: Bytes): OwnedBytes {
  const length = raw.length / 2;
  return derSequence(derInteger(raw.subarray(0, length)), derInteger(raw.subarray(length)));
}
