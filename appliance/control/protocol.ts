/**
 * What passes over the control socket: one request as a line of JSON, answered by lines of JSON that
 * end with `done` or `refused`. Sessions come in parts, so that a hundred thousand of them neither
 * make one long line nor hold up the gateway.
 */
import { parseIpAddress, type SessionSelector } from "../../core/mod.ts";
import { type DebugReply, type DebugTopic, debugTopics } from "../debug_feed.ts";
import type { Reloaded } from "../reload.ts";
import type { AccessListFacts, GatewayFacts, SessionFacts } from "../show/facts.ts";

/** Octets of a request at most. */
export const mostRequestBytes = 4096;

/** What an operator asks. */
export type ControlRequest =
  /** Everything about the sessions that fit. */
  | { readonly command: "sessions"; readonly selector: SessionSelector }
  /** Pools, counters, reconnect statistics. */
  | { readonly command: "summary" }
  /** The access lists of this gateway. */
  | { readonly command: "access-lists" }
  /** End sessions for good. */
  | { readonly command: "clear-sessions"; readonly selector: SessionSelector }
  /** Set counters to zero. */
  | { readonly command: "clear-stats" }
  /** Set the counters of AAA servers to zero. */
  | { readonly command: "clear-aaa-counters" }
  /** Read flags and files again. */
  | { readonly command: "reload" }
  /** Begin to rekey the SAs of the sessions that fit. */
  | {
    readonly command: "rekey";
    readonly what: RekeyTarget;
    readonly selector: SessionSelector;
  }
  | DebugRequest;

/** What is rekeyed. */
export type RekeyTarget = (typeof rekeyTargets)[number];

/** All that can be. */
export const rekeyTargets = ["ike", "child"] as const;

/** Show what happens until the connection ends; no `done` comes. */
export interface DebugRequest {
  readonly command: "debug";
  readonly topic?: DebugTopic;
  /** An address as text. */
  readonly peer?: string;
}

/** One line of an answer. */
export type ControlReply =
  | { readonly kind: "sessions"; readonly sessions: readonly SessionFacts[] }
  | { readonly kind: "summary"; readonly summary: Omit<GatewayFacts, "sessions"> }
  | { readonly kind: "access-list"; readonly list: AccessListFacts }
  | DebugReply
  | Reloaded
  /** All lines were said. `count` is how many sessions or lists were shown, or sessions ended or rekeyed. */
  | { readonly kind: "done"; readonly count: number }
  | { readonly kind: "refused"; readonly reason: string };

/** A request from the text of its line, or what is wrong with it. */
export function parseRequest(
  line: string,
):
  | { readonly ok: true; readonly request: ControlRequest }
  | { readonly ok: false; readonly reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, reason: "Cannot read the request: not JSON" };
  }
  const command = memberOf(value, "command");
  switch (command) {
    case "summary":
    case "access-lists":
    case "clear-stats":
    case "clear-aaa-counters":
    case "reload":
      return { ok: true, request: { command } };
    case "sessions":
    case "clear-sessions": {
      const selector = parseSelector(memberOf(value, "selector"));
      if (selector === undefined) {
        return { ok: false, reason: "Cannot read the request: selector is malformed" };
      }
      return { ok: true, request: { command, selector } };
    }
    case "rekey": {
      const selector = parseSelector(memberOf(value, "selector"));
      const what = rekeyTargets.find((one) => one === memberOf(value, "what"));
      if (selector === undefined || what === undefined) {
        return { ok: false, reason: "Cannot read the request: selector or what is malformed" };
      }
      return { ok: true, request: { command, what, selector } };
    }
    case "debug": {
      const request = parseDebug(memberOf(value, "topic"), memberOf(value, "peer"));
      if (request === undefined) {
        return { ok: false, reason: "Cannot read the request: topic or peer is malformed" };
      }
      return { ok: true, request };
    }
    default:
      return { ok: false, reason: `Cannot do ${JSON.stringify(command)}: not a command` };
  }
}

function parseDebug(word: unknown, peer: unknown): DebugRequest | undefined {
  const topic = debugTopics.find((one) => one === word);
  if (topic === undefined && word !== undefined) return undefined;
  if (peer === undefined) return { command: "debug", ...(topic === undefined ? {} : { topic }) };
  if (typeof peer !== "string" || parseIpAddress(peer) === undefined) return undefined;
  return { command: "debug", ...(topic === undefined ? {} : { topic }), peer };
}

function parseSelector(value: unknown): SessionSelector | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const remote = memberOf(value, "remote");
  const userName = memberOf(value, "userName");
  const id = memberOf(value, "id");
  const fits = (remote === undefined || typeof remote === "string") &&
    (userName === undefined || typeof userName === "string") &&
    (id === undefined || (typeof id === "number" && Number.isSafeInteger(id)));
  if (!fits) return undefined;
  // An unknown condition must not become "no condition", which would clear everybody.
  if (Object.keys(value).some((key) => !["remote", "userName", "id"].includes(key))) {
    return undefined;
  }
  return {
    ...(typeof remote === "string" ? { remote } : {}),
    ...(typeof userName === "string" ? { userName } : {}),
    ...(typeof id === "number" ? { id } : {}),
  };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !(name in value)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
