/** Outcomes that are values, and the one exception of the core: a broken invariant. */

/** Either a value or a reason why there is none. */
export type Result<T, F> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: F };

/** A success. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** A failure. */
export function fail<F>(fault: F): { readonly ok: false; readonly fault: F } {
  return { ok: false, fault };
}

/** Thrown when our own reasoning was wrong; never because of what a peer sent. */
export class InvariantError extends Error {
  /** The name of the class, also in a compiled program. */
  override name = "InvariantError";
}

/** Throws `InvariantError` unless `claim` holds. */
export function invariant(claim: boolean, text: string): asserts claim {
  if (!claim) throw new InvariantError(text);
}

/** The compiler's proof that a `switch` covered every case. */
export function assertNever(value: never): never {
  throw new InvariantError(`unreachable case ${JSON.stringify(value)}`);
}
