/** Words behind a command: which are understood, and the error for those that are not. */
import { UsageError } from "../config/flag.ts";
import type { SessionSelector } from "../../core/mod.ts";
import { formatIpAddress, parseIpAddress } from "../../core/mod.ts";

/** The one word that was given out of some, by any beginning of it, as IOS takes it. */
export function oneWord<Word extends string>(
  operands: readonly string[],
  words: readonly Word[],
): Word | undefined {
  const [given, extra] = operands;
  if (given === undefined) return undefined;
  const matches = words.filter((word) => word.startsWith(given.toLowerCase()));
  const exact = words.find((word) => word === given) ??
    (matches.length === 1 ? matches[0] : undefined);
  if (exact === undefined || extra !== undefined) {
    throw unexpected(exact === undefined ? given : extra ?? given, `one of ${words.join(", ")}`);
  }
  return exact;
}

/** `[remote IP] [username NAME] [id N]`, in any order. */
export function sessionSelector(operands: readonly string[]): SessionSelector {
  let selector: SessionSelector = {};
  for (let i = 0; i < operands.length; i += 2) {
    const [word = "", value] = operands.slice(i, i + 2);
    if (!["remote", "username", "id"].includes(word)) {
      throw unexpected(word, "remote IP, username NAME or id N");
    }
    if (value === undefined) throw unexpected(word, `a value behind ${word}`);
    if (word === "remote") {
      const address = parseIpAddress(value);
      if (address === undefined) throw unexpected(value, "an address behind remote");
      selector = { ...selector, remote: formatIpAddress(address) };
    } else if (word === "username") {
      selector = { ...selector, userName: value };
    } else {
      if (!/^[1-9][0-9]{0,14}$/.test(value)) throw unexpected(value, "a session number behind id");
      selector = { ...selector, id: Number(value) };
    }
  }
  return selector;
}

/** A word that does not belong there. */
export function unexpected(word: string, wanted: string): UsageError {
  return new UsageError([{ name: "-", value: word, wanted }]);
}
