/**
 * The gateway's end of the control socket: a Unix socket that only its owner can open (mode 0600). A
 * request is bounded in size and in time, and at most a few operators are served at once.
 */
import { reasonOf, StartError } from "../start_error.ts";
import { readLines, writeLine } from "./lines.ts";
import {
  type ControlReply,
  type ControlRequest,
  mostRequestBytes,
  parseRequest,
} from "./protocol.ts";

/** Connections at once; more are closed unheard. */
const mostConnections = 16;
/** Milliseconds within which a request must have come. */
const requestPatienceMs = 5_000;

/** Answers a request, line by line. */
export type ControlHandler = (request: ControlRequest) => AsyncIterable<ControlReply>;

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
    if (connections.size >= mostConnections) return closeQuietly(connection);
    connections.add(connection);
    const done = answer(connection, handler).finally(() => {
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
async function answer(connection: Deno.UnixConn, handler: ControlHandler): Promise<void> {
  const patience = setTimeout(() => closeQuietly(connection), requestPatienceMs);
  try {
    for await (const line of readLines(connection, mostRequestBytes)) {
      clearTimeout(patience);
      const parsed = parseRequest(line);
      if (!parsed.ok) return await writeLine(connection, refusal(parsed.reason));
      for await (const reply of handler(parsed.request)) await writeLine(connection, reply);
      return;
    }
  } catch (error) {
    await writeLine(connection, refusal(reasonOf(error))).catch(() => {});
  } finally {
    clearTimeout(patience);
  }
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
