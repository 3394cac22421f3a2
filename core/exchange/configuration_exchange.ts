/** What a client asks for in CFG_REQUEST and what it is told (RFC 7296 §2.19, §3.15). */
import type { Bytes } from "../bytes.ts";
import { copyBytes, textOf, utf8 } from "../bytes.ts";
import type { ClientAttributes } from "../gateway/policy.ts";
import type { SessionPair } from "../gateway/record.ts";
import type { CiscoAttributeName, CiscoAttributeNumbers } from "../message/cisco_attributes.ts";
import { ciscoAttributeName } from "../message/cisco_attributes.ts";
import { ConfigAttribute as Attribute } from "../message/constants.ts";
import {
  buildIp6PrefixValue,
  buildNumberValue,
  buildSubnetValue,
  buildUnityNetworks,
  parseAddressValue,
  parseIp6AddressValue,
  parseSubnetValue,
  parseTextValue,
} from "../message/configuration.ts";
import type { ConfigurationAttribute } from "../message/payload.ts";
import { assertNever } from "../result.ts";
import type { AddressPrefix, IpAddress } from "../wire/address.ts";
import { netmaskOf } from "../wire/address.ts";
import type { Wishes } from "./auth_host.ts";

/** Reads a request. */
export function readWishes(
  request: readonly ConfigurationAttribute[],
  numbers: CiscoAttributeNumbers,
): Wishes {
  const asked = new Set(request.map(({ type }) => type));
  const any = (types: readonly number[]) => types.some((type) => asked.has(type));
  return {
    ip4: asked.has(Attribute.INTERNAL_IP4_ADDRESS),
    ip6: asked.has(Attribute.INTERNAL_IP6_ADDRESS),
    pair: any(numbers["session-id"]) && any(numbers["session-token"]),
  };
}

/** What there is to tell. */
export interface ConfigurationFacts {
  /** The client's inner addresses. */
  readonly addresses: readonly IpAddress[];
  /** Netmask of the IPv4 address; that of a single host if there is none. */
  readonly netmask: IpAddress | undefined;
  /** Everything else. */
  readonly attributes: ClientAttributes;
  /** The pair, once it is stored. */
  readonly pair: SessionPair | undefined;
  /** Under which numbers Cisco's attributes go. */
  readonly numbers: CiscoAttributeNumbers;
}

/** The answers, in the order asked, each attribute once; what was not asked is not told. */
export function answerWishes(
  request: readonly ConfigurationAttribute[],
  facts: ConfigurationFacts,
): readonly ConfigurationAttribute[] {
  const answers: ConfigurationAttribute[] = [];
  for (const type of new Set(request.map((attribute) => attribute.type))) {
    for (const value of valuesOf(type, facts)) answers.push({ type, value });
  }
  return answers;
}

/** What a client asks for that is told to its user alone; the pair is asked for apart. */
export function textWishes(
  families: { readonly ip4: boolean; readonly ip6: boolean },
  numbers: CiscoAttributeNumbers,
): readonly number[] {
  const { INTERNAL_IP4_NETMASK, INTERNAL_IP4_NBNS, INTERNAL_IP4_SUBNET } = Attribute;
  return [
    ...(families.ip4 ? [INTERNAL_IP4_NETMASK, INTERNAL_IP4_NBNS, INTERNAL_IP4_SUBNET] : []),
    ...(families.ip6 ? [Attribute.INTERNAL_IP6_SUBNET] : []),
    Attribute.INTERNAL_DNS_DOMAIN,
    ...numbers["default-domain"].slice(0, 1),
    ...numbers.banner.slice(0, 1),
  ];
}

/** What a CFG_REPLY tells a client. */
export interface ConfigurationReply {
  /** Inner addresses. */
  readonly addresses: readonly IpAddress[];
  /** Netmask of the IPv4 address. */
  readonly netmask?: IpAddress;
  /** DNS servers. */
  readonly dns: readonly IpAddress[];
  /** NBNS (WINS) servers. */
  readonly nbns: readonly IpAddress[];
  /** Default domain. */
  readonly domain?: string;
  /** Networks reached through the tunnel; none for all. */
  readonly splitInclude: readonly AddressPrefix[];
  /** Domains asked through the tunnel. */
  readonly splitDns: readonly string[];
  /** Text of the operator for the user. */
  readonly banner?: string;
  /** The pair, when both halves came. */
  readonly pair?: SessionPair;
}

/** Reads a reply. */
export function readConfigurationReply(
  reply: readonly ConfigurationAttribute[],
  numbers: CiscoAttributeNumbers,
): ConfigurationReply {
  const all = (...types: number[]) => reply.filter(({ type }) => types.includes(type));
  const addressOf = ({ value }: ConfigurationAttribute): readonly IpAddress[] => {
    const address = value.length === 17
      ? parseIp6AddressValue(value)?.address
      : parseAddressValue(value);
    return address === undefined
      ? []
      : [{ family: address.family, octets: copyBytes(address.octets) }];
  };
  const networkOf = ({ value }: ConfigurationAttribute): readonly AddressPrefix[] => {
    const network = parseSubnetValue(copyBytes(value));
    return network === undefined ? [] : [network];
  };
  const textsOf = (...types: number[]): readonly string[] =>
    all(...types).map(({ value }) => parseTextValue(value)).filter((text) => text !== "");
  const { INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS, INTERNAL_IP4_DNS, INTERNAL_IP6_DNS } =
    Attribute;
  const [id] = all(...numbers["session-id"]);
  const [token] = all(...numbers["session-token"]);
  const [netmask] = all(Attribute.INTERNAL_IP4_NETMASK).flatMap(addressOf);
  const [domain] = textsOf(...numbers["default-domain"]);
  const [banner] = textsOf(...numbers.banner);
  return {
    addresses: all(INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS).flatMap(addressOf),
    dns: all(INTERNAL_IP4_DNS, INTERNAL_IP6_DNS).flatMap(addressOf),
    nbns: all(Attribute.INTERNAL_IP4_NBNS).flatMap(addressOf),
    splitInclude: all(Attribute.INTERNAL_IP4_SUBNET, Attribute.INTERNAL_IP6_SUBNET)
      .flatMap(networkOf),
    splitDns: textsOf(Attribute.INTERNAL_DNS_DOMAIN),
    ...(netmask === undefined ? {} : { netmask }),
    ...(domain === undefined ? {} : { domain }),
    ...(banner === undefined ? {} : { banner }),
    ...(id === undefined || token === undefined
      ? {}
      : { pair: { sessionId: textOf(id.value), token: textOf(token.value) } }),
  };
}

function valuesOf(type: number, facts: ConfigurationFacts): readonly Bytes[] {
  const { addresses, netmask, attributes } = facts;
  const of = (family: 4 | 6, all: readonly IpAddress[]) =>
    all.filter((address) => address.family === family);
  switch (type) {
    case Attribute.INTERNAL_IP4_ADDRESS:
      return of(4, addresses).map(({ octets }) => octets);
    case Attribute.INTERNAL_IP4_NETMASK:
      return of(4, addresses).slice(0, 1).map(() => netmask?.octets ?? netmaskOf(32));
    case Attribute.INTERNAL_IP6_ADDRESS:
      return of(6, addresses).map((address) => buildIp6PrefixValue({ address, length: 128 }));
    case Attribute.INTERNAL_IP4_DNS:
      return of(4, attributes.dns).map(({ octets }) => octets);
    case Attribute.INTERNAL_IP6_DNS:
      return of(6, attributes.dns).map(({ octets }) => octets);
    case Attribute.INTERNAL_IP4_NBNS:
      return of(4, attributes.nbns).map(({ octets }) => octets);
    case Attribute.APPLICATION_VERSION:
      return [utf8(attributes.applicationVersion)];
    case Attribute.INTERNAL_IP4_SUBNET:
      return networks(4, attributes).map(buildSubnetValue);
    case Attribute.INTERNAL_IP6_SUBNET:
      return networks(6, attributes).map(buildSubnetValue);
    case Attribute.INTERNAL_DNS_DOMAIN:
      return attributes.splitDns.map(utf8);
    default:
      return ciscoValues(ciscoAttributeName(facts.numbers, type), facts);
  }
}

/** Values of Cisco's attributes; lengths as an ASA sends them. */
function ciscoValues(
  name: CiscoAttributeName | undefined,
  { attributes, pair }: ConfigurationFacts,
): readonly Bytes[] {
  switch (name) {
    case "banner":
      return optionalText(attributes.banner);
    case "default-domain":
      return optionalText(attributes.domain);
    case "split-dns":
      return optionalText(attributes.splitDns.join(",") || undefined);
    case "split-include": {
      const included = networks(4, attributes);
      return included.length === 0 ? [] : [buildUnityNetworks(included)];
    }
    case "session-timeout":
      return [buildNumberValue(4, attributes.sessionTimeoutSeconds ?? 0)];
    case "idle-timeout":
      return [buildNumberValue(4, attributes.idleTimeoutSeconds)];
    case "disconnected-timeout":
      return [buildNumberValue(4, attributes.disconnectedTimeoutSeconds)];
    case "dpd":
      return [buildNumberValue(4, attributes.dpdSeconds)];
    case "keepalive":
      return [buildNumberValue(4, attributes.keepaliveSeconds)];
    case "mtu":
      return [buildNumberValue(2, attributes.mtu)];
    case "smartcard-removal":
      return [buildNumberValue(1, attributes.smartcardRemovalDisconnect ? 1 : 0)];
    case "session-id":
      return optionalText(pair?.sessionId);
    case "session-token":
      return optionalText(pair?.token);
    case undefined:
      return [];
    default:
      return assertNever(name);
  }
}

function networks(
  family: 4 | 6,
  { splitInclude }: ClientAttributes,
): ClientAttributes["splitInclude"] {
  return splitInclude.filter(({ address }) => address.family === family);
}

function optionalText(text: string | undefined): readonly Bytes[] {
  return text === undefined ? [] : [utf8(text)];
}
