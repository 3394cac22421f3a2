/**
 * Records that lie together in one value of the store. To read a value costs the database the same
 * whether there is one record in it or a dozen, and to open it the cipher nearly so.
 *
 * A page is its layout (1 octet) and rows, each with its length (2 octets) before it; it is sealed under
 * its number. Which page a record belongs to follows from its key.
 */
import { type Bytes, concatBytes, type OwnedBytes, utf8 } from "../core/mod.ts";
import { isRowOf } from "./record_row.ts";
import { openValue, type Sealing, sealValue } from "./sealed_value.ts";

/** Raise it when a row changes. */
const layout = 1;
const lengthBytes = 2;

/** Pages of a store. A hundred thousand records are a dozen a page, few records have one each. */
export const pageCount = 8192;

/** Octets of the longest page: a change writes all of it. */
export const mostPageBytes = 16_000;
/** Octets of the longest row that goes into a page; about 400 are usual. */
export const mostRowBytes = 2_000;

/** A page without records. */
export const emptyPage: OwnedBytes = Uint8Array.of(layout);

/** The number of the page that a record belongs to (FNV-1a of its key). It never changes. */
export function pageNumberOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const octet of utf8(key)) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  return hash % pageCount;
}

/** Where the rows of a page begin and end. */
export function* placesOf(page: Bytes): Generator<readonly [start: number, end: number]> {
  for (let at = emptyPage.length; at < page.length;) {
    const end = endOfRow(page, at);
    yield [at + lengthBytes, end];
    at = end;
  }
}

/** The page with this row for a record, or without any. */
export function withRow(page: Bytes, key: string, row: Bytes | undefined): OwnedBytes {
  const [start, end] = placeOf(page, key);
  const others = [page.subarray(0, start), page.subarray(end)];
  if (row === undefined) return concatBytes(...others);
  return concatBytes(...others, Uint8Array.of(row.length >> 8, row.length & 0xff), row);
}

/** Where the row of a record is, its length included; at the end and empty if there is none. */
function placeOf(page: Bytes, key: string): readonly [start: number, end: number] {
  const isTheirs = isRowOf(key);
  for (const [start, end] of placesOf(page)) {
    if (isTheirs(page.subarray(start, end))) return [start - lengthBytes, end];
  }
  return [page.length, page.length];
}

function endOfRow(page: Bytes, at: number): number {
  return at + lengthBytes + ((page[at] ?? 0) << 8 | (page[at + 1] ?? 0));
}

/** A page under its number, sealed. */
export function sealPage(sealing: Sealing, number: number, page: Bytes): OwnedBytes {
  return sealValue(sealing, nameOf(number), page);
}

/** The page of a sealed value; `undefined` when it is damaged, of another number, key or layout. */
export function openPage(
  sealing: Sealing,
  number: number,
  value: unknown,
): OwnedBytes | undefined {
  const page = openValue(sealing, nameOf(number), value);
  return page?.[0] === layout ? page : undefined;
}

function nameOf(number: number): string {
  return `session page ${number}`;
}
