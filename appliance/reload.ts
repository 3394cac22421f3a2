/**
 * A reload: flags and files are read again, and all of it is taken over or nothing.
 *
 * Whatever is wrong is found before anything changes. Reloads go one after the other.
 */
import { problemText, UsageError } from "./config/flag.ts";
import type { FileWarning } from "./config/serve_files.ts";
import type { Facts, Log } from "./log.ts";
import type { ServePlan } from "./serve_plan.ts";
import { reasonOf } from "./start_error.ts";

/** What a reload did. */
export type Reloaded =
  | {
    readonly kind: "reloaded";
    /** Flags with another value than before. */
    readonly changed: readonly string[];
    /** Flags whose files hold something else than before. */
    readonly changedFiles: readonly string[];
    /** Flags with another value that counts after a restart only. */
    readonly needRestart: readonly string[];
  }
  /** Everything is as it was before. */
  | { readonly kind: "kept"; readonly problems: readonly string[] };

/** What a reload needs. */
export interface ReloaderOptions {
  /** The plan in force at first. */
  readonly plan: ServePlan;
  /** Makes everything that may fail, then exchanges what is in force; facts for the log come back. */
  readonly apply: (plan: ServePlan) => Promise<Facts>;
  readonly log: Log;
}

/** Reloads, one at a time. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #plan: ServePlan;
  #last: Promise<unknown> = Promise.resolve();

  /** For a gateway that runs by `options.plan`. */
  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#plan = options.plan;
  }

  /** Reads everything again; never rejects. The log has the outcome too. */
  reload(): Promise<Reloaded> {
    const next = this.#last.then(() => this.#reload());
    this.#last = next;
    return next;
  }

  async #reload(): Promise<Reloaded> {
    const { apply, log } = this.#options;
    try {
      const { plan, changed, changedFiles, needRestart } = this.#plan.again();
      const facts = await apply(plan);
      this.#plan = plan;
      tellWarnings(log, plan.warnings);
      log.tell("info", "reloaded", { changed, files: changedFiles, ...facts });
      if (needRestart.length > 0) log.tell("warning", "restart-needed", { flags: needRestart });
      return { kind: "reloaded", changed, changedFiles, needRestart };
    } catch (error) {
      const problems = error instanceof UsageError
        ? error.problems.map(problemText)
        : [reasonOf(error)];
      for (const problem of problems) log.tell("error", "reload-failed", { problem });
      return { kind: "kept", problems };
    }
  }
}

/** What is worth a warning about files. */
export function tellWarnings(log: Log, warnings: readonly FileWarning[]): void {
  for (const { event, facts } of warnings) log.tell("warning", event, facts);
}
