/** What the packet path opens and its loops share: the TUN device with its routes, and the sockets. */
import type { Endpoint } from "../core/wire/address.ts";
import type { DataplaneOptions } from "./dataplane.ts";
import { type DataplaneFeature, dataplaneFeatures } from "./features.ts";
import { libc } from "./ffi/libc.ts";
import { TunRoutes } from "./io/routes_linux.ts";
import { openTun, type TunDevice } from "./io/tun_linux.ts";
import {
  closeUdpSocket,
  enableUdpGro,
  hasUdpSegmentation,
  openUdpSocket,
  type UdpSocket,
} from "./io/udp_socket_linux.ts";

/** All of it. */
export interface Resources {
  /** The TUN device. */
  readonly tun: TunDevice;
  /** Routes into it and around it. */
  readonly routes: TunRoutes;
  /** IKE sockets, then NAT traversal sockets. */
  readonly sockets: readonly UdpSocket[];
  /** What the kernel does for us. */
  readonly features: readonly DataplaneFeature[];
}

/** Opens it. Throws `DataplaneError`, and nothing stays open then. */
export function openResources(options: DataplaneOptions): Resources {
  const wanted = new Set(dataplaneFeatures.filter((it) => !options.without?.includes(it)));
  const tun = openTun(options.tunName, wanted);
  const sockets: UdpSocket[] = [];
  let routes: TunRoutes | undefined;
  try {
    routes = new TunRoutes(tun, options.mtu);
    for (const [endpoint, isNatt] of endpointsOf(options)) {
      sockets.push(openUdpSocket(endpoint, isNatt, isNatt ? options.fragments : "clear"));
    }
    return { tun, routes, sockets, features: [...tun.features, ...udpFeatures(sockets, wanted)] };
  } catch (error) {
    routes?.close();
    closeDescriptors(tun, sockets);
    throw error;
  }
}

/** Closes it and takes routes back; no loop may use it any more. */
export function closeResources({ tun, routes, sockets }: Resources): void {
  routes.close();
  closeDescriptors(tun, sockets);
}

function closeDescriptors(tun: TunDevice, sockets: readonly UdpSocket[]): void {
  for (const socket of sockets) closeUdpSocket(socket);
  libc.close(tun.fd);
}

/** Turns on what is wanted and there; IKE's own sockets have no use for it. */
function udpFeatures(
  sockets: readonly UdpSocket[],
  wanted: ReadonlySet<DataplaneFeature>,
): DataplaneFeature[] {
  const natt = sockets.filter((socket) => socket.isNatt);
  const features: DataplaneFeature[] = [];
  if (wanted.has("udp-gso") && natt.every(hasUdpSegmentation)) features.push("udp-gso");
  if (wanted.has("udp-gro") && natt.every(enableUdpGro)) features.push("udp-gro");
  return features;
}

/** IKE endpoints, then NAT traversal endpoints. */
function endpointsOf(options: DataplaneOptions): [Endpoint, boolean][] {
  const endpoints: [Endpoint, boolean][] = [];
  const { ikePort } = options;
  if (ikePort !== undefined) {
    for (const address of options.listen) endpoints.push([{ address, port: ikePort }, false]);
  }
  for (const address of options.listen) {
    endpoints.push([{ address, port: options.nattPort }, true]);
  }
  return endpoints;
}
