/** Account sheets as stored: JSON, sealed under their own name, since they say who was where and when. */
import { buildOctetsJson, type OwnedBytes, parseOctetsJson, textOf, utf8 } from "../../core/mod.ts";
import { openValue, type Sealing, sealValue } from "../sealed_value.ts";
import type { AccountSheet } from "./account_sheet.ts";

/** The layout; a sheet of another one is not read. */
const version = 1;

interface Stored {
  readonly version: number;
  readonly sheet: AccountSheet;
}

/** A sheet under its name, sealed. */
export function sealSheet(sealing: Sealing, name: string, sheet: AccountSheet): OwnedBytes {
  const stored: Stored = { version, sheet };
  return sealValue(sealing, nameIn(name), utf8(buildOctetsJson(stored)));
}

/**
 * The sheet of a sealed value; `undefined` when it is damaged, of another name, key or layout. What
 * opens was written by `sealSheet`.
 */
export function openSheet(
  sealing: Sealing,
  name: string,
  value: unknown,
): AccountSheet | undefined {
  const plaintext = openValue(sealing, nameIn(name), value);
  if (plaintext === undefined) return undefined;
  const stored = parseOctetsJson(textOf(plaintext)) as Stored;
  return stored.version === version ? stored.sheet : undefined;
}

function nameIn(name: string): string {
  return `account sheet ${name}`;
}
