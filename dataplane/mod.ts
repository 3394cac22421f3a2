/**
 * The packet path: ESP in UDP over a TUN device, with the sockets that IKE shares with it.
 *
 * The control plane runs on the main thread and packet loops in workers; they exchange values.
 *
 * ```ts ignore
 * const dataplane = await openDataplane(options, {
 *   ike: (datagram, place) => {
 *     feed(datagram);
 *     place.leave();
 *   },
 *   event: (event) => feed(event),
 *   trouble: (trouble) => log(trouble),
 *   fatal: (error) => stop(error),
 * });
 * dataplane.configureTun({ addresses: [], routes: [pool] });
 * dataplane.installChildSa(sa);
 * await dataplane.close();
 * ```
 */
export { openDataplane } from "./open.ts";
export { selectProvider, whyPortable } from "./crypto.ts";
export { IkeLine } from "./datagram.ts";
export { DataplaneError } from "./error.ts";
export type { DataplaneErrorKind } from "./error.ts";
export { counterNames } from "./counters.ts";
export type { CounterName } from "./counters.ts";
export { dataplaneFeatures } from "./features.ts";
export type { DataplaneFeature } from "./features.ts";
export type { LoopDirection } from "./loop_direction.ts";
export type { EspCryptoName } from "./esp/cipher.ts";
export { stageNames } from "./stage_clock.ts";
export type { StageName, StageTimes } from "./stage_clock.ts";
export type {
  ChildSaCounters,
  Dataplane,
  DataplaneCounters,
  DataplaneHandlers,
  DataplaneOptions,
  DataplaneTrouble,
  FragmentMode,
  IkeDatagram,
  IkePlace,
  TunConfig,
} from "./dataplane.ts";
export type { DataplaneEvent } from "../core/gateway/input.ts";
