/** Which attributes may stand in dynamic authorization, and what each is for (RFC 5176 §3, §3.6). */
import type { AttributeName } from "../attributes.ts";

/** A packet that an attribute travels in. */
export type DynamicCarrier =
  | "Disconnect-Request"
  | "Disconnect-ACK"
  | "Disconnect-NAK"
  | "CoA-Request"
  | "CoA-ACK"
  | "CoA-NAK";

/** One row. */
export interface DynamicRow {
  readonly attribute: AttributeName;
  readonly carriers: readonly DynamicCarrier[];
  /** Whether a packet may have several of it. */
  readonly repeats: boolean;
  /** For operators. */
  readonly what: string;
}

const requests = ["Disconnect-Request", "CoA-Request"] as const;
const coa = ["CoA-Request"] as const;
const all = [
  "Disconnect-Request",
  "Disconnect-ACK",
  "Disconnect-NAK",
  "CoA-Request",
  "CoA-ACK",
  "CoA-NAK",
] as const;

function one(
  attribute: AttributeName,
  carriers: readonly DynamicCarrier[],
  what: string,
): DynamicRow {
  return { attribute, carriers, repeats: false, what };
}

function many(
  attribute: AttributeName,
  carriers: readonly DynamicCarrier[],
  what: string,
): DynamicRow {
  return { attribute, carriers, repeats: true, what };
}

/** The table. What is not in it refuses a request. */
export const dynamicRows: readonly DynamicRow[] = [
  one("User-Name", requests, "names the sessions of a user, as accounting calls the user"),
  one("Acct-Session-Id", requests, "names the session that accounting calls so"),
  many("Framed-IP-Address", requests, "names the session with this inner address"),
  many("Framed-IPv6-Address", requests, "the same"),
  one("Calling-Station-Id", requests, "names sessions by the outer address of the client"),
  one("NAS-Identifier", requests, "if it is there, the host name of the gateway"),
  one("NAS-IP-Address", requests, "if it is there, an address of this host"),
  one("NAS-IPv6-Address", requests, "the same"),
  one("Session-Timeout", coa, "seconds from now until the session ends; 0 is no limit"),
  one(
    "Idle-Timeout",
    coa,
    "seconds without a packet of the user, counted from the last one; 0 is no limit",
  ),
  many("Filter-Id", coa, "what the user may send from now on, as in an Access-Accept"),
  many("Cisco-AVPair", coa, "the same: `ip:inacl#N` and `ipv6:inacl#N`, and no other key"),
  one("State", ["CoA-Request", "CoA-ACK", "CoA-NAK"], "comes back, untouched"),
  many("Proxy-State", all, "comes back, untouched"),
  one("Event-Timestamp", requests, "when the request was made; it is heard for 300 seconds"),
  one("Message-Authenticator", all, "signature; in every answer"),
  one(
    "Error-Cause",
    ["Disconnect-ACK", "Disconnect-NAK", "CoA-NAK"],
    "why nothing was done; in an ACK, that only inactive sessions were left to end",
  ),
];

/** The row of an attribute in a kind of packet; none where it has no place. */
export function dynamicRowOf(
  attribute: AttributeName,
  carrier: DynamicCarrier,
): DynamicRow | undefined {
  return dynamicRows.find((row) => row.attribute === attribute && row.carriers.includes(carrier));
}
