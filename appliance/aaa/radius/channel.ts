/**
 * What questions to one server are sent through: lines of 256 identifiers each, and a further line when
 * those are in use. A line is a UDP socket or a TLS connection.
 */
import type { Bytes } from "../../../core/mod.ts";
import type { Holder, Identifiers, Outcome, Stray } from "./identifiers.ts";

/** One identifier, held for one question. */
export interface Slot {
  readonly identifier: number;
  /** Whether what is sent arrives or the holder is told; if not, it has to be sent again and again. */
  readonly isReliable: boolean;
  /** Sends to the server; a failure is as good as a loss. */
  send(bytes: Bytes): void;
  /** What came is not believed: of a connection nothing more is heard (RFC 6613 §2.6.4). */
  distrust(): void;
  /** Gives the identifier back. */
  release(outcome: Outcome): void;
}

/** One socket or connection. */
export interface Line {
  readonly identifiers: Identifiers;
  readonly isReliable: boolean;
  /** Whether it can still be used. */
  readonly isOpen: boolean;
  send(bytes: Bytes): void;
  close(): void;
}

/** What is told of a channel besides answers. */
export interface ChannelEvents {
  /** A datagram that belongs to no question. */
  stray(cause: Stray): void;
  /** A connection broke; why, for people. */
  broken(reason: string): void;
}

/** How a channel gets its lines. */
export interface ChannelOptions {
  /** Rejects with a reason for people when there can be none; `UnreachableError` may be tried again. */
  readonly openLine: (closing: AbortSignal) => Promise<Line>;
  readonly mostLines: number;
}

/** All identifiers are held: too many questions, which says nothing about the server. */
export class ChannelFullError extends Error {
  override name = "ChannelFullError";
}

/** There is no connection to be had now; the next attempt keeps its distance by itself. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

/** The lines to one server. */
export class Channel {
  readonly #options: ChannelOptions;
  /** BOUNDED by `mostLines`. */
  #lines: Line[] = [];
  #opening: Promise<void> | undefined;
  readonly #closing = new AbortController();

  /** Opens nothing yet. */
  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** An identifier for a question; rejects when there is none to be had. */
  async open(holder: Holder): Promise<Slot> {
    for (;;) {
      this.#closing.signal.throwIfAborted();
      this.#lines = this.#lines.filter(({ isOpen }) => isOpen);
      const line = this.#lines.find(({ identifiers }) => !identifiers.isFull);
      if (line !== undefined) return slotOf(line, holder);
      if (this.#lines.length >= this.#options.mostLines) {
        throw new ChannelFullError("too many questions to one RADIUS server");
      }
      this.#opening ??= this.#openLine().finally(() => this.#opening = undefined);
      await this.#opening;
    }
  }

  /** The lines brought no answers: the next question opens another. Only of use to connections. */
  renew(): void {
    for (const line of this.#lines) if (line.isReliable) line.close();
  }

  /** Closes every line. */
  close(): void {
    this.#closing.abort(new Error("RADIUS client is closed"));
    for (const line of this.#lines.splice(0)) line.close();
  }

  async #openLine(): Promise<void> {
    const { signal } = this.#closing;
    const line = await this.#options.openLine(signal);
    if (signal.aborted) line.close();
    else this.#lines.push(line);
  }
}

function slotOf(line: Line, holder: Holder): Slot {
  const identifier = line.identifiers.hold(holder);
  return {
    identifier,
    isReliable: line.isReliable,
    send: (bytes) => line.send(bytes),
    distrust: () => {
      if (line.isReliable) line.close();
    },
    release: (outcome) => line.identifiers.release(identifier, outcome),
  };
}
