/**
 * What RADIUS attributes are for, in both directions, as data: which decide about a user, how each is
 * read and what it sets, and which carry the conversation. `docs/radius.md` is made from it.
 *
 * A further attribute that decides about users is a further row here, and a word in `policy_items.ts` where
 * no word says it yet.
 */
import type { PolicyWord } from "../policy_items.ts";
import type { AttributeName } from "./attributes.ts";
import {
  banner,
  groupInClass,
  ip4,
  ip4OrAny,
  ip6,
  ip6FromPrefix,
  type Reading,
  replyMessage,
  route,
  seconds,
  text,
} from "./readings.ts";

/** What decides about a user: attributes of an Access-Accept that are read alike and say the same. */
export interface PolicyRow {
  readonly attributes: readonly AttributeName[];
  /** Of a Cisco-AVPair: protocol and key, and the first word of the value where it belongs to the key. */
  readonly key?: string;
  readonly sets: PolicyWord;
  readonly read: Reading;
  /** For operators. */
  readonly what: string;
}

function rows(sets: PolicyWord, ...ways: readonly Omit<PolicyRow, "sets">[]): PolicyRow[] {
  return ways.map((way) => ({ ...way, sets }));
}

function pair(key: string, what: string, read = text): Omit<PolicyRow, "sets"> {
  return { attributes: ["Cisco-AVPair"], key: `ipsec:${key}`, read, what };
}

function attribute(
  names: AttributeName | readonly AttributeName[],
  read: Reading,
  what: string,
): Omit<PolicyRow, "sets"> {
  return { attributes: typeof names === "string" ? [names] : names, read, what };
}

/** All of them. Of those that set the same the first counts that says something. */
export const policyRows: readonly PolicyRow[] = [
  ...rows(
    "address",
    attribute(
      "Framed-IP-Address",
      ip4OrAny,
      "inner IPv4 address, out of a pool; 255.255.255.254 and 255.255.255.255 leave the choice to the gateway",
    ),
  ),
  ...rows(
    "ipv6-address",
    attribute("Framed-IPv6-Address", ip6, "inner IPv6 address, out of a pool"),
    attribute(
      "Framed-IPv6-Prefix",
      ip6FromPrefix,
      "the same: the host that Framed-Interface-Id names, else the first of the prefix",
    ),
  ),
  ...rows(
    "netmask",
    pair("netmask", "INTERNAL_IP4_NETMASK; else that of a single host"),
    attribute("Framed-IP-Netmask", ip4, "the same"),
  ),
  ...rows(
    "pool",
    pair("addr-pool", "names of pools (`--pool NAME=…`), tried in their order"),
    attribute("Framed-Pool", text, "the same"),
  ),
  ...rows(
    "ipv6-pool",
    pair("addrv6-pool", "the same for IPv6 addresses alone"),
    attribute("Stateful-IPv6-Address-Pool", text, "the same"),
    attribute("Framed-IPv6-Pool", text, "the same"),
  ),
  ...rows(
    "network",
    attribute(
      ["Framed-Route", "Framed-IPv6-Route"],
      route,
      "network behind the user: `10.77.0.0/24 0.0.0.0 1`; routed into the tunnel, allowed as inner source",
    ),
  ),
  ...rows(
    "dns",
    pair("dns-servers", "DNS servers"),
    attribute(["MS-Primary-DNS-Server", "MS-Secondary-DNS-Server"], ip4, "the same"),
  ),
  ...rows("ipv6-dns", pair("ipv6-dns-servers-addr", "DNS servers by their IPv6 addresses")),
  ...rows(
    "wins",
    pair("wins-servers", "WINS servers"),
    attribute(["MS-Primary-NBNS-Server", "MS-Secondary-NBNS-Server"], ip4, "the same"),
  ),
  ...rows("domain", pair("default-domain", "default domain")),
  ...rows(
    "split-include",
    pair(
      "route-set=prefix",
      "network behind the tunnel, a pair each: `route-set=prefix 10.0.0.0/8`",
    ),
  ),
  ...rows("split-dns", pair("split-dns", "domains asked through the tunnel")),
  ...rows(
    "banner",
    pair("banner", "text shown at login", banner),
    attribute("Reply-Message", replyMessage, "the same"),
  ),
  ...rows(
    "smartcard-removal-disconnect",
    pair("smartcard-removal-disconnect", "1 or 0: whether a removed smart card ends the session"),
  ),
  ...rows(
    "session-lifetime",
    pair("session-lifetime", "seconds from this login until the session ends"),
    attribute("Session-Timeout", seconds(1), "the same; 0 says nothing"),
  ),
  ...rows(
    "idle-timeout",
    attribute(
      "Idle-Timeout",
      seconds(1, ["0"]),
      "seconds without a packet of the user until the session ends; 0 is no limit",
    ),
  ),
  ...rows(
    "interim",
    attribute(
      "Acct-Interim-Interval",
      seconds(60),
      "seconds between two accounting reports of the session, at least 60; 0 says nothing",
    ),
  ),
  ...rows(
    "group",
    pair("user-vpn-group", "group, see `--group`"),
    attribute("Class", groupInClass, "the same, of the form `OU=NAME` or `OU=NAME;`"),
  ),
];

/** What says which packets a user may send: read together, by `filters.ts`. */
export interface FilterRow {
  readonly attribute: AttributeName;
  /** Of a Cisco-AVPair: all before its sign. */
  readonly pair?: string;
  /** For operators. */
  readonly what: string;
}

/** All of those. */
export const filterRows: readonly FilterRow[] = [
  {
    attribute: "Cisco-AVPair",
    pair: "ip:inacl#N",
    what: "what the user may send, rule N: a line of an IOS extended access list",
  },
  { attribute: "Cisco-AVPair", pair: "ipv6:inacl#N", what: "the same, a line of an IPv6 one" },
  {
    attribute: "Filter-Id",
    what:
      "where there are no such rules, an access list of the gateway by its name, with `.in` behind it or not",
  },
  { attribute: "NAS-Filter-Rule", what: "lets nobody in: rules of this form are not understood" },
];

/** Keys of Cisco's pairs that mean something on IOS and nothing here: passed over with a word in the log. */
export const foreignKeys: ReadonlySet<string> = new Set([
  "ipsec:configuration-url",
  "ipsec:configuration-version",
  "ipsec:dhcp-giaddr",
  "ipsec:dhcp-timeout",
  "ipsec:group-dhcp-server",
  "ipsec:include-local-lan",
  "ipsec:ipsec-backup-gateway",
  "ipsec:ipsec-flow-limit",
  "ipsec:pfs",
  "ipsec:route-accept",
  "ipsec:route-set",
  "ipsec:tunnel-password",
]);

/** A packet that an attribute travels in. */
export type Carrier =
  | "Access-Request"
  | "Access-Challenge"
  | "Access-Accept"
  | "Access-Reject"
  | "Accounting-Request";

/** What an attribute is for besides deciding about users. */
export interface ConversationRow {
  readonly attribute: AttributeName;
  readonly carriers: readonly Carrier[];
  /** For operators. */
  readonly what: string;
}

const requests = ["Access-Request", "Accounting-Request"] as const;
const accounting = ["Accounting-Request"] as const;

/** All of those. */
export const conversationRows: readonly ConversationRow[] = [
  {
    attribute: "User-Name",
    carriers: ["Access-Request", "Access-Accept", "Accounting-Request"],
    what: "the user; what an accept says is the name of the session and of accounting",
  },
  { attribute: "NAS-Identifier", carriers: requests, what: "host name of the gateway" },
  { attribute: "NAS-Port-Type", carriers: requests, what: "Virtual" },
  {
    attribute: "Service-Type",
    carriers: ["Access-Request", "Access-Accept", "Accounting-Request"],
    what: "Framed; an accept for another service lets nobody in",
  },
  { attribute: "Calling-Station-Id", carriers: requests, what: "outer address of the client" },
  {
    attribute: "User-Password",
    carriers: ["Access-Request"],
    what: "password from a form, or the answer to a challenge",
  },
  {
    attribute: "MS-CHAP-Challenge",
    carriers: ["Access-Request"],
    what: "of EAP-MSCHAPv2, or of a form with `--radius-password mschapv2`",
  },
  { attribute: "MS-CHAP2-Response", carriers: ["Access-Request"], what: "the response to it" },
  {
    attribute: "MS-CHAP2-Success",
    carriers: ["Access-Accept"],
    what: "proof that the server knows the password",
  },
  {
    attribute: "MS-MPPE-Send-Key",
    carriers: ["Access-Accept"],
    what: "half of the MSK of an EAP method",
  },
  { attribute: "MS-MPPE-Recv-Key", carriers: ["Access-Accept"], what: "the other half" },
  {
    attribute: "EAP-Message",
    carriers: ["Access-Request", "Access-Challenge", "Access-Accept", "Access-Reject"],
    what: "EAP of `--auth eap-radius`, between the client and the server",
  },
  {
    attribute: "Framed-MTU",
    carriers: ["Access-Request"],
    what: "longest EAP packet that the server may send",
  },
  {
    attribute: "MS-CHAP-Error",
    carriers: ["Access-Reject"],
    what: "why a password was refused, told to the user where there is no Reply-Message",
  },
  {
    attribute: "State",
    carriers: ["Access-Request", "Access-Challenge"],
    what: "ties an answer to its challenge",
  },
  {
    attribute: "Reply-Message",
    carriers: ["Access-Challenge", "Access-Reject"],
    what: "text of the form that asks for one more answer, or once more",
  },
  {
    attribute: "Message-Authenticator",
    carriers: ["Access-Request", "Access-Challenge", "Access-Accept", "Access-Reject"],
    what: "signature; demanded of every answer unless `--radius-allow-unsigned`",
  },
  {
    attribute: "Framed-Interface-Id",
    carriers: ["Access-Accept"],
    what: "host part of Framed-IPv6-Prefix",
  },
  {
    attribute: "Class",
    carriers: ["Access-Accept", "Accounting-Request"],
    what: "comes back in accounting, untouched",
  },
  { attribute: "Framed-IP-Address", carriers: accounting, what: "inner IPv4 address" },
  { attribute: "Framed-IPv6-Address", carriers: accounting, what: "inner IPv6 address" },
  {
    attribute: "Acct-Status-Type",
    carriers: accounting,
    what: "Start, Interim-Update, Stop, Accounting-On or Accounting-Off",
  },
  { attribute: "NAS-IP-Address", carriers: accounting, what: "address that the gateway asks from" },
  { attribute: "NAS-IPv6-Address", carriers: accounting, what: "the same, where it is IPv6" },
  { attribute: "Called-Station-Id", carriers: accounting, what: "address that the client reached" },
  { attribute: "Acct-Authentic", carriers: accounting, what: "RADIUS, or Local for certificates" },
  {
    attribute: "Cisco-AVPair",
    carriers: accounting,
    what: "`rejoin:record-id=`, the same when a record is sent again, and `rejoin:event=` " +
      "reconnect, roam or restored",
  },
  { attribute: "Acct-Delay-Time", carriers: accounting, what: "seconds since it happened" },
  {
    attribute: "Acct-Session-Id",
    carriers: accounting,
    what: "the session, the same from its first login to its end",
  },
  { attribute: "Event-Timestamp", carriers: accounting, what: "when it happened" },
  { attribute: "Acct-Session-Time", carriers: accounting, what: "seconds since the first login" },
  { attribute: "Acct-Input-Octets", carriers: accounting, what: "inner octets from the user" },
  { attribute: "Acct-Input-Gigawords", carriers: accounting, what: "the same, upper half" },
  { attribute: "Acct-Input-Packets", carriers: accounting, what: "inner packets from the user" },
  { attribute: "Acct-Output-Octets", carriers: accounting, what: "inner octets to the user" },
  { attribute: "Acct-Output-Gigawords", carriers: accounting, what: "the same, upper half" },
  { attribute: "Acct-Output-Packets", carriers: accounting, what: "inner packets to the user" },
  { attribute: "Acct-Terminate-Cause", carriers: accounting, what: "why it ended" },
];
