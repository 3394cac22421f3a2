/** `rejoin show …`: what the running gateway knows, as IOS XE prints it or as JSON. */
import { askAccessLists, askSessions, askSummary } from "../control/client.ts";
import { settle } from "../config/gather.ts";
import { accessListLines } from "../show/access_lists.ts";
import {
  cryptoSessionBriefHeading,
  cryptoSessionBriefLine,
  cryptoSessionHeading,
  cryptoSessionLines,
} from "../show/crypto_session.ts";
import { aaaServersLines } from "../show/aaa_servers.ts";
import { extServiceFacts, extServiceLines } from "../show/ext_service.ts";
import type { SessionFacts } from "../show/facts.ts";
import { ikev2SaLines } from "../show/ikev2_sa.ts";
import { ikev2SessionLines } from "../show/ikev2_session.ts";
import { ipLocalPoolLines } from "../show/ip_local_pool.ts";
import { reconnectStatsLines, statsLines } from "../show/stats.ts";
import { type Call, type CommandDefinition, controlPath, showFlags } from "./command.ts";
import { oneWord, sessionSelector, unexpected } from "./operands.ts";

const jsonNote = "\nWith --json the same facts come for programs, whatever the layout asked for.";

const cryptoSession: CommandDefinition = {
  words: "show crypto session",
  operands: "[detail|brief] [remote IP] [username NAME] [id N]",
  summary: "sessions, active ones and those that may come back",
  notes: jsonNote,
  flags: showFlags,
  run: async (call) => {
    const settings = settle(showFlags, call.sources);
    const [first = ""] = call.operands;
    const isLayout = first !== "" && !["remote", "username", "id"].includes(first);
    const layout = isLayout ? oneWord([first], ["detailed", "brief"]) : undefined;
    const selector = sessionSelector(call.operands.slice(isLayout ? 1 : 0));
    const parts = askSessions(controlPath(settings), selector);
    if (settings.json) return await printJson(call, "sessions", await collect(parts));
    const brief = layout === "brief";
    const detail = layout === "detailed";
    // The heading waits for the gateway: without one there is an error and nothing else.
    let heading = brief ? cryptoSessionBriefHeading : cryptoSessionHeading(detail);
    for await (const part of parts) {
      const lines = part.flatMap((session) =>
        brief ? [cryptoSessionBriefLine(session)] : cryptoSessionLines(session, detail)
      );
      print(call, [...heading, ...lines]);
      heading = [];
    }
    print(call, heading);
    return 0;
  },
};

/** `show crypto ikev2 sa` and `session` differ only in their layout. */
function ikev2Command(
  words: string,
  summary: string,
  lines: (sessions: readonly SessionFacts[], detail: boolean) => string[],
): CommandDefinition {
  return {
    words,
    operands: "[detailed]",
    summary,
    notes: jsonNote,
    flags: showFlags,
    run: async (call) => {
      const settings = settle(showFlags, call.sources);
      const detail = oneWord(call.operands, ["detailed"]) !== undefined;
      const sessions = await collect(askSessions(controlPath(settings), {}));
      if (settings.json) return await printJson(call, "sessions", sessions);
      print(call, lines(sessions, detail));
      return 0;
    },
  };
}

const stats: CommandDefinition = {
  words: "show crypto ikev2 stats",
  operands: "[reconnect|ext-service]",
  summary: "counters; reconnect: how many came back; ext-service: what others were asked to do",
  flags: showFlags,
  run: async (call) => {
    const settings = settle(showFlags, call.sources);
    const view = oneWord(call.operands, ["reconnect", "ext-service"]);
    const { reconnect, counters, negotiating } = await askSummary(controlPath(settings));
    const services = extServiceFacts({ reconnect, counters });
    switch (view) {
      case "reconnect":
        if (settings.json) return await printJson(call, "reconnect", reconnect);
        print(call, reconnectStatsLines(reconnect));
        return 0;
      case "ext-service":
        if (settings.json) return await printJson(call, "extService", services);
        print(call, extServiceLines(services));
        return 0;
      case undefined:
        if (settings.json) return await printJson(call, "counters", counters);
        print(call, statsLines({ counters, negotiating }));
        return 0;
    }
  },
};

const pool: CommandDefinition = {
  words: "show ip local pool",
  operands: "",
  summary: "inner addresses, free and in use",
  flags: showFlags,
  run: async (call) => {
    const settings = settle(showFlags, call.sources);
    const { pools } = await askSummary(controlPath(settings));
    if (settings.json) return await printJson(call, "pools", pools);
    print(call, ipLocalPoolLines(pools));
    return 0;
  },
};

const accessLists: CommandDefinition = {
  words: "show access-lists",
  operands: "[NAME]",
  summary: "access lists of this gateway, which filters may name",
  flags: showFlags,
  run: async (call) => {
    const settings = settle(showFlags, call.sources);
    const [name, extra] = call.operands;
    if (extra !== undefined) throw unexpected(extra, "one name at most");
    const lists = (await askAccessLists(controlPath(settings)))
      .filter((list) => name === undefined || list.name === name);
    if (settings.json) return await printJson(call, "accessLists", lists);
    print(call, lists.flatMap(accessListLines));
    return 0;
  },
};

const aaaServers: CommandDefinition = {
  words: "show aaa servers",
  operands: "",
  summary: "RADIUS servers: whether they are there, and what became of questions",
  flags: showFlags,
  run: async (call) => {
    const settings = settle(showFlags, call.sources);
    const { aaaServers } = await askSummary(controlPath(settings));
    if (settings.json) return await printJson(call, "aaaServers", aaaServers);
    print(call, aaaServersLines(aaaServers));
    return 0;
  },
};

/** Everything that `show` shows. */
export const showCommands: readonly CommandDefinition[] = [
  cryptoSession,
  ikev2Command("show crypto ikev2 sa", "IKE SAs", ikev2SaLines),
  ikev2Command("show crypto ikev2 session", "IKE SAs with their Child SAs", ikev2SessionLines),
  stats,
  pool,
  accessLists,
  aaaServers,
];

function print(call: Call, lines: readonly string[]): void {
  if (lines.length > 0) call.terminal.out(`${lines.join("\n")}\n`);
}

function printJson(call: Call, name: string, value: unknown): Promise<number> {
  call.terminal.out(`${JSON.stringify({ [name]: value }, undefined, 2)}\n`);
  return Promise.resolve(0);
}

async function collect(
  parts: AsyncIterable<readonly SessionFacts[]>,
): Promise<readonly SessionFacts[]> {
  const all: SessionFacts[] = [];
  for await (const part of parts) all.push(...part);
  return all;
}
