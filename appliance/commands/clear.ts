/** `rejoin clear …`: ends sessions for good, sets counters to zero. */
import { order } from "../control/client.ts";
import { settle } from "../config/gather.ts";
import { type CommandDefinition, controlFlags, controlPath } from "./command.ts";
import { oneWord, sessionSelector, unexpected } from "./operands.ts";

const session: CommandDefinition = {
  words: "clear crypto session",
  operands: "[remote IP] [username NAME] [id N]",
  summary: "end sessions for good; without conditions all of them",
  notes: "\nSessions that wait to come back are ended too: nobody comes back to a cleared one.",
  flags: controlFlags,
  run: async (call) => {
    const settings = settle(controlFlags, call.sources);
    const selector = sessionSelector(call.operands);
    const count = await order(controlPath(settings), { command: "clear-sessions", selector });
    call.terminal.out(`${count} ${count === 1 ? "session" : "sessions"} cleared\n`);
    return 0;
  },
};

const stats: CommandDefinition = {
  words: "clear crypto ikev2 stats",
  operands: "",
  summary: "set the counters to zero",
  flags: controlFlags,
  run: async (call) => {
    const settings = settle(controlFlags, call.sources);
    await order(controlPath(settings), { command: "clear-stats" });
    return 0;
  },
};

const aaaCounters: CommandDefinition = {
  words: "clear aaa counters servers",
  operands: "all",
  summary: "set the counters of AAA servers to zero",
  flags: controlFlags,
  run: async (call) => {
    const settings = settle(controlFlags, call.sources);
    if (oneWord(call.operands, ["all"]) === undefined) throw unexpected("", "all");
    await order(controlPath(settings), { command: "clear-aaa-counters" });
    return 0;
  },
};

/** Everything that `clear` clears. */
export const clearCommands: readonly CommandDefinition[] = [session, stats, aaaCounters];
