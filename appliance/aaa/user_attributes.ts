/** Two parts of what a user gets, made one. */
import type { UserAttributes, UserConfiguration } from "../../core/mod.ts";

/** Parts of one source: a list goes on with the list of the second, of all else the first counts. */
export function joinAttributes(first: UserAttributes, second: UserAttributes): UserAttributes {
  return combine(first, second, (upper, lower) => [...upper, ...lower]);
}

/** Parts of two sources: what the upper says is meant instead of what the lower says, lists as a whole. */
export function overlayAttributes(upper: UserAttributes, lower: UserAttributes): UserAttributes {
  return combine(upper, lower, (list) => list);
}

type Lists = (upper: readonly unknown[], lower: readonly unknown[]) => readonly unknown[];

function combine(upper: UserAttributes, lower: UserAttributes, lists: Lists): UserAttributes {
  const whole = combineMembers(upper, lower, lists);
  if (upper.told === undefined || lower.told === undefined) return whole;
  return { ...whole, told: combineMembers<UserConfiguration>(upper.told, lower.told, lists) };
}

function combineMembers<T extends object>(upper: T, lower: T, lists: Lists): T {
  const below = new Map<string, unknown>(Object.entries(lower));
  const members = Object.entries(upper).map(([name, value]: [string, unknown]) => {
    const other = below.get(name);
    const both = Array.isArray(value) && Array.isArray(other) ? lists(value, other) : value;
    return [name, both];
  });
  return { ...lower, ...Object.fromEntries(members) };
}
