/**
 * Equality of secrets without an early exit.
 *
 * The time depends on the lengths only, which are public wherever this is used. JavaScript promises
 * nothing about machine code; this is as far as the language lets us go.
 */
import type { Bytes } from "../bytes.ts";

/** Whether two secrets are the same; looks at every octet whatever it has found. */
export function equalSecrets(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
