/**
 * Starts the packet path.
 *
 * The C library is loaded here and not before: commands that move no packets need neither it nor the
 * permission to load it.
 */
import { selectProvider } from "./crypto.ts";
import type { Dataplane, DataplaneHandlers, DataplaneOptions } from "./dataplane.ts";
import { DataplaneError } from "./error.ts";
import { workerLimits } from "./loop_direction.ts";
import { windowSizes } from "./esp/replay_window.ts";

/** The smallest MTU that IPv6 lets a link have, and the largest that fits a UDP datagram. */
const mtuLimits = { lowest: 1280, highest: 65_000 } as const;

/**
 * Opens TUN device and sockets and starts the packet loops. Throws `DataplaneError`; nothing stays open
 * then.
 */
export async function openDataplane(
  options: DataplaneOptions,
  handlers: DataplaneHandlers,
): Promise<Dataplane> {
  checkOptions(options);
  checkCrypto(options);
  const { startDataplane } = await import("./running_dataplane.ts");
  return await startDataplane(options, handlers);
}

function checkOptions({ mtu, workers, listen, replayWindow }: DataplaneOptions): void {
  if (!Number.isInteger(workers) || workers < workerLimits.least || workers > workerLimits.most) {
    throw new DataplaneError(
      "bad-option",
      `Cannot run ${workers} packet loops: needs ${workerLimits.least} or ${workerLimits.most}`,
    );
  }
  if (!Number.isInteger(mtu) || mtu < mtuLimits.lowest || mtu > mtuLimits.highest) {
    throw new DataplaneError(
      "bad-option",
      `Cannot use MTU ${mtu}: needs ${mtuLimits.lowest} to ${mtuLimits.highest}`,
    );
  }
  const { least, most } = windowSizes;
  if (!Number.isInteger(replayWindow) || replayWindow < least || replayWindow > most) {
    throw new DataplaneError(
      "bad-option",
      `Cannot use a replay window of ${replayWindow} packets: needs ${least} to ${most}`,
    );
  }
  if (listen.length === 0) {
    throw new DataplaneError("bad-option", "Cannot listen on no address: needs at least one");
  }
}

function checkCrypto({ crypto }: DataplaneOptions): void {
  try {
    selectProvider(crypto);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new DataplaneError("no-crypto", error.message);
  }
}
