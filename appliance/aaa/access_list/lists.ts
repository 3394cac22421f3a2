/** The access lists of a gateway, which filters are called by. */
import { buildOctetsJson, type FilterRule, limits, type PacketFilter } from "../../../core/mod.ts";

/** Lists by name. */
export type AccessLists = ReadonlyMap<string, PacketFilter>;

/** What is wrong with the rules of one list as a whole, to stand behind "wanted". */
export function listFault(rules: readonly FilterRule[]): string | undefined {
  // What nobody wrote cannot be told from what somebody forgot.
  if (rules.length === 0) return "at least one rule in each list";
  const octets = buildOctetsJson(rules).length;
  return octets > limits.filterBytes
    ? `rules of at most ${limits.filterBytes} octets in one list (some 180); these have ${octets}`
    : undefined;
}
