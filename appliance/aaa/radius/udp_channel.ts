/**
 * UDP sockets towards one RADIUS server.
 *
 * Only what comes from the server's own address and port is looked at. ICMP errors are not heard: the
 * runtime does not show them for UDP. As anybody can send them they would be no more than a hint that
 * nobody listens; silence tells the same a little later.
 */
import { createSocket } from "node:dgram";
import { type Endpoint, formatIpAddress, type IpAddress } from "../../../core/mod.ts";
import { reasonOf } from "../../start_error.ts";
import { Channel, type ChannelEvents, type Line } from "./channel.ts";
import { Identifiers } from "./identifiers.ts";

/** Sockets towards one server: with 256 identifiers each, so many questions at the same time. */
const mostSockets = 16;

/** What a channel is made from. */
export interface UdpChannelOptions {
  readonly server: Endpoint;
  /** Address to send from; else the host chooses. */
  readonly source: IpAddress | undefined;
  readonly events: ChannelEvents;
}

/** A channel that has not opened anything yet. */
export function udpChannel(options: UdpChannelOptions): Channel {
  return new Channel({ openLine: () => openSocket(options), mostLines: mostSockets });
}

async function openSocket({ server, source, events }: UdpChannelOptions): Promise<Line> {
  const host = formatIpAddress(server.address);
  const socket = createSocket(server.address.family === 4 ? "udp4" : "udp6");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind(0, source === undefined ? undefined : formatIpAddress(source), resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw new Error(`cannot open a socket for RADIUS: ${reasonOf(error)}`);
  }
  const identifiers = new Identifiers();
  let isOpen = true;
  socket.on("error", () => {});
  socket.on("message", (bytes, from) => {
    const isServer = from.address === host && from.port === server.port;
    const stray = isServer ? identifiers.deliver(bytes) : "foreign-source";
    if (stray !== undefined) events.stray(stray);
  });
  return {
    identifiers,
    isReliable: false,
    get isOpen() {
      return isOpen;
    },
    send: (bytes) => {
      if (isOpen) socket.send(bytes, server.port, host, () => {});
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      socket.close();
    },
  };
}
