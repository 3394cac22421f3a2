/** `rejoin profile`: prints the profile that makes Cisco Secure Client know a gateway. */
import { list, optional, single } from "../config/define.ts";
import type { FlagProblem } from "../config/flag.ts";
import { type Form, identity, oneOf, plainText, wholeNumber } from "../config/forms.ts";
import { type Gathered, settle } from "../config/gather.ts";
import { type ProfileAuth, secureClientProfile } from "../secure_client_profile.ts";
import type { CommandDefinition } from "./command.ts";

const group = "Profile";

const methodNames = {
  "eap-anyconnect": "EAP-AnyConnect",
  "eap-mschapv2": "EAP-MSCHAPv2",
} as const satisfies Readonly<Record<string, ProfileAuth>>;

const methodForm: Form<keyof typeof methodNames> = oneOf("eap-anyconnect", "eap-mschapv2");

/** The flags. */
export const profileFlags = {
  host: optional(group, plainText, "what people see in the list of gateways"),
  address: optional(group, identity, "name or address of the gateway; else that of --host"),
  "user-group": optional(group, plainText, "group to ask for"),
  auth: single(group, methodForm, "eap-anyconnect", "how to log in"),
  "ike-identity": optional(group, plainText, "identity (IDi) for eap-mschapv2, the user name"),
  "authentication-timeout": optional(
    group,
    wholeNumber(10, 120),
    "seconds to wait for the gateway, else 30; more where people press a button",
  ),
  backup: list(group, identity, "gateway to try when this one is not reached"),
};

/** The command. */
export const profileCommand: CommandDefinition = {
  words: "profile",
  operands: "",
  summary: "print a profile for Cisco Secure Client",
  notes:
    "\nThe file goes into the client's Profile folder, see README. BypassDownloader must be true\n" +
    "in the client's AnyConnectLocalPolicy.xml: this gateway hands out no files.",
  flags: profileFlags,
  run: (call) => {
    const settings = settle(profileFlags, call.sources, checkProfile);
    const { host = "", address = host } = settings;
    call.terminal.out(secureClientProfile({
      name: host,
      address,
      userGroup: settings["user-group"],
      auth: methodNames[settings.auth],
      ikeIdentity: settings["ike-identity"],
      authenticationTimeout: settings["authentication-timeout"],
      backups: settings.backup,
    }));
    return Promise.resolve(0);
  },
};

function checkProfile({ settings }: Gathered<typeof profileFlags>): readonly FlagProblem[] {
  const { host, address, auth, "ike-identity": ikeIdentity } = settings;
  const problems: FlagProblem[] = [];
  if (host === undefined) {
    problems.push({ name: "host", wanted: "a name for the list of gateways" });
  } else if (address === undefined && identity.parse(host) === undefined) {
    problems.push({ name: "address", wanted: `the gateway's name or address; --host is neither` });
  }
  if (auth === "eap-anyconnect" && ikeIdentity !== undefined) {
    problems.push({
      name: "ike-identity",
      value: ikeIdentity,
      wanted: "--auth eap-mschapv2 with it; EAP-AnyConnect has an identity of its own",
    });
  }
  if (auth === "eap-mschapv2" && ikeIdentity === undefined) {
    problems.push({ name: "ike-identity", wanted: "the identity (IDi) that eap-mschapv2 needs" });
  }
  return problems;
}
