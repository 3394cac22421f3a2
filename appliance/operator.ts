/** Answers what operators ask over the control socket, from snapshots taken between two inputs. */
import {
  type Command,
  type GatewaySnapshot,
  parseIpAddress,
  type SessionSelector,
  type SessionSnapshot,
} from "../core/mod.ts";
import type { DataplaneCounters } from "../dataplane/mod.ts";
import type { AccessLists } from "./aaa/access_list/lists.ts";
import type { Clock } from "./clock.ts";
import type { ControlReply, ControlRequest } from "./control/protocol.ts";
import type { ControlHandler } from "./control/server.ts";
import type { DebugFilter, DebugReply } from "./debug_feed.ts";
import type { Reloaded } from "./reload.ts";
import { accessListFacts } from "./show/access_lists.ts";
import type { AaaServerFacts } from "./show/facts.ts";
import { type FactsContext, sessionFacts, summaryFacts } from "./show/facts_of.ts";

/** Sessions in one part of an answer. */
const partSize = 200;

/** Whom the operator talks to. */
export interface OperatorOptions {
  readonly snapshot: () => GatewaySnapshot;
  /** Pictures of the sessions that a selector means. */
  readonly find: (selector: SessionSelector) => readonly SessionSnapshot[];
  readonly command: (command: Command) => void;
  readonly packets: () => Promise<DataplaneCounters>;
  /** Counters of the appliance. */
  readonly counters: () => Readonly<Record<string, number>>;
  readonly clearCounters: () => void;
  /** AAA servers one by one. */
  readonly aaaServers: () => readonly AaaServerFacts[];
  readonly clearAaaCounters: () => void;
  /** Shows what happens. */
  readonly debug: (filter: DebugFilter, signal: AbortSignal) => AsyncIterable<DebugReply>;
  readonly accessLists: AccessLists;
  /** Reads flags and files again. */
  readonly reload: () => Promise<Reloaded>;
  readonly clock: Clock;
  readonly dpd: FactsContext["dpd"];
}

/** Totals of the packet path, which counts since its start and is never told to begin again. */
type Totals = DataplaneCounters["totals"];

/** A handler for the control socket. */
export function operatorOf(options: OperatorOptions): ControlHandler {
  let cleared: Partial<Totals> = {};
  const contextOf = async (): Promise<FactsContext> => {
    const { totals, perSa } = await options.packets();
    return {
      at: options.clock.now(),
      dpd: options.dpd,
      packets: new Map(perSa.map((counters) => [counters.inboundSpi, counters])),
      counters: { ...since(totals, cleared), ...options.counters() },
    };
  };
  return async function* answer(
    request: ControlRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ControlReply> {
    switch (request.command) {
      case "sessions": {
        const context = await contextOf();
        const sessions = options.find(request.selector);
        for (let at = 0; at < sessions.length; at += partSize) {
          const part = sessions.slice(at, at + partSize);
          yield { kind: "sessions", sessions: part.map((one) => sessionFacts(one, context)) };
        }
        yield { kind: "done", count: sessions.length };
        return;
      }
      case "summary": {
        const context = await contextOf();
        yield {
          kind: "summary",
          summary: summaryFacts(options.snapshot(), context, options.aaaServers()),
        };
        yield { kind: "done", count: 0 };
        return;
      }
      case "access-lists":
        for (const list of options.accessLists.values()) {
          yield { kind: "access-list", list: accessListFacts(list) };
        }
        yield { kind: "done", count: options.accessLists.size };
        return;
      case "clear-sessions": {
        const { length: count } = options.find(request.selector);
        options.command({ kind: "clear-sessions", selector: request.selector });
        yield { kind: "done", count };
        return;
      }
      case "clear-stats":
        options.command({ kind: "clear-stats" });
        options.clearCounters();
        cleared = (await options.packets()).totals;
        yield { kind: "done", count: 0 };
        return;
      case "clear-aaa-counters":
        options.clearAaaCounters();
        yield { kind: "done", count: 0 };
        return;
      case "reload":
        yield await options.reload();
        yield { kind: "done", count: 0 };
        return;
      case "rekey": {
        const { what, selector } = request;
        const active = options.find(selector).filter(({ state }) => state === "active");
        for (const { id } of active) options.command({ kind: "rekey", id, what });
        yield { kind: "done", count: active.length };
        return;
      }
      case "debug": {
        const peer = request.peer === undefined ? undefined : parseIpAddress(request.peer);
        const { topic } = request;
        yield* options.debug({
          ...(topic === undefined ? {} : { topic }),
          ...(peer === undefined ? {} : { peer }),
        }, signal);
        return;
      }
    }
  };
}

/** What was counted after `before`. */
function since(totals: Totals, before: Partial<Totals>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(totals).map((
      [name, value],
    ) => [name, value - (before[name as keyof Totals] ?? 0)]),
  );
}
