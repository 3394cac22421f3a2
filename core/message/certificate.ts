/** CERT and CERTREQ payloads (RFC 7296 §3.6, §3.7). The certificate itself is for `pki/`. */
import type { Bytes } from "../bytes.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import { CertEncoding } from "./constants.ts";
import type { CertPayload, CertreqPayload } from "./payload.ts";

/** Octets of the SHA-1 hash that names a certification authority. */
const AUTHORITY = 20;

/** CERT payload, both directions. */
export const certCodec: PayloadCodec<CertPayload> = {
  parse(body: Reader): CertPayload {
    return { kind: "CERT", encoding: body.u8("encoding"), data: body.rest() };
  },

  build(writer: Writer, payload: CertPayload): void {
    writer.u8(payload.encoding);
    writer.bytes(payload.data);
  },
};

/** CERTREQ payload, both directions. */
export const certreqCodec: PayloadCodec<CertreqPayload> = {
  parse(body: Reader): CertreqPayload {
    const encoding = body.u8("encoding");
    const spare = body.remaining % AUTHORITY;
    if (encoding === CertEncoding.X509_SIGNATURE && spare !== 0) {
      body.fail("bad-length", "authorities", {
        had: body.remaining,
        needed: body.remaining - spare,
      });
    }
    return { kind: "CERTREQ", encoding, authorities: body.rest() };
  },

  build(writer: Writer, payload: CertreqPayload): void {
    writer.u8(payload.encoding);
    writer.bytes(payload.authorities);
  },
};

/** The authorities of a CERTREQ payload one by one, 20 octets each. */
export function authoritiesOf(payload: CertreqPayload): Bytes[] {
  const hashes: Bytes[] = [];
  for (let at = 0; at + AUTHORITY <= payload.authorities.length; at += AUTHORITY) {
    hashes.push(payload.authorities.subarray(at, at + AUTHORITY));
  }
  return hashes;
}
