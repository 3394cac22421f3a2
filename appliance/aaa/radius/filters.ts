/**
 * From the attributes of a RADIUS packet to what their user may send: the rules of `ip:inacl#N=` and
 * `ipv6:inacl#N=`, in the order of their numbers; without any, the access list of this gateway that
 * Filter-Id names, with or without the suffix `.in`.
 *
 * Who is to be filtered by what cannot be read, is not there, or is nothing for us, is not to be let in
 * without. Outbound filters (`outacl`, Filter-Id with the suffix `.out`) are none of users' packets; they
 * are passed over, and told.
 */
import { type Bytes, type FilterRule, type PacketFilter } from "../../../core/mod.ts";
import { lineFaultText } from "../access_list/line_words.ts";
import { type AccessLists, listFault } from "../access_list/lists.ts";
import { parseRule } from "../access_list/parse.ts";
import { type RadiusPacket, valuesOf } from "./packet.ts";

/** What a packet says of filters. */
export type FilterReading =
  | {
    readonly kind: "readable";
    readonly filter: PacketFilter | undefined;
    /** Filters for the other direction, which are not applied. */
    readonly outbound: readonly string[];
  }
  | { readonly kind: "unusable"; readonly attribute: string; readonly reason: string };

/** What the rules of one user are called. */
const perUser = "per-user";

/** Reads the filter of a packet. */
export function readFilter(packet: RadiusPacket, lists: AccessLists): FilterReading {
  if (valuesOf(packet, "NAS-Filter-Rule").length > 0) {
    return unusable("NAS-Filter-Rule", "rules of this form are not understood");
  }
  const pairs = readPairs(packet);
  if (pairs.kind === "unusable") return pairs;
  const named = readNames(packet, lists, pairs.filter === undefined);
  if (named.kind === "unusable") return named;
  return {
    kind: "readable",
    filter: pairs.filter ?? named.filter,
    outbound: [...pairs.outbound, ...named.outbound],
  };
}

function unusable(attribute: string, reason: string): FilterReading & { kind: "unusable" } {
  return { kind: "unusable", attribute, reason };
}

/** The rules in Cisco's pairs. */
function readPairs(packet: RadiusPacket): FilterReading {
  const numbered: { readonly number: number; readonly rule: FilterRule }[] = [];
  const outbound = new Set<string>();
  for (const octets of valuesOf(packet, "Cisco-AVPair")) {
    const pair = textIn(octets);
    const [name = ""] = /^[^=*]*/.exec(pair) ?? [];
    if (/^acs:ciscosecure-defined-acl$/i.test(name)) {
      return unusable(name, "lists are not downloaded");
    }
    if (/^(ip|ipv6):outacl/i.test(name)) outbound.add(name.replace(/#.*/, ""));
    if (!/^(ip|ipv6):inacl/i.test(name)) continue;
    const [, word, digits] = /^(ip|ipv6):inacl#(\d{1,9})$/i.exec(name) ?? [];
    if (word === undefined) return unusable(name, "wanted inacl#NUMBER=RULE");
    const parsed = parseRule(pair.slice(name.length + 1), word.length === 2 ? 4 : 6);
    if (!parsed.ok) return unusable(name, `wanted ${lineFaultText(parsed.fault)}`);
    numbered.push({ number: Number(digits), rule: parsed.value });
  }
  if (numbered.length === 0) {
    return { kind: "readable", filter: undefined, outbound: [...outbound] };
  }
  const rules = numbered.sort((a, b) => a.number - b.number).map(({ rule }) => rule);
  const fault = listFault(rules);
  if (fault !== undefined) return unusable("inacl", `wanted ${fault}`);
  return { kind: "readable", filter: { name: perUser, rules }, outbound: [...outbound] };
}

/** The list that Filter-Id names, if it `counts`. */
function readNames(packet: RadiusPacket, lists: AccessLists, counts: boolean): FilterReading {
  const outbound: string[] = [];
  const found = new Set<PacketFilter>();
  for (const octets of valuesOf(packet, "Filter-Id")) {
    const name = textIn(octets);
    const list = lists.get(name) ?? lists.get(name.replace(/\.in$/i, ""));
    if (/\.out$/i.test(name)) outbound.push(name);
    else if (list !== undefined) found.add(list);
    else return unusable("Filter-Id", `there is no access list ${JSON.stringify(name)}`);
  }
  const [filter, more] = found;
  if (more !== undefined && counts) return unusable("Filter-Id", "wanted one inbound list");
  return { kind: "readable", filter, outbound };
}

/** One octet, one character: no name and no rule has other ones than those of ASCII. */
function textIn(octets: Bytes): string {
  return new TextDecoder("latin1").decode(octets);
}
