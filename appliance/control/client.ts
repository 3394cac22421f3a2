/** The operator's end of the control socket. */
import type { AccessListFacts, GatewayFacts, SessionFacts } from "../show/facts.ts";
import { reasonOf, StartError } from "../start_error.ts";
import { readLines, writeLine } from "./lines.ts";
import type { DebugReply } from "../debug_feed.ts";
import type { ControlReply, ControlRequest, DebugRequest } from "./protocol.ts";

/** Octets of one line of an answer at most. */
const mostReplyBytes = 64 * 1024 * 1024;
/** Milliseconds that a gateway may be silent. */
const patienceMs = 30_000;

/** Asks the gateway at `path`. `StartError` when none answers, when it refuses or is silent too long. */
export async function* ask(
  path: string,
  request: ControlRequest,
  patience = patienceMs,
): AsyncGenerator<ControlReply> {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw new StartError(connectFailure(path, error));
  }
  let isSilent = false;
  const giveUp = (): void => {
    isSilent = true;
    closeQuietly(connection);
  };
  // A patience without end would be too long for a timer, which then would not wait at all.
  const watch = (): ReturnType<typeof setTimeout> | undefined =>
    Number.isFinite(patience) ? setTimeout(giveUp, patience) : undefined;
  let timer = watch();
  try {
    await writeLine(connection, request);
    for await (const line of readLines(connection, mostReplyBytes)) {
      clearTimeout(timer);
      const reply: ControlReply = JSON.parse(line);
      if (reply.kind === "refused") throw new StartError(reply.reason);
      yield reply;
      if (reply.kind === "done") return;
      timer = watch();
    }
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = isSilent ? `it was silent for ${patience / 1000} s` : reasonOf(error);
    throw new StartError(`Cannot talk to the gateway at ${path}: ${reason}`);
  } finally {
    clearTimeout(timer);
    closeQuietly(connection);
  }
  throw new StartError(`Cannot talk to the gateway at ${path}: it broke off`);
}

/** What happens, as it happens; ends with an error when the gateway goes. */
export async function* askDebug(path: string, request: DebugRequest): AsyncGenerator<DebugReply> {
  for await (const reply of ask(path, request, Number.POSITIVE_INFINITY)) {
    switch (reply.kind) {
      case "debugging":
      case "debug":
      case "debug-lost":
        yield reply;
    }
  }
}

/** The sessions that fit, part by part. */
export async function* askSessions(
  path: string,
  selector: Extract<ControlRequest, { command: "sessions" }>["selector"],
): AsyncGenerator<readonly SessionFacts[]> {
  for await (const reply of ask(path, { command: "sessions", selector })) {
    if (reply.kind === "sessions") yield reply.sessions;
  }
}

/** Everything but the sessions. */
export async function askSummary(path: string): Promise<Omit<GatewayFacts, "sessions">> {
  for await (const reply of ask(path, { command: "summary" })) {
    if (reply.kind === "summary") return reply.summary;
  }
  throw new StartError(`Cannot talk to the gateway at ${path}: it did not answer`);
}

/** The access lists of the gateway. */
export async function askAccessLists(path: string): Promise<readonly AccessListFacts[]> {
  const lists: AccessListFacts[] = [];
  for await (const reply of ask(path, { command: "access-lists" })) {
    if (reply.kind === "access-list") lists.push(reply.list);
  }
  return lists;
}

/** Orders something; how many sessions it concerned. */
export async function order(path: string, request: ControlRequest): Promise<number> {
  for await (const reply of ask(path, request)) {
    if (reply.kind === "done") return reply.count;
  }
  return 0;
}

function connectFailure(path: string, error: unknown): string {
  const what = `Cannot talk to a gateway at ${path}`;
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) {
    return `${what}: none runs there; start one with rejoin serve, or name its --control socket`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${what}: permission denied; only the user who runs it may`;
  }
  return `${what}: ${reasonOf(error)}`;
}

function closeQuietly(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
