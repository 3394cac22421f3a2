/**
 * Payloads whose body is one run of octets: Nonce (RFC 7296 §3.9), Vendor ID (§3.12) and EAP (§3.16,
 * whose packets are for `eap/`).
 */
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import type { EapPayload, NoncePayload, VendorPayload } from "./payload.ts";

/** §3.9: at least 16 octets, at most 256. */
const SHORTEST_NONCE = 16;
const LONGEST_NONCE = 256;
/** Code, identifier and length of an EAP packet (RFC 3748 §4). */
const EAP_HEADER = 4;

/** Nonce payload, both directions. */
export const nonceCodec: PayloadCodec<NoncePayload> = {
  parse(body: Reader): NoncePayload {
    const had = body.remaining;
    if (had < SHORTEST_NONCE) body.fail("bad-length", "data", { had, needed: SHORTEST_NONCE });
    if (had > LONGEST_NONCE) body.fail("bad-length", "data", { had, needed: LONGEST_NONCE });
    return { kind: "Nonce", data: body.rest() };
  },

  build(writer: Writer, payload: NoncePayload): void {
    const { length } = payload.data;
    if (length < SHORTEST_NONCE || length > LONGEST_NONCE) {
      throw new RangeError(
        `Cannot build Nonce payload: data has ${length} octets, needs 16 to 256`,
      );
    }
    writer.bytes(payload.data);
  },
};

/** Vendor ID payload, both directions. */
export const vendorCodec: PayloadCodec<VendorPayload> = {
  parse(body: Reader): VendorPayload {
    return { kind: "V", data: body.rest() };
  },

  build(writer: Writer, payload: VendorPayload): void {
    writer.bytes(payload.data);
  },
};

/** EAP payload, both directions. */
export const eapCodec: PayloadCodec<EapPayload> = {
  parse(body: Reader): EapPayload {
    const had = body.remaining;
    if (had < EAP_HEADER) body.fail("bad-length", "packet", { had, needed: EAP_HEADER });
    return { kind: "EAP", packet: body.rest() };
  },

  build(writer: Writer, payload: EapPayload): void {
    writer.bytes(payload.packet);
  },
};
