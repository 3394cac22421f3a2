/**
 * Routes of the host to networks behind users: each is there while any Child SA carries its network, so
 * that packets from inside find the tunnel, and neither before nor after.
 *
 * A route that the host has already is somebody else's and stays; that is told, since the user's network
 * is then reached by that way and not by the tunnel.
 */
import { type AddressPrefix, formatPrefix } from "../core/mod.ts";
import type { Dataplane } from "../dataplane/mod.ts";
import type { Packets } from "./driver.ts";
import type { Log } from "./log.ts";
import { reasonOf } from "./start_error.ts";

/** What routes are kept with. */
export interface NetworkRoutesOptions {
  readonly packets: Packets;
  readonly routes: Pick<Dataplane, "addRoute" | "removeRoute">;
  readonly log: Log;
}

/** The same packet path, whose Child SAs come with their routes. */
export function withNetworkRoutes({ packets, routes, log }: NetworkRoutesOptions): Packets {
  /** By inbound SPI. BOUNDED by the Child SAs and the networks that AAA may give a user. */
  const networksOf = new Map<number, readonly AddressPrefix[]>();
  /** How many Child SAs each network has, by its text. */
  const carriers = new Map<string, number>();
  const attempt = (event: string, network: AddressPrefix, act: () => void): void => {
    try {
      act();
    } catch (error) {
      const facts = { network: formatPrefix(network), reason: reasonOf(error) };
      log.tell("warning", event, facts);
    }
  };
  return {
    transmit: (local, remote, bytes) => packets.transmit(local, remote, bytes),
    moveChildSa: (spi, local, remote) => packets.moveChildSa(spi, local, remote),
    filterChildSa: (spi, filter) => packets.filterChildSa(spi, filter),
    installChildSa: (sa) => {
      packets.installChildSa(sa);
      const { inboundSpi, networks = [] } = sa;
      if (networks.length > 0) networksOf.set(inboundSpi, networks);
      for (const network of networks) {
        const name = formatPrefix(network);
        const before = carriers.get(name) ?? 0;
        carriers.set(name, before + 1);
        if (before === 0) attempt("network-not-routed", network, () => routes.addRoute(network));
      }
    },
    removeChildSa: (spi) => {
      packets.removeChildSa(spi);
      for (const network of networksOf.get(spi) ?? []) {
        const name = formatPrefix(network);
        const left = (carriers.get(name) ?? 0) - 1;
        if (left > 0) {
          carriers.set(name, left);
          continue;
        }
        carriers.delete(name);
        attempt("network-route-left", network, () => routes.removeRoute(network));
      }
      networksOf.delete(spi);
    },
  };
}
