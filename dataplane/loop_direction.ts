/**
 * How packet loops share the work: one for both directions, or one for each.
 *
 * With two, nothing on the way of a packet is shared. Both know all pairs; sequence numbers are counted by who
 * sends and replay windows kept by who receives, and so are limits and counters, which are per direction.
 */

/** Which way packets go in a packet loop, as seen from the inside network. */
export type LoopDirection = "both" | "inbound" | "outbound";

/** How many loops there can be. */
export const workerLimits = { least: 1, most: 2 } as const;

/**
 * The directions of so many loops, in the order in which they hear of everything: who receives knows a new
 * pair before who sends on it, since answers come.
 */
export function directionsOf(workers: number): readonly LoopDirection[] {
  return workers === 1 ? ["both"] : ["inbound", "outbound"];
}

/** Whether a loop takes datagrams from the sockets. */
export function receives(direction: LoopDirection): boolean {
  return direction !== "outbound";
}

/** Whether a loop takes packets from the TUN device. */
export function sends(direction: LoopDirection): boolean {
  return direction !== "inbound";
}
