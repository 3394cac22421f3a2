/**
 * The profile that Cisco Secure Client reads to know a gateway: where it is, that it speaks IKEv2, how
 * to log in, and to come back by itself after a loss.
 *
 * Elements stand in the order of Cisco's own profiles, because the client checks them as a sequence.
 * All that is not about reaching and coming back is left to the client's defaults.
 */
import { buildXml, textOf, type XmlElement, xmlElement } from "../core/mod.ts";

/** How Secure Client is to log in; the words of the profile. */
export type ProfileAuth = "EAP-AnyConnect" | "EAP-MSCHAPv2";

/** What a profile is made from. */
export interface ProfileOptions {
  /** What the person sees in the list of gateways. */
  readonly name: string;
  /** Name or address of the gateway. */
  readonly address: string;
  /** The group to ask for. */
  readonly userGroup: string | undefined;
  readonly auth: ProfileAuth;
  /** IDi for EAP methods other than Cisco's own. */
  readonly ikeIdentity: string | undefined;
  /** Seconds that the client waits for an answer to what was typed; else its own 30. */
  readonly authenticationTimeout: number | undefined;
  /** Names or addresses of gateways to try when this one is not reached. */
  readonly backups: readonly string[];
}

/** The profile as the text of an XML file. */
export function secureClientProfile(options: ProfileOptions): string {
  const root = xmlElement(
    "AnyConnectProfile",
    [
      xmlElement("ClientInitialization", [
        ...(options.authenticationTimeout === undefined
          ? []
          : [xmlElement("AuthenticationTimeout", String(options.authenticationTimeout))]),
        autoReconnect,
      ]),
      xmlElement("ServerList", [hostEntry(options)]),
    ],
    { "xmlns": "http://schemas.xmlsoap.org/encoding/" },
  );
  return textOf(buildXml(root, "indented"));
}

/** Come back after loss of the network and after sleep, and leave nobody the choice not to. */
const autoReconnect = withText(
  "true",
  xmlElement("AutoReconnect", [
    xmlElement("AutoReconnectBehavior", "ReconnectAfterResume", { UserControllable: "false" }),
  ], { UserControllable: "false" }),
);

function hostEntry(
  { name, address, userGroup, auth, ikeIdentity, backups }: ProfileOptions,
): XmlElement {
  const hosts = backups.map((backup) => xmlElement("HostAddress", backup));
  return xmlElement("HostEntry", [
    xmlElement("HostName", name),
    xmlElement("HostAddress", address),
    ...(userGroup === undefined ? [] : [xmlElement("UserGroup", userGroup)]),
    ...(hosts.length === 0 ? [] : [xmlElement("BackupServerList", hosts)]),
    primaryProtocol(auth, ikeIdentity),
  ]);
}

function primaryProtocol(auth: ProfileAuth, ikeIdentity: string | undefined): XmlElement {
  const standard = withText(
    "true",
    xmlElement("StandardAuthenticationOnly", [
      xmlElement("AuthMethodDuringIKENegotiation", auth),
      ...(ikeIdentity === undefined ? [] : [xmlElement("IKEIdentity", ikeIdentity)]),
    ]),
  );
  return withText("IPsec", xmlElement("PrimaryProtocol", [standard]));
}

/** Profiles have values that are text with further elements behind. */
function withText(text: string, element: XmlElement): XmlElement {
  return { ...element, text };
}
