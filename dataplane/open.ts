/** Starts the packet path. */
import type { Dataplane, DataplaneHandlers, DataplaneOptions } from "./dataplane.ts";
import { DataplaneError } from "./error.ts";

/** Opens TUN device and sockets and starts the packet loop; throws `DataplaneError`. */
export function openDataplane(
  _options: DataplaneOptions,
  _handlers: DataplaneHandlers,
): Promise<Dataplane> {
  return Promise.reject(new DataplaneError("system", "The packet path is not built yet"));
}
