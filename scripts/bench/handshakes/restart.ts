/** How soon a gateway serves again that has many sessions to remember. */
import { Lab } from "../../../tests/support/netns.ts";
import { startGateway } from "../../../tests/support/rejoin.ts";
import { storedPool, storeSessions } from "./stored_sessions.ts";

/** Stores `count` sessions as they were when the gateway was killed, and starts it `rounds` times. */
export async function timeToServe(count: number, rounds: number): Promise<readonly number[]> {
  await using lab = await Lab.create();
  const namespace = await lab.namespace("gw");
  const folder = `${lab.folder}/state`;
  await storeSessions(folder, count);
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await using gateway = await startGateway({
      namespace,
      folder,
      flags: { pool: storedPool, "log-level": "info", "max-sa": 1_000_000 },
    });
    seconds.push((performance.now() - start) / 1000);
    const { inactiveCapable } = await gateway.reconnectStats();
    if (inactiveCapable !== count) throw new Error(`${inactiveCapable} of ${count} were restored`);
    // What was stored as active is so again at the next start.
    await gateway.process.stop("SIGKILL");
  }
  return seconds;
}
