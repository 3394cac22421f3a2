/**
 * Which server is asked next: in the order given, or the one with the fewest open questions.
 *
 * Dead servers come last, the longest dead first. One whose dead time is over is as good as another for
 * a single question, so that one user at most waits for a server that is still dead.
 */
import type { Standing } from "./health.ts";

/** How questions are spread over servers that are alive. */
export type Balance = "in-order" | "least-outstanding";

/** What the choice depends on. */
export interface Candidate {
  /** Its place in the list. */
  readonly index: number;
  readonly standing: Standing;
  readonly deadUntil: number;
  /** Whether a question is finding out already if it still is dead. */
  readonly isOnTrial: boolean;
  /** Questions that wait for its answer. */
  readonly outstanding: number;
  /** Counts up with each question to anybody. */
  readonly lastAsked: number;
}

/** Whether a question should be put to it rather than to one that is dead. */
export function isPromising({ standing, isOnTrial }: Candidate): boolean {
  return standing === "alive" || (standing === "due" && !isOnTrial);
}

/** The best of them; `undefined` of none. */
export function choose<Server extends Candidate>(
  servers: readonly Server[],
  balance: Balance,
): Server | undefined {
  const promising = servers.filter(isPromising);
  if (promising.length === 0) return least(servers, ({ deadUntil }) => deadUntil);
  if (balance === "in-order") return promising[0];
  const fewest = Math.min(...promising.map(({ outstanding }) => outstanding));
  const idlest = promising.filter(({ outstanding }) => outstanding === fewest);
  return least(idlest, ({ lastAsked }) => lastAsked);
}

/** The first one of the smallest. */
function least<T>(all: readonly T[], by: (one: T) => number): T | undefined {
  const smallest = Math.min(...all.map(by));
  return all.find((one) => by(one) === smallest);
}
