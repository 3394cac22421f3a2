/**
 * A shared secret in a file of its own: the octets of the file without the line end behind them. Only
 * its owner may read it, since the secret opens what users type.
 */
import { reasonOf, StartError } from "../start_error.ts";

const othersMay = 0o077;

/** Reads a secret; `StartError` when the file cannot be used. Nothing of its content is told. */
export function readSecretFile(path: string): Uint8Array {
  let octets: Uint8Array;
  let mode: number | null;
  try {
    ({ mode } = Deno.statSync(path));
    octets = Deno.readFileSync(path);
  } catch (error) {
    throw new StartError(`Cannot read secret file ${path}: ${reasonOf(error)}`);
  }
  if (mode !== null && (mode & othersMay) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(4, "0");
    throw new StartError(
      `Cannot use secret file ${path}: others may read or write it (mode ${found}), needs mode ` +
        `0600; chmod 600 ${path}`,
    );
  }
  const secret = octets.subarray(0, octets.length - lineEndBytes(octets));
  if (secret.length === 0) throw new StartError(`Cannot use secret file ${path}: it is empty`);
  return secret;
}

function lineEndBytes(octets: Uint8Array): number {
  if (octets.at(-1) !== 0x0a) return 0;
  return octets.at(-2) === 0x0d ? 2 : 1;
}
