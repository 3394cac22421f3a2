/** The flags about packets that gateway and client share, as the packet path wants them. */
import type { DataplaneOptions } from "../../dataplane/mod.ts";
import type { ConnectSettings } from "./connect_flags.ts";

/** What the flags of either command say. */
export type PacketSettings = Pick<
  ConnectSettings,
  "tun" | "mtu" | "replay-window" | "df-bit" | "mss-clamp" | "dscp"
>;

/** The part of the options that does not depend on the command. */
export type PacketOptions = Pick<
  DataplaneOptions,
  "tunName" | "mtu" | "replayWindow" | "fragments" | "clampsMss" | "copiesDscp"
>;

/**
 * How many packet loops suit so many processors. With few of them a second loop only takes turns with the
 * first, with the kernel and with IKE.
 */
export function workersFor(processors: number): number {
  return processors >= 4 ? 2 : 1;
}

/** The options. */
export function packetOptions(settings: PacketSettings): PacketOptions {
  return {
    tunName: settings.tun,
    mtu: settings.mtu,
    replayWindow: settings["replay-window"],
    fragments: settings["df-bit"] === "set" ? "discover" : "clear",
    clampsMss: settings["mss-clamp"] === "on",
    copiesDscp: settings.dscp === "copy",
  };
}
