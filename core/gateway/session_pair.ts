/** Session id and session token (design rule 1). */
import type { Random } from "../random.ts";
import type { SessionPair } from "./record.ts";
import { randomText } from "../random.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LETTERS_AND_DIGITS = `${LETTERS}0123456789`;

/** A fresh pair. */
export function makePair(random: Random): SessionPair {
  return {
    sessionId: randomText(random, LETTERS, 18),
    token: randomText(random, LETTERS_AND_DIGITS, 43),
  };
}

/** A fresh name for a record in the store. */
export function makeRecordKey(random: Random): string {
  return randomText(random, LETTERS_AND_DIGITS, 22);
}
