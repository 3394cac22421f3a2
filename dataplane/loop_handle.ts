/** The main thread's end of one packet loop: its worker, and the socket that commands go through. */
import type { LoopReport, LoopStart } from "./command.ts";
import { DataplaneError } from "./error.ts";
import type { EspCryptoName } from "./esp/cipher.ts";
import { libc } from "./ffi/libc.ts";
import { type CommandChannel, openCommandChannel, sendRecord } from "./io/command_channel_linux.ts";
import type { LoopDirection } from "./loop_direction.ts";

/** What every loop is given, whichever way its packets go. */
export type SharedStart = Omit<LoopStart, "direction" | "commandFd">;

/** Hears of a loop. */
export interface LoopListener {
  /** It says something. */
  take(report: LoopReport): void;
  /** It is dead. May be called for each loop. */
  failed(error: DataplaneError): void;
}

/** A loop. */
export class LoopHandle {
  /** Which way its packets go. */
  readonly direction: LoopDirection;
  readonly #listener: LoopListener;
  readonly #channel: CommandChannel;
  readonly #worker: Worker;
  readonly #started = Promise.withResolvers<EspCryptoName>();
  readonly #ended = Promise.withResolvers<void>();
  #isRunning = false;

  /** Makes the worker, which waits for its start. Throws `DataplaneError`. */
  constructor(direction: LoopDirection, listener: LoopListener) {
    this.direction = direction;
    this.#listener = listener;
    this.#channel = openCommandChannel();
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: `packet-loop-${direction}`,
    });
    this.#worker.onmessage = ({ data }: MessageEvent<LoopReport>): void => this.#take(data);
    this.#worker.onerror = (event): void => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  /** Has the loop begin and waits until it runs; how it protects ESP. Throws `DataplaneError`. */
  start(shared: SharedStart): Promise<EspCryptoName> {
    const { direction } = this;
    const start: LoopStart = { ...shared, direction, commandFd: this.#channel.loopFd };
    this.#worker.postMessage(start);
    return this.#started.promise;
  }

  /** Sends a command as a record; to a loop that does not run nothing is said. */
  order(record: Uint8Array<ArrayBuffer>): void {
    if (!this.#isRunning) return;
    try {
      sendRecord(this.#channel.controlFd, record);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Waits for a loop that was told to stop, and closes what belongs to it. */
  async close(): Promise<void> {
    if (this.#isRunning) await this.#ended.promise;
    this.#isRunning = false;
    this.#worker.terminate(); // it is not in its loop
    libc.close(this.#channel.controlFd);
    libc.close(this.#channel.loopFd);
  }

  #take(report: LoopReport): void {
    switch (report.kind) {
      case "ready":
        this.#isRunning = true;
        this.#started.resolve(report.cryptoName);
        return;
      case "stopped":
        this.#isRunning = false;
        this.#ended.resolve();
        return;
      case "failed":
        this.#fail(report.message);
        return;
      default:
        this.#listener.take(report);
    }
  }

  #fail(reason: string): void {
    this.#isRunning = false;
    const error = new DataplaneError("worker-failed", `The packet loop has ended: ${reason}`);
    this.#started.reject(error);
    this.#ended.resolve();
    this.#listener.failed(error);
  }
}
