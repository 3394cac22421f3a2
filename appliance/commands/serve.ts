/** `rejoin serve`: settles everything that can be settled without touching anything, then runs. */
import { serveFlags } from "../config/serve_flags.ts";
import { systemClock } from "../clock.ts";
import { providerOfMachine, tellSlowCrypto } from "../crypto.ts";
import { serve } from "../daemon.ts";
import { openLog, writeToStderr } from "../log.ts";
import { tellWarnings } from "../reload.ts";
import { planServe } from "../serve_plan.ts";
import type { CommandDefinition } from "./command.ts";

/** The command. */
export const serveCommand: CommandDefinition = {
  words: "serve",
  operands: "",
  summary: "run the gateway",
  notes: "\nA working lab: rejoin serve --pool 192.168.20.0/24 --user test:cisco",
  flags: serveFlags,
  run: async (call) => {
    const plan = planServe({
      flags: call.sources,
      crypto: providerOfMachine(),
      nowMs: () => systemClock.now().wall,
    });
    const log = openLog({
      level: plan.settings["log-level"],
      format: plan.settings["log-format"],
      write: writeToStderr,
      nowMs: () => systemClock.now().monotonic,
    });
    tellSlowCrypto(log);
    tellWarnings(log, plan.warnings);
    return await serve(plan, log);
  },
};
