/**
 * UTCTime and GeneralizedTime as RFC 5280 §4.1.2.5 restricts them: seconds present, Zulu, no
 * fractions. Calendar arithmetic is done here, since core has no clock and no calendar of its own.
 */
import { type OwnedBytes, textOf, utf8 } from "../bytes.ts";
import { derElement, type DerReader, DerTag } from "../crypto/der.ts";
import { type Wall, wall } from "../moment.ts";

const DAY_SECONDS = 86_400;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** The next element as a time; 1970 after a fault. */
export function parseTime(reader: DerReader, field: string): Wall {
  const isShort = reader.peekTag() === DerTag.UTC_TIME;
  const { content } = reader.element(isShort ? DerTag.UTC_TIME : DerTag.GENERALIZED_TIME, field);
  const pattern = isShort ? /^(\d\d)(\d{10})Z$/ : /^(\d{4})(\d{10})Z$/;
  const [, year = "", rest = ""] = pattern.exec(textOf(content)) ?? [];
  const parts = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(rest)?.slice(1).map(Number) ?? [];
  // Two digits from 50 on mean the 20th century (§4.1.2.5.1).
  const fullYear = Number(year) + (isShort ? (Number(year) >= 50 ? 1900 : 2000) : 0);
  const seconds = secondsOf(fullYear, parts);
  if (seconds === undefined) reader.reject("bad-value", field);
  return wall((seconds ?? 0) * 1000);
}

function secondsOf(year: number, parts: readonly number[]): number | undefined {
  const [month = 0, day = 0, hour = 24, minute = 60, second = 60] = parts;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = (MONTH_DAYS[month - 1] ?? 0) + (month === 2 && isLeap ? 1 : 0);
  if (day < 1 || day > days || hour > 23 || minute > 59 || second > 59) return undefined;
  return daysSince1970(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

/** Days of the Gregorian calendar, counted in years that begin in March. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = (month + 9) % 12;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) +
    Math.floor(marchYear / 400);
  const dayOfYear = Math.floor((153 * marchMonth + 2) / 5) + day - 1;
  return 365 * marchYear + leapDays + dayOfYear - 719_468;
}

/** A time as §4.1.2.5 wants it: UTCTime up to 2049, then GeneralizedTime. Fractions are cut off. */
export function buildTime(at: Wall): OwnedBytes {
  const seconds = Math.floor(at / 1000);
  const days = Math.floor(seconds / DAY_SECONDS);
  const clock = seconds - days * DAY_SECONDS;
  // The year that makes a count of days non-negative and less than a year is within one of this.
  let year = 1970 + Math.floor(days / 365.2425);
  if (days < daysSince1970(year, 1, 1)) year -= 1;
  if (days >= daysSince1970(year + 1, 1, 1)) year += 1;
  let month = 12;
  while (days < daysSince1970(year, month, 1)) month -= 1;
  const day = days - daysSince1970(year, month, 1) + 1;
  if (year < 1950 || year > 9999) throw new RangeError(`Cannot build time: year is ${year}`);
  const isShort = year < 2050;
  const rest = [month, day, Math.floor(clock / 3600), Math.floor(clock / 60) % 60, clock % 60];
  const text = [isShort ? year % 100 : year, ...rest]
    .map((part) => String(part).padStart(2, "0")).join("");
  return derElement(isShort ? DerTag.UTC_TIME : DerTag.GENERALIZED_TIME, utf8(`${text}Z`));
}
