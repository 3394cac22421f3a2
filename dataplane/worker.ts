/**
 * The worker: receives its start message, runs the packet loop in it, and ends.
 *
 * While the loop runs this thread sees no messages; commands come through the command socket. Whoever
 * wants it to end sends a stop command: a worker that is terminated inside a system call can keep the
 * process from ending.
 */
import { Arena } from "./buffers.ts";
import type { LoopReport, LoopStart } from "./command.ts";
import { selectEspCiphers } from "./crypto.ts";
import { PacketLoop, packetLoopBytes } from "./packet_loop.ts";
import { warmUp, warmUpBytes } from "./warm_up.ts";

/** What a worker's global scope has and the main thread's has not. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<LoopStart>) => void) | null;
  postMessage(report: LoopReport): void;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;
const warmUpBudgetMs = 60;
const spareBytes = 4096;

function run(start: LoopStart): void {
  const arena = new Arena(packetLoopBytes(start) + warmUpBytes + spareBytes);
  const random = {
    bytes: (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length)),
  };
  const ciphers = selectEspCiphers(arena.bytes, random, start.crypto);
  const loop = new PacketLoop(start, arena, ciphers, (report) => scope.postMessage(report));
  warmUp(arena, ciphers, warmUpBudgetMs);
  scope.postMessage({ kind: "ready", cryptoName: ciphers.name });
  loop.run();
}

scope.onmessage = ({ data }): void => {
  try {
    run(data);
    scope.postMessage({ kind: "stopped" });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failed", message });
  }
  scope.close();
};
