/**
 * What `rejoin debug` shows: everything that is told while somebody looks, whatever the log's level.
 *
 * Nothing is gathered, and the core tells of no message, while nobody does. Each viewer has a queue of
 * its own; one that reads slower than things happen loses the newest and learns how many.
 */
import { equalAddresses, type IpAddress, type TraceLevel } from "../core/mod.ts";
import type { Clock } from "./clock.ts";
import { type Facts, type Log, redacted } from "./log.ts";

/** The words behind `debug crypto ikev2`; without one everything is shown. */
export const debugTopics = ["packet", "internal", "error"] as const;

/** One of them. */
export type DebugTopic = typeof debugTopics[number];

/** What a viewer wants to see. */
export interface DebugFilter {
  /** Messages; all but messages; warnings and errors. */
  readonly topic?: DebugTopic;
  /** Only what concerns this peer. */
  readonly peer?: IpAddress;
}

/** What a viewer is shown. */
export type DebugReply =
  /** Looking from now on. */
  | { readonly kind: "debugging" }
  | {
    readonly kind: "debug";
    readonly time: string;
    readonly level: TraceLevel;
    readonly event: string;
    readonly facts: Readonly<Record<string, unknown>>;
  }
  /** So many were lost here, because they were read too slowly. */
  | { readonly kind: "debug-lost"; readonly count: number };

/** How a feed is made. */
export interface DebugFeedOptions {
  readonly clock: Clock;
  /** Makes the core tell of messages, or stop. */
  readonly tellMessages: (wanted: boolean) => void;
}

/** Replies that wait for one viewer at most. */
const longestQueue = 1_000;

/** The event of a message. */
const packetEvent = "ikev2-packet";

/** Shows what is told to whom wants to see it. */
export class DebugFeed {
  readonly #options: DebugFeedOptions;
  /** BOUNDED by the connections of the control socket. */
  readonly #viewers = new Set<Viewer>();
  #tellsMessages = false;

  /** A feed that nobody looks at. */
  constructor(options: DebugFeedOptions) {
    this.#options = options;
  }

  /** A log that shows here what it is told. Messages are shown here only. */
  tap(log: Log): Log {
    return {
      tell: (level, event, facts = {}) => {
        this.#show(level, event, facts);
        log.tell(level, event, facts);
      },
      trace: (trace) => {
        const { level, event, sessionId: session, remote, facts } = trace;
        this.#show(level, event, { session, remote, ...facts });
        if (event !== packetEvent) log.trace(trace);
      },
      close: () => log.close(),
    };
  }

  /** What happens from now on, until `signal` is given. */
  async *follow(filter: DebugFilter, signal: AbortSignal): AsyncGenerator<DebugReply> {
    const viewer = new Viewer(filter, signal);
    this.#viewers.add(viewer);
    this.#tellAsWanted();
    try {
      yield { kind: "debugging" };
      while (!signal.aborted) {
        yield* viewer.take();
        await viewer.news();
      }
    } finally {
      viewer.close();
      this.#viewers.delete(viewer);
      this.#tellAsWanted();
    }
  }

  #tellAsWanted(): void {
    const wanted = [...this.#viewers].some(({ wantsMessages }) => wantsMessages);
    if (wanted === this.#tellsMessages) return;
    this.#tellsMessages = wanted;
    this.#options.tellMessages(wanted);
  }

  #show(level: TraceLevel, event: string, facts: Facts): void {
    if (this.#viewers.size === 0) return;
    const time = new Date(this.#options.clock.now().wall).toISOString();
    let reply: DebugReply | undefined;
    for (const viewer of this.#viewers) {
      if (!viewer.wants(level, event, facts)) continue;
      reply ??= { kind: "debug", time, level, event, facts: redacted(facts) };
      viewer.give(reply);
    }
  }
}

/** One who looks. */
class Viewer {
  readonly #filter: DebugFilter;
  readonly #signal: AbortSignal;
  readonly #wake = (): void => this.#news.resolve();
  #queue: DebugReply[] = [];
  #lost = 0;
  #news = Promise.withResolvers<void>();

  constructor(filter: DebugFilter, signal: AbortSignal) {
    this.#filter = filter;
    this.#signal = signal;
    signal.addEventListener("abort", this.#wake);
  }

  get wantsMessages(): boolean {
    const { topic } = this.#filter;
    return topic === undefined || topic === "packet";
  }

  wants(level: TraceLevel, event: string, { remote }: Facts): boolean {
    const { topic, peer } = this.#filter;
    if (peer !== undefined) {
      const isEndpoint = typeof remote === "object" && "address" in remote;
      if (!isEndpoint || !equalAddresses(remote.address, peer)) return false;
    }
    switch (topic) {
      case "packet":
        return event === packetEvent;
      case "internal":
        return event !== packetEvent;
      case "error":
        return level === "error" || level === "warning";
      default:
        return true;
    }
  }

  give(reply: DebugReply): void {
    if (this.#queue.length < longestQueue) this.#queue.push(reply);
    else this.#lost += 1;
    this.#wake();
  }

  /** What waits, and how many were lost behind it. */
  take(): readonly DebugReply[] {
    const replies = this.#queue;
    if (this.#lost > 0) replies.push({ kind: "debug-lost", count: this.#lost });
    this.#queue = [];
    this.#lost = 0;
    this.#news = Promise.withResolvers();
    return replies;
  }

  /** Resolves when `take` has something again, or when it is over. */
  news(): Promise<void> {
    return this.#signal.aborted ? Promise.resolve() : this.#news.promise;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#wake);
  }
}
