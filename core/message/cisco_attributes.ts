/**
 * Configuration attributes of Cisco's clients by name, and the numbers under which we know them.
 *
 * Up to 28682 they are Cisco's "Unity" block, which is public. The others were read off debug prints
 * of an ASA and are more or less likely; the two of the pair are a guess. An operator who has seen a
 * client of his own ask puts the right number there, so numbers are data and never logic.
 */

/** The names. */
export type CiscoAttributeName =
  | "banner"
  | "default-domain"
  | "split-dns"
  | "split-include"
  | "mtu"
  | "session-timeout"
  | "idle-timeout"
  | "disconnected-timeout"
  | "dpd"
  | "keepalive"
  | "smartcard-removal"
  | "session-id"
  | "session-token";

/** Numbers by name; all of a name's numbers are answered, the first is asked by our own client. */
export type CiscoAttributeNumbers = Readonly<Record<CiscoAttributeName, readonly number[]>>;

/** What we know, likely or not. */
export const knownCiscoAttributes: CiscoAttributeNumbers = {
  "banner": [28672], // UNITY_BANNER
  "default-domain": [28674], // UNITY_DEF_DOMAIN
  "split-dns": [28675], // UNITY_SPLITDNS_NAME
  "split-include": [28676], // UNITY_SPLIT_INCLUDE
  "session-timeout": [28704], // seconds, as X-CSTP-Session-Timeout
  "idle-timeout": [28705], // seconds
  "disconnected-timeout": [28706], // seconds that a lost session waits
  "dpd": [28709], // seconds
  "keepalive": [28710], // seconds
  "mtu": [28711], // octets
  "smartcard-removal": [28684], // 1: a removed smart card ends the session
  "session-id": [28713], // a guess
  "session-token": [28714], // a guess
};

const names = Object.keys(knownCiscoAttributes) as readonly CiscoAttributeName[];

/** The name of a number in a table, or `undefined`. */
export function ciscoAttributeName(
  table: CiscoAttributeNumbers,
  number: number,
): CiscoAttributeName | undefined {
  return names.find((name) => table[name].includes(number));
}
