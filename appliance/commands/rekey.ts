/** `rejoin rekey …`: new keys now, not when they are due. */
import { order } from "../control/client.ts";
import { rekeyTargets } from "../control/protocol.ts";
import { settle } from "../config/gather.ts";
import { type CommandDefinition, controlFlags, controlPath } from "./command.ts";
import { oneWord, sessionSelector, unexpected } from "./operands.ts";

/** The command. */
export const rekeyCommand: CommandDefinition = {
  words: "rekey",
  operands: "ike|child [remote IP] [username NAME] [id N]",
  summary: "begin to rekey IKE SAs or Child SAs; without conditions those of all sessions",
  flags: controlFlags,
  run: async (call) => {
    const settings = settle(controlFlags, call.sources);
    const [word, ...conditions] = call.operands;
    const what = oneWord(word === undefined ? [] : [word], rekeyTargets);
    if (what === undefined) {
      throw unexpected("rekey", `one of ${rekeyTargets.join(", ")} behind it`);
    }
    const selector = sessionSelector(conditions);
    const count = await order(controlPath(settings), { command: "rekey", what, selector });
    call.terminal.out(`${count} ${count === 1 ? "session" : "sessions"} rekeyed\n`);
    return 0;
  },
};
