/** Does what an authentic request asks for, or says why not; either way one line in the log. */
import {
  type Command,
  type Endpoint,
  formatIpAddress,
  type SessionSelector,
  type SessionSnapshot,
} from "../../../../core/mod.ts";
import type { Log } from "../../../log.ts";
import type { ParsedPacket } from "../packet.ts";
import type { ErrorCause } from "./error_cause.ts";
import { type DynamicRequest, readDynamicRequest, type RequestRules } from "./request.ts";

/** Whom requests are about. */
export interface SessionsInCharge {
  /** Those that a selector means. */
  find(selector: SessionSelector): readonly SessionSnapshot[];
  /** Has an order carried out before it returns. */
  command(command: Command): void;
  /** Resolves when what was ordered so far is stored. */
  settled(): Promise<void>;
}

/** What a request came to. */
export type Outcome =
  | { readonly kind: "refused"; readonly cause: ErrorCause }
  | {
    readonly kind: "disconnected" | "changed";
    /** How many sessions. */
    readonly count: number;
    /** What the answer says besides. */
    readonly cause?: ErrorCause;
  };

/** Sessions and users named in one line of the log. */
const mostNamed = 10;

/** Obeys: all sessions that the request names, or none. */
export function obey(
  packet: ParsedPacket,
  client: Endpoint,
  { rules, sessions, log }: {
    readonly rules: RequestRules;
    readonly sessions: SessionsInCharge;
    readonly log: Log;
  },
): Outcome {
  const request = readDynamicRequest(packet, rules);
  if (request.kind === "refused") {
    const { cause, attribute } = request;
    log.tell("debug", "dynamic-author-refused", { client, cause, attribute });
    return { kind: "refused", cause };
  }
  const by = conditionsOf(request.selector);
  const found = sessions.find(request.selector);
  if (found.length === 0) {
    const cause = "session-context-not-found";
    log.tell("debug", "dynamic-author-refused", { client, cause, by });
    return { kind: "refused", cause };
  }
  for (const { id } of found) sessions.command(orderOf(request, id));
  const named = found.slice(0, mostNamed);
  const facts = {
    client,
    by,
    count: found.length,
    sessions: named.map(({ id }) => `${id}`),
    users: [...new Set(named.map(({ userName }) => userName))],
  };
  const count = found.length;
  if (request.kind === "change") {
    const { sessionLifetimeSeconds, idleTimeoutSeconds, filter } = request.change;
    const change = { sessionLifetimeSeconds, idleTimeoutSeconds, filter: filter?.name };
    log.tell("info", "sessions-changed", { ...facts, ...change });
    return { kind: "changed", count };
  }
  log.tell("info", "sessions-disconnected", facts);
  const isResidual = found.every(({ state }) => state === "inactive");
  return {
    kind: "disconnected",
    count,
    ...(isResidual ? { cause: "residual-session-context-removed" } : {}),
  };
}

function orderOf(request: Exclude<DynamicRequest, { kind: "refused" }>, id: number): Command {
  return request.kind === "disconnect"
    ? { kind: "disconnect-session", id }
    : { kind: "change-session", id, change: request.change };
}

/** What the client named sessions by, for people. */
function conditionsOf(selector: SessionSelector): readonly string[] {
  const { userName, accountingId, remote, addresses = [] } = selector;
  return [
    ...(userName === undefined ? [] : [`user=${userName}`]),
    ...(accountingId === undefined ? [] : [`account=${accountingId}`]),
    ...(remote === undefined ? [] : [`peer=${remote}`]),
    ...addresses.map((address) => `address=${formatIpAddress(address)}`),
  ];
}
