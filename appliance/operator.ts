/** Answers what operators ask over the control socket, from snapshots taken between two inputs. */
import {
  type Command,
  type GatewaySnapshot,
  parseIpAddress,
  type SessionSelector,
  type SessionSnapshot,
} from "../core/mod.ts";
import type { DataplaneCounters } from "../dataplane/mod.ts";
import type { Clock } from "./clock.ts";
import type { ControlReply, ControlRequest } from "./control/protocol.ts";
import type { ControlHandler } from "./control/server.ts";
import type { DebugFilter, DebugReply } from "./debug_feed.ts";
import { type FactsContext, sessionFacts, summaryFacts } from "./show/facts_of.ts";

/** Sessions in one part of an answer. */
const partSize = 200;

/** Whom the operator talks to. */
export interface OperatorOptions {
  readonly snapshot: () => GatewaySnapshot;
  readonly command: (command: Command) => void;
  readonly packets: () => Promise<DataplaneCounters>;
  /** Counters of the appliance. */
  readonly counters: () => Readonly<Record<string, number>>;
  readonly clearCounters: () => void;
  /** Shows what happens. */
  readonly debug: (filter: DebugFilter, signal: AbortSignal) => AsyncIterable<DebugReply>;
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
        const sessions = options.snapshot().sessions.filter(fits(request.selector));
        for (let at = 0; at < sessions.length; at += partSize) {
          const part = sessions.slice(at, at + partSize);
          yield { kind: "sessions", sessions: part.map((one) => sessionFacts(one, context)) };
        }
        yield { kind: "done", count: sessions.length };
        return;
      }
      case "summary": {
        const context = await contextOf();
        yield { kind: "summary", summary: summaryFacts(options.snapshot(), context) };
        yield { kind: "done", count: 0 };
        return;
      }
      case "clear-sessions": {
        const count = options.snapshot().sessions.filter(fits(request.selector)).length;
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
      case "rekey": {
        const { what, selector } = request;
        const active = options.snapshot().sessions.filter(fits(selector))
          .filter(({ state }) => state === "active");
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

/** Whether a session is meant; the same conditions as the core's `clear-sessions`. */
function fits(selector: SessionSelector): (session: SessionSnapshot) => boolean {
  const { remote, userName, id } = selector;
  return (session) =>
    (id === undefined || id === session.id) &&
    (userName === undefined || userName === session.userName) &&
    (remote === undefined || remote === hostOf(session.lastRemote));
}

/** The host of `192.0.2.1:4500` or `[2001:db8::1]:4500`. */
function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
