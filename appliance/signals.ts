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

/** Calls `act` at each such signal; the function that is returned ends that. Not SIGUSR1: V8 debugs at it. */
export function onSignal(signal: Deno.Signal, act: () => void): () => void {
  Deno.addSignalListener(signal, act);
  return () => Deno.removeSignalListener(signal, act);
}
