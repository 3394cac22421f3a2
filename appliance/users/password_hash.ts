/**
 * Passwords as scrypt hashes (RFC 7914), written as `$scrypt$ln=15,r=8,p=1$SALT$HASH` with salt and
 * hash in Base64 without padding, as other programs write them too.
 *
 * One hash takes 32 MiB and a tenth of a second, so only a few are worked on at a time; the others
 * wait their turn.
 */
import { scrypt } from "node:crypto";
import { equalSecrets } from "../../core/mod.ts";

/** How much work a hash is: 2^`log2N` blocks of 128 `r` octets, `p` times. */
export interface ScryptCost {
  /** log2 of N. */
  readonly log2N: number;
  /** Block size. */
  readonly r: number;
  /** Parallelization. */
  readonly p: number;
}

/** What new hashes cost. */
export const defaultCost: ScryptCost = { log2N: 15, r: 8, p: 1 };

/** A hash with everything that is needed to check a password. */
export interface PasswordHash {
  /** How it was made. */
  readonly cost: ScryptCost;
  /** Random octets. */
  readonly salt: Uint8Array;
  /** The result. */
  readonly hash: Uint8Array;
}

const saltBytes = 16;
const hashBytes = 32;
/** A users file is the operator's own, but a slip in it must not take all memory: 256 MiB at most. */
const mostMemoryBytes = 2 ** 28;
const atOnce = 2;

/** A fresh hash of a password. */
export async function hashPassword(
  password: string,
  random: (length: number) => Uint8Array,
  cost: ScryptCost = defaultCost,
): Promise<PasswordHash> {
  const salt = random(saltBytes);
  return { cost, salt, hash: await derive(password, salt, cost, hashBytes) };
}

/** Whether this is the password; takes as long when it is not. */
export async function isPassword(password: string, of: PasswordHash): Promise<boolean> {
  return equalSecrets(await derive(password, of.salt, of.cost, of.hash.length), of.hash);
}

/** The text of a hash; it has no colon in it. */
export function formatPasswordHash({ cost, salt, hash }: PasswordHash): string {
  const { log2N, r, p } = cost;
  return `$scrypt$ln=${log2N},r=${r},p=${p}$${base64Of(salt)}$${base64Of(hash)}`;
}

/** A hash from its text; `undefined` when it is none, or one that nobody should have to compute. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const parts = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([^$]+)\$([^$]+)$/.exec(text);
  const [, ln = "", r = "", p = "", saltText = "", hashText = ""] = parts ?? [];
  const cost = { log2N: Number(ln), r: Number(r), p: Number(p) };
  const salt = octetsOf(saltText);
  const hash = octetsOf(hashText);
  if (salt === undefined || hash === undefined || !isBearable(cost)) return undefined;
  if (salt.length < 8 || salt.length > 64 || hash.length < 16 || hash.length > 64) return undefined;
  return { cost, salt, hash };
}

function isBearable({ log2N, r, p }: ScryptCost): boolean {
  return log2N >= 1 && r >= 1 && p >= 1 && p <= 16 && 128 * r * 2 ** log2N <= mostMemoryBytes;
}

let working = 0;
/** As long as the logins that the core lets go on at once (`maxNegotiating`), and no longer. */
const waiting: (() => void)[] = [];

async function derive(
  password: string,
  salt: Uint8Array,
  cost: ScryptCost,
  length: number,
): Promise<Uint8Array> {
  if (working >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else working += 1;
  try {
    return await runScrypt(password, salt, cost, length);
  } finally {
    // The place goes from hand to hand, so nobody who comes later can slip in.
    const next = waiting.shift();
    if (next === undefined) working -= 1;
    else next();
  }
}

function runScrypt(
  password: string,
  salt: Uint8Array,
  { log2N, r, p }: ScryptCost,
  length: number,
): Promise<Uint8Array> {
  const options = { N: 2 ** log2N, r, p, maxmem: 2 * mostMemoryBytes };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, length, options, (error, key) => {
      if (error === null || error === undefined) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

function base64Of(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets)).replace(/=+$/, "");
}

function octetsOf(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]+$/.test(text) || text.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
