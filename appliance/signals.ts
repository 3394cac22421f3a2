/** Signals. Being asked to stop: the first one is a request, the second one is obeyed at once. */

const signals = ["SIGTERM", "SIGINT"] as const;

/** Listens until `close`. */
export interface StopSignals {
  /** Resolves at the first signal, or when `stop` is called. */
  readonly stopped: Promise<string>;
  /** Stops as a signal would, for a reason of our own. */
  stop(reason: string): void;
  /** No longer listens. */
  close(): void;
}

/** Begins to listen. */
export function listenForStop(): StopSignals {
  const { promise, resolve } = Promise.withResolvers<string>();
  let asked = false;
  const handlers = signals.map((signal) => {
    const handler = (): void => {
      if (asked) Deno.exit(signal === "SIGINT" ? 130 : 143);
      asked = true;
      resolve(signal);
    };
    Deno.addSignalListener(signal, handler);
    return { signal, handler };
  });
  return {
    stopped: promise,
    stop: resolve,
    close: () => {
      for (const { signal, handler } of handlers) Deno.removeSignalListener(signal, handler);
    },
  };
}

/** Calls `act` at each of these signals; the function that is returned ends that. */
export function onSignals(table: Readonly<Partial<Record<Deno.Signal, () => void>>>): () => void {
  const entries = Object.entries(table) as [Deno.Signal, () => void][];
  for (const [signal, act] of entries) Deno.addSignalListener(signal, act);
  return () => {
    for (const [signal, act] of entries) Deno.removeSignalListener(signal, act);
  };
}
