/** `rejoin version`: version, commit, runtime, and which crypto provider this machine gets. */
import { buildInfo } from "../build_info.ts";
import { settle } from "../config/gather.ts";
import { toggle } from "../config/define.ts";
import { providerOfMachine } from "../crypto.ts";
import type { CommandDefinition } from "./command.ts";

const flags = { json: toggle("Output", "as JSON") };

/** The command. */
export const versionCommand: CommandDefinition = {
  words: "version",
  operands: "",
  summary: "version, commit, runtime, crypto provider",
  flags,
  run: (call) => {
    const { json } = settle(flags, call.sources);
    const { version, commit } = buildInfo();
    const facts = {
      version,
      commit,
      runtime: `deno ${Deno.version.deno}`,
      platform: `${Deno.build.os} ${Deno.build.arch}`,
      crypto: providerOfMachine().name,
    };
    call.terminal.out(
      json
        ? `${JSON.stringify(facts)}\n`
        : `rejoin ${version} (commit ${commit}, ${facts.runtime}, ${facts.platform}, ` +
          `crypto ${facts.crypto})\n`,
    );
    return Promise.resolve(0);
  },
};
