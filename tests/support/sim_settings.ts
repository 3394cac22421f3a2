/** Policies, client settings and endpoints of simulations. */
import { utf8 } from "../../core/bytes.ts";
import { ntHash } from "../../core/eap/ms_chap.ts";
import type { ClientLogin, ClientSettings } from "../../core/exchange/initiator_settings.ts";
import type { Policy } from "../../core/gateway/policy.ts";
import { IdType } from "../../core/message/constants.ts";
import type { Proposal } from "../../core/message/payload.ts";
import { knownCiscoAttributes } from "../../core/message/cisco_attributes.ts";
import { defaultEspProposals, defaultIkeProposals } from "../../core/sa/default_proposals.ts";
import { parseProposalText } from "../../core/sa/proposal_notation.ts";
import type { AddressRange, Endpoint, IpAddress } from "../../core/wire/address.ts";
import { parseIpAddress, parseRange } from "../../core/wire/address.ts";
import type { SimPki } from "./sim_pki.ts";
import { simGatewayName } from "./sim_pki.ts";

/** An address that must be one. */
export function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** An endpoint that must be one. */
export function endpoint(text: string, port: number): Endpoint {
  return { address: address(text), port };
}

/** A range of addresses that must be one. */
export function range(text: string): AddressRange {
  const parsed = parseRange(text);
  if (parsed === undefined) throw new Error(`${text} is no range`);
  return parsed;
}

/** Proposals in strongSwan's notation. */
export function proposals(protocol: "ike" | "esp", ...texts: string[]): readonly Proposal[] {
  return texts.map((text, i) => {
    const parsed = parseProposalText(text, protocol, i + 1);
    if (!parsed.ok) throw new Error(`${text} is no proposal`);
    return parsed.value;
  });
}

/** Passwords of the simulated AAA. */
export const simUsers: Readonly<Record<string, string>> = {
  alice: "alicepw",
  bob: "bobpw",
  carol: "carolpw",
};

/** Their NT hashes. */
export const simHashes: ReadonlyMap<string, Uint8Array> = new Map(
  Object.entries(simUsers).map(([name, password]) => [name, ntHash(password)]),
);

/** A login by AnyConnect-EAP with a user's password. */
export function anyConnectLogin(
  name: string,
  change: Partial<Extract<ClientLogin, { kind: "anyconnect-eap" }>> = {},
): ClientLogin {
  return {
    kind: "anyconnect-eap",
    user: { name, password: simUsers[name] ?? "" },
    certificate: undefined,
    group: undefined,
    header: { version: "5.1.8.105", macAddresses: [] },
    answer: () => undefined,
    ...change,
  };
}

/** Attribute numbers in simulations. */
export const simNumbers = knownCiscoAttributes;

/** The gateway's endpoint. */
export const gatewayEndpoint = endpoint("192.0.2.1", 4500);

/** A policy for simulations. */
export function simPolicy(pki: SimPki, change: Partial<Policy> = {}): Policy {
  return {
    gatewayName: "gw",
    identity: { idType: IdType.FQDN, data: utf8(simGatewayName) },
    certificates: [pki.gateway.certificate],
    signer: pki.gateway.signer,
    authorities: [],
    alternates: [],
    loginMethods: ["eap-mschapv2", "certificate"],
    clientCas: [pki.ca],
    clockSkewMs: 0,
    pools: [range("10.99.0.2-10.99.0.250")],
    attributes: {
      dns: [address("10.0.0.53")],
      nbns: [],
      splitInclude: [],
      splitDns: [],
      applicationVersion: "rejoin",
      mtu: 1400,
      idleTimeoutSeconds: 0,
      disconnectedTimeoutSeconds: 1_800,
      dpdSeconds: 30,
      keepaliveSeconds: 20,
      smartcardRemovalDisconnect: false,
    },
    attributeNumbers: simNumbers,
    anyConnect: { mode: "password", groups: [], tries: 3, rsaHash: "prf" },
    allowSha1: true,
    reconnect: { timeoutMs: 1_800_000 },
    idleAction: "end",
    ikeProposals: defaultIkeProposals(),
    espProposals: defaultEspProposals(),
    lifetimes: { ikeMs: 86_400_000, espMs: 3_600_000 },
    dpd: { intervalMs: 45_000, retryMs: 2_000 },
    fragmentMtu: 1280,
    mobike: "check-first",
    outerAddresses: [],
    cookieThreshold: 1000,
    maxSa: 10_000,
    maxNegotiating: 5000,
    ...change,
  };
}

/** Settings of a simulated client. */
export function simClient(
  pki: SimPki,
  user: string,
  local: Endpoint,
  change: Partial<ClientSettings> = {},
): ClientSettings {
  return {
    gateway: gatewayEndpoint,
    local,
    identity: { idType: IdType.RFC822_ADDR, data: utf8(`${user}@example.test`) },
    gatewayIdentity: { idType: IdType.FQDN, data: utf8(simGatewayName) },
    login: { kind: "eap-mschapv2", userName: user, password: simUsers[user] ?? "" },
    anchors: [pki.ca],
    wants: { ip4: true, ip6: false },
    reconnect: true,
    attributeNumbers: simNumbers,
    ikeProposals: defaultIkeProposals(),
    espProposals: defaultEspProposals(),
    lifetimes: { ikeMs: 86_400_000, espMs: 3_600_000 },
    dpd: { intervalMs: 20_000, retryMs: 2_000 },
    fragmentMtu: 1280,
    mobike: false,
    puzzleBits: 0,
    ...change,
  };
}
