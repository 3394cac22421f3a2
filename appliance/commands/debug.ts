/** `rejoin debug …`: what the running gateway does, as it happens, until interrupted. */
import { formatIpAddress } from "../../core/mod.ts";
import { optional } from "../config/define.ts";
import { ipAddress } from "../config/forms.ts";
import { settle } from "../config/gather.ts";
import { askDebug } from "../control/client.ts";
import { debugTopics } from "../debug_feed.ts";
import { debugLines } from "../show/debug.ts";
import { type CommandDefinition, controlPath, showFlags } from "./command.ts";
import { oneWord } from "./operands.ts";

const debugFlags = {
  ...showFlags,
  peer: optional("Output", ipAddress, "only what concerns the peer with this outer address"),
};

/** The command. */
export const debugCommand: CommandDefinition = {
  words: "debug crypto ikev2",
  operands: "[packet|internal|error]",
  summary: "what the gateway does, as it happens, until interrupted",
  notes:
    "\npacket: every message with the attributes that a client asked for, never their values;\n" +
    "internal: everything else; error: warnings and errors. Without a word all of it. What is\n" +
    "shown does not depend on the log's level. With --json each event is a line of JSON.",
  flags: debugFlags,
  run: async (call) => {
    const settings = settle(debugFlags, call.sources);
    const topic = oneWord(call.operands, debugTopics);
    const { peer } = settings;
    const replies = askDebug(controlPath(settings), {
      command: "debug",
      ...(topic === undefined ? {} : { topic }),
      ...(peer === undefined ? {} : { peer: formatIpAddress(peer) }),
    });
    for await (const reply of replies) {
      if (reply.kind === "debugging") call.terminal.err("Debugging until interrupted");
      else if (settings.json) call.terminal.out(`${JSON.stringify(reply)}\n`);
      else call.terminal.out(debugLines(reply).map((line) => `${line}\n`).join(""));
    }
    return 0;
  },
};
