/** `show access-lists` in the layout of IOS XE: the rules of each family under a heading of their own. */
import type { PacketFilter } from "../../core/mod.ts";
import { formatRule } from "../aaa/access_list/format.ts";
import type { AccessListFacts } from "./facts.ts";

/** Between the numbers of two rules, as IOS gives them. */
const step = 10;

/** A list of this gateway, its rules as text, numbered as IOS numbers those of one family. */
export function accessListFacts({ name, rules }: PacketFilter): AccessListFacts {
  const families = [4, 6] as const;
  return {
    name,
    rules: families.flatMap((family) =>
      rules.filter((rule) => rule.family === family).map((rule, i) => ({
        family,
        sequence: step * (i + 1),
        rule: formatRule(rule, family),
      }))
    ),
  };
}

/** The lines of one list. */
export function accessListLines({ name, rules }: AccessListFacts): readonly string[] {
  const four = rules.filter(({ family }) => family === 4);
  const six = rules.filter(({ family }) => family === 6);
  return [
    ...(four.length === 0 ? [] : [`Extended IP access list ${name}`]),
    ...four.map(({ sequence, rule }) => `    ${sequence} ${rule}`),
    ...(six.length === 0 ? [] : [`IPv6 access list ${name}`]),
    ...six.map(({ sequence, rule }) => `    ${rule} sequence ${sequence}`),
  ];
}
