/** The notifies of MOBIKE that carry data (RFC 4555 §4.2). */
import type { Bytes } from "../bytes.ts";
import type { Endpoint, IpAddress } from "../wire/address.ts";
import { Reader } from "../wire/reader.ts";
import { NotifyType } from "./constants.ts";
import { notify } from "./notify.ts";
import type { NotifyPayload } from "./payload.ts";

/** ADDITIONAL_IP4_ADDRESS or ADDITIONAL_IP6_ADDRESS, by the family (§4.2.2). */
export function buildAdditionalAddress({ family, octets }: IpAddress): NotifyPayload {
  const { ADDITIONAL_IP4_ADDRESS, ADDITIONAL_IP6_ADDRESS } = NotifyType;
  return notify(family === 4 ? ADDITIONAL_IP4_ADDRESS : ADDITIONAL_IP6_ADDRESS, octets);
}

/** The cookie of a COOKIE2, `undefined` unless it has 8 to 64 octets (§4.2.5). */
export function parseCookie2({ data }: NotifyPayload): Bytes | undefined {
  return data.length >= 8 && data.length <= 64 ? data : undefined;
}

/** Where the sender of a NO_NATS_ALLOWED believes that its message travels. */
export interface NatFreePath {
  /** The sender's own endpoint. */
  readonly source: Endpoint;
  /** The receiver's. */
  readonly destination: Endpoint;
}

/** The data of a NO_NATS_ALLOWED, `undefined` when it is malformed (§4.2.6). */
export function parseNoNatsAllowed({ data }: NotifyPayload): NatFreePath | undefined {
  const family = data.length === 12 ? 4 : data.length === 36 ? 6 : undefined;
  if (family === undefined) return undefined;
  const reader = new Reader(data);
  const bytes = family === 4 ? 4 : 16;
  const source = reader.bytes(bytes, "source");
  const destination = reader.bytes(bytes, "destination");
  const sourcePort = reader.u16("sourcePort");
  const destinationPort = reader.u16("destinationPort");
  return {
    source: { address: { family, octets: source }, port: sourcePort },
    destination: { address: { family, octets: destination }, port: destinationPort },
  };
}
