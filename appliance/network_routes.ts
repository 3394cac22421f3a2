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

/** A route and the inbound SPIs of the Child SAs that it is for. */
interface Held {
  readonly network: AddressPrefix;
  readonly spis: Set<number>;
}

/** The same packet path, whose Child SAs come with their routes. */
export function withNetworkRoutes({ packets, routes, log }: NetworkRoutesOptions): Packets {
  /** By network as text. BOUNDED by the Child SAs and the networks that AAA may give a user. */
  const held = new Map<string, Held>();
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
      for (const network of sa.networks ?? []) {
        const name = formatPrefix(network);
        const known = held.get(name);
        if (known !== undefined) {
          known.spis.add(sa.inboundSpi);
          continue;
        }
        held.set(name, { network, spis: new Set([sa.inboundSpi]) });
        attempt("network-not-routed", network, () => routes.addRoute(network));
      }
    },
    removeChildSa: (spi) => {
      packets.removeChildSa(spi);
      for (const [name, { network, spis }] of held) {
        if (!spis.delete(spi) || spis.size > 0) continue;
        held.delete(name);
        attempt("network-route-left", network, () => routes.removeRoute(network));
      }
    },
  };
}
