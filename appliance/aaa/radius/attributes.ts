/**
 * The RADIUS attributes that are spoken here, as data: number, vendor, and whether the value is hidden
 * on the wire (RFC 2865, 2866, 2869, 3162, 3579, 5176, 6911; RFC 2548 for Microsoft's; Cisco's VSA 1).
 * What each is used for stands in `authorization_table.ts` and `dynamic_author/attributes.ts`.
 *
 * Left out: tagged attributes, long extended ones (RFC 6929), and everything that nobody here reads.
 */

/** How a value is hidden on the wire. */
export type Hiding =
  /** RFC 2865 §5.2: by secret and Request Authenticator. */
  | "password"
  /** RFC 2548 §2.4.2: with a salt of its own; a length octet inside. */
  | "salted";

/** One row of the table. */
export interface AttributeRow {
  /** Its number, among the vendor's where there is one. */
  readonly type: number;
  /** Private enterprise number; `undefined` for the attributes of the RFCs. */
  readonly vendor?: number;
  readonly hiding?: Hiding;
}

/** Cisco's and Microsoft's private enterprise numbers. */
const cisco = 9;
const microsoft = 311;

/** The table. */
export const attributeTable = {
  "User-Name": { type: 1 },
  "User-Password": { type: 2, hiding: "password" },
  "NAS-IP-Address": { type: 4 },
  "Service-Type": { type: 6 },
  "Framed-IP-Address": { type: 8 },
  "Framed-IP-Netmask": { type: 9 },
  "Filter-Id": { type: 11 },
  "Framed-MTU": { type: 12 },
  "Reply-Message": { type: 18 },
  "Framed-Route": { type: 22 },
  "State": { type: 24 },
  "Class": { type: 25 },
  "Session-Timeout": { type: 27 },
  "Idle-Timeout": { type: 28 },
  "Called-Station-Id": { type: 30 },
  "Calling-Station-Id": { type: 31 },
  "NAS-Identifier": { type: 32 },
  "Proxy-State": { type: 33 },
  "Acct-Status-Type": { type: 40 },
  "Acct-Delay-Time": { type: 41 },
  "Acct-Input-Octets": { type: 42 },
  "Acct-Output-Octets": { type: 43 },
  "Acct-Session-Id": { type: 44 },
  "Acct-Authentic": { type: 45 },
  "Acct-Session-Time": { type: 46 },
  "Acct-Input-Packets": { type: 47 },
  "Acct-Output-Packets": { type: 48 },
  "Acct-Terminate-Cause": { type: 49 },
  "Acct-Input-Gigawords": { type: 52 },
  "Acct-Output-Gigawords": { type: 53 },
  "Event-Timestamp": { type: 55 },
  "NAS-Port-Type": { type: 61 },
  "EAP-Message": { type: 79 },
  "Message-Authenticator": { type: 80 },
  "Acct-Interim-Interval": { type: 85 },
  "Framed-Pool": { type: 88 },
  "NAS-Filter-Rule": { type: 92 },
  "NAS-IPv6-Address": { type: 95 },
  "Framed-Interface-Id": { type: 96 },
  "Framed-IPv6-Prefix": { type: 97 },
  "Framed-IPv6-Route": { type: 99 },
  "Framed-IPv6-Pool": { type: 100 },
  "Error-Cause": { type: 101 },
  "Framed-IPv6-Address": { type: 168 },
  "Stateful-IPv6-Address-Pool": { type: 172 },
  "Cisco-AVPair": { type: 1, vendor: cisco },
  "MS-CHAP-Error": { type: 2, vendor: microsoft },
  "MS-CHAP-Challenge": { type: 11, vendor: microsoft },
  "MS-MPPE-Send-Key": { type: 16, vendor: microsoft, hiding: "salted" },
  "MS-MPPE-Recv-Key": { type: 17, vendor: microsoft, hiding: "salted" },
  "MS-CHAP2-Response": { type: 25, vendor: microsoft },
  "MS-CHAP2-Success": { type: 26, vendor: microsoft },
  "MS-Primary-DNS-Server": { type: 28, vendor: microsoft },
  "MS-Secondary-DNS-Server": { type: 29, vendor: microsoft },
  "MS-Primary-NBNS-Server": { type: 30, vendor: microsoft },
  "MS-Secondary-NBNS-Server": { type: 31, vendor: microsoft },
} as const satisfies Readonly<Record<string, AttributeRow>>;

/** Service-Type Framed (RFC 2865 §5.6): the only service that is asked for, given and told of. */
export const framedService = 2;

/** NAS-Port-Type Virtual (RFC 2865 §5.41). */
export const virtualPort = 5;

/** A name of the table. */
export type AttributeName = keyof typeof attributeTable;

/** The row of a name. */
export function rowOf(name: AttributeName): AttributeRow {
  return attributeTable[name];
}

const names: ReadonlyMap<string, AttributeName> = new Map(
  (Object.keys(attributeTable) as AttributeName[]).map((name) => {
    const { vendor, type } = rowOf(name);
    return [keyOf(vendor, type), name];
  }),
);

const vendors: ReadonlySet<number> = new Set([cisco, microsoft]);

/** The name of a number; `undefined` for one that is not in the table. */
export function nameOf(vendor: number | undefined, type: number): AttributeName | undefined {
  return names.get(keyOf(vendor, type));
}

/** Whether the table has attributes of this vendor, so that their form is known. */
export function isKnownVendor(vendor: number): boolean {
  return vendors.has(vendor);
}

function keyOf(vendor: number | undefined, type: number): string {
  return `${vendor ?? ""}/${type}`;
}
