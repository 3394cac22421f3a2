/** The flags of `rejoin connect`. */
import { list, optional, single, toggle } from "./define.ts";
import type { SettingsOf } from "./flag.ts";
import {
  attributeNumber,
  deviceName,
  filePath,
  folderPath,
  oneOf,
  plainText,
  proposal,
  wholeNumber,
  wholeNumberOrOff,
} from "./forms.ts";
import { serveFlags } from "./serve_flags.ts";

const login = "Login";
const gateway = "Gateway";
const tunnel = "Tunnel";
const back = "Reconnect";
const sa = "IKE and ESP";
const operation = "Operation";

/** The table. */
export const connectFlags = {
  auth: single(
    login,
    oneOf("eap-mschapv2", "anyconnect-eap", "cert"),
    "eap-mschapv2",
    "how to log in",
  ),
  user: optional(login, plainText, "user name"),
  "password-file": optional(
    login,
    filePath,
    "file whose first line is the password; else REJOIN_PASSWORD, else it is asked",
  ),
  group: optional(login, plainText, "group to choose with anyconnect-eap"),
  "answer-file": optional(
    login,
    filePath,
    "file whose first line answers a second factor of anyconnect-eap; else REJOIN_ANSWER; " +
      "read at the start",
  ),
  cert: optional(login, filePath, "own certificate, PEM; with anyconnect-eap if it asks for one"),
  key: optional(login, filePath, "its private key, PEM"),
  id: optional(login, plainText, "own identity (IDi); else the user name or the certificate's"),

  ca: list(gateway, filePath, "CA of the gateway's certificate, PEM"),
  "remote-id": optional(gateway, plainText, "identity of the gateway (IDr); else HOST"),
  port: single(gateway, wholeNumber(1, 65_535), "4500", "UDP port of NAT traversal"),

  tun: single(tunnel, deviceName, "rejoin1", "TUN device"),
  mtu: single(tunnel, wholeNumber(1280, 9000), "1400", "largest inner packet, octets"),
  ipv4only: toggle(tunnel, "ask for no IPv6 address"),

  "without-reconnect": toggle(back, "ask for no session pair and log in after every loss"),
  "without-mobike": toggle(back, "come back by token after a change of address, too"),
  park: toggle(back, "leave without logging out: the next start comes back by token"),
  "cisco-attr": {
    ...list(
      back,
      attributeNumber,
      serveFlags["cisco-attr"].help,
      serveFlags["cisco-attr"].fallback,
    ),
    separator: /\s+/,
  },

  "ike-proposal": list(sa, proposal("ike"), "IKE proposals, strongSwan notation; else built in"),
  "esp-proposal": list(sa, proposal("esp"), "ESP proposals, strongSwan notation; else built in"),
  "ike-lifetime": single(sa, wholeNumber(120, 86_400), "14400", "seconds of an IKE SA"),
  "esp-lifetime": single(sa, wholeNumber(120, 2_592_000), "3600", "seconds of a Child SA"),
  "replay-window": serveFlags["replay-window"],
  "df-bit": serveFlags["df-bit"],
  "mss-clamp": serveFlags["mss-clamp"],
  dscp: serveFlags.dscp,
  dpd: single(sa, wholeNumber(2, 3600), "30", "seconds of silence before the gateway is asked"),
  "dpd-retry": single(sa, wholeNumber(1, 60), "2", "seconds between two such questions"),
  "fragment-mtu": single(
    sa,
    wholeNumber(576, 9000),
    "1280",
    "largest IP datagram of an IKE message",
  ),
  "puzzle-bits": single(
    sa,
    wholeNumberOrOff(1, 22),
    "0",
    "zero bits of the hardest client puzzle that is solved (RFC 8019); 0 solves none",
  ),

  "state-dir": single(
    operation,
    folderPath,
    "/var/lib/rejoin-client",
    "folder of the session pair",
  ),
  "exit-after": single(
    operation,
    wholeNumberOrOff(1, 31_536_000),
    "0",
    "seconds until it ends; 0 never; status 1 if it never was connected",
  ),
  "log-level": serveFlags["log-level"],
  "log-format": serveFlags["log-format"],
  "flags-file": serveFlags["flags-file"],
};

/** What `rejoin connect` is told. */
export type ConnectSettings = SettingsOf<typeof connectFlags>;
