/**
 * Access lists in a file, as `show running-config` of IOS prints them:
 *
 *     ip access-list extended NAME
 *      10 permit tcp any host 10.0.0.5 eq 443
 *     ipv6 access-list NAME
 *      sequence 10 permit tcp any 2001:db8::/32 eq 443
 *     access-list 101 permit ip any 10.0.0.0 0.0.0.255
 *
 * Rules of one name and both families make one list. Rules stand in the order of their numbers; one
 * without a number comes 10 behind the highest. `remark`, which may have a number, `exit`, `end`, and lines
 * that begin with `!` or `#` say nothing. Left out: standard lists, and every other command.
 */
import type { FilterRule } from "../../../core/mod.ts";
import { lineFaultText } from "./line_words.ts";
import { parseRule } from "./parse.ts";

/** What a list may be called. */
export const listName: RegExp = /^[A-Za-z0-9_.-]{1,64}$/;

/** The same in words, for errors. */
export const nameWanted = "a name of 1 to 64 letters, digits, dots, hyphens or underscores";

/** One thing that is wrong with a file. */
export interface FileProblem {
  /** Counted from 1. */
  readonly line: number;
  /** What should stand there, and instead of what. */
  readonly wanted: string;
}

/** What is in a file. */
export interface AccessListFile {
  /** Rules by the name of their list, in order: those of IPv4, then those of IPv6. */
  readonly lists: ReadonlyMap<string, readonly FilterRule[]>;
  readonly problems: readonly FileProblem[];
}

/** A list of one family while it is read. */
interface Section {
  readonly name: string;
  readonly family: 4 | 6;
  readonly rules: Map<number, FilterRule>;
  /** The highest number so far. */
  highest: number;
}

/** Reads a file to its end, whatever is wrong with single lines. */
export function readAccessLists(text: string): AccessListFile {
  const sections: Section[] = [];
  const problems: FileProblem[] = [];
  const sectionOf = (name: string, family: 4 | 6): Section => {
    const known = sections.find((one) => one.name === name && one.family === family);
    if (known !== undefined) return known;
    const section = { name, family, rules: new Map<number, FilterRule>(), highest: 0 };
    sections.push(section);
    return section;
  };
  let current: Section | undefined;
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (/^($|[!#]|((sequence\s+)?\d{1,9}\s+)?remark\b|(exit|end)\b)/i.test(line)) {
      if (/^(exit|end)\b/i.test(line)) current = undefined;
      continue;
    }
    const refuse = (wanted: string): void => void problems.push({ line: i + 1, wanted });
    const heading = headingOf(line);
    if (heading !== undefined) {
      current = sectionOf(heading.name, heading.family);
      if (!listName.test(heading.name)) {
        refuse(`${nameWanted} instead of ${JSON.stringify(heading.name)}`);
      }
      continue;
    }
    const [, number, numbered] = /^access-list\s+([A-Za-z0-9_.-]{1,64})\s+(.*)$/i.exec(line) ?? [];
    if (/^remark\b/i.test(numbered ?? "")) continue;
    const section = number === undefined ? current : sectionOf(number, 4);
    if (section === undefined) {
      refuse(
        `ip access-list extended NAME or ipv6 access-list NAME before ${JSON.stringify(line)}`,
      );
    } else {
      addRule(section, numbered ?? line, refuse);
    }
  }
  return { lists: joined(sections), problems };
}

/** Where a list begins. */
function headingOf(
  line: string,
): { readonly name: string; readonly family: 4 | 6 } | undefined {
  const [, ipv6, name] =
    /^(?:ip\s+access-list\s+extended|(ipv6)\s+access-list)\b\s*(.*)$/i.exec(line) ?? [];
  return name === undefined ? undefined : { name, family: ipv6 === undefined ? 4 : 6 };
}

/** A rule with or without its number: `10 …`, `sequence 10 …` or `… sequence 10`. */
function addRule(section: Section, line: string, refuse: (wanted: string) => void): void {
  const [, before, rule = "", behind] =
    /^(?:(?:sequence\s+)?(\d{1,9})\s+)?(.*?)(?:\s+sequence\s+(\d{1,9}))?$/i.exec(line) ?? [];
  const given = before ?? behind;
  const sequence = given === undefined ? section.highest + 10 : Number(given);
  const parsed = parseRule(rule, section.family);
  if (!parsed.ok) return refuse(`${lineFaultText(parsed.fault)} of the rule`);
  if (section.rules.has(sequence)) {
    return refuse(`a number that the list does not have yet instead of ${sequence}`);
  }
  section.rules.set(sequence, parsed.value);
  section.highest = Math.max(section.highest, sequence);
}

function joined(sections: readonly Section[]): ReadonlyMap<string, readonly FilterRule[]> {
  const lists = new Map<string, FilterRule[]>();
  for (const { name, rules } of [...sections].sort((a, b) => a.family - b.family)) {
    const ordered = [...rules].sort(([a], [b]) => a - b).map(([, rule]) => rule);
    lists.set(name, [...lists.get(name) ?? [], ...ordered]);
  }
  return lists;
}
