/**
 * A shared secret in a file of its own: the text of the file without the line end behind it. Only its
 * owner may read it, since the secret opens what users type.
 */
import { utf8 } from "../../core/mod.ts";
import { reasonOf, StartError } from "../start_error.ts";

const othersMay = 0o077;

/** Reads a secret; `StartError` when the file cannot be used. Nothing of its content is told. */
export function readSecretFile(path: string): Uint8Array {
  let text: string;
  let mode: number | null;
  try {
    ({ mode } = Deno.statSync(path));
    text = Deno.readTextFileSync(path);
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
  const secret = utf8(text.replace(/\r?\n$/, ""));
  if (secret.length === 0) throw new StartError(`Cannot use secret file ${path}: it is empty`);
  return secret;
}
