/** Why a command could not do its work, as one line for the operator. Exit status 1. */
export class StartError extends Error {
  override name = "StartError";
}

/** The message of anything thrown, without a stack and on one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, "; ");
}
