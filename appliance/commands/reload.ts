/** `rejoin reload`: the running gateway reads its flags file and all other files again. */
import { ask } from "../control/client.ts";
import { fixedFlags } from "../config/fixed_flags.ts";
import { settle } from "../config/gather.ts";
import { type CommandDefinition, controlFlags, controlPath } from "./command.ts";

/** The command. */
export const reloadCommand: CommandDefinition = {
  words: "reload",
  operands: "",
  summary:
    "read the flags file, certificates, keys, secrets, revocation lists, users and access lists again",
  notes:
    "\nNo session ends but those whose certificate was revoked. When anything is wrong, all stays as it was, and the exit status is 1. " +
    `SIGHUP does\nthe same. These wait for a restart: ${
      fixedFlags.map((name) => `--${name}`).join(" ")
    }`,
  flags: controlFlags,
  run: async (call) => {
    const settings = settle(controlFlags, call.sources);
    const { out, err } = call.terminal;
    for await (const reply of ask(controlPath(settings), { command: "reload" })) {
      if (reply.kind === "kept") {
        for (const problem of reply.problems) err(`rejoin reload: ${problem}`);
        err("rejoin reload: nothing was changed");
        return 1;
      }
      if (reply.kind !== "reloaded") continue;
      const { changed, changedFiles, needRestart } = reply;
      const news = [
        ...(changed.length === 0 ? [] : [`other values of ${flags(changed)}`]),
        ...(changedFiles.length === 0 ? [] : [`other contents of ${flags(changedFiles)}`]),
      ];
      out(news.length === 0 ? "reloaded\n" : `reloaded, with ${news.join(" and ")}\n`);
      if (needRestart.length > 0) out(`wait for a restart: ${flags(needRestart)}\n`);
    }
    return 0;
  },
};

function flags(names: readonly string[]): string {
  return names.map((name) => `--${name}`).join(" ");
}
