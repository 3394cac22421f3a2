/**
 * The gateway's end of the control socket: a Unix socket that only its owner can open (mode 0600). A
 * request is bounded in size and in time, so is the taking of each line of an answer, and at most a few
 * operators are served at once.
 */
import { reasonOf, StartError } from "../start_error.ts";
import { readLines, writeLine } from "./lines.ts";
import {
  type ControlReply,
  type ControlRequest,
  mostRequestBytes,
  parseRequest,
} from "./protocol.ts";

/** Connections that are served at once; as many more are told why not. */
const mostConnections = 16;
/** Milliseconds within which a request must have come. */
const requestPatienceMs = 5_000;
/** Milliseconds within which an operator must have taken a line: `show … | less` may stand a while. */
const linePatienceMs = 600_000;

/** Answers a request, line by line; `signal` says that nobody listens any more. */
export type ControlHandler = (
  request: ControlRequest,
  signal: AbortSignal,
) => AsyncIterable<ControlReply>;

/** A control socket that listens. */
export interface ControlServer {
  /** Its path. */
  readonly path: string;
  /** Stops listening, drops who is connected, removes the socket. */
  close(): Promise<void>;
}

/** Listens at `path`; `StartError` when that cannot be, or when another gateway answers there. */
export async function serveControl(
  path: string,
  handler: ControlHandler,
  linePatience = linePatienceMs,
): Promise<ControlServer> {
  await removeStale(path);
  const mask = Deno.umask(0o177);
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw new StartError(`Cannot open control socket ${path}: ${reasonOf(error)}`);
  } finally {
    Deno.umask(mask);
  }
  const connections = new Set<Deno.UnixConn>();
  const running = new Set<Promise<void>>();
  const accepting = acceptAll(listener, (connection) => {
    const isBusy = connections.size >= mostConnections;
    if (connections.size >= 2 * mostConnections) return closeQuietly(connection);
    connections.add(connection);
    const done = answer(connection, isBusy ? busy : handler, linePatience).finally(() => {
      connections.delete(connection);
      running.delete(done);
      closeQuietly(connection);
    });
    running.add(done);
  });
  return {
    path,
    close: async () => {
      closeQuietly(listener);
      for (const connection of connections) closeQuietly(connection);
      await Promise.all([accepting, ...running]);
      await Deno.remove(path).catch(() => {});
    },
  };
}

async function acceptAll(
  listener: Deno.UnixListener,
  take: (connection: Deno.UnixConn) => void,
): Promise<void> {
  while (true) {
    try {
      take(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      // Out of file descriptors, most likely: wait for one instead of spinning.
      await new Promise((go) => setTimeout(go, 100));
    }
  }
}

/** Reads one request and answers it. A peer that breaks off is its own business. */
async function answer(
  connection: Deno.UnixConn,
  handler: ControlHandler,
  linePatience: number,
): Promise<void> {
  let patience = setTimeout(() => closeQuietly(connection), requestPatienceMs);
  let watching: Promise<void> | undefined;
  const say = async (reply: ControlReply): Promise<void> => {
    clearTimeout(patience);
    patience = setTimeout(() => closeQuietly(connection), linePatience);
    await writeLine(connection, reply);
    clearTimeout(patience);
  };
  try {
    for await (const line of readLines(connection, mostRequestBytes)) {
      clearTimeout(patience);
      const parsed = parseRequest(line);
      if (!parsed.ok) return await say(refusal(parsed.reason));
      const gone = new AbortController();
      watching = untilGone(connection).then(() => gone.abort());
      for await (const reply of handler(parsed.request, gone.signal)) await say(reply);
      return;
    }
  } catch (error) {
    await say(refusal(reasonOf(error))).catch(() => {});
  } finally {
    clearTimeout(patience);
    closeQuietly(connection);
    await watching;
  }
}

/** Resolves when the operator, who has nothing more to say, or we closed the connection. */
async function untilGone(connection: Deno.UnixConn): Promise<void> {
  const ignored = new Uint8Array(256);
  try {
    while (await connection.read(ignored) !== null);
  } catch {
    // Closed on our side.
  }
}

/** What those hear who are too many. */
async function* busy(): AsyncGenerator<ControlReply> {
  yield refusal(`Cannot answer: ${mostConnections} operators are served already`);
}

function refusal(reason: string): ControlReply {
  return { kind: "refused", reason };
}

/** A socket file that nobody answers at is left from a gateway that was killed. */
async function removeStale(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch {
    return;
  }
  if (!info.isSocket) {
    throw new StartError(`Cannot open control socket ${path}: a file that is no socket is there`);
  }
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch {
    await Deno.remove(path).catch(() => {});
    return;
  }
  closeQuietly(connection);
  throw new StartError(
    `Cannot open control socket ${path}: another rejoin answers there; name another with --control`,
  );
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It was closed already.
  }
}
