/** The access lists of this gateway: `--access-list` and `--access-list-file`, read and put together. */
import type { FilterRule, PacketFilter } from "../../core/mod.ts";
import { type AccessListFile, readAccessLists } from "../aaa/access_list/file.ts";
import { lineFaultText } from "../aaa/access_list/line_words.ts";
import { type AccessLists, listFault } from "../aaa/access_list/lists.ts";
import { parseRule } from "../aaa/access_list/parse.ts";
import { reasonOf } from "../start_error.ts";
import type { FlagProblem } from "./flag.ts";
import { accessListRule } from "./forms.ts";
import type { ServeSettings } from "./serve_flags.ts";

const fileFlag = "access-list-file";

/** All lists, and everything that is wrong with them. */
export function compileAccessLists(
  settings: Pick<ServeSettings, "access-list" | typeof fileFlag>,
): { readonly accessLists: AccessLists; readonly problems: readonly FlagProblem[] } {
  const problems: FlagProblem[] = [];
  const given = rulesOfFlags(settings["access-list"], problems);
  const filed = rulesOfFile(settings[fileFlag], problems);
  const accessLists = new Map<string, PacketFilter>();
  for (const [name, rules, flag] of [...given, ...filed]) {
    const add = (wanted: string): void => void problems.push({ name: flag, value: name, wanted });
    if (accessLists.has(name)) add("each list either by flags or in the file");
    const fault = listFault(rules);
    if (fault !== undefined) add(fault);
    accessLists.set(name, { name, rules });
  }
  return { accessLists, problems };
}

type NamedRules = readonly [name: string, rules: readonly FilterRule[], flag: string];

function rulesOfFlags(
  given: ServeSettings["access-list"],
  problems: FlagProblem[],
): readonly NamedRules[] {
  const flag = "access-list";
  const lists = new Map<string, FilterRule[]>();
  for (const form of given) {
    if (form.kind === "unreadable") {
      problems.push({ name: flag, value: form.text, wanted: accessListRule.wanted });
      continue;
    }
    const { list, rule } = form;
    const rules = lists.get(list) ?? [];
    lists.set(list, rules);
    const parsed = parseRule(rule);
    if (parsed.ok) {
      rules.push(parsed.value);
    } else {
      const wanted = `${lineFaultText(parsed.fault)} of the rule`;
      problems.push({ name: flag, value: `${list}:${rule}`, wanted });
    }
  }
  // A list whose only rule cannot be read has been complained of.
  return [...lists].filter(([, rules]) => rules.length > 0).map(([name, rules]) =>
    [name, rules, flag] as const
  );
}

function rulesOfFile(path: string | undefined, problems: FlagProblem[]): readonly NamedRules[] {
  if (path === undefined) return [];
  let file: AccessListFile;
  try {
    file = readAccessLists(Deno.readTextFileSync(path));
  } catch (error) {
    problems.push({ name: fileFlag, value: path, wanted: `a readable file (${reasonOf(error)})` });
    return [];
  }
  for (const { line, wanted } of file.problems) {
    problems.push({ name: fileFlag, value: path, wanted: `${wanted}, line ${line}` });
  }
  const lists = [...file.lists].map(([name, rules]) => [name, rules, fileFlag] as const);
  return file.problems.length === 0 ? lists : lists.filter(([, rules]) => rules.length > 0);
}
