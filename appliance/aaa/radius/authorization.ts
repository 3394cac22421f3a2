/**
 * From an Access-Accept to what its user gets, by the rows of `authorization_table.ts`. Who cannot be
 * obeyed is not let in by halves: one value that makes no sense, and the whole accept is worth nothing.
 *
 * Cisco's pairs are `PROTOCOL:KEY=VALUE` where the key is mandatory and `PROTOCOL:KEY*VALUE` where it is
 * not; a key may have a number behind it, `KEY#1`. Those of the protocol `ipsec` are for us all of them,
 * of others we know none.
 *
 * An accept for another service than the one that was asked for, which is the only one that is given,
 * counts as a rejection (RFC 2865 §5.6).
 */
import { type Bytes, copyBytes, type UserAttributes } from "../../../core/mod.ts";
import { policyItems } from "../policy_items.ts";
import { joinAttributes } from "../user_attributes.ts";
import { framedService } from "./attributes.ts";
import { foreignKeys, type PolicyRow, policyRows } from "./authorization_table.ts";
import { type RadiusPacket, readNumber32, valuesOf } from "./packet.ts";

/** What an accept says. */
export type Authorization =
  | {
    readonly kind: "attributes";
    readonly attributes: UserAttributes;
    /** Mandatory keys of the protocol `ipsec` that nobody here knows. */
    readonly unknownKeys: readonly string[];
    /** Keys of Cisco's that mean nothing here. */
    readonly foreignKeys: readonly string[];
  }
  /** `attribute` makes no sense; a pair of Cisco's is called by protocol and key. */
  | { readonly kind: "unusable"; readonly attribute: string };

interface Pair {
  /** With its protocol in front. */
  readonly key: string;
  readonly isMandatory: boolean;
  readonly value: Bytes;
}

/** Octets of all Class attributes: they have to fit into every accounting record. */
const longestClasses = 2048;

/** Reads an Access-Accept. */
export function authorize(accept: RadiusPacket): Authorization {
  const services = valuesOf(accept, "Service-Type");
  if (services.some((service) => readNumber32(service) !== framedService)) {
    return { kind: "unusable", attribute: "Service-Type" };
  }
  const pairs = valuesOf(accept, "Cisco-AVPair").map(readPair).filter((pair) => pair !== undefined);
  if (pairs.includes("unreadable")) return { kind: "unusable", attribute: "Cisco-AVPair" };
  const readable = pairs.filter((pair) => pair !== "unreadable");
  const settled = new Set<PolicyRow["sets"]>();
  const classes = valuesOf(accept, "Class").map(copyBytes);
  if (classes.reduce((sum, { length }) => sum + 2 + length, 0) > longestClasses) {
    return { kind: "unusable", attribute: "Class" };
  }
  let attributes: UserAttributes = classes.length === 0 ? {} : { class: classes };
  for (const row of policyRows) {
    if (settled.has(row.sets)) continue;
    const parts = readRow(row, valuesFor(row, accept, readable), accept);
    if (parts === undefined) return { kind: "unusable", attribute: nameOfRow(row) };
    if (parts.length > 0) settled.add(row.sets);
    attributes = parts.reduce(joinAttributes, attributes);
  }
  const others = readable.filter(({ key }) => !knownKeys.has(key));
  const keysOf = (isMeant: (pair: Pair) => boolean): readonly string[] => [
    ...new Set(others.filter(isMeant).map(({ key }) => key)),
  ];
  return {
    kind: "attributes",
    attributes,
    unknownKeys: keysOf(({ key, isMandatory }) =>
      isMandatory && key.startsWith("ipsec:") && !foreignKeys.has(key)
    ),
    foreignKeys: keysOf(({ key }) => foreignKeys.has(key)),
  };
}

const knownKeys: ReadonlySet<string> = new Set(
  policyRows.flatMap(({ key }) => key === undefined ? [] : [key]),
);

/** How a row is called in logs and documents. */
export function nameOfRow({ attributes, key }: PolicyRow): string {
  return key ?? attributes.join(", ");
}

function valuesFor(
  { attributes, key }: PolicyRow,
  accept: RadiusPacket,
  pairs: readonly Pair[],
): readonly Bytes[] {
  return key === undefined
    ? attributes.flatMap((name) => valuesOf(accept, name))
    : pairs.filter((pair) => pair.key === key).map(({ value }) => value);
}

/** What the values set; `undefined` when one that counts makes no sense. */
function readRow(
  { sets, read }: PolicyRow,
  values: readonly Bytes[],
  accept: RadiusPacket,
): readonly UserAttributes[] | undefined {
  const item = policyItems[sets];
  const parts: UserAttributes[] = [];
  for (const value of values) {
    for (const text of read(value, accept) ?? [undefined]) {
      const part = text === undefined ? undefined : item.read(text);
      if (part === undefined) return undefined;
      parts.push(part);
      if (!item.isList) return parts;
    }
  }
  return parts;
}

/** One octet, one character: so that lengths of the text are lengths of the octets. */
const octetwise = new TextDecoder("latin1");

/** A pair; `undefined` for a text of another form that is not for `ipsec`. */
function readPair(octets: Bytes): Pair | "unreadable" | undefined {
  const whole = octetwise.decode(octets);
  const [head, protocol = "", name = "", sign] =
    /^([a-z0-9-]+):([a-z0-9-]+)(?:#\d+)?([=*])/i.exec(whole) ?? [];
  if (head === undefined) return /^ipsec:/i.test(whole) ? "unreadable" : undefined;
  const key = `${protocol}:${name}`.toLowerCase();
  const pair = { key, isMandatory: sign === "=", value: octets.subarray(head.length) };
  // The first word of this value belongs to the key.
  const [verb] = /^prefix +/i.exec(whole.slice(head.length)) ?? [];
  return key !== "ipsec:route-set" || verb === undefined
    ? pair
    : { ...pair, key: `${key}=prefix`, value: pair.value.subarray(verb.length) };
}
