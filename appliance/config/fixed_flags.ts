/**
 * Flags of `rejoin serve` that a reload cannot change, and how a reload goes on with their values.
 *
 * They shape what stands as long as the process: sockets, devices, stores, connections to AAA servers, and
 * addresses that clients hold.
 */
import type { SettingsOf } from "./flag.ts";
import type { Gathered } from "./gather.ts";
import { serveFlags } from "./serve_flags.ts";

type Name = keyof typeof serveFlags;
type ServeFlags = Gathered<typeof serveFlags>;

const fixedGroups: readonly string[] = ["RADIUS", "Dynamic authorization", "State", "Operation"];
const fixedNames: readonly string[] = [
  ...["pool", "mtu", "replay-window", "df-bit", "mss-clamp", "dscp"],
  ...["listen", "ike-port", "natt-port", "tun", "workers"],
];

const names = Object.keys(serveFlags) as Name[];

/** Their names, in the order of the table. */
export const fixedFlags: readonly Name[] = names.filter((name) =>
  fixedGroups.includes(serveFlags[name].group) || fixedNames.includes(name)
);

/** What is now gathered, with the values of before where they cannot change. */
export function keepFixed(before: ServeFlags, now: ServeFlags): ServeFlags {
  const given = new Set([
    ...[...now.given].filter((name) => !isFixed(name)),
    ...[...before.given].filter(isFixed),
  ]);
  const kept = Object.fromEntries(fixedFlags.map((name) => [name, before.settings[name]]));
  const settings = { ...now.settings, ...kept } as SettingsOf<typeof serveFlags>;
  return { settings, given, problems: now.problems };
}

/** Flags whose values differ: those that a reload takes over, and those that wait for a restart. */
export function changedFlags(
  before: ServeFlags["settings"],
  now: ServeFlags["settings"],
): { readonly changed: readonly Name[]; readonly needRestart: readonly Name[] } {
  const differing = names.filter((name) => textOf(before[name]) !== textOf(now[name]));
  return {
    changed: differing.filter((name) => !isFixed(name)),
    needRestart: differing.filter(isFixed),
  };
}

function isFixed(name: string): boolean {
  return fixedFlags.some((fixed) => fixed === name);
}

/** Values of flags are plain data. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}` : part) ?? "";
}
