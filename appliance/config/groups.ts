/**
 * `--group NAME:KEY=VALUE[,KEY=VALUE…]`: policies of groups, gathered from as many flags as one likes. A
 * comma parts two keys only where a key and `=` follow it, so that lists may have commas, too.
 */
import type { PacketFilter, UserAttributes } from "../../core/mod.ts";
import { type PolicyItem, policyItems, type PolicyWord } from "../aaa/policy_items.ts";
import { joinAttributes } from "../aaa/user_attributes.ts";
import type { FlagProblem } from "./flag.ts";
import { type Form, plainText } from "./forms.ts";
import { hasPool, type Pools } from "./pools.ts";

/** What one flag says of one group. What is wrong with its form is told with all else that is wrong. */
export type GroupPart =
  | {
    readonly kind: "settings";
    readonly name: string;
    readonly settings: readonly { readonly key: string; readonly value: string }[];
  }
  | { readonly kind: "unreadable"; readonly text: string };

/** Words that are of one user and no group. */
const personal: ReadonlySet<PolicyWord> = new Set([
  "address",
  "ipv6-address",
  "network",
  "group",
]);

/** Names a local access list. */
const filterKey = "filter";

/** What a group can have. */
const items: ReadonlyMap<string, PolicyItem> = new Map(
  Object.entries(policyItems).filter(([word]) => !personal.has(word as PolicyWord)),
);

/** The keys. */
export const groupKeys: readonly string[] = [...items.keys(), filterKey];

/** One flag. */
export const groupPart: Form<GroupPart> = {
  form: "NAME:KEY=VALUE[,KEY=VALUE…]",
  wanted: `a group name, a colon and KEY=VALUE with one of the keys ${groupKeys.join(", ")}`,
  parse: (text) => {
    const [, name = "", rest = ""] = /^([^:]+):(.+)$/s.exec(text) ?? [];
    const settings = rest.split(/,(?=[a-z0-9-]+=)/).map((part) => {
      const [, key = "", value = ""] = /^([a-z0-9-]+)=(.*)$/s.exec(part) ?? [];
      return { key, value };
    });
    const isReadable = plainText.parse(name) !== undefined && name === name.trim() &&
      settings.every(({ key }) => key !== "");
    return isReadable ? { kind: "settings", name, settings } : { kind: "unreadable", text };
  },
};

/** The local access list of a name. */
export type FilterLookup = (name: string) => PacketFilter | undefined;

/** What group policies are read with. */
export interface GroupContext {
  readonly pools: Pools;
  readonly filterOf: FilterLookup;
}

/** Policies by group, and all that is wrong with them. */
export function readGroups(
  parts: readonly GroupPart[],
  context: GroupContext,
): {
  readonly groups: ReadonlyMap<string, UserAttributes>;
  readonly problems: readonly FlagProblem[];
} {
  const groups = new Map<string, UserAttributes>();
  const problems: FlagProblem[] = [];
  const seen = new Set<string>();
  for (const part of parts) {
    if (part.kind === "unreadable") {
      problems.push({ name: "group", value: part.text, wanted: groupPart.wanted });
      continue;
    }
    const { name } = part;
    for (const { key, value } of part.settings) {
      const read = readSetting(key, value, context);
      const isAgain = seen.has(`${name}:${key}`) && items.get(key)?.isList !== true;
      seen.add(`${name}:${key}`);
      if (typeof read === "string" || isAgain) {
        const wanted = typeof read === "string" ? read : `${key} of ${name} once`;
        problems.push({ name: "group", value: `${name}:${key}=${value}`, wanted });
        continue;
      }
      groups.set(name, joinAttributes(groups.get(name) ?? {}, read));
    }
  }
  return { groups, problems };
}

/** What a setting gives to the users of its group, or what would do in its place. */
function readSetting(
  key: string,
  value: string,
  { pools, filterOf }: GroupContext,
): UserAttributes | string {
  if (key === filterKey) {
    const filter = filterOf(value);
    return filter === undefined ? "the name of a local access list" : { filter };
  }
  const item = items.get(key);
  if (item === undefined) return `one of the keys ${groupKeys.join(", ")}`;
  const read = item.read(value);
  if (read === undefined) return `${item.wanted} behind ${key}=`;
  const { ranges } = pools;
  if (read.pools?.every((name) => hasPool(ranges, name)) === false) return "names of --pool NAME=…";
  return read.ip6Pools?.every((name) => hasPool(ranges, name, 6)) === false
    ? "names of --pool NAME=… with IPv6 addresses"
    : read;
}
