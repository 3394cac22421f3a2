/** The forms that flag values come in: a parser and the words that describe it, together. */
import {
  type AddressPrefix,
  type AddressRange,
  bitsOf,
  type CiscoAttributeName,
  type Endpoint,
  type IpAddress,
  knownCiscoAttributes,
  type LoginMethod,
  parseIpAddress,
  parsePrefix,
  parseProposalText,
  parseRange,
  type Proposal,
} from "../../core/mod.ts";
import { listName, nameWanted } from "../aaa/access_list/file.ts";

/** One form. */
export interface Form<T> {
  /** The placeholder in help. */
  readonly form: string;
  /** The same in words, for errors. */
  readonly wanted: string;
  /** The value of a text; `undefined` when it has another form. */
  readonly parse: (text: string) => T | undefined;
}

/** A whole number in a range, both ends included. */
export function wholeNumber(least: number, most: number): Form<number> {
  return {
    form: "NUMBER",
    wanted: `a whole number from ${least} to ${most}`,
    parse: (text) => {
      if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) return undefined;
      const value = Number(text);
      return value >= least && value <= most ? value : undefined;
    },
  };
}

/** A whole number in a range, or 0 that switches something off. */
export function wholeNumberOrOff(least: number, most: number): Form<number> {
  const number = wholeNumber(least, most);
  return {
    form: "NUMBER",
    wanted: `0 (off) or ${number.wanted}`,
    parse: (text) => text === "0" ? 0 : number.parse(text),
  };
}

/** One of a few words. */
export function oneOf<const Words extends readonly string[]>(...words: Words): Form<Words[number]> {
  return {
    form: words.join("|"),
    wanted: `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** Any text that is not empty and has no control characters. */
export const plainText: Form<string> = {
  form: "TEXT",
  wanted: "a text without control characters",
  parse: (text) => /^[^\p{Cc}]+$/u.test(text) ? text : undefined,
};

/** The path of a file. */
export const filePath: Form<string> = {
  form: "FILE",
  wanted: "the path of a file",
  parse: (text) => text === "" || text.includes("\0") ? undefined : text,
};

/** The path of a folder. */
export const folderPath: Form<string> = {
  form: "FOLDER",
  wanted: "the path of a folder",
  parse: filePath.parse,
};

/** An IPv4 or IPv6 address. */
export const ipAddress: Form<IpAddress> = {
  form: "ADDR",
  wanted: "an IPv4 or IPv6 address",
  parse: parseIpAddress,
};

/** An IPv4 address. */
export const ip4Address: Form<IpAddress> = {
  form: "ADDR",
  wanted: "an IPv4 address",
  parse: (text) => {
    const address = parseIpAddress(text);
    return address?.family === 4 ? address : undefined;
  },
};

/** An address block. */
export const prefix: Form<AddressPrefix> = {
  form: "CIDR",
  wanted: "an address block such as 10.0.0.0/8 or 2001:db8::/32",
  parse: parsePrefix,
};

/** One address, or all of a block. */
export const addressOrBlock: Form<AddressPrefix> = {
  form: "ADDR|CIDR",
  wanted: "an address, or a block such as 192.0.2.0/28 or 2001:db8::/64",
  parse: (text) => {
    const address = parseIpAddress(text);
    return address === undefined ? parsePrefix(text) : { address, length: bitsOf(address.family) };
  },
};

/** A server and its UDP port; IPv6 addresses with a port stand in brackets. */
export function server(defaultPort: number): Form<Endpoint> {
  const port = wholeNumber(1, 65_534);
  return {
    form: "ADDR[:PORT]",
    wanted: "an address such as 192.0.2.1, 192.0.2.1:1645, 2001:db8::1 or [2001:db8::1]:1645",
    parse: (text) => {
      const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
      const address = parseIpAddress(bracketed ?? plain ?? text);
      const given = digits === undefined ? defaultPort : port.parse(digits);
      return address === undefined || given === undefined ? undefined : { address, port: given };
    },
  };
}

/** The name of a pool: no white space or comma, so that several can stand in one text. */
export const poolName: Form<string> = {
  form: "NAME",
  wanted: "a pool name of 1 to 64 letters, digits, dots, hyphens or underscores",
  parse: (text) => /^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined,
};

/** A server by its name or address, and its TCP port; an IPv6 address with a port stands in brackets. */
export function namedServer(
  defaultPort: number,
): Form<{ readonly host: string; readonly port: number }> {
  const port = wholeNumber(1, 65_535);
  return {
    form: "HOST[:PORT]",
    wanted:
      "a name or an address, such as radius.example.net, 192.0.2.1:2083 or [2001:db8::1]:2083",
    parse: (text) => {
      const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
      const host = identity.parse(bracketed ?? plain ?? text);
      const given = digits === undefined ? defaultPort : port.parse(digits);
      return host === undefined || given === undefined ? undefined : { host, port: given };
    },
  };
}

/** Addresses for clients: all of a range, or the hosts of a block; with a name, for who is given it. */
export type PoolForm =
  & { readonly text: string; readonly name?: string }
  & (
    | { readonly kind: "range"; readonly range: AddressRange }
    | { readonly kind: "block"; readonly prefix: AddressPrefix }
  );

/** A pool. */
export const pool: Form<PoolForm> = {
  form: "[NAME=]RANGE|CIDR",
  wanted:
    "a range such as 192.168.20.10-192.168.20.99 or a block such as 192.168.20.0/24, behind " +
    "NAME= where it is to have a name",
  parse: (text) => {
    const [, given, addresses = ""] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? [];
    const name = given === undefined ? undefined : poolName.parse(given);
    if (given !== undefined && name === undefined) return undefined;
    const base = { text, ...(name === undefined ? {} : { name }) };
    const block = parsePrefix(addresses);
    if (block !== undefined) return { ...base, kind: "block", prefix: block };
    const range = addresses.includes("/") ? undefined : parseRange(addresses);
    return range === undefined ? undefined : { ...base, kind: "range", range };
  },
};

/** A DNS name. */
export const domainName: Form<string> = {
  form: "DOMAIN",
  wanted: "a domain name such as example.net",
  parse: (text) => {
    // Label by label: one expression for all of them would try every way to part a long word.
    const labels = text.replace(/\.$/, "").split(".");
    const isLabel = (label: string): boolean =>
      /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label);
    return text.length <= 253 && labels.every(isLabel) ? text : undefined;
  },
};

/** Who a gateway says it is. */
export const identity: Form<string> = {
  form: "FQDN|IP",
  wanted: "a host name such as vpn.example.net or an address",
  parse: (text) =>
    parseIpAddress(text) !== undefined || /^[\d.:]+$/.test(text)
      ? parseIpAddress(text) && text
      : domainName.parse(text),
};

/** A user of a lab, password included. */
export const userAndPassword: Form<{ readonly name: string; readonly password: string }> = {
  form: "NAME:PASSWORD",
  wanted: "a name, a colon and a password",
  parse: (text) => {
    const colon = text.indexOf(":");
    const name = text.slice(0, colon);
    const password = text.slice(colon + 1);
    return colon > 0 && password !== "" && plainText.parse(name) !== undefined
      ? { name, password }
      : undefined;
  },
};

/** A login method; `psk` is understood so that it can be refused with a reason. */
export type AuthWord = LoginMethod | "psk";

const authWords: Readonly<Record<string, AuthWord>> = {
  "anyconnect-eap": "anyconnect-eap",
  "eap-mschapv2": "eap-mschapv2",
  "eap-radius": "eap-radius",
  "cert": "certificate",
  "psk": "psk",
  "pre-share": "psk",
};

/** Login methods. */
export const authMethod: Form<AuthWord> = {
  form: "METHOD,…",
  wanted: "anyconnect-eap, eap-mschapv2, eap-radius or cert",
  parse: (text) => authWords[text],
};

/** Which attribute numbers carry what. */
export interface AttributeNumber {
  readonly name: CiscoAttributeName;
  readonly numbers: readonly number[];
}

const attributeNames = Object.keys(knownCiscoAttributes) as readonly CiscoAttributeName[];

/** An assignment of configuration attribute numbers. */
export const attributeNumber: Form<AttributeNumber> = {
  form: "NAME=NUMBER[,NUMBER]",
  wanted: `attribute numbers from 16384 to 32767 behind one of ${attributeNames.join("=, ")}=`,
  parse: (text) => {
    const [, given, list] = /^([a-z-]+)=([0-9,]+)$/.exec(text) ?? [];
    const name = attributeNames.find((one) => one === given);
    if (name === undefined || list === undefined) return undefined;
    const number = wholeNumber(16_384, 32_767);
    const numbers = list.split(",").map(number.parse).filter((value) => value !== undefined);
    return numbers.length === list.split(",").length ? { name, numbers } : undefined;
  },
};

/** A group that AnyConnect users may choose, perhaps shown under another name. */
export const loginGroup: Form<{ readonly name: string; readonly alias?: string }> = {
  form: "NAME[=ALIAS]",
  wanted: "a group name, and behind = what people see instead",
  parse: (text) => {
    const [name = "", ...rest] = text.split("=");
    const alias = rest.join("=");
    if (plainText.parse(name) === undefined) return undefined;
    return alias === "" ? { name } : { name, alias };
  },
};

/** One rule of an access list, its text still to be read: all that is wrong is told together. */
export type RuleForm =
  | { readonly kind: "rule"; readonly list: string; readonly rule: string }
  | { readonly kind: "unreadable"; readonly text: string };

/** A rule of an access list. */
export const accessListRule: Form<RuleForm> = {
  form: "NAME:RULE",
  wanted: `${nameWanted}, a colon, and a rule such as permit tcp any any eq 443`,
  parse: (text) => {
    const colon = text.indexOf(":");
    const list = text.slice(0, colon);
    return colon > 0 && listName.test(list)
      ? { kind: "rule", list, rule: text.slice(colon + 1) }
      : { kind: "unreadable", text };
  },
};

/** One proposal in strongSwan's notation. */
export function proposal(protocol: "ike" | "esp"): Form<Proposal> {
  const example = protocol === "ike" ? "aes256-sha512-ecp256" : "aes256gcm16-ecp256";
  return {
    form: "PROPOSAL,…",
    wanted: `a proposal such as ${example}`,
    parse: (text) => {
      const parsed = parseProposalText(text, protocol, 1);
      return parsed.ok ? parsed.value : undefined;
    },
  };
}

/** A name that Linux gives network devices. */
export const deviceName: Form<string> = {
  form: "NAME",
  wanted: "a device name of 1 to 15 letters, digits, dots, hyphens or underscores",
  parse: (text) => /^[A-Za-z0-9_.-]{1,15}$/.test(text) && !/^\.+$/.test(text) ? text : undefined,
};
