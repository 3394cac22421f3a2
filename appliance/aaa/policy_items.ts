/**
 * What AAA can decide about a user, as words: how the text of each is read, and what it sets. RADIUS
 * attributes are turned into these texts, and most of the words are keys of `--group`, so a value means
 * the same wherever it comes from.
 *
 * Left out: Class, which is octets and no text, and filters, which are lists of their own.
 */
import {
  type IpAddress,
  parseIpAddress,
  prefixLengthOfNetmask,
  prefixToRange,
  type UserAttributes,
  type UserConfiguration,
} from "../../core/mod.ts";
import {
  domainName,
  type Form,
  ip4Address,
  ipAddress,
  oneOf,
  plainText,
  poolName,
  prefix,
  wholeNumber,
  wholeNumberOrOff,
} from "../config/forms.ts";

/** One thing that can be decided. */
export interface PolicyItem {
  /** The accepted form in words, for errors. */
  readonly wanted: string;
  /** Whether several texts make one list; else the first counts. */
  readonly isList: boolean;
  /** What a text sets; `undefined` when it has another form. */
  readonly read: (text: string) => UserAttributes | undefined;
}

/** Longest time that can be said, seconds: as with `--session-lifetime`. */
export const longestSeconds = 25_920_000;

/** Longest banner, characters. */
export const longestBanner = 1000;

function one<T>(form: Form<T>, set: (value: T) => UserAttributes): PolicyItem {
  return {
    wanted: form.wanted,
    isList: false,
    read: (text) => {
      const value = form.parse(text.trim());
      return value === undefined ? undefined : set(value);
    },
  };
}

/** Values between blanks or commas. */
function several<T>(form: Form<T>, set: (values: readonly T[]) => UserAttributes): PolicyItem {
  return {
    wanted: `${form.wanted}; several between blanks or commas`,
    isList: true,
    read: (text) => {
      const parts = text.split(/[\s,]+/).filter((part) => part !== "");
      const values = parts.map(form.parse).filter((value) => value !== undefined);
      return values.length === 0 || values.length < parts.length ? undefined : set(values);
    },
  };
}

function told(configuration: UserConfiguration): UserAttributes {
  return { told: configuration };
}

const ip6Address: Form<IpAddress> = {
  form: "ADDR",
  wanted: "an IPv6 address",
  parse: (text) => {
    const address = parseIpAddress(text);
    return address?.family === 6 ? address : undefined;
  },
};

const netmask: Form<IpAddress> = {
  form: "MASK",
  wanted: "a netmask such as 255.255.255.0",
  parse: (text) => {
    const mask = ip4Address.parse(text);
    return mask !== undefined && (prefixLengthOfNetmask(mask.octets) ?? 0) > 0 ? mask : undefined;
  },
};

const bannerText: Form<string> = {
  form: "TEXT",
  wanted: `a text of at most ${longestBanner} characters without control characters`,
  parse: (text) =>
    text.length <= longestBanner && plainText.parse(text.replaceAll(/[\n\t]/g, " ")) !== undefined
      ? text
      : undefined,
};

const yes = ["yes", "true", "1"] as const;
const no = ["no", "false", "0"] as const;

/** The items by their words. */
export const policyItems = {
  "address": one(ip4Address, (address) => ({ addresses: [address] })),
  "ipv6-address": one(ip6Address, (address) => ({ addresses: [address] })),
  "netmask": one(netmask, (mask) => ({ netmask: mask })),
  "pool": several(poolName, (pools) => ({ pools })),
  "ipv6-pool": several(poolName, (ip6Pools) => ({ ip6Pools })),
  "network": several(prefix, (networks) => ({
    networks: networks.map(({ address, length }) => ({
      address: prefixToRange({ address, length }).first,
      length,
    })),
  })),
  "dns": several(ipAddress, (dns) => told({ dns })),
  "ipv6-dns": several(ip6Address, (dns) => told({ dns })),
  "wins": several(ip4Address, (nbns) => told({ nbns })),
  "domain": one(domainName, (domain) => told({ domain })),
  "split-include": several(prefix, (splitInclude) => told({ splitInclude })),
  "split-dns": several(domainName, (splitDns) => told({ splitDns })),
  "banner": one(bannerText, (banner) => told({ banner })),
  "smartcard-removal-disconnect": one(
    oneOf(...yes, ...no),
    (word) => told({ smartcardRemovalDisconnect: yes.some((one) => one === word) }),
  ),
  "session-lifetime": one(wholeNumber(1, longestSeconds), (seconds) => ({
    sessionLifetimeSeconds: seconds,
  })),
  "idle-timeout": one(wholeNumberOrOff(1, longestSeconds), (seconds) => ({
    idleTimeoutSeconds: seconds,
  })),
  "interim": one(wholeNumber(60, longestSeconds), (seconds) => ({ interimSeconds: seconds })),
  "group": one(plainText, (group) => ({ group })),
} as const satisfies Readonly<Record<string, PolicyItem>>;

/** A word. */
export type PolicyWord = keyof typeof policyItems;
