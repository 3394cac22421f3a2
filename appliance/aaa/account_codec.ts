/**
 * Account sheets as stored: JSON, octets in it as `{"hex": "…"}`, sealed under their own name, since
 * they say who was where and when.
 */
import { hexOf, type OwnedBytes, parseHex, textOf, utf8 } from "../../core/mod.ts";
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
  const text = JSON.stringify(
    stored,
    (_, value: unknown) => value instanceof Uint8Array ? { hex: hexOf(value) } : value,
  );
  return sealValue(sealing, nameIn(name), utf8(text));
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
  const stored = JSON.parse(textOf(plaintext), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("hex" in value)) return value;
    return typeof value.hex === "string" ? parseHex(value.hex) : value;
  }) as Stored;
  return stored.version === version ? stored.sheet : undefined;
}

function nameIn(name: string): string {
  return `account sheet ${name}`;
}
