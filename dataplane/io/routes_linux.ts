/**
 * Addresses and routes of the TUN device, routes into it that come and go one by one, and the routes
 * that must stay outside it.
 */
import {
  type AddressPrefix,
  equalAddresses,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
} from "../../core/wire/address.ts";
import type { TunConfig } from "../dataplane.ts";
import { DataplaneError } from "../error.ts";
import { Errno } from "../ffi/errno.ts";
import { NetlinkSocket } from "./netlink_linux.ts";
import {
  buildAddress,
  buildLinkUp,
  buildNoLinkLocal,
  buildRoute,
  buildRouteDump,
  buildRouteQuestion,
  NetlinkFlag,
  NetlinkType,
  parseRoute,
  type Route,
} from "./netlink_message.ts";
import type { TunDevice } from "./tun_linux.ts";

/** Packets that wait for the packet loop: a burst while it is busy elsewhere. */
const queueLength = 5000;

/** What we have set, so that it can be taken back. */
export class TunRoutes {
  readonly #netlink = new NetlinkSocket();
  readonly #tun: TunDevice;
  #addresses: readonly AddressPrefix[] = [];
  #routes: readonly Route[] = [];
  /** Host routes outside the tunnel, by destination as text. BOUNDED by the client's few gateways. */
  readonly #outside = new Map<string, Route>();

  /** Brings the device up; throws `DataplaneError`. */
  constructor(tun: TunDevice, mtu: number) {
    this.#tun = tun;
    try {
      // Before it is up: then no address is made. Without IPv6 in the kernel there is none to prevent.
      this.#netlink.tell(NetlinkType.NEWLINK, 0, buildNoLinkLocal(tun.index));
      const up = buildLinkUp(tun.index, mtu, queueLength);
      this.#netlink.order(`bring ${tun.name} up`, NetlinkType.NEWLINK, 0, up);
    } catch (error) {
      this.#netlink.close();
      throw error;
    }
  }

  /** Sets addresses and routes in place of the former ones. */
  configure(config: TunConfig): void {
    const { index, name } = this.#tun;
    for (const route of this.#routes) {
      this.#netlink.tell(NetlinkType.DELROUTE, 0, buildRoute(route));
    }
    const isKept = (old: AddressPrefix): boolean =>
      config.addresses.some((next) => isSame(old, next));
    for (const address of this.#addresses.filter((old) => !isKept(old))) {
      this.#netlink.tell(NetlinkType.DELADDR, 0, buildAddress(index, address));
    }
    const flags = NetlinkFlag.CREATE | NetlinkFlag.REPLACE;
    this.#addresses = config.addresses;
    for (const address of config.addresses) {
      const attempt = `give ${name} the address ${formatPrefix(address)}`;
      const body = buildAddress(index, address);
      this.#netlink.order(attempt, NetlinkType.NEWADDR, flags, body, Errno.EEXIST);
    }
    this.#routes = config.routes.flatMap(halves).map((destination) => ({
      destination,
      interfaceIndex: index,
    }));
    for (const route of this.#routes) {
      const attempt = `route ${formatPrefix(route.destination)} into ${name}`;
      this.#netlink.order(attempt, NetlinkType.NEWROUTE, flags, buildRoute(route));
    }
  }

  /**
   * One more route into the device. A route of somebody else to the same destination is left alone:
   * then it throws.
   */
  addRoute(destination: AddressPrefix): void {
    const route: Route = { destination, interfaceIndex: this.#tun.index };
    const flags = NetlinkFlag.CREATE | NetlinkFlag.EXCLUSIVE;
    const attempt = `route ${formatPrefix(destination)} into ${this.#tun.name}`;
    this.#netlink.order(attempt, NetlinkType.NEWROUTE, flags, buildRoute(route));
  }

  /** Takes such a route back; one that is not there is no matter. */
  removeRoute(destination: AddressPrefix): void {
    const route: Route = { destination, interfaceIndex: this.#tun.index };
    const attempt = `take the route to ${formatPrefix(destination)} back`;
    this.#netlink.order(attempt, NetlinkType.DELROUTE, 0, buildRoute(route), Errno.ESRCH);
  }

  /** Pins a host route to `remote` outside the tunnel, by the way that leads there now. */
  routeOutside(remote: IpAddress): void {
    const text = formatIpAddress(remote);
    const old = this.#outside.get(text);
    if (old !== undefined) {
      this.#netlink.tell(NetlinkType.DELROUTE, 0, buildRoute(old));
      this.#outside.delete(text);
    }
    const way = this.#wayOutside(remote);
    if (way === undefined) {
      throw new DataplaneError("system", `Cannot keep ${text} outside the tunnel: no route to it`);
    }
    const route: Route = {
      destination: { address: remote, length: remote.octets.length * 8 },
      interfaceIndex: way.interfaceIndex,
      ...(way.gateway === undefined ? {} : { gateway: way.gateway }),
    };
    const flags = NetlinkFlag.CREATE | NetlinkFlag.REPLACE;
    const attempt = `keep ${text} outside the tunnel`;
    this.#netlink.order(attempt, NetlinkType.NEWROUTE, flags, buildRoute(route));
    this.#outside.set(text, route);
  }

  /** The source address that the kernel would use towards `remote`. */
  sourceFor(remote: IpAddress): IpAddress | undefined {
    return this.#lookUp(remote)?.source;
  }

  /** Takes the host routes back. The device's own addresses and routes go away with it. */
  close(): void {
    for (const route of this.#outside.values()) {
      this.#netlink.tell(NetlinkType.DELROUTE, 0, buildRoute(route));
    }
    this.#outside.clear();
    this.#netlink.close();
  }

  #lookUp(remote: IpAddress): Route | undefined {
    const answers = this.#netlink.ask(NetlinkType.GETROUTE, 0, buildRouteQuestion(remote));
    return answers[0] === undefined ? undefined : parseRoute(answers[0].body);
  }

  /** The kernel's answer if it is not our own device, else the best other route of the main table. */
  #wayOutside(remote: IpAddress): Route | undefined {
    const direct = this.#lookUp(remote);
    if (direct !== undefined && direct.interfaceIndex !== this.#tun.index) return direct;
    const dump = buildRouteDump(remote.family);
    let best: Route | undefined;
    for (const message of this.#netlink.ask(NetlinkType.GETROUTE, NetlinkFlag.DUMP, dump)) {
      const route = parseRoute(message.body);
      if (route?.isOrdinary !== true || route.interfaceIndex === this.#tun.index) continue;
      if (
        route.interfaceIndex !== 0 && covers(route.destination, remote) && isBetter(route, best)
      ) {
        best = route;
      }
    }
    return best;
  }
}

/** A default route becomes two that win over the host's default without replacing it. */
export function halves(prefix: AddressPrefix): readonly AddressPrefix[] {
  if (prefix.length !== 0) return [prefix];
  const { family } = prefix.address;
  const low = new Uint8Array(family === 4 ? 4 : 16);
  const high = Uint8Array.from(low);
  high[0] = 0x80;
  return [
    { address: { family, octets: low }, length: 1 },
    { address: { family, octets: high }, length: 1 },
  ];
}

function covers(prefix: AddressPrefix, address: IpAddress): boolean {
  if (prefix.address.family !== address.family) return false;
  return address.octets.every((octet, i) => {
    const bits = Math.min(8, Math.max(0, prefix.length - 8 * i));
    return ((octet ^ (prefix.address.octets[i] ?? 0)) & (0xff00 >>> bits) & 0xff) === 0;
  });
}

function isBetter(route: Route, best: Route | undefined): boolean {
  if (best === undefined) return true;
  if (route.destination.length !== best.destination.length) {
    return route.destination.length > best.destination.length;
  }
  return (route.priority ?? 0) < (best.priority ?? 0);
}

function isSame(a: AddressPrefix, b: AddressPrefix): boolean {
  return a.length === b.length && equalAddresses(a.address, b.address);
}
