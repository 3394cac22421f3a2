/** Session id and session token (design rule 1). */
import type { Random } from "../random.ts";
import { randomText } from "../random.ts";
import type { SessionPair, SessionRecord } from "./record.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LETTERS_AND_DIGITS = `${LETTERS}0123456789`;

/** A fresh pair. */
export function makePair(random: Random): SessionPair {
  return {
    sessionId: randomText(random, LETTERS, 18),
    token: randomText(random, LETTERS_AND_DIGITS, 43),
  };
}

/** A fresh name of a session for accounting, and of its record in the store. */
export function makeRecordKey(random: Random): string {
  return randomText(random, LETTERS_AND_DIGITS, 22);
}

/** The pair of a record that has this id: its own, or the one it replaces during a rotation. */
export function pairOf(
  record: SessionRecord | undefined,
  sessionId: string,
): SessionPair | undefined {
  if (record?.sessionId === sessionId) return record;
  return record?.previous?.sessionId === sessionId ? record.previous : undefined;
}

/** A record with this pair and no other. */
export function withPair(record: SessionRecord, { sessionId, token }: SessionPair): SessionRecord {
  const { previous: _, ...rest } = record;
  return { ...rest, sessionId, token };
}
