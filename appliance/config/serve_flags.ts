/** The flags of `rejoin serve`: names, forms, defaults and help, all in one table. */
import { list, optional, single, toggle } from "./define.ts";
import type { SettingsOf } from "./flag.ts";
import {
  accessListRule,
  addressOrBlock,
  attributeNumber,
  authMethod,
  deviceName,
  domainName,
  filePath,
  folderPath,
  identity,
  ip4Address,
  ipAddress,
  loginGroup,
  namedServer,
  oneOf,
  plainText,
  pool,
  prefix,
  proposal,
  server,
  userAndPassword,
  wholeNumber,
  wholeNumberOrOff,
} from "./forms.ts";
import { groupPart } from "./groups.ts";

const who = "Identity";
const login = "Who may log in";
const radius = "RADIUS";
const dynamic = "Dynamic authorization";
const filters = "Filters";
const addresses = "Addresses and attributes";
const back = "Reconnect";
const sa = "IKE and ESP";
const network = "Network";
const state = "State";
const operation = "Operation";

/** The table. */
export const serveFlags = {
  cert: list(
    who,
    filePath,
    "certificate of the gateway, PEM; without it one is made; of several, a client gets the one whose " +
      "authority it asks for",
  ),
  key: list(who, filePath, "private key of each, PKCS #8 PEM"),
  chain: list(who, filePath, "intermediate certificates, PEM, and roots to know them by"),
  id: optional(who, identity, "identity (IDr); else the certificate's first name"),

  auth: list(
    login,
    authMethod,
    "login methods, in order of preference",
    "anyconnect-eap,eap-mschapv2,cert",
  ),
  users: optional(login, filePath, "users file, see rejoin user"),
  user: {
    ...list(login, userAndPassword, "a user for a lab; the password is seen by ps"),
    separator: /\n/,
    secret: true,
  },
  "anyconnect-mode": single(
    login,
    oneOf("password", "certificate", "certificate+password"),
    "password",
    "what AnyConnect-EAP wants to see",
  ),
  "login-group": list(login, loginGroup, "group that AnyConnect users may choose"),
  "login-tries": single(
    login,
    wholeNumber(1, 10),
    "3",
    "wrong passwords before AnyConnect-EAP gives up",
  ),
  "anyconnect-rsa-hash": single(
    login,
    oneOf("prf", "sha1"),
    "prf",
    "hash of RSA signatures for AnyConnect clients that announce none; sha1 is weak",
  ),
  "allow-sha1": toggle(login, "sign over SHA-1 for peers that know no better, and take it"),
  "client-ca": list(login, filePath, "CA of client certificates, PEM; else the self-made CA"),
  crl: list(
    login,
    filePath,
    "revocation lists for client certificates, PEM or DER; CAs without one are not checked",
  ),
  "crl-stale": single(
    login,
    oneOf("refuse", "accept"),
    "refuse",
    "clients of a CA whose lists are out of date or not signed by it; accept still refuses the revoked",
  ),
  "clock-skew": single(
    login,
    wholeNumberOrOff(1, 86_400),
    "300",
    "seconds that clocks of CAs may be off when validity is checked; 0 is none",
  ),

  radius: list(
    radius,
    server(1812),
    "server that decides who may log in, in the order they are to be asked",
  ),
  "radius-acct": list(
    radius,
    server(1813),
    "server that is told of sessions; else those of --radius, at the port behind theirs",
  ),
  "radius-secret-file": list(
    radius,
    filePath,
    "file with a secret: one for all servers, or one each, those of --radius-acct last",
  ),
  "radius-balance": single(
    radius,
    oneOf("in-order", "least-outstanding"),
    "in-order",
    "which server is asked: the first one alive, or the one with the fewest open questions",
  ),
  "radius-tls": list(
    radius,
    namedServer(2083),
    "server over TLS (RadSec) in place of --radius, for users and sessions alike",
  ),
  "radius-tls-ca": optional(radius, filePath, "CA of the certificates of --radius-tls, PEM"),
  "radius-tls-cert": optional(
    radius,
    filePath,
    "certificate to show them, PEM, its chain behind it",
  ),
  "radius-tls-key": optional(radius, filePath, "its private key, PKCS #8 PEM"),
  "radius-password": single(
    radius,
    oneOf("pap", "mschapv2"),
    "pap",
    "how servers are asked about passwords from forms",
  ),
  "radius-timeout": single(
    radius,
    wholeNumber(1, 300),
    "10",
    "seconds that one server is waited for; more where people press a button",
  ),
  "radius-dead-time": single(
    radius,
    wholeNumberOrOff(1, 86_400),
    "60",
    "seconds that a silent server is asked last",
  ),
  "radius-status-server": toggle(
    radius,
    "ask a silent server for a sign of life (RFC 5997), which it must know",
  ),
  "radius-source": optional(radius, ipAddress, "address to ask from; else the host chooses"),
  "radius-allow-unsigned": toggle(
    radius,
    "believe answers without Message-Authenticator; unsafe outside of a network of one's own",
  ),
  "radius-fallback-local": toggle(radius, "let local users in while no server answers"),
  "radius-ignore-unknown": toggle(
    radius,
    "let users in whose Cisco-AVPair has a mandatory ipsec: key that is not known here",
  ),
  "radius-accounting": toggle(radius, "tell servers of sessions: accounting"),
  "radius-interim": single(
    radius,
    wholeNumberOrOff(60, 86_400),
    "600",
    "seconds between two reports of one session; 0 is no report but of returns",
  ),

  "dynamic-author": list(
    dynamic,
    addressOrBlock,
    "RADIUS client that may end and change sessions (RFC 5176); else nobody may",
  ),
  "dynamic-author-secret-file": optional(
    dynamic,
    filePath,
    "file with the secret shared with these clients",
  ),
  "dynamic-author-port": list(
    dynamic,
    wholeNumber(1, 65_535),
    "UDP port to hear them on",
    "3799,1700",
  ),
  "dynamic-author-listen": list(dynamic, ipAddress, "address to hear them on; else all"),
  "dynamic-author-strict": toggle(
    dynamic,
    "hear only requests with Message-Authenticator and Event-Timestamp",
  ),

  "access-list": {
    ...list(
      filters,
      accessListRule,
      "rule of an access list, as of IOS; those of one name stand in the order given",
    ),
    separator: /\n/,
  },
  "access-list-file": optional(filters, filePath, "access lists in the form of IOS"),

  pool: list(
    addresses,
    pool,
    "inner addresses; of a block the gateway keeps the first for itself; with a name only for users " +
      "whom AAA or their group gives it",
  ),
  dns: list(addresses, ipAddress, "DNS server for clients"),
  wins: list(addresses, ip4Address, "WINS server for clients"),
  domain: optional(addresses, domainName, "default domain of clients"),
  "split-include": list(addresses, prefix, "network behind the tunnel; else everything is"),
  "split-dns": list(addresses, domainName, "domain resolved through the tunnel"),
  banner: optional(addresses, plainText, "text shown at login"),
  "smartcard-removal-disconnect": toggle(
    addresses,
    "tell AnyConnect to end the session when the smart card is taken out",
  ),
  mtu: single(addresses, wholeNumber(1280, 9000), "1400", "largest inner packet, octets"),

  group: {
    ...list(
      addresses,
      groupPart,
      "policy of a group: what AAA says of its users goes over it; a list has blanks or commas",
    ),
    separator: /\n/,
  },
  "group-override": toggle(addresses, "what a group says goes over what AAA says of its users"),

  "reconnect-timeout": single(
    back,
    wholeNumberOrOff(600, 86_400),
    "1800",
    "seconds that a lost session waits for its user; 0 switches reconnect off",
  ),
  "session-lifetime": optional(
    back,
    wholeNumber(120, 25_920_000),
    "seconds from the first login until a session ends; else no limit",
  ),
  "reauth-lifetime": single(
    back,
    wholeNumberOrOff(3600, 25_920_000),
    "0",
    "seconds after which clients have to authenticate anew, and are told so (RFC 4478); 0 never",
  ),
  "reauth-by": single(
    back,
    oneOf("token", "user"),
    "token",
    "who does that: the client by its session token, or the user, whose session ends then",
  ),
  "idle-timeout": single(
    back,
    wholeNumberOrOff(60, 86_400),
    "0",
    "seconds without a packet from the user until a session is over; 0 is no limit",
  ),
  "idle-action": single(
    back,
    oneOf("end", "park"),
    "end",
    "what then becomes of it: gone, or lost and to be come back to",
  ),
  "cisco-attr": {
    ...list(
      back,
      attributeNumber,
      "numbers of Cisco's configuration attributes; those of the pair are a guess",
    ),
    separator: /\s+/,
  },

  "ike-proposal": list(sa, proposal("ike"), "IKE proposals, strongSwan notation; else built in"),
  "esp-proposal": list(sa, proposal("esp"), "ESP proposals, strongSwan notation; else built in"),
  "ike-lifetime": single(sa, wholeNumber(120, 86_400), "86400", "seconds of an IKE SA"),
  "esp-lifetime": single(sa, wholeNumber(120, 2_592_000), "3600", "seconds of a Child SA"),
  "esp-lifetime-kbytes": single(
    sa,
    wholeNumberOrOff(2560, 4_294_967_295),
    "4608000",
    "kilobytes of a Child SA; 0 is no limit",
  ),
  "esp-lifetime-packets": single(
    sa,
    wholeNumberOrOff(1000, 1_000_000_000_000),
    "0",
    "packets of a Child SA; 0 is no limit",
  ),
  "replay-window": single(
    sa,
    wholeNumber(64, 4096),
    "2048",
    "packets that the replay window of a Child SA reaches back",
  ),
  "df-bit": single(
    sa,
    oneOf("set", "clear"),
    "set",
    "DF of outer IPv4 packets: set finds the path MTU, clear lets routers cut them",
  ),
  "mss-clamp": single(
    sa,
    oneOf("on", "off"),
    "on",
    "lower the segment size of TCP connections to what the tunnel carries",
  ),
  dscp: single(
    sa,
    oneOf("copy", "clear"),
    "copy",
    "what outer packets show of the inner DSCP; ECN is always copied",
  ),
  dpd: single(sa, wholeNumber(10, 3600), "45", "seconds of silence before a peer is asked"),
  "dpd-retry": single(sa, wholeNumber(2, 60), "2", "seconds between two such questions"),
  "fragment-mtu": single(
    sa,
    wholeNumber(576, 9000),
    "1280",
    "largest IP datagram of an IKE message; longer ones are cut (RFC 7383)",
  ),
  "cookie-threshold": single(
    sa,
    wholeNumber(0, 1_000_000),
    "100",
    "half-open IKE SAs from which on cookies are asked",
  ),
  "puzzle-bits": single(
    sa,
    wholeNumberOrOff(1, 22),
    "0",
    "zero bits that solutions of client puzzles have to have (RFC 8019); 0 asks for none",
  ),
  "puzzle-threshold": single(
    sa,
    wholeNumber(0, 1_000_000),
    "500",
    "half-open IKE SAs from which on puzzles are asked; most clients know none and seldom get in",
  ),
  "max-sa": single(sa, wholeNumber(1, 1_000_000), "10000", "IKE SAs at most"),
  "max-negotiating": single(sa, wholeNumber(1, 1_000_000), "1000", "half-open IKE SAs at most"),

  mobike: single(
    network,
    oneOf("check-first", "move-first", "off"),
    "check-first",
    "clients that change address (MOBIKE): packets move once the new one answers, or at once",
  ),
  listen: list(network, ipAddress, "address to listen on", "0.0.0.0"),
  "ike-port": single(network, wholeNumber(1, 65_535), "500", "UDP port of IKE"),
  "natt-port": single(network, wholeNumber(1, 65_535), "4500", "UDP port of NAT traversal"),
  tun: single(network, deviceName, "rejoin0", "TUN device"),
  workers: optional(
    network,
    wholeNumber(1, 2),
    "packet loops: 1 for both directions, or 2, one for each; else 2 from 4 processors on",
  ),

  "state-dir": single(state, folderPath, "/var/lib/rejoin", "folder of everything kept"),
  kv: optional(
    state,
    filePath,
    "session store, a Deno KV file; else sessions.kv in the state folder",
  ),

  control: optional(operation, filePath, "control socket; else control.sock in the state folder"),
  "log-level": single(
    operation,
    oneOf("debug", "info", "warning", "error"),
    "info",
    "least important lines that are logged",
  ),
  "log-format": single(operation, oneOf("text", "json"), "text", "form of log lines"),
  "flags-file": optional(operation, filePath, "more flags, one a line, # for comments"),
};

/** What `rejoin serve` is told. */
export type ServeSettings = SettingsOf<typeof serveFlags>;
