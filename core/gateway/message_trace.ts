/**
 * A message as a trace, for an operator who debugs: RFC notation, and behind it the types and lengths that
 * the notation leaves out. What is named here may be unknown to us, because that is how an operator
 * learns the numbers that a client of his own uses.
 *
 * Never what a payload says: identities may be session ids, EAP and attributes hold secrets. Vendor IDs
 * are the exception; they are public words.
 */
import { hexOf } from "../bytes.ts";
import { recognizeVendorId } from "../eap/anyconnect/vendor_ids.ts";
import type { Direction } from "../exchange/world.ts";
import { ciscoAttributeName, type CiscoAttributeNumbers } from "../message/cisco_attributes.ts";
import { ConfigAttribute, IdType, nameOf } from "../message/constants.ts";
import { formatMessage } from "../message/format.ts";
import type { MessageHeader } from "../message/header.ts";
import type { Payload } from "../message/payload.ts";
import type { Trace } from "../trace.ts";

/** Details of one message at most: the rest is only counted. */
const MOST_DETAILS = 100;
/** Octets of an unknown Vendor ID that are shown. */
const VENDOR_ID_BYTES = 64;

/** The trace of one message; whose it is, is for the caller to add. */
export function messageTrace(
  direction: Direction,
  header: MessageHeader,
  payloads: readonly Payload[],
  numbers: CiscoAttributeNumbers,
): Trace {
  const all = payloads.flatMap((payload) => detailsOf(payload, numbers));
  const details = all.length <= MOST_DETAILS
    ? all
    : [...all.slice(0, MOST_DETAILS), `and ${all.length - MOST_DETAILS} more`];
  return {
    level: "debug",
    event: "ikev2-packet",
    facts: { direction, message: formatMessage(header, payloads), details },
  };
}

function detailsOf(payload: Payload, numbers: CiscoAttributeNumbers): readonly string[] {
  switch (payload.kind) {
    case "CP":
      return payload.attributes.map(({ type, value }) =>
        `Attrib type: ${nameOfAttribute(type, numbers)} (${type}), length: ${value.length}`
      );
    case "IDi":
    case "IDr": {
      const { kind, idType, data } = payload;
      const name = nameOf(IdType, idType);
      return [
        `${kind} type: ${
          name === `${idType}` ? "unknown" : name
        } (${idType}), length: ${data.length}`,
      ];
    }
    case "V": {
      const { data } = payload;
      const shown = hexOf(data.subarray(0, VENDOR_ID_BYTES));
      return [
        `Vendor ID: ${recognizeVendorId(data) ?? "unknown"} (${shown}), length: ${data.length}`,
      ];
    }
    default:
      return [];
  }
}

/** A name that a standard gives, else what our table of Cisco's numbers says. */
function nameOfAttribute(type: number, numbers: CiscoAttributeNumbers): string {
  const name = nameOf(ConfigAttribute, type);
  return name === `${type}` ? ciscoAttributeName(numbers, type) ?? "unknown" : name;
}
